# SPDX-License-Identifier: Apache-2.0
"""Target trials: the rows of every trial are those of a reader by hand, and the fit on their counts is the fit on the rows themselves."""

import datetime
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rempart.records.study import Study, study_from_dict
from rempart.study.estimators.pooled_logistic import fit_rows
from rempart.study.estimators.weighted_contrast import Contrast
from rempart.study.target_trials import COLUMNS, Histories, TrialRows, clone_rows, grid, histories, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_models import outcome_model, robust, standardised
from rempart.study.trial_weights import staying, unweighted
from tests.described_people import DAY, FIRST, LAST, people, study, tables
from tests.designed_people import told_of
from tests.naive_trials import Follow, naive_trials, naive_weights
from tests.trial_people import END, Hazards, persons_with

INPUTS = {"cohort": "people", "exposure": "alpha", "outcome": "illness"}


def trials(*, begins: datetime.date = FIRST, **asked: Any) -> Study:
    """A study of the people of described_people who start alpha, or do not; ``begins``: the protocol's first day."""
    body = study({"id": "x", "type": "attrition", "inputs": {"cohort": "people"}}).as_dict()
    body["protocol"]["period"] = [begins, LAST]
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
        row = (
            rows.arm[at],
            rows.trial[at],
            levels,
            rows.exit_[at],
            rows.event[at],
            rows.left[at],
            rows.dead[at],
            rows.lost[at],
        )
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
    late=st.sampled_from([0, 190, 420]),
)
def test_the_rows_are_those_of_a_reader_by_hand(
    seed: int, clock: str, effect: str, death: str, every: int, washout: int, late: int
) -> None:
    """``late``: the protocol's period begins so many days after the first entries into the cohort."""
    persons, begins = people(seed, 40), FIRST + late * DAY
    subject = trials(
        begins=begins,
        clock=clock,
        effect=effect,
        death=death,
        every_days=every,
        washout_days=washout,
        trials=8,
        intervals=5,
    )
    told = told_of(subject, [tables(persons[part::2]) for part in range(2)], cut=LAST)
    found = histories(told.patterns("histories", COLUMNS), 2)
    rows = trial_rows(found, horizon=5, per_protocol=effect == "per-protocol")
    by_hand = naive_trials(persons, LAST, begins, told.analysis.parameters)
    assert counted(found, rows) == by_hand
    for name, events in (("persons", False), ("events", True)):
        for arm in (0, 1):
            seen = told.by(name, "arm")
            who = {rows.of[at] for at in range(len(rows.of)) if rows.arm[at] == arm and (rows.event[at] or not events)}
            persons_there = sum(int(found.n[of]) for of in who)
            assert (seen[str(arm),].persons if (str(arm),) in seen else 0) == persons_there


def test_the_fit_on_counts_is_the_fit_on_rows_with_scores_summed_by_person() -> None:
    told = told_of(trials(every_days=60, trials=6, intervals=4), [tables(people(5, 1500))], cut=LAST)
    found = histories(told.patterns("histories", COLUMNS), 2)
    rows = trial_rows(found, horizon=4, per_protocol=False)
    cells = grid(found, rows, (0, 1), int(rows.exit_.max()))
    terms = Terms(covariates=(0, 1), each=False, varying=False)
    person = found.n.astype(np.float64)
    fitted = outcome_model(found, cells, person, unweighted(cells, person), terms)
    made = robust(fitted, found, cells)
    x, terms_, pattern, event, unit, weight = [], fitted.fit.terms, [], [], [], []
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
                weight.append(fitted.weight[cells.path[at], month])
                pattern.append(number)
                number += 1
    again = fit_rows(
        np.array(x),
        terms_,
        np.array(pattern),
        np.array(event),
        np.array(weight),
        unit=np.unique(unit, return_inverse=True)[1],
    )
    assert made.beta == pytest.approx(again.beta, rel=1e-8, abs=1e-10)
    assert made.error() == pytest.approx(again.error(), rel=1e-7)
    assert (made.error() > 0).all()
    assert min(weight) < 0.99 < max(weight)


