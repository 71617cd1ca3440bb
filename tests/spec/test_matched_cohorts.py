# SPDX-License-Identifier: Apache-2.0
"""Who may be whose control: a table that a doctor can check. One case, thirteen others, and who serves under each rule."""

import datetime
from typing import Any

import pytest

from rempart.records.fields import Fields
from rempart.records.matching import EXACT, RISK_SET, read_matching
from tests.naive_matching import People
from tests.properties.test_matching import across
from tests.spec.rule_cohort_cases import PEOPLE

WOMAN, MAN, UNKNOWN = 8532, 8507, 0
DAY = datetime.date(2015, 3, 1)  # Ann falls ill
ALL = ["sex", "age", "place", "calendar"]


def day(text: str) -> datetime.date:
    """A day of the table."""
    return datetime.date.fromisoformat(text)


def table() -> tuple[People, dict[int, str]]:
    """The people of the table, and their names."""
    people, names = People(), {}
    for line in PEOPLE.strip().splitlines()[1:]:
        cells = [
            cell.strip()
            for cell in (line[0:3], line[3:11], line[11:18], line[18:24], line[24:54], line[54:80], line[80:])
        ]
        person, (first, last) = int(cells[0]), cells[5].split()
        names[person] = cells[1]
        people.sex[person] = {"woman": WOMAN, "man": MAN}.get(cells[2], UNKNOWN)
        people.born[person] = None if cells[3] == "-" else int(cells[3])
        people.homes[person] = homes(cells[4])
        people.pool.append((person, day(first), day(last)))
        if cells[6] != "-":
            people.cases.append((person, day(cells[6]), day(last)))
    return people, names


def homes(text: str) -> list[tuple[datetime.date, datetime.date | None, str]]:
    """Spells of residence."""
    if text == "-":
        return []
    if "until" not in text:
        return [(day("2010-01-01"), None, text)]
    moved = day(text[9:19])
    return [(day("2010-01-01"), moved, text[:2]), (moved + datetime.timedelta(days=1), None, text[-2:])]


def served(kind: str, on: list[str], *, of: int = 1, **more: Any) -> str:
    """The controls of Ann, or of another, when as many as there are may serve."""
    people, names = table()
    match = {"to": "cases", "from": "pool", "kind": kind, "ratio": 20, "on": on, **more}
    rule = read_matching(Fields({"match": match}, file="study.toml"))
    controls, cases, _ = across(people, rule, shards=3, buckets=2)
    sets = {number: person for person, *_, number in cases}
    return " ".join(names[person] for person in sorted({p for p, *_, number in controls if sets[number] == of}))


@pytest.mark.parametrize(
    ("on", "more", "who"),
    [
        (ALL, {"age_years": 1}, "Bea Fay Kim"),
        (ALL, {}, "Fay Kim"),
        (["sex", "place"], {}, "Bea Fay Gil Ida Kim"),
        (["sex", "age"], {"age_years": 4}, "Bea Dora Fay Ida Kim Lea"),
        (["age"], {}, "Carl Dora Fay Jo Kim Lea Noa"),
        ([], {}, "Bea Carl Dora Fay Gil Ida Jo Kim Lea Noa"),
    ],
    ids=str,
)
def test_who_is_at_risk_on_the_day_of_the_case(on: list[str], more: dict[str, Any], who: str) -> None:
    assert served(RISK_SET, on, **more) == who


def test_what_is_not_known_agrees_with_nothing() -> None:
    assert served(RISK_SET, ["sex"], of=10) == ""
    assert served(RISK_SET, ["age"], of=10) == "Carl Dora Fay Lea Noa"


def test_with_index_days_of_their_own_those_who_begin_near_the_case_serve() -> None:
    assert served(EXACT, ["sex", "calendar"], replace=True) == "Kim"
    assert (
        served(EXACT, ["sex", "calendar"], calendar_days=2000, replace=True) == "Bea Dora Eva Fay Gil Hana Ida Kim Lea"
    )


def test_a_later_case_serves_until_the_day_before() -> None:
    people, _ = table()
    match = {"to": "cases", "from": "pool", "kind": RISK_SET, "ratio": 20, "on": []}
    controls, _, _ = across(people, read_matching(Fields({"match": match}, file="f")), shards=1, buckets=1)
    assert {end for person, start, end, _ in controls if (person, start) == (6, DAY)} == {day("2016-06-30")}
    assert {end for person, start, end, _ in controls if (person, start) == (2, DAY)} == {day("2019-12-31")}
