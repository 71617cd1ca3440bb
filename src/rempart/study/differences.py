# SPDX-License-Identifier: Apache-2.0
"""How far two groups lie apart, in standard deviations. Tests nothing: no p value tells a balance."""

from math import sqrt

VERSUS = " versus "  # between the names of two groups


def standardised_difference(one: tuple[float, float], other: tuple[float, float]) -> float | None:
    """Difference of two (mean, variance) in standard deviations: (m₁ − m₂)/√((v₁ + v₂)/2); of a share p the variance is p(1 − p).

    None where neither varies and the means differ. Source: Austin, Statistics in Medicine 2009;28:3083.
    """
    spread = sqrt((one[1] + other[1]) / 2)
    if spread:
        return (one[0] - other[0]) / spread
    return 0.0 if one[0] == other[0] else None


def share_moments(part: int, whole: int) -> tuple[float, float]:
    """Mean and variance of belonging to ``part`` of ``whole``; (0, 0) of nobody."""
    share = part / whole if whole else 0.0
    return share, share * (1 - share)
