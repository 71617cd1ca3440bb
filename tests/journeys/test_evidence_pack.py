# SPDX-License-Identifier: Apache-2.0
"""An evidence pack of a living warehouse: verified offline by its one file, broken by one bit, silent about persons and machines."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rempart.adapters import pack_verifier
from rempart.wiring.evidence_pack import lists
from tests.journeys.house import PEOPLE, SOURCE, House
from tests.spec.test_catalogue import conforms

CITED = sorted({test for control in lists().controls.values() for test in control.tests})
FLIPS = 250
BESIDE = ("manifest.json", "manifest.tlog-proof", "ledger/consistency", "ledger/checkpoint", "public.txt")


def junit(house: House, *, failed: str = "", absent: str = "") -> Path:
    """A JUnit file in which every cited test passed but for these."""
    rows = []
    for test in CITED:
        file, _, name = test.partition("::")
        inside = '<failure message="no"/>' if test == failed else ""
        if test != absent:
            rows.append(f'<testcase classname="{file[:-3].replace("/", ".")}" name="{name}">{inside}</testcase>')
    head = '<testsuites><testsuite name="pytest" timestamp="2026-11-23T05:00:00+00:00" hostname="no-such-machine">'
    return house.write("junit.xml", head + "".join(rows) + "</testsuite></testsuites>")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The verifier of a pack by itself: no site packages, no environment, not from here."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py"), *words]
    return subprocess.run(
        command, cwd="/", env={}, capture_output=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL
    )


def read(folder: Path) -> dict[str, bytes]:
    """Relative path → bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def results(folder: Path) -> dict[str, str]:
    """Item → result."""
    pack = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
    return {f"{f['name']} {item['id']}": item["result"] for f in pack["frameworks"] for item in f["items"]}


def test_a_pack_is_made_verified_offline_and_broken_by_any_bit(small: House, tmp_path: Path) -> None:
    folder = tmp_path / "a pack"
    made = small.told("audit", "pack", "--to", folder, "--tests", junit(small))
    assert (made["cited"], made["ran"]) == (len(CITED), len(CITED))
    _says_what_is_there(folder)
    _is_silent_about_persons_and_machines(small, folder, tmp_path)
    _is_verified_by_one_file(folder, tmp_path)
    _no_bit_is_free(folder)
    _nothing_is_added_taken_or_claimed(folder)
    assert small.told("audit", "verify")["counts"]["packs"] == 1
    again = small.call("--json", "audit", "pack", "--to", folder)
    assert (again.code, again.error["code"]) == (10, "file-exists")
    _what_did_not_run_is_not_met(small, tmp_path)
    _reports_to_regulators(small, tmp_path)
    _is_described_to_everybody(small, tmp_path)


