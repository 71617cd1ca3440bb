# SPDX-License-Identifier: Apache-2.0
"""Observations that end because of the event: how likely each day of a case makes the end that was seen, instead of its plain length.

Model (Farrington, Anaya-Izquierdo, Whitaker, Hocine, Douglas & Smeeth, JASA 2011;106:417), for rare events of which the first is
taken: given an event at age t, the observation ends at age y with density π(t)·exponential(y − t; mean ρ), the event's own toll, and
(1 − π(t)) times a Weibull or gamma distribution of the age at the end (beyond t) or of the time to it; π is logistic in t, and scale
and shape depend on log age (at the start for "age", at the event for "interval"). An observation that the study stopped counts by the
chance of lasting so long. Fitted to the cases by maximum likelihood; the likeliest of the four by Akaike is taken. A day s of a case
weighs f(y | s), and the multinomial model of ``sccs`` takes sums of these as sizes. Age effects then hold the censoring too, and the
errors, which take the weights as known, are conservative (so the source). Ages in years of 365.25 days; an end lies half a day after
its last day begins, so that no time to it is zero. No other software was at hand to compare the digits with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaincc, gammaln, xlogy

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
KINDS = ("weibull-age", "weibull-interval", "gamma-age", "gamma-interval")
_YEAR = 365.25
_DAYS_AT_ONCE = 1 << 21
_MIDDLE = 50.0  # years of age at which the first parameter of each pair is told: only the search is the better for it
_REACH = 20.0  # of a parameter on its logarithmic scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Ages in years (n,) at the ``start`` and ``end`` of observations; ``early``: they ended by themselves, not with the study."""

    start: Floats
    end: Floats
    early: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class EndModel:
    """The ``kind`` that was taken, its seven ``parameters`` and its Akaike criterion."""

    kind: str
    parameters: Floats
    akaike: float


def ends_of(birth: Ints, first: Ints, last: Ints, early: Flags) -> Ends:
    """Ages at the two ends of each case's observation."""
    return Ends(start=age_on(first, birth), end=age_on(last, birth) + 0.5 / _YEAR, early=early)


def age_on(day: Ints, birth: Ints) -> Floats:
    """Age in years on a day, a day at least."""
    return np.asarray(np.maximum(day - birth, 1) / _YEAR)


def end_model(ends: Ends, event: Floats, kinds: Sequence[str] = KINDS) -> EndModel:
    """Fit the models ``kinds`` to the ages at the ``event`` (n,) and take the likeliest. Raises BadInput ``sccs-ends-model``."""
    models = [_fitted(kind, ends, event) for kind in kinds]
    best = min(models, key=lambda model: model.akaike)
    if not np.isfinite(best.akaike):
        raise BadInput("sccs-ends-model")
    return best


def _fitted(kind: str, ends: Ends, event: Floats) -> EndModel:
    def cost(parameters: Floats) -> float:
        value = float(log_chance(kind, parameters, ends, event).sum())
        return -value / len(event) if np.isfinite(value) else 1e10

    typical = ends.end if kind.endswith("age") else ends.end - event
    # A mixture may have several tops: begin with a toll within weeks, which is what the design is for.
    begin = np.array([np.log(0.05), np.log(2 * typical.mean()), 0.0, -1.0, 0.0, 0.2, 0.0])
    best = minimize(cost, begin, method="L-BFGS-B", bounds=[(-_REACH, _REACH)] * 7, options={"maxiter": 200})
    akaike = 2 * 7 + 2 * float(best.fun) * len(event) if best.fun < 1e9 else np.inf
    return EndModel(kind=kind, parameters=np.asarray(best.x), akaike=akaike)


def log_chance(kind: str, parameters: Floats, ends: Ends, event: Floats) -> Floats:
    """Log density of the end given an event at that age, or of lasting so long where the study stopped it."""
    shape_of, by = kind.split("-")
    log_age = np.log((ends.start if by == "age" else event) / _MIDDLE)
    log_rho, log_mean = parameters[0], parameters[1] + parameters[2] * log_age
    toll = np.clip(parameters[3] + parameters[4] * (event - _MIDDLE) / 10, -500, 500)
    shape = np.exp(np.clip(parameters[5] + parameters[6] * log_age, -_REACH, _REACH))
    with np.errstate(all="ignore"):
        gap = ends.end - event
        quick = -gap / np.exp(log_rho) - np.where(ends.early, log_rho, 0.0)
        since = event if by == "age" else np.zeros_like(event)
        until = ends.end if by == "age" else gap
        usual = (_weibull if shape_of == "weibull" else _gamma)(until, since, log_mean, shape, ends.early)
        return np.asarray(np.logaddexp(quick - np.logaddexp(0, -toll), usual - np.logaddexp(0, toll)))


def _weibull(until: Floats, since: Floats, log_scale: Floats, shape: Floats, early: Flags) -> Floats:
    log_hazard = np.log(shape) - log_scale + (shape - 1) * (np.log(until) - log_scale)
    lasting = (since / np.exp(log_scale)) ** shape - (until / np.exp(log_scale)) ** shape
    return np.asarray(lasting + np.where(early, log_hazard, 0.0))


def _gamma(until: Floats, since: Floats, log_mean: Floats, shape: Floats, early: Flags) -> Floats:
    rate = shape / np.exp(log_mean)
    log_density = xlogy(shape, rate) + xlogy(shape - 1, until) - rate * until - gammaln(shape)
    lasting = np.log(np.maximum(gammaincc(shape, rate * until), 1e-300))
    so_far = np.log(np.maximum(gammaincc(shape, rate * since), 1e-300))
    return np.asarray(np.where(early, log_density, lasting) - so_far)


def sizes(model: EndModel, ends: Ends, birth: Ints, begin: Ints, length: Ints, start: Ints) -> Floats:
    """Weight of each interval (R,): its days' chances of the end that was seen, over the case's largest.

    ``begin`` and ``length`` (R,) of intervals, those of case i at ``start[i]:start[i+1]``. Works through the days of many cases at once.
    Raises BadInput ``sccs-ends-model`` where the model gives a day no chance that is a number.
    """
    found = np.empty(len(begin))
    days = np.add.reduceat(length, start[:-1])
    group = np.cumsum(days) // _DAYS_AT_ONCE
    for part in np.split(np.arange(len(days)), np.flatnonzero(np.diff(group)) + 1):
        rows = slice(int(start[part[0]]), int(start[part[-1] + 1]))
        within = length[rows]
        edge = np.cumsum(within) - within
        day = np.arange(int(within.sum())) - np.repeat(edge - begin[rows], within)
        case = np.repeat(part, days[part])
        of = Ends(start=ends.start[case], end=ends.end[case], early=ends.early[case])
        log = log_chance(model.kind, model.parameters, of, age_on(day, birth[case]))
        bounds = np.cumsum(days[part]) - days[part]
        log -= np.repeat(np.maximum.reduceat(log, bounds), days[part])
        found[rows] = np.add.reduceat(np.exp(log), edge)
    if not np.all(np.isfinite(found)):
        raise BadInput("sccs-ends-model")
    return np.maximum(found, 1e-280)
