# SPDX-License-Identifier: Apache-2.0
"""Kaplan–Meier and Aalen–Johansen from counts by day, with exact ties and left truncation.

Days are whole numbers; a row covers (entry, exit]: at risk on day d iff entry < d <= exit (statistics.md 2.1).
Events on a day come before censoring on that day: whoever leaves on d is at risk on d.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.cumulative_incidence import incidence
from rempart.study.estimators.survival_curves import greenwood
from rempart.study.estimators.survival_limits import log_log

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCounts:
    """Counts on days 0…D, arrays of length D + 1: at risk, and leaving by outcome, by death (of unknown cause apart), by
    censoring; ``entered`` on each day."""

    entered: Ints
    at_risk: Ints
    events: Ints
    deaths: Ints
    unknown_cause: Ints
    censored: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A probability on days 0…D with its pointwise limits; NaN limits where the variance is not defined."""

    value: Floats
    lower: Floats
    upper: Floats


def day_counts(entry: Ints, exit_: Ints, status: Ints, n: Ints, *, last_day: int) -> DayCounts:
    """Counts by day from cells (equal-length arrays; ``status`` 1 outcome, 2 death, 3 death of unknown cause, 0 censored; ``n`` persons).

    Exits after ``last_day`` are not seen: the persons stay at risk through it.
    """
    size = max(last_day, int(exit_.max(initial=0)), int(entry.max(initial=0))) + 1

    def by_day(days: Ints, weights: Ints) -> Ints:
        return np.bincount(days, weights=weights, minlength=size).astype(np.int64)

    entered, left = by_day(entry, n), by_day(exit_, n)
    inside = np.concatenate([[0], np.cumsum(entered)[:-1]]) - np.concatenate([[0], np.cumsum(left)[:-1]])
    kinds = [by_day(exit_, n * (status == kind)) for kind in (1, 2, 3, 0)]
    end = last_day + 1
    return DayCounts(
        entered=entered[:end],
        at_risk=inside.astype(np.int64)[:end],
        events=kinds[0][:end],
        deaths=kinds[1][:end],
        unknown_cause=kinds[2][:end],
        censored=kinds[3][:end],
    )


def kaplan_meier(at_risk: Ints, events: Ints, *, level: float = 0.95) -> Curve:
    """Survival after each day: product of 1 − d/n; Greenwood variance, limits on the log(−log) scale.

    Source: Kaplan and Meier 1958; Greenwood 1926; Kalbfleisch and Prentice 2002, 1.4.
    """
    value, relative = greenwood(at_risk, events)
    return _log_log(value, relative, level)


def _log_log(value: Floats, relative: Floats, level: float) -> Curve:
    """Limits for a probability p with standard error of log p ``relative``."""
    lower, upper = log_log(value, relative, level)
    return Curve(value=value, lower=lower, upper=upper)


def aalen_johansen(at_risk: Ints, events: Ints, deaths: Ints, *, level: float = 0.95) -> Curve:
    """Cumulative incidence of the outcome when death competes; limits on the log(−log) scale.

    CIF(t) = Σ S(d−)·e(d)/n(d), S over outcome and death. Variance by the delta method (Marubini and Valsecchi 1995, 10.4).
    """
    value, error = incidence(at_risk, events, events + deaths)
    relative = np.divide(error, value, out=np.zeros_like(value), where=value > 0)
    curve = _log_log(value, relative, level)
    none = value <= 0
    return Curve(value=value, lower=np.where(none, 0.0, curve.lower), upper=np.where(none, 0.0, curve.upper))
