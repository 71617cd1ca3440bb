# SPDX-License-Identifier: Apache-2.0
"""Each check of a restore and of a witness is what catches its attack: with that check taken out, and nothing else, it succeeds.

Whoever has a ceremony's public key can seal a file to it: what such a forger cannot do is what these checks are for.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rempart.adapters import ledger_files
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.surroundings import SystemRandomness
from rempart.audit import checkpoint as notes
from rempart.audit import witness
from rempart.audit.cosignature import witnessed
from rempart.errors import RempartError
from rempart.journeys import archive, restore
from rempart.journeys.archive import Header, read_header, seal, unseal
from rempart.journeys.backup import CUSTODY
from rempart.keys.custody import Custody, custody_from_bytes, make_custody, open_recovery, split
from rempart.keys.root_key import QUICK
from rempart.keys.share_file import Share, make_share_file, open_custody
from rempart.records.canonical import canonical_bytes
from rempart.wiring import backup as wiring
from rempart.wiring.ledger import export_checkpoint
from rempart.wiring.people import enrol
from tests.faults.backup_house import THRESHOLD, backed_up, ceremony, put_back
from tests.faults.warehouse.place import Place

Patch = pytest.MonkeyPatch
Shares = list[tuple[bytes, str]]


def told(place: Place, data: bytes, shares: Shares, into: Path, head: Path | None = None) -> str:
    """The code by which a restore ends, '' when it goes well."""
    file = into.with_name(f"{into.name}.given")
    file.write_bytes(data)
    try:
        put_back(place, file, into, shares, head)
    except RempartError as error:
        return error.code
    return ""


def opened(data: bytes, shares: Shares) -> tuple[Header, Custody, dict[str, bytes]]:
    """What an intruder who once stole shares knows of a backup."""
    header = read_header(data)
    custody = custody_from_bytes(canonical_bytes(header.custody))
    private = open_recovery(custody, open_custody(custody, shares, quick_allowed=True))
    return header, custody, unseal(data, private=private)


def forged(header: Header, custody: Custody, files: dict[str, bytes]) -> bytes:
    """A file sealed as a backup is, which needs no secret."""
    return seal(header, files, recovery=custody.recovery_public, randomness=SystemRandomness().bytes)


def test_the_head_alone_refuses_a_backup_that_is_too_old(place: Place, tmp_path: Path, monkeypatch: Patch) -> None:
    shares, data = ceremony(place, place.root), backed_up(place).read_bytes()
    export_checkpoint(place.directory, place.warehouse().configuration, tmp_path / "head")
    assert told(place, data, shares, tmp_path / "one", tmp_path / "head") == "backup-older"
    monkeypatch.setattr(wiring, "check_head", lambda *_: 0)
    assert told(place, data, shares, tmp_path / "two", tmp_path / "head") == ""


@pytest.mark.parametrize("left", ["bound stream", "bound key", ""])
def test_header_bound_to_stream_and_to_key_each_catch_another_date(
    place: Place, tmp_path: Path, monkeypatch: Patch, left: str
) -> None:
    if left != "bound stream":
        monkeypatch.setattr(archive, "_bound", lambda _: b"")
    if left != "bound key":
        monkeypatch.setattr(Header, "key_info", lambda _: b"")
    shares, data = ceremony(place, place.root), backed_up(place).read_bytes()
    header = read_header(data)
    old, new = header.as_bytes(), replace(header, taken="2031-01-01T00:00:00+00:00").as_bytes()
    changed = len(new).to_bytes(4, "big") + new + data[4 + len(old) :]
    assert told(place, changed, shares, tmp_path / "into") == ("backup-sealed" if left else "")


def altered_leaf(files: dict[str, bytes]) -> dict[str, bytes]:
    """One word of one leaf changed, in canonical form."""
    path = "controller/ledger/leaves"
    leaves, _ = ledger_files.records(files[path])
    leaf = json.loads(leaves[-1])
    leaves[-1] = canonical_bytes({**leaf, "basis": "operation:other"})
    return {**files, path: b"".join(ledger_files.record(item) for item in leaves)}


def another_officer(files: dict[str, bytes]) -> dict[str, bytes]:
    """The first trust file names somebody else's key for everybody."""
    path = "controller/keys/trust/1.json"
    trust = json.loads(files[path])
    for entry in trust["body"]["entries"]:
        entry["public"] = "A" * 43 + "="
    return {**files, path: canonical_bytes(trust)}


