# SPDX-License-Identifier: Apache-2.0
"""E-values: how strong an unmeasured confounder would have to be to explain an estimate away. They do not say whether one exists.

The E-value is the least risk ratio that a confounder must have with both exposure and outcome, beyond measured covariates, to move the
estimate to the null: RR + √(RR(RR − 1)), with RR or its inverse above 1. Source: VanderWeele and Ding, Ann Intern Med 2017;167:268.
"""

from dataclasses import dataclass
from math import exp, expm1, isfinite, log, sqrt

from rempart.errors import BadInput

MEASURES = (
    "risk-ratio",
    "odds-ratio-rare",
    "odds-ratio-common",
    "hazard-ratio-rare",
    "hazard-ratio-common",
)
_HALF = log(2.0)
_SMD_POINT, _SMD_ERROR = (
    0.91,
    1.78,
)  # risk ratio of a standardised difference in means, and of its error (Chinn 2000; the source)


@dataclass(frozen=True, slots=True, kw_only=True)
class EValues:
    """Risk ratio (approximate for other measures) with its limits; E-value of the point, and of the limit nearer to the null.

    ``limit`` is 1 where the interval holds the null, and None where that limit was not given.
    """

    ratio: float
    lower: float | None
    upper: float | None
    point: float
    limit: float | None


def e_value(
    ratio: float,
    lower: float | None = None,
    upper: float | None = None,
    *,
    measure: str = "risk-ratio",
    null: float = 1.0,
) -> EValues:
    """E-values of a ratio and its limits, towards the ``null`` ratio (of risks).

    ``measure``: a rare outcome (below some 15 % at the end of follow-up) lets odds and hazard ratios stand for the risk ratio; a common one
    takes √OR, or (1 − 0.5^√HR)/(1 − 0.5^√(1/HR)). Raises BadInput ``e-value-estimate`` (not positive, not in order), ``estimator-choice``.
    """
    given = [value for value in (lower, ratio, upper) if value is not None]
    if not all(isfinite(value) and value > 0 for value in (*given, null)) or given != sorted(given):
        raise BadInput("e-value-estimate")
    point, low, high = (None if value is None else risk_ratio(value, measure) for value in (ratio, lower, upper))
    return _judged(1.0 if point is None else point, low, high, null)


def difference_e_value(difference: float, error: float, deviation: float) -> EValues:
    """E-values of a difference in means with its standard error, in units of the outcome, whose standard deviation is ``deviation``.

    Model: with d = difference/deviation, RR ≈ exp(0.91 d) and limits exp(0.91 d ± 1.78 error/deviation) (95 %).
    Raises BadInput ``e-value-estimate``.
    """
    if not all(map(isfinite, (difference, error, deviation))) or error < 0 or deviation <= 0:
        raise BadInput("e-value-estimate")
    middle, reach = _SMD_POINT * difference / deviation, _SMD_ERROR * error / deviation
    return _judged(exp(middle), exp(middle - reach), exp(middle + reach), 1.0)


def risk_ratio(value: float, measure: str) -> float:
    """The risk ratio that a ratio of this measure stands for. Raises BadInput ``estimator-choice``."""
    if measure not in MEASURES:
        raise BadInput("estimator-choice", given=measure, known=", ".join(MEASURES))
    if measure == "odds-ratio-common":
        return sqrt(value)
    if measure == "hazard-ratio-common":
        return expm1(-_HALF * sqrt(value)) / expm1(-_HALF * sqrt(1 / value))
    return value


def confounder_bound(exposure_ratio: float, outcome_ratio: float) -> float:
    """The most that a confounder with these two risk ratios (≥ 1) can multiply a risk ratio: RR₁·RR₂/(RR₁ + RR₂ − 1).

    Source: Ding and VanderWeele, Epidemiology 2016;27:368. Raises BadInput ``e-value-estimate`` below 1.
    """
    if not all(isfinite(value) and value >= 1 for value in (exposure_ratio, outcome_ratio)):
        raise BadInput("e-value-estimate")
    return exposure_ratio * outcome_ratio / (exposure_ratio + outcome_ratio - 1)


def _judged(ratio: float, lower: float | None, upper: float | None, null: float) -> EValues:
    nearer = lower if ratio > null else upper
    limit = None
    if nearer is not None:
        limit = 1.0 if (nearer - null) * (ratio - null) <= 0 else _strength(nearer, null)
    return EValues(ratio=ratio, lower=lower, upper=upper, point=_strength(ratio, null), limit=limit)


def _strength(ratio: float, null: float) -> float:
    far = exp(abs(log(ratio / null)))
    return far + sqrt(far * (far - 1))
