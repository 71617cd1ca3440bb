# SPDX-License-Identifier: Apache-2.0
"""Exact comparison of two groups: ratio of two rates, difference of two risks; and the score limits where exactness is too dear.

Exact means that the limits cover at least as often as they say, whatever the truth. No covariate is adjusted for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from scipy.optimize import brentq
from scipy.special import bdtr, bdtrc, betainccinv, betaincinv, ndtri

from rempart.errors import BadInput

Limits = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The estimate (None where it is 0/0 or infinite), its limits (the upper may be infinite) and the two-sided p of no difference."""

    estimate: float | None
    lower: float
    upper: float
    p_value: float


def rate_ratio(
    events1: int, time1: float, events0: int, time0: float, *, level: float = 0.95, mid_p: bool = False
) -> Compared:
    """Ratio of rate 1 to rate 0, from events and times at risk (one unit for both).

    Model: Poisson events; given their sum, events1 is binomial with share ρT₁/(ρT₁ + T₀). Limits: Clopper–Pearson of that share, or with
    half the probability of what was seen (``mid_p``, not exact but nearer to the level). p doubles the smaller tail, as the limits do
    (R's ``poisson.test`` adds likelier tables instead). Source: Rothman, Greenland and Lash, Modern Epidemiology, 3rd ed., ch. 14.
    Raises BadInput ``exact-count``, ``exact-time``.
    """
    _whole(events1=events1, events0=events0)
    if not (0 < time1 < float("inf") and 0 < time0 < float("inf")):
        raise BadInput("exact-time")
    both, odds = events1 + events0, time0 / time1
    estimate = events1 / events0 * odds if events0 else None
    if not both:
        return Compared(estimate=None, lower=0.0, upper=float("inf"), p_value=1.0)
    tail = (1 - level) / 2
    low, high = _mid_shares(events1, both, tail) if mid_p else _exact_shares(events1, both, tail)
    lower, upper = low / (1 - low) * odds, high / (1 - high) * odds if high < 1 else float("inf")
    share = time1 / (time1 + time0)
    p_value = min(1.0, 2 * min(_at_most(events1, both, share, mid_p), _at_least(events1, both, share, mid_p)))
    return Compared(estimate=estimate, lower=lower, upper=upper, p_value=p_value)


def _exact_shares(events: int, both: int, tail: float) -> Limits:
    lower = float(betaincinv(events, both - events + 1, tail)) if events else 0.0
    upper = float(betainccinv(events + 1, both - events, tail)) if events < both else 1.0
    return lower, upper


def _mid_shares(events: int, both: int, tail: float) -> Limits:
    lower = _root(lambda share: _at_least(events, both, share, True) - tail) if events else 0.0
    upper = _root(lambda share: _at_most(events, both, share, True) - tail) if events < both else 1.0
    return lower, upper


def _root(function: Callable[[float], float]) -> float:
    return float(brentq(function, 0.0, 1.0, xtol=1e-300, rtol=1e-14))


def _at_most(events: int, both: int, share: float, mid_p: bool) -> float:
    whole = float(bdtr(events, both, share))
    return (whole + (float(bdtr(events - 1, both, share)) if events else 0.0)) / 2 if mid_p else whole


def _at_least(events: int, both: int, share: float, mid_p: bool) -> float:
    whole = float(bdtrc(events - 1, both, share)) if events else 1.0
    return (whole + float(bdtrc(events, both, share))) / 2 if mid_p else whole


def wilson(cases: int, persons: int, *, level: float = 0.95) -> Limits:
    """Score limits of one risk. Source: Wilson, J Am Stat Assoc 1927;22:209. Raises BadInput ``exact-count``."""
    _part(cases, persons)
    z = float(ndtri((1 - level) / 2))
    middle, reach = cases + z * z / 2, abs(z) * sqrt(cases * (persons - cases) / persons + z * z / 4)
    lower, upper = (middle - reach) / (persons + z * z), (middle + reach) / (persons + z * z)
    return (lower if cases else 0.0), (upper if cases < persons else 1.0)


def newcombe(cases1: int, persons1: int, cases0: int, persons0: int, *, level: float = 0.95) -> Limits:
    """Limits of the risk difference from the two Wilson intervals: near the level, not exact, for groups of any size.

    Source: Newcombe, Stat Med 1998;17:873, method 10. Raises BadInput ``exact-count``.
    """
    (low1, high1), (low0, high0) = wilson(cases1, persons1, level=level), wilson(cases0, persons0, level=level)
    risk1, risk0 = cases1 / persons1, cases0 / persons0
    difference = risk1 - risk0
    return difference - sqrt((risk1 - low1) ** 2 + (high0 - risk0) ** 2), difference + sqrt(
        (high1 - risk1) ** 2 + (risk0 - low0) ** 2
    )


def _whole(**counts: int) -> None:
    for name, count in counts.items():
        if count < 0 or count != int(count):
            raise BadInput("exact-count", name=name)


def _part(cases: int, persons: int) -> None:
    _whole(cases=cases, persons=persons)
    if persons == 0 or cases > persons:
        raise BadInput("exact-count", name="cases")