def _no_root(patch: Patch) -> None:
    """Nobody computes the ledger's root: not who reads the backup, nor who lets go from what was put back what its log let go."""
    patch.setattr(restore, "Tree", Believed)
    patch.setattr(DirectoryLedger, "purge", lambda _: 0)


FORGERIES: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str, Callable[[Patch], None]]] = {
    "ledger root": (altered_leaf, "ledger-root", _no_root),
    "trust chain": (
        another_officer,
        "trust-chain",
        lambda patch: patch.setattr(wiring, "load_trust", lambda *_: None),
    ),
}


class Believed:
    """A tree with whatever root the checkpoint says."""

    claimed = b""

    def __init__(self, leaves: object) -> None:
        del leaves

    def root(self) -> bytes:
        """Believed."""
        return self.claimed


@pytest.mark.parametrize("check", FORGERIES)
def test_ledger_root_and_trust_chain_each_catch_what_a_forger_changed(
    place: Place, tmp_path: Path, monkeypatch: Patch, check: str
) -> None:
    forge, code, take_out = FORGERIES[check]
    shares = ceremony(place, place.root)
    header, custody, files = opened(backed_up(place).read_bytes(), shares[:THRESHOLD])
    Believed.claimed = bytes.fromhex(header.root)
    data = forged(header, custody, forge(files))
    assert told(place, data, shares, tmp_path / "one") == code
    take_out(monkeypatch)
    assert told(place, data, shares, tmp_path / "two") == ""


def test_the_ledgers_ceremony_alone_catches_custodians_of_somebody_elses_choice(
    place: Place, tmp_path: Path, monkeypatch: Patch
) -> None:
    shares = ceremony(place, place.root)
    header, custody, files = opened(backed_up(place).read_bytes(), shares[:THRESHOLD])
    random = SystemRandomness()
    mine, secret = make_custody(2, ("eve", "mallory"), made=custody.made, randomness=random)
    words = split(secret, 2, ("eve", "mallory"), random)
    word = "a long passphrase"
    shared = [Share(ceremony=mine.ceremony, custodian=name, words=told) for name, told in words.items()]
    theirs = [(make_share_file(share, word, randomness=random, cost=QUICK), word) for share in shared]
    data = forged(replace(header, custody=json.loads(mine.to_bytes())), mine, {**files, CUSTODY: mine.to_bytes()})
    assert told(place, data, theirs, tmp_path / "one") == "custody-form"
    monkeypatch.setattr(restore, "check_custody", lambda *_: None)
    assert told(place, data, theirs, tmp_path / "two") == ""


def test_consistency_alone_keeps_a_witness_from_signing_two_histories(
    place: Place, tmp_path: Path, monkeypatch: Patch
) -> None:
    """The controller rewrites its ledger under its true key, and asks the witness again."""
    key = place.root / "dpo.key"
    people = {"name": "dpo", "roles": ["witness"], "key_file": key, "officer_keys": [place.root / "officer.key"]}
    enrol(place.warehouse(), **people, ask=lambda _: "", key_passphrase="")  # type: ignore[arg-type]
    note = tmp_path / "note"
    assert place.run("audit", "export", str(note)).code == 0
    assert place.run("audit", "witness", str(note), "--key", str(key)).code == 0
    ledger = place.directory / "controller" / "ledger"
    leaves, _ = ledger_files.records((ledger / "leaves").read_bytes())
    leaves[-1] = leaves[-1].replace(b"operation:", b"Operation:")
    seen = notes.parse_and_verify(note.read_text(encoding="utf-8"), *identity(place))
    root = restore.Tree(leaves).root()
    text = notes.body(seen.origin, seen.size, root)
    signed = place.warehouse().broker.sign("ledger", text)
    note.write_text(notes.assemble(text, *identity(place), signed), encoding="utf-8")
    assert place.run("audit", "witness", str(note), "--key", str(key)).error == "consistency-proof"
    monkeypatch.setattr(witness, "verify_consistency", lambda **_: None)
    assert place.run("audit", "witness", str(note), "--key", str(key)).code == 0
    dpo = place.warehouse().trust.entries[-1]
    origin, public = identity(place)
    assert witnessed(
        note.read_text(encoding="utf-8"), origin=origin, public=public, witnesses={"dpo": dpo.public_bytes}
    )


def identity(place: Place) -> tuple[str, bytes]:
    """The ledger's name and key."""
    settings = place.warehouse().configuration
    return settings.ledger_origin, settings.ledger_public
