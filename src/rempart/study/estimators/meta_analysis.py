# SPDX-License-Identifier: Apache-2.0
"""Meta-analysis of estimates with known variances: a common effect, or effects that vary between studies.

Model: yᵢ ~ N(θᵢ, vᵢ), θᵢ = μ (fixed) or θᵢ ~ N(μ, τ²). Ratios come on the log scale. Sources: DerSimonian and Laird, Control Clin Trials
1986;7:177; Viechtbauer, J Educ Behav Stat 2005;30:261 (REML); Hartung and Knapp, Stat Med 2001;20:1771; Higgins and Thompson, Stat Med
2002;21:1539 (I²); Viechtbauer, Stat Med 2007;26:37 (limits of τ²); Higgins et al., J R Stat Soc A 2009;172:137 (prediction).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, ndtr, ndtri, stdtr, stdtrit

from rempart.errors import BadInput
from rempart.study.estimators.between_variance import Spread, maximum

Floats = NDArray[np.float64]
METHODS = ("fixed", "dersimonian-laird", "reml", "ml")
INTERVALS = ("normal", "hartung-knapp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Studies:
    """Of each of k studies its name, estimate (k,) and variance (k,); ``left_out`` names those that had nothing to say."""

    names: tuple[str, ...]
    estimate: Floats
    variance: Floats
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.names:
            raise BadInput("meta-no-study")
        for name, estimate, variance in zip(self.names, self.estimate, self.variance, strict=True):
            if not (np.isfinite(estimate) and np.isfinite(variance) and variance > 0):
                raise BadInput("meta-study", study=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Cochran's Q about the fixed estimate with its p; τ² with Q-profile limits; I² in per cent, H². With k ≥ 2 studies.

    I² = τ²/(τ² + v), v the typical variance of Higgins and Thompson; of a common effect max(0, (Q − k + 1)/Q). τ² and its limits are in
    the squared unit of the estimates; of a common effect τ² is 0 and its limits are still those of the data.
    """

    q: float
    q_degrees: int
    q_p_value: float
    tau_squared: float
    tau_squared_limits: tuple[float, float]
    i_squared: float
    h_squared: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """The pooled estimate, its error, limits and p (of 0), each study's share of weight (sum 1), and what lies between studies.

    ``heterogeneity`` is None of one study, ``prediction`` (limits of the effect in a further study) of fewer than 3 or a common effect.
    """

    method: str
    interval: str
    studies: tuple[str, ...]
    left_out: tuple[str, ...]
    estimate: float
    error: float
    lower: float
    upper: float
    p_value: float
    shares: tuple[float, ...]
    heterogeneity: Heterogeneity | None
    prediction: tuple[float, float] | None
    level: float


def pool(studies: Studies, *, method: str = "reml", interval: str = "normal", level: float = 0.95) -> Pooled:
    """The pooled effect of ``studies`` by a method of METHODS, with limits by INTERVALS.

    Normal limits take τ² as known. Hartung–Knapp: the error from the weighted scatter, t with k − 1 degrees of freedom, never truncated
    (it may be narrower than the normal one). Prediction: t with k − 2 degrees, with Hartung–Knapp k − 1 (as metafor).
    Raises BadInput ``estimator-choice``; ``meta-one-study`` where one study is asked about a variance between studies.
    """
    if method not in METHODS:
        raise BadInput("estimator-choice", given=method, known=", ".join(METHODS))
    if interval not in INTERVALS:
        raise BadInput("estimator-choice", given=interval, known=", ".join(INTERVALS))
    if len(studies.names) == 1 and (method != "fixed" or interval != "normal"):
        raise BadInput("meta-one-study", study=studies.names[0])
    spread = _spread(studies)
    tau = between(studies, method)
    weights = spread.weights(tau)
    estimate, variance = spread.mean(tau), float(1 / weights.sum())
    if interval == "hartung-knapp":
        variance *= spread.cochran(tau) / (len(weights) - 1)
    heterogeneity = None if len(weights) == 1 else _heterogeneity(spread, tau, method == "fixed", estimate, level)
    return _pooled(studies, method, interval, (estimate, variance, tau), weights, heterogeneity, level=level)


