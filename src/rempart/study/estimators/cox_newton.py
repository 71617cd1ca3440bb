# SPDX-License-Identifier: Apache-2.0
"""The maximum of a Cox partial likelihood by Newton's steps, halved where they overshoot; no estimate is returned where none exists.

Stops when the step is worth less than 1e-12 in log-likelihood (a millionth of a standard error) and the step before gained less than
1e-9 of it, then takes that last step too. Separation: the likelihood stands still while the steps do not shrink (Newton's steps
shrink quadratically towards a maximum, and stay about one where it lies at infinity).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.cox_days import RiskDays
from rempart.study.estimators.cox_moments import Moments, Terms, information, likelihood, score, tie_terms

Floats = NDArray[np.float64]
_STEPS, _HALVINGS = 60, 30
_NOTHING, _GAIN, _ROUNDING = 1e-12, 1e-9, 1e-10
_FLAT, _SHRINKS, _STRIDES = 1e-3, 0.5, 2
_COLLINEAR, _IDLE = 1e-10, 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """``beta`` (p,), the log-likelihood there and at 0, the score test of β = 0, information (p, p), sums, steps taken."""

    beta: Floats
    value: float
    null: float
    score_test: float
    information: Floats
    moments: Moments
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    beta: Floats
    value: float
    moments: Moments
    information: Floats
    move: Floats
    worth: float  # Newton's decrement: score · move


def maximum(risk: RiskDays, ties: str) -> Maximum:
    """The maximum. Raises BadInput ``cox-separation``, ``cox-collinear``, ``cox-covariate-idle``, ``cox-not-converged``."""
    terms = tie_terms(risk, ties)
    start = np.zeros(risk.x.shape[1])
    value, moments = likelihood(risk, terms, start)
    if moments is None:
        raise BadInput("cox-not-converged", steps=0)
    place = first = _place(risk, start, value, moments, at_start=True)
    gain, reach, strides = np.inf, np.inf, 0
    for step in range(_STEPS):
        if place.worth <= _NOTHING and gain <= _GAIN * (1 + abs(place.value)):
            return _ended(place, first, step)
        far = np.abs(place.move) * risk.reach
        strides = strides + 1 if place.worth <= _FLAT and far.max() >= _SHRINKS * reach else 0
        if strides >= _STRIDES:
            raise BadInput("cox-separation", term=risk.terms[int(np.argmax(far))])
        reach = float(far.max())
        beta, value, moments = _halved(risk, terms, place)
        gain = value - place.value
        place = _place(risk, beta, value, moments, at_start=False)
    raise BadInput("cox-not-converged", steps=_STEPS)


def _ended(place: _Place, first: _Place, step: int) -> Maximum:
    return Maximum(
        beta=place.beta + place.move,
        value=place.value + place.worth / 2,
        null=first.value,
        score_test=first.worth,
        information=place.information,
        moments=place.moments,
        steps=step,
    )


def _place(risk: RiskDays, beta: Floats, value: float, moments: Moments, *, at_start: bool) -> _Place:
    matrix, slope = information(risk, moments), score(risk, moments)
    _check_rank(risk, matrix, at_start=at_start)
    scale = np.sqrt(np.diag(matrix))
    move = np.linalg.solve(matrix / np.outer(scale, scale), slope / scale) / scale
    return _Place(
        beta=beta, value=value, moments=moments, information=matrix, move=np.asarray(move), worth=float(slope @ move)
    )


def _check_rank(risk: RiskDays, matrix: Floats, *, at_start: bool) -> None:
    """Each covariate varies among those at risk, and is no sum of those before it; later in the search, that is separation."""
    least = _IDLE * risk.outcomes.dead.sum() * risk.reach**2
    for j, term in enumerate(risk.terms):
        if matrix[j, j] <= least[j]:
            if at_start:
                raise BadInput("cox-covariate-idle", term=term)
            raise BadInput("cox-separation", term=term)
    scale = np.sqrt(np.diag(matrix))
    left = matrix / np.outer(scale, scale)
    for j, term in enumerate(risk.terms):
        if left[j, j] < _COLLINEAR:
            if at_start:
                raise BadInput("cox-collinear", term=term)
            raise BadInput("cox-separation", term=term)
        column = left[j] / np.sqrt(left[j, j])
        left = left - np.outer(column, column)


def _halved(risk: RiskDays, terms: Terms, place: _Place) -> tuple[Floats, float, Moments]:
    """The first of move, move/2, move/4 … that does not lower the likelihood (rounding apart)."""
    allowed = place.value - _ROUNDING * (1 + abs(place.value))
    for halving in range(_HALVINGS):
        beta = place.beta + place.move / 2**halving
        value, moments = likelihood(risk, terms, beta)
        if moments is not None and np.isfinite(value) and value >= allowed:
            return beta, value, moments
    raise BadInput("cox-not-converged", steps=_HALVINGS)
