# SPDX-License-Identifier: Apache-2.0
"""Check an evidence pack offline, with nothing but Python 3.9 or later: ``python -I -S verify.py [FOLDER] [--key KEY]``.

Shows that every file is the one that a leaf of the signed log names, that every leaf the evidence cites stands in that log, and that each
result follows from its evidence. Does not show that the tests are good ones, nor anything that the pack leaves to the operator.
Take this file from the source of Rempart rather than from the pack, and KEY (a line of public.txt) from the controller by another way.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import pathlib
import sys
from typing import Any

BESIDE = {"manifest.json", "manifest.tlog-proof", "ledger/consistency"}
PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, PRIME - 2, PRIME) % PRIME
ROOT = pow(2, (PRIME - 1) // 4, PRIME)


class Bad(Exception):
    """Something does not prove itself; the words say what."""


def sure(holds: object, words: str) -> None:
    """Raise Bad with these words unless it holds."""
    if not holds:
        raise Bad(words)


def _add(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    """Sum of two points of Ed25519 in extended coordinates (RFC 8032)."""
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % PRIME, (one[1] + one[0]) * (two[1] + two[0]) % PRIME
    c, d = 2 * one[3] * two[3] * CURVE % PRIME, 2 * one[2] * two[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def _times(number: int, point: tuple[int, ...]) -> tuple[int, ...]:
    total: tuple[int, ...] = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _add(total, point)
        point, number = _add(point, point), number >> 1
    return total


def _point(data: bytes) -> tuple[int, ...] | None:
    """The point of 32 bytes, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(CURVE * y * y + 1, PRIME - 2, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * ROOT % PRIME
    if y >= PRIME or (x * x - square) % PRIME or (x == 0 and sign):
        return None
    x = PRIME - x if x & 1 != sign else x
    return x, y, 1, x * y % PRIME


BASE = _point((4 * pow(5, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little")) or ()


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is of this message by this key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, spot, number = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or spot is None or number >= ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    left, right = _times(number, BASE), _add(spot, _times(int.from_bytes(hashed, "little") % ORDER, key))
    return all((left[i] * right[2] - right[i] * left[2]) % PRIME == 0 for i in (0, 1))


# RFC 6962 and RFC 9162 §2.1


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash of a node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def climb(index: int, size: int, path: list[bytes], start: bytes) -> bytes:
    """The root that a path of hashes leads to from one leaf; Bad when it is too long or too short."""
    here, last = start, size - 1
    for other in path:
        sure(last, "a proof is too long")
        if index & 1 or index == last:
            here = node(other, here)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            here = node(here, other)
        index, last = index >> 1, last >> 1
    sure(last == 0, "a proof is too short")
    return here


def grows(first: int, second: int, path: list[bytes], old: bytes, new: bytes) -> bool:
    """Whether the log of ``first`` leaves is the beginning of the one of ``second``."""
    if first == second:
        return not path and old == new
    if not 0 < first < second:
        return False
    path = ([old] if first & (first - 1) == 0 else []) + path
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0] if path else b""
    for other in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(other, before), node(other, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, other)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old and after == new


def raw(text: str, words: str) -> bytes:
    """The bytes of base64 in its one canonical form."""
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Bad(words) from None
    sure(base64.b64encode(found).decode() == text, words)
    return found


def read_key(text: str) -> tuple[str, bytes]:
    """(name, public key) of a line ``name+id+base64``."""
    name, _, rest = text.strip().partition("+")
    number, _, blob = rest.partition("+")
    key = raw(blob, "the key is not one")
    wanted = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    sure(key[:1] == b"\1" and len(key) == 33 and number == wanted, "the key is not one of a log")
    return name, key[1:]


def checkpoint(note: str, name: str, public: bytes) -> tuple[int, bytes]:
    """(size, root) of a note that the log signed."""
    body, blank, lines = note.partition("\n\n")
    parts = body.split("\n")
    sure(blank and len(parts) == 3 and parts[0] == name and lines.endswith("\n"), "a checkpoint is of another log")
    sure(parts[1] == str(int(parts[1])) if parts[1].isdigit() else False, "a checkpoint has no size")
    number = hashlib.sha256(name.encode() + b"\n\1" + public).digest()[:4]
    good = 0
    for line in lines[:-1].split("\n"):
        mark, _, blob = line.rpartition(" ")
        signed = raw(blob, "a signature line has another form")
        if mark == "\u2014 " + name and signed[:4] == number:
            sure(ed25519(public, (body + "\n").encode(), signed[4:]), "a checkpoint is not signed by the log")
            good += 1
    sure(good == 1, "a checkpoint is not signed once by the log")
    return int(parts[1]), raw(parts[2], "a checkpoint has no root")


def proven(text: str, name: str, public: bytes, known: dict[str, tuple[int, bytes]]) -> tuple[int, Any, str]:
    """(index, leaf as JSON, checkpoint) of a C2SP tlog-proof; ``known``: notes that were checked before."""
    above, blank, note = text.partition("\n\n")
    lines = above.split("\n")
    sure(blank and len(lines) > 2 and lines[0] == "c2sp.org/tlog-proof@v1", "a proof has another form")
    sure(lines[1].startswith("extra ") and lines[2].startswith("index "), "a proof has another form")
    index = lines[2][6:]
    sure(index.isdigit() and str(int(index)) == index, "a proof has no index")
    if note not in known:
        known[note] = checkpoint(note, name, public)
    size, root = known[note]
    leaf = raw(lines[1][6:], "a proof has no leaf")
    path = [raw(line, "a proof has another form") for line in lines[3:]]
    sure(int(index) < size, "a proof is of a leaf beyond its log")
    sure(climb(int(index), size, path, leaf_hash(leaf)) == root, "a leaf is not in the log")
    return int(index), json.loads(leaf), note


# what the pack says


def result(kind: str, states: list[str], gap: object) -> str:
    """The result of an item, from the states of its evidence; the rules of the pack's own page."""
    if kind in ("O", "F", "N"):
        return "operator" if kind == "O" else "not-applicable"
    if "failed" in states or "breached" in states:
        return "not-met"
    good = "passed" in states or "holds" in states
    if kind == "D":
        held = (good or "shipped" in states) and not gap and "nothing" not in states
        return "held" if held else "not-held"
    missing = {"skipped", "not-run", "nothing"} & set(states)
    return "met" if good and not missing and not gap else "not-proven"


def check_results(pack: Any, tests: dict[str, str], leaves: dict[int, str]) -> None:
    """Every result follows from its evidence, every test from the list of tests, every cited leaf from the log."""
    for name, control in pack["controls"].items():
        for row in control["evidence"]:
            if row["kind"] == "test":
                sure(row["state"] == tests.get(row["id"], "not-run"), f"{name}: a test says something else")
            elif row["kind"] == "probe":
                check_probe(name, row, leaves)
            else:
                sure(row["state"] == "shipped", f"{name}: a page proves nothing")
    for framework in pack["frameworks"]:
        counted: dict[str, int] = {}
        for item in framework["items"]:
            states = [row["state"] for one in item["controls"] for row in pack["controls"][one]["evidence"]]
            wanted = result(item["class"], states, item["gap"]["en"])
            sure(item["result"] == wanted, f"{item['id']}: another result follows")
            counted[wanted] = counted.get(wanted, 0) + 1
        sure(framework["totals"] == counted, f"{framework['name']}: the totals are not those of its items")


def check_probe(name: str, row: Any, leaves: dict[int, str]) -> None:
    """A look at the log says what its own numbers say, and cites a leaf that is there."""
    bad, empty = bool(row["breaches"] or row["overdue"]), not row["count"] and bool(row["kinds"] or row["fact"])
    sure((row["state"] == "breached") == bad, f"{name}: a breach is hidden")
    sure(row["state"] != "holds" or not empty, f"{name}: nothing was seen")
    if row["leaf"] is not None:
        sure(leaves.get(row["leaf"]) in row["kinds"], f"{name}: a cited leaf is of another kind or not there")


def check(files: dict[str, bytes], key: str = "") -> Any:
    """The pack's content, once everything holds. ``files``: path → bytes; ``key``: the log's, else the pack's own. Raises Bad."""
    listed = check_files(files)
    name, public = read_key(key or files["public.txt"].decode().split("\n")[0])
    known: dict[str, tuple[int, bytes]] = {}
    _, leaf, note = proven(files["manifest.tlog-proof"].decode(), name, public, known)
    named = "manifest:sha256:" + hashlib.sha256(files["manifest.json"]).hexdigest()
    sure((leaf["kind"], leaf["phase"]) == ("evidence-pack", "effect"), "the pack's leaf is of another kind")
    sure(named in leaf["objects"], "the log names another pack")
    earlier = files["ledger/checkpoint"].decode()
    known[earlier] = checkpoint(earlier, name, public)
    (first, old), (second, new) = known[earlier], known[note]
    lines = files["ledger/consistency"].decode().split("\n")
    sure(lines.pop() == "", "the proof of growth has another form")
    path = [raw(line, "the proof of growth has another form") for line in lines]
    sure(grows(first, second, path, old, new), "the log did not grow as it says")
    pack = json.loads(files["pack.json"])
    log = {"origin": name, "size": first, "root": base64.b64encode(old).decode()}
    sure(pack["log"] == log, "the pack is of another log")
    leaves = {}
    for place in listed:
        if place.startswith("proofs/"):
            index, found, under = proven(files[place].decode(), name, public, known)
            sure(under == earlier and place == f"proofs/{index}.tlog-proof", f"{place}: of another checkpoint or leaf")
            leaves[index] = found["kind"] if found["phase"] == "effect" else ""
    check_results(pack, json.loads(files["tests.json"])["tests"], leaves)
    return pack


def check_files(files: dict[str, bytes]) -> list[str]:
    """Paths that the manifest lists, once they and those beside it are all there is and each has its hash."""
    for path in sorted(BESIDE | {"pack.json", "tests.json", "public.txt", "ledger/checkpoint"}):
        sure(path in files, f"{path}: missing")
    listed = json.loads(files["manifest.json"])["files"]
    sure(set(listed) | BESIDE == set(files) and not BESIDE & set(listed), "the files are not those of the manifest")
    for path, wanted in listed.items():
        sure("sha256:" + hashlib.sha256(files[path]).hexdigest() == wanted, f"{path}: changed")
    return sorted(listed)


def main() -> int:
    """Read the folder, check, say; 0 when everything holds, else 1."""
    words = argparse.ArgumentParser(description="Check an evidence pack of Rempart, offline.")
    words.add_argument("folder", nargs="?", default=str(pathlib.Path(__file__).resolve().parent))
    words.add_argument("--key", default="", help="the log's public key, a line of public.txt that came by another way")
    given = words.parse_args()
    top = pathlib.Path(given.folder)
    files = {p.relative_to(top).as_posix(): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}
    try:
        pack = check(files, given.key)
    except (Bad, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        sys.stderr.write(f"NOT TRUSTED: {error if isinstance(error, Bad) else 'a file has another form'}\n")
        return 1
    if not given.key:
        sys.stdout.write("the key is the pack's own: compare public.txt with what the controller publishes\n")
    for framework in pack["frameworks"]:
        told = ", ".join(f"{name} {count}" for name, count in framework["totals"].items())
        sys.stdout.write(f"{framework['about']['title']['en']}: {told}\n")
    sys.stdout.write(f"sound: {len(files)} files, log of {pack['log']['size']} leaves\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
