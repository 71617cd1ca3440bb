# SPDX-License-Identifier: Apache-2.0
"""Plain (unpenalised) logistic regression by Newton's steps with halving; no estimate is returned where none exists.

Model: logit P(y = 1 | x) = a + xβ; case weights count persons (a weight of 2 is two such persons; its errors are the model's own,
not robust). Shapes: n rows, p covariates; results carry the intercept first, p + 1. Covariates are centred and scaled inside, so
units do not matter. Stops when the next step is worth less than 1e-12 in log-likelihood, and takes it. Separation: the likelihood
stands still while the steps do not shrink. Sources: McCullagh, Nelder 1989; reference statistics 2.6.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rempart.errors import BadInput
from rempart.study.estimators.l1_loops import logistic_terms

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_STEPS, _HALVINGS = 60, 30
_NOTHING, _ROUNDING = 1e-12, 1e-12
_FLAT, _SHRINKS, _STRIDES = 1e-3, 0.5, 2
_COLLINEAR = 1e-10
INTERCEPT = "(intercept)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticFit:
    """``beta``, ``error`` (p + 1,), ``covariance`` (p + 1, p + 1), the intercept first; log-likelihoods; Newton steps taken.

    ``left_out``: rows of weight 0.
    """

    terms: tuple[str, ...]
    beta: Floats
    error: Floats
    covariance: Floats
    log_likelihood: float
    log_likelihood_null: float
    steps: int
    left_out: int = 0

    def interval(self, term: int, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of the odds ratio of ``beta[term]``."""
        reach = -float(ndtri((1 - level) / 2)) * float(self.error[term])
        return float(np.exp(self.beta[term] - reach)), float(np.exp(self.beta[term] + reach))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    z: Floats  # (n, p + 1): ones, then covariates centred and scaled
    y: Floats
    weight: Floats
    reach: Floats  # (p + 1,): the range of each scaled covariate, 0 for the intercept
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    beta: Floats
    value: float
    information: Floats
    move: Floats
    worth: float  # score · move


def fit(x: Floats, y: Bools, terms: Sequence[str], *, weight: Floats | None = None) -> LogisticFit:
    """Maximum likelihood; ``x`` (n, p) without a column of ones, ``y`` (n,) true or false, ``weight`` (n,) ≥ 0 or one each.

    Raises BadInput ``logistic-shape``, ``logistic-not-finite``, ``logistic-weight``, ``logistic-no-event``, ``logistic-all-events``,
    ``logistic-too-many-terms``, ``logistic-too-few-events`` (or without: fewer than covariates), ``logistic-constant``,
    ``logistic-collinear``, ``logistic-separation``, ``logistic-not-converged``.
    """
    weights = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    _check(x, y, terms, weights)
    counted = weights > 0
    part, mass = x[counted], weights[counted]
    mean = mass @ part / mass.sum()
    width = np.sqrt(mass @ (part - mean) ** 2 / mass.sum())
    z = np.column_stack([np.ones(len(part)), (part - mean) / width])
    problem = _Problem(
        z=z,
        y=y[counted].astype(np.float64),
        weight=mass,
        reach=np.r_[0.0, np.ptp(part, axis=0) / width],
        terms=tuple(terms),
    )
    share = float(mass @ problem.y / mass.sum())
    start = np.r_[np.log(share / (1 - share)), np.zeros(len(terms))]
    first = _place(problem, start, *_derivatives(problem, start))
    end, steps = _maximum(problem, first)
    back = np.vstack([np.r_[1.0, -mean / width], np.column_stack([np.zeros(len(terms)), np.diag(1 / width)])])
    covariance = back @ np.linalg.inv(end.information) @ back.T
    return LogisticFit(
        terms=(INTERCEPT, *terms),
        beta=back @ (end.beta + end.move),
        error=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        log_likelihood=end.value + end.worth / 2,
        log_likelihood_null=first.value,
        steps=steps,
        left_out=int((~counted).sum()),
    )


