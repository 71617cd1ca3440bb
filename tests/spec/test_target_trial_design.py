# SPDX-License-Identifier: Apache-2.0
"""Target trials on planted persons: immortal time is gone, clones are those of the estimator by days, and what the file may not say."""

import random
from typing import Any

import numpy as np
import pytest

from rempart.errors import BadInput, Refused
from rempart.records.cloned import check_runnable
from rempart.records.study import Study, study_from_dict
from rempart.study.designed import Patterns
from rempart.study.estimators.clone_censor import NEVER, cloned, never_starts, starts_within
from rempart.study.target_trials import COLUMNS, clone_rows, grid, histories, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_weights import staying
from tests.described_people import DAY, FIRST, LAST, Person, study, tables
from tests.designed_people import rows_of, told_of, value

RULE = {"domain": "drug", "codes": "drugs", "days": [0, 89]}
INPUTS = {"cohort": "people", "exposure": "alpha", "outcome": "illness", "covariates": []}


def trial(*types: str, inputs: dict[str, Any] = INPUTS, cloning: bool = False, **asked: Any) -> Study:
    """A study of target trials; ``cloning``: of a cohort whose rule, a dispensing within 90 days, is the strategy."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    if cloning:
        body["cohorts"]["people"] |= {"include": [RULE], "clone_censor_weight": True}
    given = {key: item for key, item in inputs.items() if not (cloning and key == "exposure")}
    body["analyses"] = [
        {"id": kind, "type": kind, "design": "target-trial", "inputs": given, "parameters": asked}
        for kind in types or ("pooled_logistic", "risk")
    ]
    return study_from_dict(body)


def planted(seed: int, count: int, *, monthly: float, starts: float) -> list[Person]:
    """Persons who enter on one day, fall ill at the same hazard whether they start or not, and start only while they are well."""
    draw, found = random.Random(seed), []
    for number in range(1, count + 1):
        ill = 1 + int(draw.expovariate(monthly / 30))
        start = 1 + int(draw.expovariate(starts / 30))
        end = FIRST + 600 * DAY
        person = Person(number=number, born=1950, sex=8532, observed=(FIRST - 400 * DAY, end), cohort=[(FIRST, end)])
        person.events = [FIRST + ill * DAY] if ill < 600 else []
        person.fills = [(FIRST + start * DAY, 1.0, None)] if start < min(ill, 600) else []
        found.append(person)
    return found


def by_the_future(persons: list[Person], days: int) -> float:
    """Ratio of risks by so many days of those who ever start within them to those who never do: what one must not compute."""
    arms: dict[bool, list[bool]] = {True: [], False: []}
    for person in persons:
        started = bool(person.fills) and person.fills[0][0] <= FIRST + days * DAY
        arms[started].append(bool(person.events) and person.events[0] <= FIRST + days * DAY)
    one, other = (sum(ill) / len(ill) for ill in (arms[True], arms[False]))
    return one / other


def test_who_is_classified_by_the_future_seems_protected_and_a_sequence_of_trials_does_not_say_so() -> None:
    persons = planted(11, 2500, monthly=0.05, starts=0.06)
    assert by_the_future(persons, 360) < 0.6
    rows = rows_of(trial(every_days=30, trials=10, intervals=6), [tables(persons)], cut=LAST)
    told = {name: value(rows, name, output="pooled_odds_ratio", model="crude") for name in ("ratio", "lower", "upper")}
    assert 0.8 < (told["ratio"] or 0) < 1.25
    assert (told["lower"] or 9) < 1 < (told["upper"] or 0)
    assert 0.85 < (value(rows, "risk_ratio", output="risk") or 0) < 1.2


def test_nor_does_cloning() -> None:
    persons = planted(12, 2500, monthly=0.08, starts=0.25)
    given = tables(persons)
    given["cohort_people_met"] = met(persons, 89)
    rows = rows_of(trial(cloning=True, every_days=15, intervals=16), [given], cut=LAST)
    assert by_the_future(persons, 240) < 0.8
    ratio, low, high = (value(rows, name, output="risk", measure="ratio") for name in ("risk_ratio", "lower", "upper"))
    assert (low or 9) < 1 < (high or 0)
    assert 0.85 < (ratio or 0) < 1.15


def met(persons: list[Person], within: int) -> Any:
    """The table that says on which day each cloned person met the rule."""
    made = [
        Person(number=p.number, born=p.born, sex=p.sex, observed=p.observed, cohort=[(p.cohort[0][0], p.fills[0][0])])
        for p in persons
        if p.fills and p.fills[0][0] <= p.cohort[0][0] + within * DAY
    ]
    return tables(made)["cohort_people"].rename_columns(["person_id", "start_date", "met_date"])


def test_clones_of_intervals_of_a_day_are_those_of_the_estimator() -> None:
    draw, grace = np.random.default_rng(3), 5
    start = np.where(draw.random(200) < 0.7, draw.integers(0, 12, 200), NEVER)
    exit_, event = draw.integers(1, 15, 200), draw.random(200) < 0.4
    start = np.where(start > exit_, NEVER, start)
    expected = cloned(
        exit_, event, np.stack([starts_within(start, grace), never_starts(np.where(start <= grace, start, NEVER))])
    )
    seen = [
        [
            str(last + (0 if ill else 1)) if not ill else "99",
            str(last) if ill else "-1",
            str(day) if day <= grace else "-1",
        ]
        for last, ill, day in zip(exit_.tolist(), event.tolist(), start.tolist(), strict=True)
    ]
    columns = [np.array(column) for column in zip(*seen, strict=True)]
    stop = np.where(start == 0, "0", "-1")
    rest = [np.full(200, text) for text in ("-1", "0", "", "0-0:")]
    told = histories(Patterns(columns=(*columns, stop, *rest), n=np.ones(200, dtype=np.int64)), 0)
    rows = clone_rows(told, horizon=50, grace=grace + 1)
    mine = sorted(zip(rows.of.tolist(), rows.arm.tolist(), (rows.exit_ - 1).tolist(), rows.event.tolist(), strict=True))
    theirs = zip(
        expected.person.tolist(),
        (1 - expected.strategy).tolist(),
        expected.exit_.tolist(),
        expected.event.tolist(),
        strict=True,
    )
    assert mine == sorted(theirs)


def test_weights_for_staying_undo_what_leaving_picked_out() -> None:
    """Men start four times as often. Of those who have not started fewer men are left, and each counts for more: the mean stays 1."""
    persons = planted(21, 1500, monthly=0.02, starts=0.05)
    men = planted(22, 1500, monthly=0.02, starts=0.2)
    for person in men:
        person.number, person.sex = person.number + 5000, 8507
    asked = {"effect": "per-protocol", "every_days": 60, "trials": 1, "intervals": 5, "time": "each"}
    told = told_of(
        trial("risk", inputs={**INPUTS, "covariates": ["sex"]}, **asked), [tables([*persons, *men])], cut=LAST
    )
    found = histories(told.patterns("histories", COLUMNS), 1)
    cells = grid(found, trial_rows(found, horizon=5, per_protocol=True), (0,), 5)
    counted = found.n.astype(np.float64)
    weight = staying(found, cells, counted, Terms(covariates=(0,), each=True, varying=False))
    risk = cells.counts(counted[cells.rows.of]).risk
    stay, male = (cells.arm == 0)[cells.within], (found.levels[0][cells.first] == "male")[cells.within]
    for month in range(5):
        mean = (risk * weight)[stay, month].sum() / risk[stay, month].sum()
        assert mean == pytest.approx(1, abs=0.03)
    shares = [
        (risk[stay & male] * by[stay & male]).sum(axis=0) / (risk[stay] * by[stay]).sum(axis=0)
        for by in (np.ones(risk.shape), weight)
    ]
    assert shares[0][4] < 0.35 < 0.4 < shares[1][4], "as many men as at time zero"
    assert (weight[stay & male, 4] > 1.2).all()
    assert (weight[:, 0] == 1).all()


def test_a_table_of_cloned_persons_by_hand() -> None:
    """Intervals of 30 days, grace of 90: who starts on day 10, 40, 100 (too late) or on entry, and who falls ill on day 70."""
    days = {1: (10, None), 2: (40, None), 3: (100, None), 4: (0, None), 5: (None, 70), 6: (40, 50), 7: (None, None)}
    persons = []
    for number, (start, ill) in days.items():
        end = FIRST + 200 * DAY
        person = Person(number=number, born=1950, sex=8507, observed=(FIRST, end), cohort=[(FIRST, end)])
        person.fills = [(FIRST + start * DAY, 1.0, None)] if start is not None else []
        person.events = [FIRST + ill * DAY] if ill is not None else []
        persons.append(person)
    given = tables(persons)
    given["cohort_people_met"] = met(persons, 89)
    told = told_of(trial("risk", cloning=True, every_days=30, intervals=6), [given], cut=LAST)
    found = histories(told.patterns("histories", COLUMNS), 0)
    rows = clone_rows(found, horizon=6, grace=89 // 30 + 1)
    seen = {
        (int(found.i[of]), int(found.e[of])): (arm, exit_, event, left)
        for of, arm, exit_, event, left in zip(rows.of, rows.arm, rows.exit_, rows.event, rows.left, strict=True)
        if arm == 0
    }
    assert seen == {
        (0, -1): (0, 1, False, True),  # day 10: a clone that does not start leaves at the end of the first interval
        (1, -1): (0, 2, False, True),
        (-1, -1): (0, 6, False, False),  # day 100 is no start within 90 days
        (-1, 2): (0, 3, True, False),
        (1, 1): (0, 2, True, False),  # ill on day 50, in the interval of the start: still of the strategy
    }
    starters = [
        (int(found.n[of]), int(e)) for of, arm, e in zip(rows.of, rows.arm, rows.exit_, strict=True) if arm == 1
    ]
    assert sum(n for n, _ in starters) == 7
    assert sorted(e for n, e in starters for _ in range(n)) == [2, 3, 3, 3, 6, 6, 6]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"inputs": {**INPUTS, "cohort": "comparators"}}, "study-name"),
        ({"inputs": {key: item for key, item in INPUTS.items() if key != "exposure"}}, "study-field"),
        ({"replicates": 10}, "study-field"),
        ({"truncate_percent": [60, 99]}, "study-field"),
        ({"cloning": True, "clock": "calendar"}, "study-field"),
        ({"cloning": True, "trials": 5}, "study-field"),
    ],
    ids=str,
)
def test_what_a_target_trial_cannot_be_asked(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        trial("risk", **changes)


def test_a_cloned_cohort_runs_for_a_target_trial_and_for_nothing_else() -> None:
    check_runnable(trial("risk", cloning=True))
    body = trial("risk", cloning=True).as_dict()
    body["analyses"].append({"id": "flow", "type": "attrition", "design": "cohort", "inputs": {"cohort": "people"}})
    with pytest.raises(Refused, match="cohort-not-yet-run"):
        check_runnable(study_from_dict(body))


def test_a_bootstrap_of_persons_gives_about_the_robust_interval() -> None:
    persons = planted(13, 900, monthly=0.06, starts=0.08)
    given = [tables(persons)]
    widths = []
    for replicates in (0, 60):
        rows = rows_of(
            trial("pooled_logistic", every_days=60, trials=5, intervals=4, replicates=replicates), given, cut=LAST
        )
        low, high = (value(rows, name, model="crude") for name in ("lower", "upper"))
        widths.append(np.log((high or 0) / (low or 1)))
    assert widths[1] == pytest.approx(widths[0], rel=0.35)


def test_attrition_counts_each_person_once() -> None:
    persons = planted(41, 60, monthly=0.05, starts=0.3)
    persons[0].fills = [(FIRST - 5 * DAY, 1.0, None)]  # treated before entry
    persons[1].events = [FIRST + 3 * DAY]  # ill before the first trial's time zero
    rows = rows_of(
        trial("attrition", inputs={k: v for k, v in INPUTS.items() if k != "covariates"}), [tables(persons)], cut=LAST
    )
    told = {row.row_key["step"]: row.value for row in rows}
    assert told["01 in the cohort"] == 60
    assert told["02 not treated in the 365 days before entry"] == 59
    assert 40 < told["03 in a trial, at risk"] <= 58
