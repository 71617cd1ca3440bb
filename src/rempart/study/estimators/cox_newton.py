# SPDX-License-Identifier: Apache-2.0
"""The maximum of a Cox partial likelihood by Newton's steps, halved where they overshoot; no estimate is returned where none exists.

Stops when the step is worth less than 1e-12 of an event's log-likelihood (a millionth of a standard error) and the step before gained
less than 1e-9 of it, then takes that last step too. Separation: the likelihood stands still while the steps do not shrink (Newton's steps
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
_FAR = 50.0  # the log hazard ratio over the range of a covariate


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
    place = first = _place(risk, start, value, moments)
    _check_rank(risk, first.information)
    gain, reach, strides, unit = np.inf, np.inf, 0, _unit(risk)
    for step in range(_STEPS):
        if place.worth <= _NOTHING * unit and gain <= _GAIN * (unit + abs(place.value)):
            return _ended(place, first, step)
        far = np.abs(place.move) * risk.reach
        strides = strides + 1 if place.worth <= _FLAT * unit and far.max() >= _SHRINKS * reach else 0
        if strides >= _STRIDES:
            raise BadInput("cox-separation", term=risk.terms[int(np.argmax(far))])
        reach = float(far.max())
        after = _halved(risk, terms, place)
        gain, place = after.value - place.value, after
    raise _lost(risk, place, _STEPS)


def _unit(risk: RiskDays) -> float:
    """The mean weight of an event: what one unit of log-likelihood is where all weights are small or large."""
    return float(risk.outcomes.dead.sum() / risk.outcomes.tied.sum())


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


def _place(risk: RiskDays, beta: Floats, value: float, moments: Moments) -> _Place:
    matrix, slope = information(risk, moments), score(risk, moments)
    if deficient(risk, matrix):
        return _Place(beta=beta, value=value, moments=moments, information=matrix, move=np.zeros(len(beta)), worth=0.0)
    scale = np.sqrt(np.diag(matrix))
    move = np.linalg.solve(matrix / np.outer(scale, scale), slope / scale) / scale
    return _Place(
        beta=beta, value=value, moments=moments, information=matrix, move=np.asarray(move), worth=float(slope @ move)
    )


def deficient(risk: RiskDays, matrix: Floats) -> tuple[str, str] | None:
    """The first covariate that an information cannot bear, and why: "idle", or "collinear" with those before it; None if all stand."""
    least = _IDLE * risk.outcomes.dead.sum() * risk.reach**2
    idle = np.flatnonzero(~(np.diag(matrix) > least))
    if len(idle):
        return risk.terms[int(idle[0])], "idle"
    scale = np.sqrt(np.diag(matrix))
    left = matrix / np.outer(scale, scale)
    for j, term in enumerate(risk.terms):
        if not left[j, j] > _COLLINEAR:
            return term, "collinear"
        column = left[j] / np.sqrt(left[j, j])
        left = left - np.outer(column, column)
    return None


def _check_rank(risk: RiskDays, matrix: Floats) -> None:
    """Each covariate varies among those at risk, and is no sum of those before it."""
    found = deficient(risk, matrix)
    if found and found[1] == "idle":
        raise BadInput("cox-covariate-idle", term=found[0])
    if found:
        raise BadInput("cox-collinear", term=found[0])


def _halved(risk: RiskDays, terms: Terms, place: _Place) -> _Place:
    """After the first of move, move/2, move/4 … that does not lower the likelihood (rounding apart) and leaves an information.

    Where none leaves one, the likelihood has gone flat in a direction in which it was not at the start: that is separation.
    """
    allowed = place.value - _ROUNDING * (_unit(risk) + abs(place.value))
    flat = None
    for halving in range(_HALVINGS):
        beta = place.beta + place.move / 2**halving
        value, moments = likelihood(risk, terms, beta)
        if moments is not None and np.isfinite(value) and value >= allowed:
            after = _place(risk, beta, value, moments)
            flat = deficient(risk, after.information)
            if not flat:
                return after
    if flat:
        raise BadInput("cox-separation", term=flat[0])
    raise _lost(risk, place, _HALVINGS)


def _lost(risk: RiskDays, place: _Place, steps: int) -> BadInput:
    """No maximum: separation where a coefficient has already left every plausible range."""
    far = np.abs(place.beta) * risk.reach
    if far.max() > _FAR:
        return BadInput("cox-separation", term=risk.terms[int(np.argmax(far))])
    return BadInput("cox-not-converged", steps=steps)