def probabilities(fitted: LogisticFit, x: Floats) -> Floats:
    """P(y = 1) of each row of ``x`` (n, p)."""
    return np.asarray(1 / (1 + np.exp(-(fitted.beta[0] + x @ fitted.beta[1:]))), dtype=np.float64)


def _maximum(problem: _Problem, place: _Place) -> tuple[_Place, int]:
    reach, strides = np.inf, 0
    for taken in range(_STEPS):
        if place.worth <= _NOTHING:
            return place, taken
        far = np.abs(place.move) * problem.reach
        strides = strides + 1 if place.worth <= _FLAT and far.max(initial=0.0) >= _SHRINKS * reach else 0
        if strides >= _STRIDES:
            raise _separated(problem, place.move)
        reach = float(far.max(initial=0.0))
        place = _halved(problem, place)
    raise BadInput("logistic-not-converged", steps=_STEPS)


def _halved(problem: _Problem, place: _Place) -> _Place:
    """The first of move, move/2, move/4 … that does not lower the likelihood (rounding apart)."""
    for halving in range(_HALVINGS):
        beta = place.beta + place.move / 2**halving
        value, score, information = _derivatives(problem, beta)
        if np.isfinite(value) and value >= place.value - _ROUNDING * (1 + abs(place.value)):
            return _place(problem, beta, value, score, information)
    raise BadInput("logistic-not-converged", steps=_HALVINGS)


def _derivatives(problem: _Problem, beta: Floats) -> tuple[float, Floats, Floats]:
    """Log-likelihood, score and information at ``beta``."""
    eta = problem.z @ beta
    slope, curve, loss = np.empty(len(eta)), np.empty(len(eta)), np.empty(1)
    logistic_terms(problem.y, problem.weight, eta, (slope, curve, loss))
    return -float(loss[0]), problem.z.T @ slope, (problem.z * curve[:, None]).T @ problem.z


def _place(problem: _Problem, beta: Floats, value: float, score: Floats, information: Floats) -> _Place:
    """The step that follows. Information that was sound at the start and has vanished is a likelihood flat towards infinity."""
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    fault = _dependent(information / np.outer(scale, scale))
    if fault is not None:
        if not beta[1:].any():
            raise BadInput("logistic-collinear", term=problem.terms[max(fault - 1, 0)])
        raise _separated(problem, beta)
    move = np.linalg.solve(information / np.outer(scale, scale), score / scale) / scale
    return _Place(beta=beta, value=value, information=information, move=move, worth=float(score @ move))


def _dependent(left: Floats) -> int | None:
    """The first column that those before it explain, or None."""
    for j in range(len(left)):
        if not left[j, j] > _COLLINEAR:
            return j
        column = left[j] / np.sqrt(left[j, j])
        left = left - np.outer(column, column)
    return None


def _separated(problem: _Problem, along: Floats) -> BadInput:
    return BadInput("logistic-separation", term=problem.terms[int(np.argmax(np.abs(along) * problem.reach)) - 1])


def _check(x: Floats, y: Bools, terms: Sequence[str], weights: Floats) -> None:
    if (
        x.shape != (len(y), len(terms))
        or y.dtype != np.bool_
        or weights.shape != y.shape
        or len(set(terms)) < len(terms)
    ):
        raise BadInput("logistic-shape", rows=len(y), covariates=len(terms))
    finite = np.isfinite(x).all(axis=0)
    if not finite.all():
        raise BadInput("logistic-not-finite", term=terms[int(np.argmin(finite))])
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise BadInput("logistic-weight")
    counted = weights > 0
    if not y[counted].any():
        raise BadInput("logistic-no-event")
    if y[counted].all():
        raise BadInput("logistic-all-events")
    if len(terms) >= int(counted.sum()):
        raise BadInput("logistic-too-many-terms", term=terms[-1])
    rarer = min(float(weights[y].sum()), float(weights[~y].sum()))  # a weight counts persons
    if terms and rarer < max(2, len(terms)):
        raise BadInput("logistic-too-few-events", term=terms[-1])
    idle = np.ptp(x[counted], axis=0) == 0
    if idle.any():
        raise BadInput("logistic-constant", term=terms[int(np.argmax(idle))])
