# SPDX-License-Identifier: Apache-2.0
"""Two projects of one warehouse: what one released is not given back, person by person, by what the other asks for next."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rempart.journeys.permits import events
from rempart.records.event import LedgerEvent
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import EXAMPLES, House, edited
from tests.journeys.raw_result import raw_rows

ALICE, MALLORY = "P-2026-0001", "P-2026-0002"
STUDY = """
schema = "rempart.study/1"
permit = "PERMIT"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2017-12-31]
[codes.packs]
system = "CIP13"
include = PACKS
[covariates.sex]
type = "sex"
COHORTS
[[analyses]]
id = "who"
type = "table_one"
design = "cohort"
inputs = { cohorts = NAMES, covariates = ["sex"] }
"""


@pytest.fixture
def two(small: House) -> House:
    """Mallory has a project of her own, of the same persons under other numbers."""
    small.enrol("mallory", "researcher")
    changes = ((ALICE, MALLORY), ('project = "glitazones"', 'project = "other"'), ('["alice"]', '["mallory"]'))
    permit = small.example("permit", *changes)
    small.told("permit", "grant", permit, "--key", small.key("claire"))
    return small


def asked(house: House, permit: str, author: str, ages: Sequence[int]) -> str:
    """A finished run that counts those who begin at each age or later."""
    cohorts = "\n".join(
        f'[cohorts.from_{age}]\nage = [{age}, 120]\nentry = {{ any = [{{ domain = "drug", codes = "packs" }}], limit = "first" }}'
        for age in ages
    )
    return _run(house, permit, author, cohorts, [f"from_{age}" for age in ages])


def _run(house: House, permit: str, author: str, cohorts: str, names: Sequence[str]) -> str:
    """A finished run of the study that counts these cohorts by sex."""
    example = (EXAMPLES / "glitazones" / "study.toml").read_text(encoding="utf-8")
    packs = [word for word in example.replace('"', " ").split() if word.isdecimal() and len(word) == 13]
    changes = (("PERMIT", permit), ("PACKS", json.dumps(packs)), ("COHORTS", cohorts), ("NAMES", json.dumps(names)))
    return str(house.run_study(author, study=house.write("asked.toml", edited(STUDY, *changes)))["run"])


def persons(house: House, run: str) -> dict[int, int]:
    """Age → how many begin at it or later; before any rule."""
    return {
        int(arm.removeprefix("from_")): int(row.value or 0)
        for row in raw_rows(house, run)
        if row.statistic == "n"
        and row.row_key["variable"] == "all"
        and (arm := row.column_key["arm"]).startswith("from_")
    }


def told(house: House, run: str, author: str) -> dict[str, Any]:
    """The one finding that a submission tells its author."""
    (finding,) = house.told("release", "submit", run, "--key", house.key(author))["findings"]
    return dict(finding)


def test_a_second_project_cannot_ask_for_all_but_a_few_of_what_a_first_one_shows(two: House) -> None:
    house = two
    sizes = persons(house, asked(house, ALICE, "alice", range(40, 90)))
    first, few, many = chosen(sizes)
    assert not told(house, asked(house, ALICE, "alice", [first]), "alice")["suppressed"]
    equal = told(house, asked(house, MALLORY, "mallory", [first]), "mallory")
    assert not equal["suppressed"] and not equal["close"]
    far = told(house, asked(house, MALLORY, "mallory", [many]), "mallory")
    assert not far["suppressed"] and not far["close"]
    close = asked(house, MALLORY, "mallory", [few])
    answer = house.call("release", "submit", close, "--key", house.key("mallory"))
    assert "too close to an earlier release: table_one" in answer.out
    assert "R-2026-0001" not in answer.out and ALICE not in answer.out
    _same_at_review(house, close)
    _nothing_told(house)
    assert not house.told("audit", "verify")["findings"]


def _same_at_review(house: House, run: str) -> None:
    """Checkers see the same tables, whatever is released meanwhile; two approve them, and they leave."""
    release = next(row["release"] for row in house.told("study", "list")["runs"] if row["run"] == run)
    for who in ("bob", "carol"):
        house.told("release", "review", release, "--key", house.key(who), "--verdict", "approve")
    folder = Path(house.told("release", "publish", release, "--key", house.key("mallory"))["folder"])
    table = (folder / "tables" / "table_one.csv").read_text(encoding="utf-8")
    assert "suppressed" in table


def _nothing_told(house: House) -> None:
    """No leaf names a set, a number of persons or a release that something was too close to."""
    leaves = [event for event in _events(house) if event.kind == "fingerprint" and event.phase == "effect"]
    assert [bool(event.fact("verdict")) for event in leaves] == [False, False, False, True]
    allowed = {"sets", "register", "before", "verdict"}
    assert {item.partition(":")[0] for event in leaves for item in event.objects} <= allowed
    for event in leaves:
        for name in (event.fact("sets"), event.fact("register")):
            text = (house.warehouse / "controller/documents" / str(name).removeprefix("sha256:")).read_bytes()
            assert b"print:" not in text and set(json.loads(text)) == {"schema", "part", "wrapped", "stream"}


def _events(house: House) -> list[LedgerEvent]:
    return events(Warehouse(house.warehouse).ledger)


def chosen(sizes: dict[int, int]) -> tuple[int, int, int]:
    """An age, a later one at which 1 to 10 persons fewer count, and one at which so many fewer do that 11 of each sex are among them."""
    ages = sorted(sizes)
    for first, few in itertools.pairwise(ages):
        later = [age for age in ages if sizes[first] - sizes[age] >= 50 and sizes[age] > 50]
        if 1 <= sizes[first] - sizes[few] <= 10 and later:
            return first, few, later[0]
    raise AssertionError(sizes)


def test_a_project_is_not_given_three_sets_that_sum_up_to_few(two: House) -> None:
    """All, and those below an age but for few, were shown; the rest, those from that age on, would give the few."""
    house = two
    study = (("whole", "[40, 120]"), ("old", "[70, 120]"))
    sizes = _by_bands(house, ALICE, "alice", [*study, ("young", "[40, 68]"), ("between", "[69, 69]")])
    few = sizes["whole"] - sizes["old"] - sizes["young"]
    assert 1 <= few <= 10 and few == sizes["between"], sizes
    assert not told(house, _bands(house, ALICE, "alice", study), "alice")["close"]
    third = told(house, _bands(house, ALICE, "alice", [("young", "[40, 68]")]), "alice")
    assert third["close"] and third["suppressed"]


def _by_bands(house: House, permit: str, author: str, cohorts: Sequence[tuple[str, str]]) -> dict[str, int]:
    run = _bands(house, permit, author, cohorts)
    rows = [row for row in raw_rows(house, run) if row.statistic == "n" and row.row_key["variable"] == "all"]
    return {row.column_key["arm"]: int(row.value or 0) for row in rows}


def _bands(house: House, permit: str, author: str, cohorts: Sequence[tuple[str, str]]) -> str:
    """A finished run that counts those of each band of ages."""
    text = "\n".join(
        f'[cohorts.{name}]\nage = {ages}\nentry = {{ any = [{{ domain = "drug", codes = "packs" }}], limit = "first" }}'
        for name, ages in cohorts
    )
    return _run(house, permit, author, text, [name for name, _ in cohorts])


def test_a_second_project_is_told_the_same_noise_of_the_same_persons(two: House) -> None:
    """Else the mean over projects would be the count. Their names for the set differ, and so do all keys of the two."""
    house = two
    first, _, many = chosen(persons(house, asked(house, ALICE, "alice", range(40, 90))))
    asks = ((ALICE, "alice", [first]), (MALLORY, "mallory", [first]), (ALICE, "alice", [first, many]))
    told = [_noised(house, permit, author, ages) for permit, author, ages in asks]
    cells = [{place: told for place, (told, _) in one.items() if place[1] == f"from_{first}"} for one in told]
    assert cells[0] and cells[0] == cells[1] == cells[2]
    changes = [shown - true for one in told for shown, true in one.values()]
    assert all(abs(change) <= 5 for change in changes)


def _noised(house: House, permit: str, author: str, ages: Sequence[int]) -> dict[tuple[str, str], tuple[int, int]]:
    """(level, arm) → the number shown to the author of a run, who asks for noise, and the true one."""
    run = asked(house, permit, author, ages)
    answer = house.call("release", "check", run, "--show", "--option", "cell-key", "--key", house.key(author))
    assert "counts altered before they are shown: cell-key" in answer.out
    lines = [line.split() for line in answer.out.splitlines()]
    rows = [row for row in raw_rows(house, run) if row.statistic == "n"]
    true = {(row.row_key["level"], row.column_key["arm"]): int(row.value or 0) for row in rows}
    shown = {
        (level, arm): int(line[line.index("n") + 1])
        for level, arm in true
        for line in lines
        if arm in line and "n" in line and line[line.index(arm) - 1] == level
    }
    return {place: (number, true[place]) for place, number in shown.items()}
