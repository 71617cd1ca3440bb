# SPDX-License-Identifier: Apache-2.0
"""Limits turned back into the counts they were made from: what a reader computes from a published interval whose counts are not told.

Exact limits of a rate give its events back (F. Garwood, Biometrika 28, 1936); the standard error of a log ratio gives 1/a + 1/b.
Hides nothing.
"""

import math

from scipy.stats import chi2

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
