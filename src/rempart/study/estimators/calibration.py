# SPDX-License-Identifier: Apache-2.0
"""Empirical calibration: the systematic error that negative controls show, and p values and intervals that allow for it.

Model: the log ratio yᵢ of a negative control, whose true ratio is 1, is N(μ, σ² + sᵢ²); (μ, σ) by maximum likelihood, σ ≥ 0.
Sources: Schuemie et al., Statistics in Medicine 2014;33:209 (p); PNAS 2018;115:2571 (interval, here from negative controls alone: the
error is taken to be the same at every true ratio). It does not say whether controls were well chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, exp, hypot, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr, ndtri

from rempart.errors import BadInput
from rempart.study.estimators.between_variance import Region, Spread, maximum, region

Floats = NDArray[np.float64]
Limits = tuple[float, float]
LEAST_CONTROLS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SystematicError:
    """Mean μ and standard deviation σ of the systematic error of log ratios, with profile-likelihood limits, and its expected size.

    ``expected_absolute`` is E|error| of N(μ, σ²) (0 without systematic error), with the profile-likelihood limits of that quantity.
    """

    controls: int
    mean: float
    deviation: float
    mean_limits: Limits
    deviation_limits: Limits
    expected_absolute: float
    expected_absolute_limits: Limits
    log_likelihood: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A log ratio less the mean systematic error, its error with that of the controls, Wald limits (log scale), two-sided p."""

    log_ratio: float
    error: float
    lower: float
    upper: float
    p_value: float


def systematic_error(
    log_ratio: Sequence[float] | Floats,
    error: Sequence[float] | Floats,
    *,
    names: Sequence[str] | None = None,
    level: float = 0.95,
) -> SystematicError:
    """The systematic error seen in negative controls: log ratios (n,) and their standard errors (n,), n ≥ 2.

    Limits at ``level`` are of the profile likelihood (χ², 1 degree of freedom): one-sided at σ = 0 they start there.
    Raises BadInput ``calibration-controls`` (fewer than two), ``calibration-control-value`` (not finite, error not positive).
    """
    spread = _controls(log_ratio, error, names)
    best = maximum(spread)
    mean, deviation = spread.mean(best), sqrt(best)
    around = region(spread, best, float(chdtri(1, 1 - level)))
    return SystematicError(
        controls=len(spread.y),
        mean=mean,
        deviation=deviation,
        mean_limits=(around.least(lambda v: around.means(v)[0]), -around.least(lambda v: -around.means(v)[1])),
        deviation_limits=(sqrt(around.low), sqrt(around.high)),
        expected_absolute=expected_absolute(mean, deviation),
        expected_absolute_limits=_absolute_limits(around),
        log_likelihood=spread.likelihood(best),
        level=level,
    )


def expected_absolute(mean: float, deviation: float) -> float:
    """E|X| of X ~ N(mean, deviation²): σ √(2/π) exp(−μ²/2σ²) + μ erf(μ/(σ√2))."""
    if deviation == 0:
        return abs(mean)
    ratio = mean / deviation
    return deviation * sqrt(2 / pi) * exp(-ratio * ratio / 2) + mean * erf(ratio / sqrt(2))


def calibrated(log_ratio: float, error: float, null: SystematicError, *, level: float = 0.95) -> Calibrated:
    """An estimate of interest, calibrated: N(θ + μ, σ² + s²), so p of θ = 0 and limits of θ follow from one normal.

    (μ, σ) are taken as known, as in the source; ``null``'s limits say how well they are. Raises ``calibration-control-value``.
    """
    _control(log_ratio, error, "estimate")
    middle, wide = log_ratio - null.mean, hypot(error, null.deviation)
    reach = -float(ndtri((1 - level) / 2)) * wide
    p_value = 2 * float(ndtr(-abs(middle / wide)))
    return Calibrated(log_ratio=middle, error=wide, lower=middle - reach, upper=middle + reach, p_value=p_value)


def left_out(log_ratio: Sequence[float] | Floats, error: Sequence[float] | Floats) -> Floats:
    """The calibrated p (n,) of each control by the error that the other n − 1 show: uniform where calibration holds. n ≥ 3."""
    spread = _controls(log_ratio, error, None)
    if len(spread.y) <= LEAST_CONTROLS:
        raise BadInput("calibration-controls", controls=len(spread.y) - 1, least=LEAST_CONTROLS)
    found = np.empty(len(spread.y))
    for i in range(len(found)):
        others = Spread(y=np.delete(spread.y, i), own=np.delete(spread.own, i))
        variance = maximum(others)
        found[i] = 2 * ndtr(-abs(spread.y[i] - others.mean(variance)) / np.sqrt(variance + spread.own[i]))
    return found


def _absolute_limits(around: Region) -> Limits:
    """E|X| grows with |μ|, so at each σ it is least at the μ nearest to 0 and most at the one furthest."""

    def least(variance: float) -> float:
        low, high = around.means(variance)
        return expected_absolute(min(max(low, 0.0), high), sqrt(variance))

    def most(variance: float) -> float:
        return -expected_absolute(max(map(abs, around.means(variance))), sqrt(variance))

    return around.least(least), -around.least(most)


def _controls(
    log_ratio: Sequence[float] | Floats, error: Sequence[float] | Floats, names: Sequence[str] | None
) -> Spread:
    y, errors = np.asarray(log_ratio, dtype=np.float64), np.asarray(error, dtype=np.float64)
    if len(y) != len(errors) or len(y) < LEAST_CONTROLS:
        raise BadInput("calibration-controls", controls=min(len(y), len(errors)), least=LEAST_CONTROLS)
    for i, (one, own) in enumerate(zip(y, errors, strict=True)):
        _control(float(one), float(own), names[i] if names else str(i + 1))
    return Spread(y=y, own=errors**2)


def _control(log_ratio: float, error: float, name: str) -> None:
    if not (np.isfinite(log_ratio) and np.isfinite(error) and error > 0):
        raise BadInput("calibration-control-value", control=name)
