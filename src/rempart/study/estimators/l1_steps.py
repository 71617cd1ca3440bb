# SPDX-License-Identifier: Apache-2.0
"""One step of the L1 logistic fit (quadratic approximation, coordinate descent, halving) and the bound on what is left to gain.

Objective: Σ log loss + λ·Σ|β|, sum scale. It chooses neither penalties nor covariates: ``l1_logistic`` does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.estimators.l1_input import Arms
from rempart.study.estimators.l1_loops import (
    add_columns,
    add_pairs,
    descend,
    descend_gram,
    dual_value,
    logistic_terms,
    rows_of,
    sum_columns,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_HALVINGS, _ROUNDING = 40, 1e-13
_SWEEPS = 1000
_PAIRS, _POLISHES = 2000, 6  # covariates whose pairs are summed at most; quadratic approximations on those sums
_SURE, _LITTLE = (
    1e-9,
    1e-7,
)  # of the aim: the worth below which a coordinate rests, the gain below which nothing more comes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Coefficients (q,), linear predictor (n,), and there: slopes w(y - p) and curvatures wp(1 - p) by person, Σ log loss."""

    beta: Floats
    intercept: float
    eta: Floats
    slope: Floats
    curve: Floats
    loss: float

    def objective(self, penalty: float) -> float:
        """Σ log loss + penalty·Σ|β|."""
        return self.loss + penalty * float(np.abs(self.beta).sum())


def intercept_alone(arms: Arms, covariates: int) -> Place:
    """Where all coefficients are zero: everyone has the share of the exposed."""
    share = float(arms.weights @ arms.y / arms.weights.sum())
    start = float(np.log(share) - np.log1p(-share))
    return _place(arms, np.zeros(covariates), start, np.full(len(arms.exposed), start))


def step(columns: BinaryColumns, arms: Arms, place: Place, which: Ints, limits: tuple[float, float]) -> Place:
    """From ``place``, over the covariates ``which``; ``limits`` = (penalty, worth below which a coordinate rests).

    The step is halved until the objective does not rise. Raises BadInput ``propensity-not-converged``.
    """
    matrix = (columns.start, columns.person)
    bends, beta, slope = np.zeros(len(place.beta)), place.beta.copy(), place.slope.copy()
    sum_columns(matrix, which, place.curve, bends)
    ends = np.array([0.0, slope.sum(), place.curve.sum(), 0.0])
    descend(matrix, which, (beta, slope, ends), (place.curve, bends), np.array([*limits, _SWEEPS]))
    change = beta - place.beta
    moved = np.flatnonzero(change)
    direction = np.full(len(place.eta), ends[0])
    add_columns(matrix, moved, change[moved], direction)
    return _halved(arms, place, (change, float(ends[0]), direction), (limits[0], beta))


def polished(columns: BinaryColumns, arms: Arms, place: Place, penalty: float, aim: float) -> Place:
    """The minimum over the covariates that are not zero, from near it; ``place`` itself where they are none or too many.

    Coordinate descent creeps at the end, where covariates go together. Here the curvatures of all pairs are summed once (a person with
    m covariates costs m² additions), and sweeps then cost nothing beside a look at the persons.
    """
    which = np.flatnonzero(place.beta)
    if not 0 < len(which) <= _PAIRS:
        return place
    matrix, held = (columns.start, columns.person), np.zeros(len(place.beta))
    sum_columns(matrix, which, place.curve, held)
    whole, bends = float(place.curve.sum()), held[which]
    gram = _pairs(columns, which, place.curve) - np.outer(bends, bends) / whole
    if not (np.diag(gram) > 0).all():
        return place
    for _ in range(_POLISHES):
        slopes, rise = np.zeros(len(place.beta)), float(place.slope.sum())
        sum_columns(matrix, which, place.slope, slopes)
        beta = place.beta[which]
        descend_gram(
            gram, (beta, slopes[which] - bends * (rise / whole), np.zeros(1)), np.array([penalty, aim * _SURE, _SWEEPS])
        )
        change = np.zeros(len(place.beta))
        change[which] = beta - place.beta[which]
        shift = (rise - float(bends @ change[which])) / whole
        direction = np.full(len(place.eta), shift)
        add_columns(matrix, which, change[which], direction)
        after = _halved(arms, place, (change, shift, direction), (penalty, place.beta + change))
        gain = place.objective(penalty) - after.objective(penalty)
        place = after
        if gain <= aim * _LITTLE:
            break
    return place


def _pairs(columns: BinaryColumns, which: Ints, weight: Floats) -> Floats:
    """Sums of the weights of the persons who have both, for each pair of ``which``, (m, m)."""
    persons = np.concatenate([columns.person[columns.start[j] : columns.start[j + 1]] for j in which])
    end = np.concatenate([[0], np.cumsum(np.bincount(persons, minlength=columns.persons))])
    rows = np.empty(len(persons), dtype=np.int32)
    rows_of((columns.start, columns.person), which, end, rows)
    lower = np.zeros((len(which), len(which)))
    add_pairs(end[:-1], rows, weight, lower)
    return np.asarray(lower + np.tril(lower, -1).T)


def _halved(arms: Arms, place: Place, move: tuple[Floats, float, Floats], full: tuple[float, Floats]) -> Place:
    """The first of the move, its half, its quarter … that does not raise the objective (rounding apart)."""
    change, shift, direction = move
    penalty, beta = full
    allowed = place.objective(penalty) + _ROUNDING * place.loss
    for halving in range(_HALVINGS):
        part = 0.5**halving
        new = beta if not halving else place.beta + part * change
        after = _place(arms, new, place.intercept + part * shift, place.eta + part * direction)
        if after.objective(penalty) <= allowed:
            return after
    raise BadInput("propensity-not-converged", steps=_HALVINGS)


def _place(arms: Arms, beta: Floats, intercept: float, eta: Floats) -> Place:
    slope, curve, loss = np.empty(len(eta)), np.empty(len(eta)), np.empty(1)
    logistic_terms(arms.y, arms.weights, eta, (slope, curve, loss))
    return Place(beta=beta, intercept=intercept, eta=eta, slope=slope, curve=curve, loss=float(loss[0]))


def gap(arms: Arms, place: Place, penalty: float, steepest: float) -> float:
    """How far the objective may lie above its least value (duality gap); ``steepest``: the greatest |slope| of any covariate.

    The dual point is the slopes shrunk until none exceeds the penalty; that they sum to zero only nearly is added to first order.
    """
    shrink = min(1.0, penalty / steepest) if steepest > 0 else 1.0
    dual = np.empty(1)
    dual_value(arms.y, arms.weights, place.slope, shrink, dual)
    slack = abs(float(place.slope.sum())) * (1 + abs(place.intercept))
    return max(place.objective(penalty) - float(dual[0]), 0.0) + slack
