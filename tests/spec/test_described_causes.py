# SPDX-License-Identifier: Apache-2.0
"""A described rate of deaths by cause: those of unknown cause are a state of its own, with a table and a rate beside."""

from collections.abc import Iterator
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.disclosure.check import check
from rempart.records.result import ResultRow
from rempart.records.study import Study
from tests.described_people import Day, Person, rows_of, study

ALWAYS = (Day(2010, 1, 1), Day(2016, 12, 31))
START, END = Day(2015, 1, 1), Day(2015, 1, 11)
BY_CAUSE = {"illness": {"any": [{"domain": "death", "codes": "ill"}]}}
UNKNOWN = "incidence_unknown_cause"


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session."""
    session = DuckDBQuery(threads=1, memory_limit="256MB")
    yield session
    session.close()


def person(number: int, cause: str | None, died: Day | None, *, woman: bool = True, **more: Any) -> Person:
    """Somebody in the cohort for ten days; who dies leaves it on that day."""
    end = min(died or END, END)
    return Person(
        number=number, born=1950, sex=8532 if woman else 8507, observed=ALWAYS, cohort=[(START, end)], died=died, cause=cause, **more
    )  # fmt: skip


# One dies of the outcome, one of something else, three of what nobody wrote down: in the time at risk, after it, on its last day.
SIX = [
    person(1, "C670", Day(2015, 1, 3)),
    person(2, "I10", Day(2015, 1, 4)),
    person(3, None, Day(2015, 1, 6)),
    person(4, "", Day(2015, 1, 20)),
    person(5, None, None),
    person(6, "", END, woman=False),
]


def asked(**parameters: Any) -> Study:
    analysis = {"id": "r", "type": "incidence_rate", "inputs": {"cohort": "people"}, "parameters": parameters}
    return study(analysis, outcomes=BY_CAUSE)


def told(rows: tuple[ResultRow, ...], output: str, statistic: str) -> dict[str, float | None]:
    """Level → value."""
    own = [row for row in rows if (row.output, row.statistic) == (output, statistic)]
    return {row.row_key.get("level", "all"): row.value for row in own}


@pytest.mark.parametrize("events", ["first", "every"])
def test_deaths_of_unknown_cause_have_a_rate_beside_the_one_by_cause(query: DuckDBQuery, events: str) -> None:
    rows = rows_of(query, asked(by=["sex"], events=events), SIX, shards=3)
    days = 2 + 3 + 5 + 10 + 10 + 10
    assert told(rows, "incidence", "events") == {"all": 1}
    assert told(rows, UNKNOWN, "events") == {"all": 2}
    for output in ("incidence", UNKNOWN):
        assert told(rows, output, "persons") == {"all": 6}
        assert told(rows, output, "person_years")["all"] == pytest.approx(days / 365.25)
    assert told(rows, UNKNOWN, "rate")["all"] == pytest.approx(2 / days * 365.25 * 1000)
    assert told(rows, f"{UNKNOWN}_by", "events") == {"all": 2, "female": 1, "male": 1}
    names = {row.row_key["outcome"] for row in rows if row.output.startswith(UNKNOWN)}
    assert names == {"death of unknown cause"}
    for row in rows:
        if row.output == UNKNOWN and row.statistic in {"rate_lower", "rate_upper"}:
            assert row.value is not None and row.n_persons == 2


def test_a_state_of_nobody_is_told_as_none(query: DuckDBQuery) -> None:
    rows = rows_of(query, asked(), SIX[:2])
    assert told(rows, UNKNOWN, "events") == {"all": 0}
    assert told(rows, UNKNOWN, "rate") == {"all": 0}


def test_an_outcome_of_that_day_comes_before_the_death(query: DuckDBQuery) -> None:
    """As in a comparison: whoever is ill on the day of death has the outcome, and no unknown cause competes."""
    either = {"illness": {"any": [{"domain": "death", "codes": "ill"}, {"domain": "condition", "codes": "ill"}]}}
    day = Day(2015, 1, 6)
    analysis = {"id": "r", "type": "incidence_rate", "inputs": {"cohort": "people"}}
    rows = rows_of(query, study(analysis, outcomes=either), [person(3, None, day, events=[day])])
    assert told(rows, "incidence", "events") == {"all": 1}
    assert told(rows, UNKNOWN, "events") == {"all": 0}


def test_an_outcome_that_is_no_death_has_no_such_state(query: DuckDBQuery) -> None:
    rows = rows_of(query, study({"id": "r", "type": "incidence_rate", "inputs": {"cohort": "people"}}), SIX)
    assert {row.output for row in rows} == {"incidence"}


def test_places_of_care_stand_behind_deaths_of_unknown_cause_too(query: DuckDBQuery) -> None:
    """Places of the day of death alone; of two in one place it is one; the outcome's own are others."""
    day, other = Day(2015, 1, 6), Day(2015, 1, 5)
    them = [
        person(1, "C670", day, visits=[(other, day, "A")]),
        person(2, None, day, visits=[(other, day, "B"), (other, other, "C")]),
        person(3, "", other, visits=[(other, day, "B")]),
        person(4, None, day, visits=[(day, day, "D")], woman=False),
    ]
    rows = rows_of(query, asked(by=["sex"], establishments=True), them, shards=2)
    behind = {
        (row.output, row.row_key.get("level", "all")): row.n_establishments for row in rows if row.statistic == "events"
    }
    assert behind["incidence", "all"] == 1 and behind[UNKNOWN, "all"] == 2
    assert (behind[f"{UNKNOWN}_by", "female"], behind[f"{UNKNOWN}_by", "male"]) == (1, 1)


def test_few_places_of_unknown_causes_are_suppressed(query: DuckDBQuery) -> None:
    day = Day(2015, 1, 6)
    them = [person(number, None, day, visits=[(day, day, "A")]) for number in range(40)]
    them += [person(number, None, None) for number in range(200, 260)]
    for wanted in (False, True):
        tables = check(
            rows_of(query, asked(**({"establishments": True} if wanted else {})), them), toml("disclosure/rules.toml")
        )
        shown = {(table.output, row.statistic): row.value for table in tables for row in table.rows}
        assert (shown[UNKNOWN, "events"] is None) == wanted


def test_few_of_unknown_cause_are_suppressed_and_leave_the_rate_by_cause(query: DuckDBQuery) -> None:
    them = [person(number, "C670", Day(2015, 1, 6)) for number in range(40)]
    them += [person(number, None, Day(2015, 1, 7)) for number in range(100, 104)]
    them += [person(number, None, None) for number in range(200, 260)]
    tables = check(rows_of(query, asked(), them), toml("disclosure/rules.toml"))
    shown = {(table.output, row.statistic): row.value for table in tables for row in table.rows}
    assert shown["incidence", "events"] == 40 and shown["incidence", "rate"] is not None
    assert shown[UNKNOWN, "events"] is None and shown[UNKNOWN, "rate"] is None
