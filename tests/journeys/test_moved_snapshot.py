# SPDX-License-Identifier: Apache-2.0
"""A project whose persons object: what it shows afterwards would tell who left, so its counts are altered as the policy says, or stay."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rempart.journeys.permits import events
from rempart.wiring.releases import desk
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import Answer, House
from tests.journeys.raw_result import raw_rows
from tests.journeys.test_across_projects import ALICE, asked


@pytest.fixture
def moved(small: House, small_delivery: Path) -> House:
    """Alice showed tables of everybody; since then every third person objected, and two officers said what later tables take on."""
    small.enrol("frida", "researcher")
    words = ("--role", "officer", "--by", small.key("officer"), "--key", small.key("second"))
    small.told("person", "add", "second", *words)
    assert submit(small, asked(small, ALICE, "alice", [40])).code == 0
    text = gzip.decompress((small_delivery / "IR_BEN_R.csv.gz").read_bytes()).decode()
    head, *lines = [line.split(";") for line in text.splitlines()]
    at = head.index("BEN_IDT_ANO")
    listed = small.write("objections.csv", "\n".join([head[at], *(line[at] for line in lines[::3])]) + "\n")
    small.told("objection", "add", listed, "--regime", "snds", "--key", small.key("officer"))
    small.told("objection", "apply", "--key", small.key("officer"))
    return small


def decide(house: House, version: int, option: str, *types: str) -> None:
    """Two officers decide what later tables take on, and which types leave without votes."""
    text = f'schema = "rempart.policy/1"\nversion = {version}\n[disclosure]\nsnapshot_moved = "{option}"\n'
    text += f"[release]\nautomatic = {json.dumps(types)}\n" if types else ""
    both = ("--by", house.key("officer"), "--by", house.key("second"))
    house.told("audit", "policy", house.write(f"policy{version}.toml", text), *both)


def submit(house: House, run: str, *words: str) -> Answer:
    """A submission of a run by alice."""
    return house.call("--json", "release", "submit", run, "--key", house.key("alice"), *words)


def test_after_objections_a_submission_is_refused_unless_it_takes_on_the_option(moved: House) -> None:
    house, run = moved, asked(moved, ALICE, "alice", [40])
    for words in ((), ("--option", "base-5")):
        assert submit(house, run, *words).error["code"] == "release-snapshot-moved", "the policy asks for none"
    assert submit(house, run, "--option", "base-7").error["code"] == "disclosure-option"
    decide(house, 1, "base-5", "frequency")
    for words in ((), ("--option", "midpoint-6")):
        assert submit(house, run, *words).error["code"] == "release-snapshot-moved"
    look = ("--json", "release", "check", run, "--key", house.key("alice"))
    assert house.call(*look).error["code"] == "release-snapshot-moved"
    assert house.call(*look, "--option", "base-5").data["option"] == "base-5"
    made = submit(house, run, "--option", "base-5").data
    _rounded(house, run, Path(_published(house, made)))
    found = house.told("audit", "verify")
    assert not found["findings"] and found["counts"]["submissions-moved"] == 1


def _published(house: House, made: dict[str, Any]) -> str:
    """The folder of a release that leaves by the policy, the checkers' page before read."""
    release = str(made["release"])
    page = house.call("release", "review", release, "--key", house.key("bob")).out
    assert "counts altered (base-5)" in page
    assert made["cleared"], made
    return str(house.told("release", "publish", release, "--key", house.key("alice"))["folder"])


def _rounded(house: House, run: str, folder: Path) -> None:
    """Counts are multiples of five within two of the true ones, and the record says so of every rule."""
    told = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert told["option"] == "base-5"
    assert {entry["parameters"]["option"] for one in told["disclosure"].values() for entry in one["record"]} == {
        "base-5"
    }
    with (folder / "tables" / "table_one.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["statistic"] == "n"]
    true = {
        (row.row_key["variable"], row.row_key["level"], row.column_key["arm"]): int(row.value or 0)
        for row in raw_rows(house, run)
        if row.statistic == "n"
    }
    shown = {
        (row["variable"], row["level"], row["arm"]): int(row["value"]) for row in rows if row["value"] != "suppressed"
    }
    assert shown, rows
    assert all(value % 5 == 0 and abs(value - true[place]) <= 2 for place, value in shown.items())
    assert any(value != true[place] for place, value in shown.items()), "the data are such that rounding is seen"


def test_the_submission_is_signed_with_its_option_and_says_nothing_where_there_is_none(moved: House) -> None:
    decide(moved, 1, "cell-key")
    assert submit(moved, asked(moved, ALICE, "alice", [40]), "--option", "cell-key").code == 0
    place = desk(Warehouse(moved.warehouse))
    log = events(place.vault.ledger)
    documents = [e.fact("document") or "" for e in log if (e.kind, e.phase) == ("submission", "intent")]
    bodies = [json.loads(place.documents.get(name))["body"] for name in documents]
    assert [body.get("option") for body in bodies] == [None, "cell-key"]
    assert not moved.told("audit", "verify")["findings"]
