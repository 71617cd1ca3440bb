# SPDX-License-Identifier: Apache-2.0
"""Systematic error that may change with the true ratio, as negative and positive controls show it, and intervals calibrated by it.

Model: the log ratio yᵢ of a control with true log ratio θᵢ is N(a + bθᵢ, (c + d|θᵢ|)² + sᵢ²), c and d 0 or more; maximum likelihood.
Source: Schuemie et al., PNAS 2018;115:2571, with the standard deviation linear in |θ| (as its authors' package since 2.0). Needs controls
at two true ratios at least; with negative controls alone take calibration.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import ndtri

from rempart.errors import BadInput

Floats = NDArray[np.float64]
LEAST_RATIOS = 2
_STARTS = ((0.05, 0.05), (0.3, 0.0), (0.0, 0.3), (1.0, 1.0))
_RESTARTS = 8
_OFF = tuple(product((0.0, 0.01, 0.03, 0.1, 0.3), repeat=2))[1:]
_FAR = 60  # doublings of the search for a limit


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorModel:
    """Estimates of θ: mean ``intercept`` + ``slope``·θ, standard deviation ``deviation`` + ``deviation_slope``·|θ| beside their own."""

    controls: int
    intercept: float
    slope: float
    deviation: float
    deviation_slope: float
    log_likelihood: float

    def off(self, log_ratio: float, error: float, true: float) -> float:
        """How many standard deviations an estimate lies above what the model expects of ``true``."""
        spread = hypot(self.deviation + self.deviation_slope * abs(true), error)
        return (log_ratio - self.intercept - self.slope * true) / spread


def error_model(log_ratio: Sequence[float], error: Sequence[float], true_log_ratio: Sequence[float]) -> ErrorModel:
    """The model that makes the controls likeliest: estimates, standard errors and true log ratios (0 of negative controls), each (n,).

    (a, b) are the weighted least squares of each (c, d); (c, d) are searched from several starts. Raises BadInput
    ``calibration-controls`` (fewer than five), ``calibration-control-value``, ``calibration-ratios`` (one true ratio only).
    """
    y, own, true = (np.asarray(column, dtype=np.float64) for column in (log_ratio, error, true_log_ratio))
    if not len(y) == len(own) == len(true) or len(y) < 5:
        raise BadInput("calibration-controls", controls=min(len(y), len(own), len(true)), least=5)
    for i in range(len(y)):
        if not (np.isfinite(y[i]) and np.isfinite(true[i]) and np.isfinite(own[i]) and own[i] > 0):
            raise BadInput("calibration-control-value", control=str(i + 1))
    if len(np.unique(true)) < LEAST_RATIOS:
        raise BadInput("calibration-ratios")
    data = _Controls(y=y, own=own**2, true=true)
    found = [_searched(data, np.array(start)) for start in _STARTS]
    deviations = max(found, key=data.likelihood)
    intercept, slope = data.line(deviations)
    return ErrorModel(
        controls=len(y),
        intercept=intercept,
        slope=slope,
        deviation=float(deviations[0]),
        deviation_slope=float(deviations[1]),
        log_likelihood=data.likelihood(deviations),
    )


def calibrated_interval(
    log_ratio: float, error: float, model: ErrorModel, *, level: float = 0.95
) -> tuple[float, float, float]:
    """The true log ratio at which the estimate is expected, and the nearest on each side at which it lies as far off as ``level`` allows.

    Raises BadInput ``calibration-slope`` where the model does not tell true ratios apart so far (estimates that hardly follow the truth).
    """
    if model.slope <= 0:
        raise BadInput("calibration-slope")
    middle = (log_ratio - model.intercept) / model.slope
    reach = -float(ndtri((1 - level) / 2))
    step = hypot(model.deviation, error) / model.slope
    return (
        middle,
        _limit(log_ratio, error, model, reach, (middle, -step)),
        _limit(log_ratio, error, model, -reach, (middle, step)),
    )


def _limit(log_ratio: float, error: float, model: ErrorModel, reach: float, way: tuple[float, float]) -> float:
    middle, step = way

    def beyond(true: float) -> float:
        return (model.off(log_ratio, error, true) - reach) * (1 if reach > 0 else -1)

    for doubling in range(_FAR):
        end = middle + step * 2**doubling
        if beyond(end) >= 0:
            return float(brentq(beyond, middle, end, xtol=1e-13, rtol=1e-13))
    raise BadInput("calibration-slope")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Controls:
    y: Floats
    own: Floats
    true: Floats

    def weights(self, deviations: Floats) -> Floats:
        return np.asarray(1 / ((deviations[0] + deviations[1] * np.abs(self.true)) ** 2 + self.own))

    def line(self, deviations: Floats) -> tuple[float, float]:
        weights = self.weights(deviations)
        centre = float(weights @ self.true / weights.sum())
        level = float(weights @ self.y / weights.sum())
        apart = self.true - centre
        slope = float(weights @ (apart * self.y) / (weights @ apart**2))
        return level - slope * centre, slope

    def likelihood(self, deviations: Floats) -> float:
        intercept, slope = self.line(deviations)
        weights = self.weights(deviations)
        off = self.y - intercept - slope * self.true
        return float((np.log(weights / (2 * np.pi)) - weights * off**2).sum() / 2)

    def slope(self, deviations: Floats) -> Floats:
        """Derivative of ``likelihood``: (a, b) are at their best, so only the weights move."""
        intercept, slope = self.line(deviations)
        weights = self.weights(deviations)
        size = np.abs(self.true)
        pull = (
            (deviations[0] + deviations[1] * size)
            * weights
            * (weights * (self.y - intercept - slope * self.true) ** 2 - 1)
        )
        return np.array([pull.sum(), pull @ size])


def _searched(data: _Controls, start: Floats) -> Floats:
    """The likeliest (c, d) near ``start``. On the faces c = 0 and d = 0 the slope is 0 or points outwards at places that are no
    maximum (the derivative by a deviation is 0 at 0), so what a search pushes to a face is tried a little off it again."""
    best = start
    for _ in range(_RESTARTS):
        found = minimize(
            lambda d: -data.likelihood(d),
            best,
            jac=lambda d: -data.slope(d),
            method="L-BFGS-B",
            bounds=[(0, None), (0, None)],
            options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 500},
        )
        seen = np.asarray(found.x)
        tried = [seen, *(seen + np.array(off) for off in _OFF)]
        best = max(tried, key=data.likelihood)
        if best is seen:
            break
    return best
