# SPDX-License-Identifier: Apache-2.0
"""Aalen–Johansen: cumulative incidence of each of several causes that compete, with late entry and exact ties, by arm.

Model: F_k(t) = Σ_{s<=t} S(s−)·d_k(s)/n(s), S the survival free of every cause. Variances by name, F(s,t) = F_k(t) − F_k(s):

* ``greenwood`` (default): multinomial jumps, Σ S(s−)²·Var(dA_k − φ·dA.), φ = F(s,t)/S(s) (Marubini & Valsecchi 1995, 10.4). Without
  late entry it is the infinitesimal jackknife, that is ``std.err`` of R ``survival::survfit`` for several states.
* ``jackknife``: the infinitesimal jackknife over persons, each cell a person's whole follow-up; R ``survfit``'s also with late entry.
* ``aalen``: causes independent with binomial jumps d(n − d)/(n²(n − 1)) (Aalen 1978), ``var`` of R ``cmprsk::cuminc``.
"""

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.incidence_jackknife import jackknife
from rempart.study.estimators.survival_cells import RiskSets, SurvivalCells, risk_sets
from rempart.study.estimators.survival_curves import greenwood
from rempart.study.estimators.survival_limits import StepCurve, limits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
VARIANCES = ("greenwood", "jackknife", "aalen")


def cumulative_incidence(
    cells: SurvivalCells,
    cause: str,
    *,
    variance: str = "greenwood",
    interval: str = "log-log",
    level: float = 0.95,
) -> tuple[StepCurve, ...]:
    """Probability of having had ``cause`` by each day, a curve for each arm; it steps on that cause's days only.

    Raises BadInput ``survival-cause``, ``survival-variance``, ``survival-interval``.
    """
    if variance not in VARIANCES:
        raise BadInput("survival-variance", variance=variance)
    status, sets = cells.cause(cause), risk_sets(cells)
    return tuple(
        _curve(cells, sets, (place, status), variance=variance, interval=interval, level=level)
        for place in range(len(cells.arms))
    )


def _curve(
    cells: SurvivalCells, sets: RiskSets, which: tuple[int, int], *, variance: str, interval: str, level: float
) -> StepCurve:
    place, status = which
    risk, events, every = sets.at_risk[place], sets.events[status - 1, place], sets.any_event()[place]
    value, error = incidence(risk, events, every)
    if variance == "aalen":
        error = _aalen(risk, events, every)
    if variance == "jackknife":
        error = jackknife(cells, sets, place, status, value)
    steps = events > 0
    lower, upper = limits(value[steps], error[steps], interval=interval, level=level)
    return StepCurve(
        arm=cells.arms[place],
        cause=cells.causes[status - 1],
        days=sets.days[steps],
        value=value[steps],
        error=error[steps],
        lower=lower,
        upper=upper,
        before=0.0,
        until=int(cells.until()[place]),
        absorbed=bool(np.any(every >= np.maximum(risk, 1))),
        interval=interval,
        variance=variance,
        level=level,
    )


def incidence(at_risk: Ints, events: Ints, every: Ints) -> tuple[Floats, Floats]:
    """Cumulative incidence after each day and its ``greenwood`` error, from counts (T,): at risk, of the cause, of any cause."""
    risk = np.maximum(at_risk, 1).astype(np.float64)
    both = every.astype(np.float64)
    survival = np.cumprod(1 - both / risk)
    before = np.concatenate([[1.0], survival[:-1]])
    value = np.cumsum(before * events / risk)
    left = risk - both
    a = np.divide(both, risk * left, out=np.zeros_like(risk), where=(both > 0) & (left > 0))
    b = before**2 * (risk - events) * events / risk**3
    c = before * events / risk**2
    spent = left <= 0
    a[spent] = 0.0  # nobody is left: the curve stays where it is, and so does its variance
    variance = value**2 * np.cumsum(a) - 2 * value * np.cumsum(value * a) + np.cumsum(value**2 * a) + np.cumsum(b)
    variance -= 2 * (value * np.cumsum(c) - np.cumsum(value * c))
    return value, np.sqrt(np.maximum(variance, 0.0))


def _aalen(at_risk: Ints, events: Ints, every: Ints) -> Floats:
    """Σ S(s−)²·[(1 − F(s,t)/S(s))²·v_k + (F(s,t)/S(s))²·v_other], v = d(n − d)/(n²(n − 1)); once S is 0, F(s,t) is."""
    value, _ = incidence(at_risk, events, every)
    survival, _ = greenwood(at_risk, every)
    before = np.concatenate([[1.0], survival[:-1]])
    inverse = np.divide(1.0, survival, out=np.zeros_like(survival), where=survival > 0)
    own = before**2 * _binomial(at_risk, events)
    both = own + before**2 * _binomial(at_risk, every - events)
    # (1 − (F(t) − F(s))/S(s))² opened into powers of F(t), each a sum over the days so far.
    square = inverse**2 * both
    cross = inverse * own + inverse**2 * value * both
    constant = own + 2 * inverse * value * own + inverse**2 * value**2 * both
    variance = np.cumsum(constant) - 2 * value * np.cumsum(cross) + value**2 * np.cumsum(square)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def _binomial(at_risk: Ints, events: Ints) -> Floats:
    """Variance of d/n given n, without bias: d(n − d)/(n²(n − 1)); a lone event keeps 1/n², also where n is 1."""
    risk = np.maximum(at_risk, 1).astype(np.float64)
    share = np.divide(events - 1.0, risk - 1.0, out=np.zeros_like(risk), where=(events > 1) & (risk > 1))
    return np.asarray(events * (1 - share) / risk**2, dtype=np.float64)
