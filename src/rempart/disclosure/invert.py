# SPDX-License-Identifier: Apache-2.0
"""Limits turned back into the counts they were made from: what a reader computes from a published interval whose counts are not told.

Exact limits of a rate give its events back (F. Garwood, Biometrika 28, 1936); the standard error of a log ratio gives 1/a + 1/b; limits of
a share its numerator (C. Clopper and E. Pearson, Biometrika 26, 1934; E. Wilson, JASA 22, 1927); a fit that is a table of four cells gives
the two that it does not tell. Hides nothing.
"""

import math
from collections.abc import Callable, Iterable

from scipy.optimize import brentq
from scipy.stats import beta, chi2

_MOST = 400  # events beyond which limits lie too close to be told apart
_NORMAL = 1.959963984540054


def events_of_rate(lower: float, upper: float, *, digits: int = 3) -> set[int]:
    """Numbers of events whose exact 95 % limits have this ratio, when both are rounded to ``digits`` significant digits."""
    if lower <= 0:
        return {0}
    slack = 10.0 ** (1 - digits)
    told = upper / lower
    return {n for n in range(1, _MOST) if abs(_spread(n) / told - 1) <= slack}


def _spread(events: int) -> float:
    return float(chi2.ppf(0.975, 2 * events + 2) / chi2.ppf(0.025, 2 * events))


def fewest_of_ratio(lower: float, upper: float) -> float:
    """Fewest events that the smaller of two arms may have had: 1/a + 1/b is the square of the standard error of the log ratio."""
    if lower <= 0 or not math.isfinite(upper) or upper <= lower:
        return 0.0
    return 1 / (math.log(upper / lower) / (2 * _NORMAL)) ** 2


def counts_of_percent(percent: float, persons: int, *, decimals: int = 1) -> set[int]:
    """Numbers of persons of so many that this percentage may stand for, once it is rounded."""
    half = 0.5 * 10.0**-decimals
    least, most = ((percent + side) * persons / 100 for side in (-half, half))
    return set(range(math.ceil(least - 1e-9), math.floor(most + 1e-9) + 1))


def fits_share(lower: float, upper: float, counts: Iterable[int], *, digits: int = 3) -> set[int]:
    """Which of ``counts`` persons with something may stand behind 95 % limits of their share, exact ones or Wilson's, of whatever number
    of persons that gives the upper limit."""
    if not 0 < lower < upper < 1:
        return set()
    slack = 10.0 ** (1 - digits)
    found: set[int] = set()
    for limits in (_exact, _wilson):
        for count in counts:
            persons = _persons(limits, count, upper)
            found |= {count} if persons and abs(limits(count, persons)[0] / lower - 1) <= slack else set()
    return found


def about_share(share: float, lower: float, upper: float) -> float:
    """Persons with something, as the width of limits of any method says roughly: that of a share of n persons is 3.92 √(p(1 − p)/n)."""
    if not 0 < share < 1 or upper <= lower:
        return math.inf
    return share * share * (1 - share) / ((upper - lower) / (2 * _NORMAL)) ** 2


def _persons(limits: Callable[[int, float], tuple[float, float]], count: int, upper: float) -> float:
    """Of how many persons ``count`` has this upper limit; 0 of none."""
    least, most = count + 1e-6, count / upper * 1e3
    if limits(count, least)[1] < upper:
        return 0.0
    return float(brentq(lambda persons: limits(count, persons)[1] - upper, least, most))


def _exact(count: int, persons: float) -> tuple[float, float]:
    others = persons - count
    return float(beta.ppf(0.025, count, others + 1)), float(beta.ppf(0.975, count + 1, others))


def _wilson(count: int, persons: float) -> tuple[float, float]:
    share, extra = count / persons, _NORMAL**2 / persons
    middle = (share + extra / 2) / (1 + extra)
    half = math.sqrt(extra * (share * (1 - share) + extra / 4)) / (1 + extra)
    return middle - half, middle + half


def reference_of_odds(log_ratio: float, error: float, events: int, others: int) -> tuple[float, float]:
    """Events and others of the level that a log odds ratio compares with, in a fit of two levels: its variance is 1/a + 1/b + 1/c + 1/d,
    and its exponential a d / (b c). (0, 0) where the variance leaves no one."""
    left = error**2 - 1 / events - 1 / others
    if left <= 0:
        return 0.0, 0.0
    odds = events / others / math.exp(log_ratio)  # c / d
    least = (1 + odds) / left  # c of 1/c + odds/c
    return least, least / odds


def reference_of_rates(error: float, events: int) -> float:
    """Events of the level that a log ratio of rates or hazards compares with, in a fit of two levels; 0 where the variance leaves none."""
    left = error**2 - 1 / events
    return 1 / left if left > 0 else 0.0


def error_of(lower: float, upper: float) -> float:
    """The standard error of a log ratio whose 95 % limits these are."""
    return math.log(upper / lower) / (2 * _NORMAL) if 0 < lower < upper else 0.0