def followed(told: Histories, rows: TrialRows) -> tuple[list[Follow], list[int]]:
    """Every person's rows for the naive reader, and the place of each among the counted ones."""
    found, places = [], []
    for at in range(len(rows.of)):
        of, zero, exit_ = int(rows.of[at]), int(rows.zero[at]), int(rows.exit_[at])
        changing = [told.changed[told.changes[of, zero + month]] for month in range(1, exit_ + 1) if told.changed]
        row = Follow(
            arm=int(rows.arm[at]),
            trial=int(rows.trial[at]),
            levels=tuple(str(column[rows.run[at]]) for column in told.levels),
            exit=exit_,
            event=bool(rows.event[at]),
            left=bool(rows.left[at]),
            dead=int(rows.dead[at]),
            lost=bool(rows.lost[at]),
            met=max(0, int(told.i[of]) - zero),
            changing=tuple(changing),
        )
        found += [row] * int(told.n[of])
        places += [at] * int(told.n[of])
    return found, places


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(1, 500), cloning=st.booleans(), death=st.sampled_from([0.0, 0.1]), lost=st.sampled_from([0, 0.08])
)
def test_the_weights_are_those_of_a_reader_by_hand(seed: int, cloning: bool, death: float, lost: float) -> None:
    women = Hazards(ill=0.03, death=death, start=0.15, stop=0.2, lost=lost)
    men = Hazards(ill=0.06, death=2 * death, start=0.3, stop=0.3, lost=2 * lost)
    persons = persons_with(women, 150, seed=seed) + persons_with(men, 150, seed=seed + 500, sex=8507)
    subject = trials(effect="per-protocol", every_days=20, trials=4, intervals=6)
    told = told_of(subject, [tables(persons)], cut=END)
    found = histories(told.patterns("histories", COLUMNS), 2)
    rows = clone_rows(found, horizon=6, grace=3) if cloning else trial_rows(found, horizon=6, per_protocol=True)
    cells = grid(found, rows, (1,), int(rows.exit_.max()))
    weight = staying(found, cells, found.n.astype(np.float64), Terms(covariates=(1,), each=False, varying=False))
    follows, places = followed(replace(found, levels=found.levels[1:]), rows)
    for at, by_hand in zip(places, naive_weights(follows, cells.months), strict=True):
        assert weight[cells.path[at], : rows.exit_[at]] == pytest.approx(by_hand, rel=1e-6)


def test_the_errors_of_risks_are_what_each_person_moves_them_by() -> None:
    """A person counted a ten-thousandth more or less: coefficients and the mean move together, weights as known."""
    often = Hazards(ill=0.15, death=0.1, start=0.2, stop=0.1)
    persons = persons_with(often, 60, seed=91) + persons_with(often, 60, seed=92, sex=8507)
    told = told_of(trials(effect="per-protocol", every_days=30, trials=3, intervals=3), [tables(persons)], cut=END)
    found = histories(told.patterns("histories", COLUMNS), 2)
    rows, terms = trial_rows(found, horizon=3, per_protocol=True), Terms(covariates=(1,), each=False, varying=True)
    cells, counted = grid(found, rows, (1,), 3), found.n.astype(np.float64)
    weight = staying(found, cells, counted, terms)

    def made(person: NDArray[np.float64]) -> Contrast:
        model = outcome_model(found, cells, person, weight, terms)
        return standardised(replace(model, fit=robust(model, found, cells)), found, cells, person)

    moves = []
    for at in range(len(counted)):
        more, less = (made(counted + step * (np.arange(len(counted)) == at)) for step in (1e-4, -1e-4))
        moves.append(
            [(getattr(more, name) - getattr(less, name)) / 2e-4 for name in ("treated", "difference", "log_ratio")]
        )
    errors = np.sqrt((np.array(moves) ** 2 * counted[:, None]).sum(axis=0))
    now = made(counted)
    assert errors == pytest.approx([now.treated_error, now.difference_error, now.log_ratio_error], rel=1e-4)
