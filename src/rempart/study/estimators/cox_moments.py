# SPDX-License-Identifier: Apache-2.0
"""Log partial likelihood, score and information of a Cox model at one β, by the day-indexed scan. No search for the maximum here.

Sums of θ = mass · exp(xβ) by event day give the risk sets; the information is one weighted Gram matrix of the covariates less a few
sums by day (reference statistics 2.2). Ties: Efron, with the tied masses averaged over the m terms of the day as R does with case
weights, or Breslow. The m terms are summed as scalars: Σ 1/den, Σ φ/den, Σ 1/den², Σ φ/den², Σ φ²/den², φ = l/m.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.cox_days import RiskDays
from rempart.study.estimators.cox_loops import bin_rows, sum_back, sum_on

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_PRODUCTS = 262_144  # below it a matrix product stays on its core, whatever else the machine does
_LARGEST = 200.0  # the square of exp() of it is still a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The T terms of the tied days: ``day`` (T,) their event day, ``share`` φ (T,), ``mass`` (T,) the mean tied mass."""

    day: Ints
    share: Floats
    mass: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums at one β: ``theta`` exp(xβ) (P,); risk-set sums ``s0`` (E,), ``s1`` (E, p) and those of the tied, ``d0``, ``d1``.

    ``once``, ``shared`` = Σ mass/den, Σ mass·φ/den (E,): hazard of the day and what the tied do not bear of it; ``squares`` the three
    sums over den².
    """

    theta: Floats
    s0: Floats
    s1: Floats
    d0: Floats
    d1: Floats
    once: Floats
    shared: Floats
    squares: tuple[Floats, Floats, Floats]

    def total_mean(self) -> Floats:
        """Σ over the terms of mass · mean covariate (E, p), the covariates less their centre."""
        return np.asarray(self.once[:, None] * self.s1 - self.shared[:, None] * self.d1)


def tie_terms(risk: RiskDays, ties: str) -> Terms:
    """One term a day (Breslow) or one a tied event (Efron). Raises BadInput ``cox-ties`` for another name."""
    tied, dead = risk.outcomes.tied, risk.outcomes.dead
    if ties == "breslow":
        return Terms(day=np.arange(len(tied)), share=np.zeros(len(tied)), mass=dead)
    if ties != "efron":
        raise BadInput("cox-ties", ties=ties)
    day = np.repeat(np.arange(len(tied)), tied)
    place = np.arange(len(day)) - np.repeat(np.cumsum(tied) - tied, tied)
    return Terms(day=day, share=place / tied[day], mass=(dead / tied)[day])


def likelihood(risk: RiskDays, terms: Terms, beta: Floats) -> tuple[float, Moments | None]:
    """Log partial likelihood at ``beta`` and the sums behind it; minus infinity and None where it cannot be computed."""
    eta = risk.x @ beta - float(risk.centre @ beta)
    if not np.max(np.abs(eta), initial=0.0) < _LARGEST:
        return -np.inf, None
    theta = np.exp(eta)
    s0, s1 = risk_sums(risk, theta)
    d0, d1 = tied_sums(risk, theta)
    den = s0[terms.day] - terms.share * d0[terms.day]
    if not (den > 0).all():
        return -np.inf, None
    own = float(risk.outcomes.mass @ eta[risk.outcomes.pattern])
    value = own - float(terms.mass @ np.log(den))
    each = terms.mass / den
    return value, Moments(
        theta=theta,
        s0=s0,
        s1=s1,
        d0=d0,
        d1=d1,
        once=_by_day(terms, each, len(s0)),
        shared=_by_day(terms, each * terms.share, len(s0)),
        squares=_squares(terms, each / den, len(s0)),
    )


def _by_day(terms: Terms, values: Floats, days: int) -> Floats:
    return np.asarray(np.bincount(terms.day, weights=values, minlength=days), dtype=np.float64)


def _squares(terms: Terms, each: Floats, days: int) -> tuple[Floats, Floats, Floats]:
    one = _by_day(terms, each, days)
    if not terms.share.any():
        return one, np.zeros(days), np.zeros(days)
    return one, _by_day(terms, each * terms.share, days), _by_day(terms, each * terms.share**2, days)


def risk_sums(risk: RiskDays, theta: Floats) -> tuple[Floats, Floats]:
    """Σ θ (E,) and Σ θ·(x - centre) (E, p) over the rows at risk on each event day."""
    shape = (len(risk.days.key), risk.x.shape[1])
    total0, total1 = np.zeros(shape[0]), np.zeros(shape)
    for window in risk.windows:
        s0, s1 = np.zeros((shape[0], 1)), np.zeros(shape)
        mass = window.mass * theta[window.pattern]
        bin_rows(window.pattern, (window.last, window.before), mass, (risk.x, risk.centre), (s0[:, 0], s1))
        sum_back(risk.days.first, s0)
        sum_back(risk.days.first, s1)
        factor = 1.0 if window.factor is None else window.factor[:, None]
        total0 += (factor * s0)[:, 0]
        total1 += factor * s1
    return total0, total1


def tied_sums(risk: RiskDays, theta: Floats) -> tuple[Floats, Floats]:
    """Σ θ (E,) and Σ θ·(x - centre) (E, p) over the events of each day."""
    out = risk.outcomes
    d0, d1 = np.zeros(len(risk.days.key)), np.zeros((len(risk.days.key), risk.x.shape[1]))
    none = np.full(len(out.at), -1, dtype=np.int64)
    mass = out.mass * theta[out.pattern]
    bin_rows(out.pattern, (out.at, none), mass, (risk.x, risk.centre), (d0, d1))
    return d0, d1


def score(risk: RiskDays, moments: Moments) -> Floats:
    """Derivative of the log partial likelihood (p,)."""
    return np.asarray(day_scores(risk, moments).sum(axis=0), dtype=np.float64)


def day_scores(risk: RiskDays, moments: Moments) -> Floats:
    """The score by event day (E, p): Schoenfeld residuals, summed over the tied events with their masses."""
    _, own = tied_sums(risk, np.ones(len(risk.x)))
    return np.asarray(own - moments.total_mean(), dtype=np.float64)


def information(risk: RiskDays, moments: Moments, factor: Floats | None = None) -> Floats:
    """Minus the second derivative (p, p); with ``factor`` (E,), the sum of the days' matrices, each times its factor."""
    days = np.ones(len(moments.s0)) if factor is None else factor
    weight = _row_weights(risk, moments, days)
    one, cross, square = (days * part for part in moments.squares)
    s1, d1 = moments.s1, moments.d1
    mixed = _products(s1, cross, d1)
    means = _products(s1, one, s1) - mixed - mixed.T + _products(d1, square, d1)
    found = gram(risk.x, risk.centre, weight) - means
    return np.asarray((found + found.T) / 2, dtype=np.float64)


