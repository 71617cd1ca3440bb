# SPDX-License-Identifier: Apache-2.0
"""Target trials where many die: the dead stay at risk of an outcome that they cannot have, leave no strategy, and stand for nobody else."""

from typing import Any

import numpy as np
import pytest

from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study.design_target_trial import _trials
from rempart.study.designed import Patterns
from rempart.study.target_trials import COLUMNS, Histories, clone_rows, grid, histories, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_models import outcome_model, standardised
from rempart.study.trial_weights import staying
from tests.described_people import DAY, FIRST, LAST, Person, study, tables
from tests.designed_people import rows_of, told_of, value
from tests.trial_people import END, Hazards, persons_with

INPUTS = {"cohort": "people", "exposure": "alpha", "outcome": "illness"}
# Who starts soon stops, so that the arms lose unlike numbers.
MANY_DIE = Hazards(ill=0.05, death=0.12, start=0.15, stop=0.4)
WITHIN = 89
RULE = {"domain": "drug", "codes": "drugs", "days": [0, WITHIN]}


def trial(*types: str, covariates: tuple[str, ...] = (), cloning: bool = False, **asked: Any) -> Study:
    """A study of target trials of who starts alpha; ``cloning``: within 90 days of entry."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    inputs: dict[str, Any] = {**INPUTS, "covariates": list(covariates)}
    if cloning:
        body["cohorts"]["people"] |= {"include": [RULE], "clone_censor_weight": True}
        del inputs["exposure"]
    body["analyses"] = [
        {"id": kind, "type": kind, "design": "target-trial", "inputs": inputs, "parameters": asked} for kind in types
    ]
    return study_from_dict(body)


def given(persons: list[Person]) -> dict[str, Any]:
    """The tables of the persons, with the day on which each met the rule of cloning."""
    made = [
        Person(number=p.number, born=p.born, sex=p.sex, observed=p.observed, cohort=[(p.cohort[0][0], p.fills[0][0])])
        for p in persons
        if p.fills and p.fills[0][0] <= p.cohort[0][0] + WITHIN * DAY
    ]
    met = tables(made)["cohort_people"].rename_columns(["person_id", "start_date", "met_date"])
    return {**tables(persons), "cohort_people_met": met}


def told(rows: tuple[ResultRow, ...]) -> dict[str, float]:
    """The risks and their ratio with its limits."""
    arms = sorted({row.column_key["arm"] for row in rows if "arm" in row.column_key})
    found = {arm: value(rows, "risk", output="risk", arm=arm) for arm in arms}
    named = {name: value(rows, name, measure="ratio") for name in ("risk_ratio", "lower", "upper")}
    return {name: float(one or np.nan) for name, one in {**found, **named}.items()}


KEPT_TO = {"every_days": 15, "trials": 6, "intervals": 12, "effect": "per-protocol"}
CLONED = {"every_days": 15, "intervals": 20, "cloning": True}


@pytest.mark.parametrize(
    "asked",
    [KEPT_TO, {**KEPT_TO, "clock": "calendar", "trials": 12}, CLONED],
    ids=["kept to", "kept to, by the calendar", "cloned"],
)
def test_a_drug_that_does_nothing_does_nothing_where_many_die(asked: dict[str, Any]) -> None:
    """As if the dead might still start or stop, the ratios were 0.87, 0.85 and 1.17."""
    persons = persons_with(MANY_DIE, 9000, seed=71, spread=100)
    found = told(rows_of(trial("risk", **asked), [given(persons)], cut=END))
    truth = MANY_DIE.risk(asked["every_days"] * asked["intervals"])
    ratio, low, high = (found.pop(name) for name in ("risk_ratio", "lower", "upper"))
    assert low < 1 < high
    assert ratio == pytest.approx(1, abs=0.1)
    assert list(found.values()) == pytest.approx([truth, truth], abs=0.02)


@pytest.mark.parametrize("cloning", [False, True], ids=["kept to", "cloned"])
def test_nor_where_men_start_stop_and_die_more_often_than_women(cloning: bool) -> None:
    women = Hazards(ill=0.03, death=0.05, start=0.1, stop=0.05)
    men = Hazards(ill=0.08, death=0.15, start=0.2, stop=0.15)
    persons = persons_with(women, 5000, seed=72) + persons_with(men, 5000, seed=73, sex=8507)
    asked = CLONED if cloning else KEPT_TO
    found = told(rows_of(trial("risk", covariates=("sex",), **asked), [given(persons)], cut=END))
    ratio, low, high = (found.pop(name) for name in ("risk_ratio", "lower", "upper"))
    days = asked["every_days"] * asked["intervals"]
    share = [1.0 if cloning else stand_in_trials(one, asked["every_days"], asked["trials"]) for one in (women, men)]
    truth = float(np.average([women.risk(days), men.risk(days)], weights=share))
    assert low < 1 < high
    assert ratio == pytest.approx(1, abs=0.1)
    assert list(found.values()) == pytest.approx([truth, truth], abs=0.02)


def stand_in_trials(hazards: Hazards, length: int, trials: int) -> float:
    """In how many trials a person stands on average: alive and well at the end of its interval, not treated before it."""
    gone, started = ((rate * length / 30) for rate in (hazards.ill + hazards.death, hazards.start))
    return sum(float(np.exp(-gone * (at + 1) - started * at)) for at in range(trials))


def test_who_is_seen_no_longer_takes_the_dead_of_his_like_along() -> None:
    """Without it the dead would pile up among those at risk, and risks be too low in both arms."""
    leave = Hazards(ill=0.05, death=0.15, start=0.1, lost=0.25)
    persons = persons_with(leave, 9000, seed=74)
    subject = trial("risk", every_days=15, trials=3, intervals=16)
    rows = rows_of(subject, [given(persons)], cut=END)
    found, truth = told(rows), leave.risk(240)
    assert [found["started"], found["not started"]] == pytest.approx([truth, truth], abs=0.02)
    own = _trials(told_of(subject, [given(persons)], cut=END), adjusted=True, varying=True)
    person = own.told.n.astype(np.float64)
    model = outcome_model(own.told, own.cells, person, np.ones(own.cells.changes.shape), own.terms)
    piled_up = standardised(model, own.told, own.cells, person)
    assert piled_up.comparator < truth - 0.025


def by_hand(texts: dict[str, int]) -> Histories:
    """Histories as they are told, and how many persons have each."""
    columns = tuple(np.array(column) for column in zip(*(text.split("|") for text in texts), strict=True))
    assert len(columns) == COLUMNS
    return histories(Patterns(columns=columns, n=np.array(list(texts.values()), dtype=np.int64)), 0)


def test_the_weights_of_ten_persons_by_hand() -> None:
    """Two die in the first interval, two of the eight others start; one of six dies in the second, one of five starts; one of four is ill
    in the third. Of the ten whom the arm stands for, 1 x 4/3 x 5/4 falls ill: a sixth."""
    told_by = {
        "4|-1|-1|-1|1|0||0-0:": 2,
        "4|-1|1|-1|-1|0||0-0:": 2,
        "4|-1|-1|-1|2|0||0-0:": 1,
        "4|-1|2|-1|-1|0||0-0:": 1,
        "4|3|-1|-1|-1|0||0-0:": 1,
        "4|-1|-1|-1|-1|0||0-0:": 3,
    }
    found = by_hand(told_by)
    cells = grid(found, trial_rows(found, horizon=3, per_protocol=True), (), 3)
    person = found.n.astype(np.float64)
    weight = staying(found, cells, person, Terms(covariates=(), each=True, varying=False))
    of = {text: cells.path[list(cells.rows.of).index(at)] for at, text in enumerate(told_by)}
    assert weight[of["4|-1|-1|-1|1|0||0-0:"]] == pytest.approx([1, 3 / 4, 3 / 5])
    assert weight[of["4|-1|-1|-1|2|0||0-0:"]] == pytest.approx([1, 1, 4 / 5])
    assert weight[of["4|-1|-1|-1|-1|0||0-0:"]] == pytest.approx([1, 1, 1])
    counts = cells.counts(person[cells.rows.of])
    at_risk = (counts.risk * weight).sum(axis=0)
    assert at_risk == pytest.approx([10, 6 + 2 * 3 / 4, 4 + 2 * 3 / 5 + 4 / 5])
    assert (counts.events * weight).sum(axis=0) / at_risk == pytest.approx([0, 0, 1 / 6])


def test_who_dies_before_the_end_of_the_grace_keeps_to_both_strategies() -> None:
    """Intervals 0 to 2 are those of the grace."""
    found = by_hand(
        {
            "6|-1|-1|-1|1|0||0-0:": 1,  # dies in interval 1
            "6|-1|-1|-1|2|0||0-0:": 1,  # in the last of the grace
            "6|-1|-1|-1|3|0||0-0:": 1,  # after it
            "6|-1|1|-1|1|0||0-0:": 1,  # starts and dies in interval 1
            "6|-1|1|-1|2|0||0-0:": 1,  # starts in interval 1 and dies in the next
        }
    )
    rows = clone_rows(found, horizon=6, grace=3)
    seen = {
        (int(of), int(arm)): (int(exit_), bool(left), int(dead))
        for of, arm, exit_, left, dead in zip(rows.of, rows.arm, rows.exit_, rows.left, rows.dead, strict=True)
    }
    assert seen == {
        (0, 1): (6, False, 2),
        (0, 0): (6, False, 2),
        (1, 1): (6, False, 3),
        (1, 0): (6, False, 3),
        (2, 1): (3, True, 0),
        (2, 0): (6, False, 4),
        (3, 1): (6, False, 2),
        (3, 0): (6, False, 2),
        (4, 1): (6, False, 3),
        (4, 0): (2, True, 0),
    }


def test_who_started_fell_ill_or_died_before_the_clock_begins_is_in_no_trial() -> None:
    """Entries on the first of January, the protocol's period from the first of March on."""
    persons = []
    for number in range(1, 6):
        person = Person(number=number, born=1950, sex=8507, observed=(FIRST - 400 * DAY, LAST), cohort=[(FIRST, LAST)])
        persons.append(person)
    persons[0].fills = [(FIRST + 20 * DAY, 1.0, None)]
    persons[1].events = [FIRST + 20 * DAY]
    persons[2].died = FIRST + 20 * DAY
    persons[3].fills = [(FIRST + 70 * DAY, 1.0, None)]
    body = trial("risk", clock="calendar", every_days=30, trials=2, intervals=3).as_dict()
    body["protocol"]["period"] = [FIRST + 59 * DAY, LAST]
    subject = study_from_dict(body)
    found = told_of(subject, [tables(persons)], cut=LAST)
    assert {key: cell.persons for key, cell in found.by("persons", "arm").items()} == {("1",): 1, ("0",): 1}
    assert {key: cell.persons for key, cell in found.by("members", "passed").items()} == {("2",): 3, ("3",): 2}
