# SPDX-License-Identifier: Apache-2.0
"""The likelihood of counts (Poisson, or negative binomial with a known dispersion) and its maximum by Newton with halved steps.

The log-likelihood is concave in the coefficients for each dispersion α (variance μ + αμ²; 0 is Poisson), so a maximum is the only one.
No estimate is returned where none exists: separation is a likelihood that stands still while the steps do not shrink.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, polygamma

from rempart.errors import BadInput

Floats = NDArray[np.float64]
_STEPS, _HALVINGS = 100, 40
_NOTHING, _ROUNDING = 1e-13, 1e-11
_FLAT, _SHRINKS, _STRIDES = 1e-3, 0.5, 2
_IDLE, _LARGEST = 1e-11, 500.0
_LARGE = 1e3  # θ beyond which differences of digamma come from their series: no digits are lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Events y (n,), log time (n,), weights (n,), columns (n, q) of range about one, and their terms."""

    y: Floats
    log_time: Floats
    weight: Floats
    columns: Floats
    terms: Sequence[str]

    def mean(self, beta: Floats) -> Floats:
        """Expected events of each row."""
        return np.asarray(np.exp(self.log_time + self.columns @ beta))


def likelihood(counts: Counts, beta: Floats, dispersion: float) -> float:
    """Log-likelihood with all its constants; minus infinity where a mean overflows."""
    predictor = counts.log_time + counts.columns @ beta
    if not np.all(np.abs(predictor) < _LARGEST):
        return -np.inf
    y, mean = counts.y, np.exp(predictor)
    if dispersion == 0:
        each = y * predictor - mean - gammaln(y + 1)
    else:
        # y log μ − (y + θ) log(1 + μ/θ), and log Γ(y + θ) − log Γ(θ) − y log θ
        each = y * predictor - (y + 1 / dispersion) * np.log1p(dispersion * mean) - gammaln(y + 1)
        each = each + _rising(y, 1 / dispersion)
    return float(counts.weight @ each)


def _rising(y: Floats, theta: float) -> Floats:
    """log Γ(y + θ) − log Γ(θ) − y log θ; by Stirling's series where θ is large."""
    if theta < _LARGE:
        return np.asarray(gammaln(y + theta) - gammaln(theta) - y * np.log(theta))
    tail = (1 / (y + theta) - 1 / theta) / 12 - (1 / (y + theta) ** 3 - 1 / theta**3) / 360
    return np.asarray((y + theta - 0.5) * np.log1p(y / theta) - y + tail)


def residual(counts: Counts, mean: Floats, dispersion: float) -> Floats:
    """The derivative of each row's log-likelihood by its predictor, weighted: w (y − μ)/(1 + αμ)."""
    return np.asarray(counts.weight * (counts.y - mean) / (1 + dispersion * mean))


def expected_information(counts: Counts, mean: Floats, dispersion: float) -> Floats:
    """Xᵀ diag(w μ/(1 + αμ)) X."""
    return np.asarray((counts.columns.T * (counts.weight * mean / (1 + dispersion * mean))) @ counts.columns)


def _observed_information(counts: Counts, mean: Floats, dispersion: float) -> Floats:
    own = counts.weight * mean * (1 + dispersion * counts.y) / (1 + dispersion * mean) ** 2
    return np.asarray((counts.columns.T * own) @ counts.columns)


def beginning(counts: Counts) -> Floats:
    """The crude rate as intercept (first column), no effect of anything else."""
    beta = np.zeros(counts.columns.shape[1])
    beta[0] = np.log(counts.weight @ counts.y / (counts.weight @ np.exp(counts.log_time)))
    return beta


def maximum(counts: Counts, beta: Floats, dispersion: float) -> Floats:
    """The coefficients of the largest likelihood, from ``beta``. Raises BadInput ``count-separation``, ``count-not-converged``."""
    value, far, strides = likelihood(counts, beta, dispersion), np.inf, 0
    for _ in range(_STEPS):
        mean = counts.mean(beta)
        move, worth = _move(counts, beta, mean, dispersion)
        if worth <= _NOTHING:
            return np.asarray(beta + move)
        reach = float(np.abs(move).max())
        strides = strides + 1 if worth <= _FLAT and reach >= _SHRINKS * far else 0
        if strides >= _STRIDES:
            raise _apart(counts, move)
        far = reach
        beta, value = _halved(counts, beta, move, value, dispersion)
    raise BadInput("count-not-converged", steps=_STEPS)


def _move(counts: Counts, beta: Floats, mean: Floats, dispersion: float) -> tuple[Floats, float]:
    information = _observed_information(counts, mean, dispersion)
    least = _IDLE * float(counts.weight @ counts.y)
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    correlation = information / np.outer(scale, scale)
    values = np.linalg.eigvalsh(correlation)
    if np.any(np.diag(information) < least) or values[0] < _IDLE:
        raise _apart(counts, beta)
    score = counts.columns.T @ residual(counts, mean, dispersion)
    move = np.linalg.solve(correlation, score / scale) / scale
    return np.asarray(move), float(score @ move)


def _apart(counts: Counts, direction: Floats) -> BadInput:
    """The covariate that runs furthest; the intercept only follows."""
    if len(direction) == 1:
        return BadInput("count-separation", term=counts.terms[0])
    return BadInput("count-separation", term=counts.terms[1 + int(np.argmax(np.abs(direction[1:])))])


def _halved(counts: Counts, beta: Floats, move: Floats, value: float, dispersion: float) -> tuple[Floats, float]:
    """The first of move, move/2, move/4 … that does not lower the likelihood (rounding apart)."""
    allowed = value - _ROUNDING * (1 + abs(value))
    for halving in range(_HALVINGS):
        proposal = beta + move / 2**halving
        new = likelihood(counts, proposal, dispersion)
        if np.isfinite(new) and new >= allowed:
            return proposal, new
    raise BadInput("count-not-converged", steps=_HALVINGS)


def dispersion_slope(counts: Counts, mean: Floats, theta: float) -> float:
    """Derivative of the log-likelihood by θ = 1/α at these means."""
    y = counts.y
    if theta < _LARGE:
        rising = digamma(y + theta) - digamma(theta)
    else:
        rising = np.log1p(y / theta) - (1 / (y + theta) - 1 / theta) / 2 - (1 / (y + theta) ** 2 - theta**-2) / 12
    return float(counts.weight @ (rising - np.log1p(mean / theta) + (mean - y) / (mean + theta)))


def dispersion_information(counts: Counts, mean: Floats, theta: float) -> float:
    """Minus the second derivative of the log-likelihood by θ, as MASS ``theta.ml`` takes it for the error of θ."""
    y = counts.y
    own = polygamma(1, theta) - polygamma(1, y + theta) - 1 / theta
    return float(counts.weight @ (own + 2 / (mean + theta) - (y + theta) / (mean + theta) ** 2))


def overdispersed(counts: Counts, mean: Floats) -> bool:
    """Whether the likelihood rises as α leaves 0: Σ w((y − μ)² − y) > 0."""
    return float(counts.weight @ ((counts.y - mean) ** 2 - counts.y)) > 0