def _row_weights(risk: RiskDays, moments: Moments, days: Floats) -> Floats:
    """θ times the hazard that each pattern's rows went through, the tied bearing their part only (P,)."""
    weight = np.zeros(len(risk.x))
    for window in risk.windows:
        hazard = moments.once * days if window.factor is None else moments.once * days * window.factor
        through = _cumulated(risk, hazard)
        _add(weight, window.pattern, window.mass * (through[window.last] - through[window.before]))
    out = risk.outcomes
    _add(weight, out.pattern, -out.mass * (moments.shared * days)[out.at])
    return weight * moments.theta


def _cumulated(risk: RiskDays, values: Floats) -> Floats:
    """Sums within the stratum up to each day, with a 0 behind the last: the number -1 finds it."""
    sums = values.copy()[:, None]
    sum_on(risk.days.first, sums)
    return np.append(sums[:, 0], 0.0)


def _add(total: Floats, pattern: Ints, values: Floats) -> None:
    total += np.bincount(pattern, weights=values, minlength=len(total))


def _products(left: Floats, weight: Floats, right: Floats) -> Floats:
    """Σ weight · left rightᵀ over the rows, in pieces that stay on one core."""
    p = left.shape[1]
    size = max(128, _PRODUCTS // p**2)
    total = np.zeros((p, p))
    for begin in range(0, len(left), size):
        rows = slice(begin, begin + size)
        total += (left[rows] * weight[rows, None]).T @ right[rows]
    return total


def gram(x: Floats, centre: Floats, weight: Floats) -> Floats:
    """Σ weight · (x - centre)(x - centre)ᵀ, tile by tile so that no copy of ``x`` is made."""
    p = x.shape[1]
    size = max(128, min(4096, _PRODUCTS // p**2))
    total, tile, heavy = np.zeros((p, p)), np.empty((size, p)), np.empty((size, p))
    for begin in range(0, len(x), size):
        end = min(begin + size, len(x))
        part, other = tile[: end - begin], heavy[: end - begin]
        np.subtract(x[begin:end], centre, out=part)
        np.multiply(part, weight[begin:end, None], out=other)
        total += part.T @ other
    return total