def between(studies: Studies, method: str) -> float:
    """τ², never negative: 0 (fixed), by moments, by restricted or by full likelihood (its global maximum)."""
    if method == "fixed":
        return 0.0
    spread = _spread(studies)
    if method == "dersimonian-laird":
        weights = spread.weights(0)
        typical = float(weights.sum() - (weights @ weights) / weights.sum())
        return max(0.0, (spread.cochran() - len(weights) + 1) / typical)
    return maximum(spread, restricted=method == "reml")


def pooled_at(studies: Studies, method: str, estimate: float, variance: float, *, level: float) -> Pooled:
    """A common effect found elsewhere (Mantel–Haenszel, Peto), with Q about it and the studies' inverse-variance shares."""
    spread = _spread(studies)
    heterogeneity = None if len(studies.names) == 1 else _heterogeneity(spread, 0.0, True, estimate, level)
    return _pooled(studies, method, "normal", (estimate, variance, 0.0), spread.weights(0), heterogeneity, level=level)


def _spread(studies: Studies) -> Spread:
    return Spread(y=studies.estimate, own=studies.variance)


def _pooled(
    studies: Studies,
    method: str,
    interval: str,
    found: tuple[float, float, float],
    weights: Floats,
    heterogeneity: Heterogeneity | None,
    *,
    level: float,
) -> Pooled:
    estimate, variance, tau = found
    error, tail, k = sqrt(variance), (1 - level) / 2, len(weights)
    knapp = interval == "hartung-knapp"
    reach = -error * float(stdtrit(k - 1, tail) if knapp else ndtri(tail))
    if error == 0:
        p_value = 1.0 if estimate == 0 else 0.0
    else:
        distance = -abs(estimate) / error
        p_value = 2 * float(stdtr(k - 1, distance) if knapp else ndtr(distance))
    prediction = None
    if k >= 3 and method in METHODS[1:]:
        wide = -float(stdtrit(k - 1 if knapp else k - 2, tail)) * sqrt(tau + variance)
        prediction = (estimate - wide, estimate + wide)
    return Pooled(
        method=method,
        interval=interval,
        studies=studies.names,
        left_out=studies.left_out,
        estimate=estimate,
        error=error,
        lower=estimate - reach,
        upper=estimate + reach,
        p_value=p_value,
        shares=tuple(float(w) for w in weights / weights.sum()),
        heterogeneity=heterogeneity,
        prediction=prediction,
        level=level,
    )


def _heterogeneity(spread: Spread, tau: float, common: bool, estimate: float, level: float) -> Heterogeneity:
    weights = spread.weights(0)
    degrees = len(weights) - 1
    q = float(weights @ (spread.y - estimate) ** 2) if common else spread.cochran()
    typical = float(degrees * weights.sum() / (weights.sum() ** 2 - weights @ weights))
    i_squared = (max(0.0, 1 - degrees / q) if q else 0.0) if common else tau / (tau + typical)
    return Heterogeneity(
        q=q,
        q_degrees=degrees,
        q_p_value=float(chdtrc(degrees, q)),
        tau_squared=tau,
        tau_squared_limits=tau_limits(spread, level=level),
        i_squared=100 * i_squared,
        h_squared=q / degrees if common else (tau + typical) / typical,
    )


def tau_limits(spread: Spread, *, level: float) -> tuple[float, float]:
    """The variances between studies at which Q has a χ² tail of half of 1 − ``level`` on either side; (0, 0) if Q is below both."""
    degrees, tail = len(spread.y) - 1, (1 - level) / 2
    return _reaching(spread, float(chdtri(degrees, tail))), _reaching(spread, float(chdtri(degrees, 1 - tail)))


def _reaching(spread: Spread, q: float) -> float:
    """The variance at which Cochran's Q, which falls with it, is ``q``; 0 where it is less from the start."""
    if spread.cochran() <= q:
        return 0.0
    high = float(spread.own.max())
    while spread.cochran(high) > q:
        high *= 4
    return float(brentq(lambda variance: spread.cochran(float(variance)) - q, 0.0, high, xtol=1e-300, rtol=1e-13))
