# SPDX-License-Identifier: Apache-2.0
"""Risks of target trials by a day to which nobody of an arm is followed: no value, and a note that says so."""

from typing import Any

import numpy as np
import pytest

from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study.designed import Patterns
from rempart.study.target_trials import grid, histories, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_models import outcome_model, reached
from rempart.study.trial_weights import staying
from tests.described_people import DAY, FIRST, Person, study, tables
from tests.designed_people import rows_of

NOTE = "contrast-day-beyond-follow-up"
FIGURES = ("started", "not started", "difference", "ratio")


def trial(**asked: Any) -> Study:
    """One trial of intervals of 30 days."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    inputs = {"cohort": "people", "exposure": "alpha", "outcome": "illness", "covariates": []}
    parameters = {"every_days": 30, "trials": 1, **asked}
    body["analyses"] = [
        {"id": "risk", "type": "risk", "design": "target-trial", "inputs": inputs, "parameters": parameters}
    ]
    return study_from_dict(body)


def persons(stops: int | None = None) -> list[Person]:
    """Forty starters on day 10, of whom four fall ill in each of seven intervals, and as many who start nothing; ``stops``: the first day
    without treatment of all starters."""
    found = []
    for number in range(1, 81):
        end = FIRST + 900 * DAY
        person = Person(number=number, born=1950, sex=8532, observed=(FIRST - 400 * DAY, end), cohort=[(FIRST, end)])
        if number <= 40:
            person.fills = [(FIRST + 10 * DAY, 1.0, None)]
            last = end if stops is None else FIRST + (stops - 1) * DAY
            person.exposures = {"alpha": [(FIRST + 10 * DAY, last)]}
        if 1 <= number % 10 <= 7:
            person.events = [FIRST + (10 + 30 * (number % 10)) * DAY]
        found.append(person)
    return found


def told(rows: tuple[ResultRow, ...], statistics: tuple[str, ...]) -> dict[str, tuple[bool, str, str]]:
    """Of each figure whether it has a value, its note and its reason."""
    return {
        row.column_key.get("arm") or row.row_key["measure"]: (
            row.value is not None,
            row.row_key.get("note", ""),
            row.rule,
        )
        for row in rows
        if row.statistic in statistics
    }


WITH, WITHOUT = (True, "", ""), (False, NOTE, NOTE)
VALUES = ("risk", "risk_difference", "risk_ratio")


@pytest.mark.parametrize("replicates", [0, 50])
@pytest.mark.parametrize(("intervals", "seen"), [(7, WITH), (8, WITHOUT), (24, WITHOUT)])
def test_nobody_is_followed_longer_than_the_data_go(
    intervals: int, seen: tuple[bool, str, str], replicates: int
) -> None:
    """240 days are eight intervals: that of the trial, and seven after it."""
    asked = trial(intervals=intervals, replicates=replicates)
    rows = rows_of(asked, [tables(persons())], cut=FIRST + 239 * DAY)
    assert told(rows, VALUES) == dict.fromkeys(FIGURES, seen)
    assert told(rows, ("lower",)) == dict.fromkeys(FIGURES, seen)
    assert {row.row_key["day"] for row in rows} == {f"{30 * intervals:05d}"}
    events = {row.column_key["arm"]: row.value for row in rows if row.statistic == "events"}
    assert events == {"started": 28, "not started": 28}


@pytest.mark.parametrize(("intervals", "started"), [(3, WITH), (4, WITHOUT), (12, WITHOUT)])
def test_an_arm_that_everybody_has_left_has_no_risk_by_a_later_day(
    intervals: int, started: tuple[bool, str, str]
) -> None:
    """All starters stop on day 100, in the third interval after that of the trial; the others are followed for 29."""
    asked = trial(intervals=intervals, effect="per-protocol")
    rows = rows_of(asked, [tables(persons(stops=100))], cut=FIRST + 900 * DAY)
    assert told(rows, VALUES) == {**dict.fromkeys(FIGURES, started), "not started": WITH}


def test_the_dead_of_an_arm_that_the_living_have_left_do_not_follow_it() -> None:
    """Of fifty who start ten die in the first interval after time zero, and twenty stop in the second: all who live then and are well."""
    texts = {
        "9|1|0|-1|-1|0||0-0:": 10,
        "9|2|0|-1|-1|0||0-0:": 10,
        "9|-1|0|-1|1|0||0-0:": 10,
        "9|-1|0|2|-1|0||0-0:": 20,
        "9|1|-1|-1|-1|0||0-0:": 10,
        "9|3|-1|-1|-1|0||0-0:": 10,
        "9|5|-1|-1|-1|0||0-0:": 10,
        "9|-1|-1|-1|-1|0||0-0:": 20,
    }
    columns = tuple(np.array(column) for column in zip(*(text.split("|") for text in texts), strict=True))
    found = histories(Patterns(columns=columns, n=np.array(list(texts.values()), dtype=np.int64)), 0)
    cells = grid(found, trial_rows(found, horizon=6, per_protocol=True), (), 6)
    person, terms = found.n.astype(np.float64), Terms(covariates=(), each=False, varying=False)
    weight = staying(found, cells, person, terms)
    started = cells.arm[cells.within] == 1
    assert cells.counts(person[cells.rows.of]).risk[started, 5].sum() == 10, "the dead"
    assert reached(outcome_model(found, cells, person, weight, terms), cells, person) == (2, 6)
