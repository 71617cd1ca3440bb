# SPDX-License-Identifier: Apache-2.0
"""The variance between estimates beyond their own errors, by likelihood, and what the likelihood leaves open; it pools nothing.

Model: yᵢ ~ N(μ, τ² + sᵢ²), the sᵢ² known. Serves meta-analysis (τ² between studies) and negative controls (σ² of systematic error).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

Floats = NDArray[np.float64]
_POINTS = 400  # of the grid of variances among which every maximum is sought
_FAR, _NEAR = 100.0, 1e-10
_TWO_PI = 2 * np.pi


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Estimates ``y`` (n,) and their own variances ``own`` (n,), positive; n ≥ 2. The unit is that of ``y``."""

    y: Floats
    own: Floats

    def weights(self, variance: float) -> Floats:
        """1/(variance + sᵢ²), shape (n,)."""
        return np.asarray(1 / (variance + self.own))

    def mean(self, variance: float) -> float:
        """The weighted mean, which is the best μ given the variance."""
        weights = self.weights(variance)
        return float(weights @ self.y / weights.sum())

    def likelihood(self, variance: float, *, restricted: bool = False) -> float:
        """Log-likelihood at the variance and its best μ; ``restricted``: of contrasts free of μ."""
        weights, off = self.weights(variance), self.y - self.mean(variance)
        value = float(np.log(weights).sum() - weights @ off**2 - len(off) * np.log(_TWO_PI)) / 2
        return value - float(np.log(weights.sum()) - np.log(_TWO_PI)) / 2 if restricted else value

    def slope(self, variance: float, *, restricted: bool = False) -> float:
        """Derivative of ``likelihood`` by the variance."""
        weights, off = self.weights(variance), self.y - self.mean(variance)
        own = float(weights**2 @ off**2 - weights.sum())
        return (own + float((weights**2).sum() / weights.sum()) if restricted else own) / 2

    def cochran(self, variance: float = 0.0) -> float:
        """Σ weights (y − mean)²: with 0 Cochran's Q."""
        return float(self.weights(variance) @ (self.y - self.mean(variance)) ** 2)


def _bound(spread: Spread) -> float:
    """A variance beyond which both likelihoods only fall: all weights are then equal to a hundredth."""
    return _FAR * max(len(spread.y) * float(np.ptp(spread.y)) ** 2, float(spread.own.max()))


def _grid(spread: Spread) -> Floats:
    least = _NEAR * max(float(np.ptp(spread.y)) ** 2, float(spread.own.min()))
    return np.concatenate([[0.0], np.geomspace(least, _bound(spread), _POINTS)])


def maximum(spread: Spread, *, restricted: bool = False) -> float:
    """The variance, 0 or more, of the largest likelihood: among 0 and every root of the slope that the grid parts, so no local one."""

    def slope(variance: float) -> float:
        return spread.slope(variance, restricted=restricted)

    grid = _grid(spread)
    slopes = np.array([slope(float(variance)) for variance in grid])
    found = [0.0]
    for i in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0)):
        low, high = float(grid[i]), float(grid[i + 1])
        found.append(high if slopes[i + 1] == 0 else float(brentq(slope, low, high, xtol=1e-300, rtol=1e-14)))
    return max(found, key=lambda variance: spread.likelihood(variance, restricted=restricted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """All (μ, variance) whose likelihood lies within ``drop`` (in χ² units, twice the log) of the largest."""

    spread: Spread
    top: float
    drop: float
    low: float
    high: float

    def means(self, variance: float) -> tuple[float, float]:
        """The least and the largest μ of the region at this variance."""
        middle, weight = self.spread.mean(variance), float(self.spread.weights(variance).sum())
        room = self.drop - 2 * (self.top - self.spread.likelihood(variance))
        half = float(np.sqrt(max(room, 0.0) / weight))
        return middle - half, middle + half

    def least(self, value: Callable[[float], float]) -> float:
        """The smallest ``value(variance)`` over the region's variances: on a grid of standard deviations, then refined."""
        deviations = np.linspace(np.sqrt(self.low), np.sqrt(self.high), _POINTS // 2)
        seen = [value(float(deviation) ** 2) for deviation in deviations]
        at = int(np.argmin(seen))
        ends = float(deviations[max(at - 1, 0)]), float(deviations[min(at + 1, len(seen) - 1)])
        if ends[0] == ends[1]:
            return seen[at]
        finer = minimize_scalar(lambda d: value(d * d), bounds=ends, method="bounded", options={"xatol": 1e-10})
        return min(seen[at], float(finer.fun))


def region(spread: Spread, best: float, drop: float) -> Region:
    """The region around the unrestricted maximum ``best``; the outermost limits where the likelihood has several hills."""
    top = spread.likelihood(best)

    def room(variance: float) -> float:
        return drop - 2 * (top - spread.likelihood(variance))

    bound = _bound(spread)
    while room(bound) > 0:
        bound *= _FAR
    grid = np.unique(np.concatenate([_grid(spread), [best, bound]]))
    inside = np.flatnonzero(np.array([room(float(variance)) for variance in grid]) >= 0)
    first, last = int(inside[0]), int(inside[-1])
    low = float(brentq(room, grid[first - 1], grid[first], rtol=1e-13)) if first else 0.0
    high = float(brentq(room, grid[last], grid[last + 1], rtol=1e-13))
    return Region(spread=spread, top=top, drop=drop, low=low, high=high)
