# SPDX-License-Identifier: Apache-2.0
"""Landmarks of rule cohorts: time zero moves, and attrition lists by its reason what happened before. Histories a doctor can check.

Day 0 is 2014-01-01; notation of histories: tests/rule_histories.py.
"""

from collections.abc import Iterator

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from tests.rule_histories import CUT, Person, answer, study_of
from tests.spec.test_rule_cohort_tables import METFORMIN, TUMOUR, cohort


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def test_a_landmark_moves_time_zero_and_lists_who_left_before(query: DuckDBQuery) -> None:
    asked = cohort(
        landmark_days=90, include=[{**METFORMIN, "days": [0, 90], "name": "treated within 90 days"}], exit="death"
    )
    entry = "10 condition E11 DP"
    people = {
        1: Person(lines=(entry, "40 drug metformin")),
        2: Person(lines=(entry,)),
        3: Person(lines=(entry, "40 drug metformin"), death=99),
        4: Person(lines=(entry, "40 drug metformin"), death=100),
        5: Person(lines=(entry, "101 drug metformin")),
        6: Person(lines=(entry, "100 drug metformin")),
    }
    found = answer(query, study_of({"x": asked}), people)
    assert found.rows == [(1, 100, CUT), (4, 100, 100), (6, 100, CUT)]
    assert found.attrition == [6, 6, 6, 5, 5, 5, 3]
    assert found.steps[3:] == [
        "alive at the landmark, day 90",
        "observed at the landmark, day 90",
        "data at hand at the landmark, day 90",
        "treated within 90 days",
    ]


# Entry on day 10, landmark on day 100: person → history, observed until, died on, the step that lists them. Claims end on day 400.
BEFORE = """
who | history                                | observed | died | listed under
Ann |                                        | 900      |      |
Bob | 50 condition C670 DP                   | 900      |      | tumour
Cem | 50 condition C670 DP                   | 900      | 60   | tumour
Dan | 60 condition C670 DP                   | 900      | 60   | tumour
Eva | 60 procedure JDFA001                   | 900      |      | act
Fay |                                        | 900      | 99   | death
Gil |                                        | 60       | 60   | death
Hal |                                        | 99       |      | observation
Ida | 100 condition C670 DP                  | 900      |      |
Jan |                                        | 900      | 100  |
Kay |                                        | 100      |      |
"""
LISTED = {
    "tumour": "no tumour (condition) before the landmark, day 90",
    "act": "no act (procedure) before the landmark, day 90",
    "death": "alive at the landmark, day 90",
    "observation": "observed at the landmark, day 90",
    "data": "data at hand at the landmark, day 90",
}


def test_attrition_lists_by_its_reason_what_happened_before_the_landmark(query: DuckDBQuery) -> None:
    rows = [[cell.strip() for cell in line.split("|")] for line in BEFORE.strip().splitlines()[1:]]
    people = {
        number: Person(
            lines=("10 condition E11 DP", *filter(None, [lines])),
            observed=((-1000, int(seen)),),
            death=int(died) if died else None,
        )
        for number, (_, lines, seen, died, _) in enumerate(rows)
    }
    events = [TUMOUR, {"domain": "procedure", "codes": "act"}]
    asked = cohort(landmark_days=90, exit={"event": events, "death": True})
    found = answer(query, study_of({"x": asked}), people)
    assert found.steps[3:] == list(LISTED.values())
    listed = {rows[who][0]: found.steps[step] for who, step in found.reached.items() if step < len(found.steps)}
    assert listed == {name: LISTED[reason] for name, *_, reason in rows if reason}
    assert [rows[who][0] for who, *_ in found.rows] == ["Ann", "Ida", "Jan", "Kay"]


def test_the_end_of_data_and_of_the_cohort_s_days_before_the_landmark_are_reasons_too(query: DuckDBQuery) -> None:
    stay = {"domain": "visit", "setting": ["inpatient"]}
    asked = cohort(stay, landmark="period_end", exit={"days": 30, "of": "end"})
    people = {
        1: Person(lines=("10..20 visit inpatient #1",)),
        2: Person(lines=("320..333 visit inpatient #1",)),  # 30 days after it the period is over but one
        3: Person(lines=("320..334 visit inpatient #1",)),
    }
    found = answer(query, study_of({"x": asked}), people)
    assert (found.rows, found.attrition) == ([(3, 364, 364)], [3, 3, 1, 1, 1])
    assert found.steps[2:] == [
        "within its 30 days at the landmark, 2014-12-31",
        "observed at the landmark, 2014-12-31",
        "data at hand at the landmark, 2014-12-31",
    ]
    ended = answer(query, study_of({"x": asked}), people, usable={"mco": 363})
    assert (ended.rows, ended.attrition) == ([], [3, 3, 1, 1, 0])


def test_the_end_of_exposure_before_the_landmark_is_a_reason(query: DuckDBQuery) -> None:
    exposures = {"metformin": {"domain": "drug", "codes": "metformin", "supply": [{"rule": "fixed", "days": 30}]}}
    asked = cohort(METFORMIN, landmark_days=40, exit={"exposure": "metformin"})
    people = {
        1: Person(lines=("10 drug metformin",)),
        2: Person(lines=("10 drug metformin", "38 drug metformin")),
        3: Person(lines=("10 drug metformin",), observed=((-1000, 20),)),
    }
    found = answer(query, study_of({"x": asked}, exposures=exposures), people)
    assert found.rows == [(2, 50, 67)]
    assert found.attrition == [3, 3, 2, 1, 1]
    assert found.steps[2] == "still exposed at the landmark, day 40"
