# SPDX-License-Identifier: Apache-2.0
"""The way out of files that a researcher's own code wrote: looked at, submitted, read by two checkers, published; by the commands."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.release.job_files import file_id
from tests.journeys.house import House
from tests.journeys.test_code_job import PYTHON, job, where_jobs_run

OUTPUTS = (
    'path = "by_sex.csv"\nabout = "persons by sex"',
    'path = "by_sex.csv"\nabout = "persons by sex"\n[[outputs]]\npath = "notes/read.txt"\nabout = "methods"',
)
NOTES = (
    PYTHON + 'import os\nos.mkdir("notes")\nopen("notes/read.txt", "w").write("counted once each  \\r\\nno more\\n")\n'
)
SMALL = NOTES.replace("sorted(counts.items())", "[(8507, 3), (8532, 40)]")
STATEMENT = 'singling-out = "groups of 100 and more"\nlinkability = "no line of a person"\ninference = "totals alone"\n'


pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bubblewrap on this machine")


@pytest.fixture
def house(small: House) -> Iterator[House]:
    """The small house, where jobs may run."""
    with where_jobs_run(small) as house:
        yield house


def run(house: House, code: str) -> str:
    """A job that ended well."""
    return str(house.told("study", "job", job(house, "python", code, OUTPUTS), "--key", house.key("alice"))["run"])


def test_files_of_ones_own_code_leave_after_two_checkers_read_them(house: House) -> None:
    alice, ran = house.key("alice"), run(house, NOTES)
    (counts, notes) = house.told("release", "check", ran, "--key", alice)["files"]
    assert (counts["file"], counts["refused"], notes["findings"][0]["rule"]) == ("by_sex.csv", False, "read")
    bare = house.call("--json", "release", "submit", ran, "--key", alice)
    assert (bare.code, bare.error["code"]) == (40, "release-field")
    statement = house.write("statement.toml", STATEMENT)
    release = house.told("release", "submit", ran, "--key", alice, "--statement", statement)["release"]
    own = house.call("--json", "release", "review", release, "--key", alice)
    assert (own.code, own.error["code"]) == (10, "role-missing"), "who wrote it does not see what it kept"
    eyes = house.folder / "eyes"
    seen = house.call("release", "review", release, "--key", house.key("bob"), "--out", eyes)
    assert seen.code == 0 and "counted once each" in seen.out and "8507" in seen.out
    assert (eyes / "notes" / "read.txt").read_bytes() == b"counted once each\nno more\n", "as it would leave"
    for who in ("bob", "carol"):
        early = house.call("--json", "release", "publish", release, "--key", alice)
        assert early.error["code"] == "release-needs-two-checkers"
        house.told("release", "review", release, "--verdict", "approve", "--key", house.key(who))
    folder = Path(house.told("release", "publish", release, "--key", alice)["folder"])
    record = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert set(record["files"]) == {"files/by_sex.csv", "files/notes/read.txt"}
    kept = (house.warehouse / "controller" / "documents").iterdir()
    (book,) = [data for one in kept if b"rempart.submission/2" in (data := one.read_bytes())]
    for path, entry in record["files"].items():
        assert entry["sha256"].encode() not in book, "what nobody has read yet is not signed by its bare hash"
        assert file_id(bytes.fromhex(record["keys"][path]), (folder / path).read_bytes()).encode() in book
    assert record["anonymity"]["inference"] == "totals alone" and len(record["votes"]) == 2
    assert house.told("release", "verify", folder)["release"] == release
    assert house.told("release", "list")["releases"][0]["state"] == "released"
    assert house.told("audit", "verify")["findings"] == []


def test_a_file_that_may_not_leave_is_not_submitted_and_its_values_are_not_told(house: House) -> None:
    ran = run(house, SMALL)
    (counts, _) = house.told("release", "check", ran, "--key", house.key("alice"))["files"]
    assert counts["refused"] and {"rule": "small-count", "verdict": "refused"} in counts["findings"]
    statement = house.write("statement.toml", STATEMENT)
    words = ("release", "submit", ran, "--key", house.key("alice"), "--statement", statement)
    refused = house.call("--json", *words)
    assert (refused.code, refused.error["code"]) == (10, "disclosure-file")
    assert "3" not in refused.error["facts"]["rules"]
    told = house.told(*words, "--file", "notes/read.txt")
    assert [one["file"] for one in told["files"]] == ["notes/read.txt"]