def _is_described_to_everybody(house: House, tmp_path: Path) -> None:
    """The catalogue of 300 persons conforms, and holds no code, no pseudonym and no exact count of them."""
    folder = tmp_path / "catalogue"
    words = SOURCE / "rempart" / "examples" / "catalogue" / "catalogue.toml"
    told = house.told("audit", "catalogue", words, "--to", folder)
    assert told["variables"] > 50 and told["persons"] == 0, "fewer than a thousand"
    assert conforms((folder / "catalogue.ttl").read_text(encoding="utf-8"))
    text = (folder / "variables.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == told["variables"] + 1 and "year_of_birth" in text
    shares = [line.split(",")[4] for line in text.splitlines()[1:]]
    assert not any(shares), "of 300 persons no share is told"
    again = house.told("audit", "catalogue", words, "--to", folder)
    assert again["head"] == told["head"] and (folder / "variables.csv").read_text(encoding="utf-8") == text
    bad = house.call("--json", "audit", "catalogue", house.write("bad.toml", "schema = 1\n"), "--to", folder)
    assert bad.error["code"] == "catalogue-field"
    assert house.told("audit", "verify")["findings"] == []


def _reports_to_regulators(house: House, tmp_path: Path) -> None:
    """Whatever the day on which this runs, the permit of the example is granted in that year."""
    stretch = ("--since", "2012-01-01", "--until", "2099-12-31")
    told = house.told("audit", "report", "--regulator", "ehds", *stretch)
    assert (told["open"], told["granted"], told["audits"], told["projects"][0]["project"]) == (1, 1, 4, "glitazones")
    assert told["head"]["size"] > 10 and told["access_days"] is None
    file = tmp_path / "report.md"
    assert house.call("audit", "report", "--regulator", "cnil", *stretch, "--to", file, lang="fr").code == 0
    text = file.read_text(encoding="utf-8")
    assert "Rapport d'activité à la CNIL" in text and not any(f" {name} " in text for name in PEOPLE)
    for since, until in (("2026-01-02", "2026-01-01"), ("2026", "2027-01-01")):
        bad = house.call("--json", "audit", "report", "--regulator", "cnil", "--since", since, "--until", until)
        assert bad.error["code"] == "report-days"


def _says_what_is_there(folder: Path) -> None:
    found = results(folder)
    assert found["satre 1.5.04"] == "met", "permits are valid and every test passed"
    assert found["satre 2.8.01"] == "met"
    assert found["satre 1.1.03"] == "operator"
    assert found["satre 5.1.01"] == "not-applicable"
    assert found["satre 3.2.04"] == "not-proven", "nobody asks for a second factor"
    assert found["tehdas2 OPR-27"] == "not-proven", "nothing was ever restored"
    assert found["satre 1.3.01"] == "held"
    proofs = [path for path in read(folder) if path.startswith("proofs/")]
    assert len(proofs) >= 2, "leaves that the evidence cites are proven"


def _is_silent_about_persons_and_machines(house: House, folder: Path, tmp_path: Path) -> None:
    whole = b"\n".join(read(folder).values()).decode()
    for proof in (folder / "proofs").iterdir():
        _, leaf, _ = pack_verifier.proven(proof.read_text(encoding="utf-8"), *_key(folder), {})
        whole += json.dumps(leaf)
    for name in (*PEOPLE, "officer", "no-such-machine", str(tmp_path), str(house.folder), "/tmp/"):
        assert f'"{name}"' not in whole and ((name.islower() and name.isalpha()) or name not in whole), name


def _key(folder: Path) -> tuple[str, bytes]:
    return pack_verifier.read_key((folder / "public.txt").read_text(encoding="utf-8"))


def _is_verified_by_one_file(folder: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(folder, tmp_path / "at the auditor's"))
    told = run(moved)
    assert told.returncode == 0, told.stderr
    assert "sound: " in told.stdout and "the key is the pack's own" in told.stdout
    line = (folder / "public.txt").read_text(encoding="utf-8").strip()
    told = run(moved, "--key", line)
    assert told.returncode == 0 and "the key is the pack's own" not in told.stdout
    other = run(moved, "--key", "rempart/other+00000000+AaAA")
    assert other.returncode == 1 and "NOT TRUSTED" in other.stderr
    (moved / "pack.en.md").write_text("all is well", encoding="utf-8")
    changed = run(moved)
    assert changed.returncode == 1 and "pack.en.md: changed" in changed.stderr and "Traceback" not in changed.stderr


def _no_bit_is_free(folder: Path) -> None:
    """Every bit of a seeded draw, and many of the files that no hash of the manifest covers."""
    files, draw = read(folder), random.Random(20261123)
    pack_verifier.check(files)
    places = [(path, draw.randrange(8 * len(data))) for path, data in files.items() if data]
    for path in BESIDE:
        places += [(path, draw.randrange(8 * len(files[path]))) for _ in range(FLIPS // len(BESIDE)) if files[path]]
    slipped = []
    for path, bit in places:
        data = bytearray(files[path])
        data[bit // 8] ^= 1 << bit % 8
        if not _caught({**files, path: bytes(data)}):
            slipped.append((path, bit))
    assert not slipped
    assert len(places) > 200


def _caught(files: dict[str, bytes]) -> bool:
    """As the program catches: whatever it raises is told as not trusted."""
    try:
        pack_verifier.check(files)
    except (pack_verifier.Bad, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return True
    return False


def _nothing_is_added_taken_or_claimed(folder: Path) -> None:
    files = read(folder)
    assert _caught({**files, "more.txt": b""})
    for path in files:
        assert _caught({one: data for one, data in files.items() if one != path}), path
    swapped = dict(files)
    first, second = [path for path in files if path.startswith("proofs/")][:2]
    swapped[first], swapped[second] = files[second], files[first]
    assert _caught(swapped)


def _what_did_not_run_is_not_met(house: House, tmp_path: Path) -> None:
    test = "tests/faults/warehouse/test_checks_matter.py::test_permit_validity_alone_keeps_an_expired_permit_from_keys"
    for word, told, expected in (("absent", {"absent": test}, "not-proven"), ("failed", {"failed": test}, "not-met")):
        folder = tmp_path / word
        house.told("audit", "pack", "--to", folder, "--tests", junit(house, **told))
        assert results(folder)["satre 1.5.04"] == expected
        assert run(folder).returncode == 0, "an honest pack is sound whatever it says"
    folder = tmp_path / "none"
    said = house.call("audit", "pack", "--to", folder, lang="fr")
    assert said.code == 0 and "0 des" in said.out
    assert "met" not in results(folder).values()


@pytest.mark.parametrize(
    "change",
    [
        lambda pack: pack["frameworks"][0]["items"][2].update(result="met"),
        lambda pack: pack["frameworks"][0]["totals"].update(met=95),
        lambda pack: next(iter(pack["controls"].values()))["evidence"][0].update(state="passed"),
        lambda pack: pack["log"].update(size=pack["log"]["size"] + 1),
    ],
)
def test_a_claim_beyond_the_evidence_is_found_even_where_the_hashes_fit(
    change: Callable[[dict[str, object]], None],
) -> None:
    pack = {
        "log": {"size": 1},
        "controls": {"a": {"evidence": [{"kind": "test", "id": "t", "state": "not-run"}]}},
        "frameworks": [
            {
                "name": "f",
                "items": [
                    {"id": str(n), "class": "P", "controls": ["a"], "gap": {"en": ""}, "result": "not-proven"}
                    for n in range(3)
                ],
                "totals": {"not-proven": 3},
            }
        ],
    }
    pack_verifier.check_results(pack, {}, {})
    change(pack)
    if pack["log"]["size"] == 1:  # type: ignore[index]
        with pytest.raises(pack_verifier.Bad):
            pack_verifier.check_results(pack, {}, {})
