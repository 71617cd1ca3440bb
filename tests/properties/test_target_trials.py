# SPDX-License-Identifier: Apache-2.0
"""Target trials: the rows of every trial are those of a reader by hand, and the fit on their counts is the fit on the rows themselves."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.records.study import Study, study_from_dict
from rempart.study.estimators.pooled_logistic import fit_rows
from rempart.study.target_trials import Histories, TrialRows, grid, histories, trial_rows
from rempart.study.trial_models import Terms, outcome_model, robust
from tests.described_people import FIRST, LAST, people, study, tables
from tests.designed_people import told_of
from tests.naive_trials import naive_trials

INPUTS = {"cohort": "people", "exposure": "alpha", "outcome": "illness"}


def trials(**asked: Any) -> Study:
    """A study of the people of described_people who start alpha, or do not."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    body["analyses"] = [
        {"id": kind, "type": kind, "design": "target-trial", "inputs": INPUTS, "parameters": asked}
        for kind in ("pooled_logistic", "risk")
    ]
    return study_from_dict(body)


def counted(told: Histories, rows: TrialRows) -> Counter[tuple[Any, ...]]:
    """Rows as the naive reader has them."""
    found: Counter[tuple[Any, ...]] = Counter()
    for at in range(len(rows.of)):
        levels = ",".join(str(column[rows.run[at]]) for column in told.levels)
        row = (rows.arm[at], rows.trial[at], levels, rows.exit_[at], rows.event[at], rows.left[at])
        found[tuple(item.item() if hasattr(item, "item") else item for item in row)] += int(told.n[rows.of[at]])
    return found


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    clock=st.sampled_from(["entry", "calendar"]),
    effect=st.sampled_from(["intention-to-treat", "per-protocol"]),
    death=st.sampled_from(["competes", "censors"]),
    every=st.sampled_from([30, 91, 1]),
    washout=st.sampled_from([0, 200]),
)
def test_the_rows_are_those_of_a_reader_by_hand(
    seed: int, clock: str, effect: str, death: str, every: int, washout: int
) -> None:
    persons = people(seed, 40)
    subject = trials(
        clock=clock, effect=effect, death=death, every_days=every, washout_days=washout, trials=8, intervals=5
    )
    told = told_of(subject, [tables(persons[part::2]) for part in range(2)], cut=LAST)
    found = histories(told.patterns("histories", 5), 2)
    rows = trial_rows(found, horizon=5, per_protocol=effect == "per-protocol")
    by_hand = naive_trials(persons, LAST, FIRST, told.analysis.parameters)
    assert counted(found, rows) == by_hand
    for name, events in (("persons", False), ("events", True)):
        for arm in (0, 1):
            seen = told.by(name, "arm")
            who = {rows.of[at] for at in range(len(rows.of)) if rows.arm[at] == arm and (rows.event[at] or not events)}
            persons_there = sum(int(found.n[of]) for of in who)
            assert (seen[str(arm),].persons if (str(arm),) in seen else 0) == persons_there


def test_the_fit_on_counts_is_the_fit_on_rows_with_scores_summed_by_person() -> None:
    told = told_of(trials(every_days=60, trials=6, intervals=4), [tables(people(5, 1500))], cut=LAST)
    found = histories(told.patterns("histories", 5), 2)
    rows = trial_rows(found, horizon=4, per_protocol=False)
    cells = grid(found, rows, (0, 1), int(rows.exit_.max()))
    terms = Terms(covariates=(0, 1), each=False, varying=False)
    person = found.n.astype(np.float64)
    fitted = outcome_model(found, cells, person, np.ones((len(cells.arm), cells.months)), terms)
    made = robust(fitted, found, cells)
    x, terms_, pattern, event, unit = [], fitted.fit.terms, [], [], []
    number = 0
    for at in range(len(rows.of)):
        cell = int(cells.cell[at])
        if not fitted.kept[cell]:
            continue
        for copy in range(int(found.n[rows.of[at]])):
            for month in range(int(rows.exit_[at])):
                x.append(fitted.x[cell, month])
                event.append(bool(rows.event[at]) and month == rows.exit_[at] - 1)
                unit.append(int(rows.of[at]) * 1000 + copy)
                pattern.append(number)
                number += 1
    again = fit_rows(
        np.array(x),
        terms_,
        np.array(pattern),
        np.array(event),
        np.ones(number),
        unit=np.unique(unit, return_inverse=True)[1],
    )
    assert made.beta == pytest.approx(again.beta, rel=1e-8, abs=1e-10)
    assert made.error() == pytest.approx(again.error(), rel=1e-7)
    assert (made.error() > 0).all()
