# SPDX-License-Identifier: Apache-2.0
"""How many digits a value is written with: as many as the disclosure rules keep of its statistic, zeros included. Rounds nothing itself."""

from collections.abc import Mapping
from decimal import Decimal

_LEAST = 0.0001  # of a p value that is written out
_P = 2  # significant digits: those of p values, the only statistics that keep so few and lie below


def written(value: float, rule: Mapping[str, int]) -> str:
    """``value`` by its rule: so many ``decimals``, or so many ``significant`` digits and none after the point beyond them; 0 of significant
    digits is 0. What is below a ten-thousandth and keeps two digits is said to be below it."""
    if "decimals" in rule:
        return f"{value + 0.0:.{rule['decimals']}f}"
    if not value:
        return "0"
    if rule["significant"] == _P and 0 < value < _LEAST:
        return f"< {_LEAST}"
    places = rule["significant"] - 1 - Decimal(repr(value)).adjusted()
    return f"{value:.{max(0, places)}f}"
