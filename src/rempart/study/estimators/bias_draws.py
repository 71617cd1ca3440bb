# SPDX-License-Identifier: Apache-2.0
"""Probabilistic bias analysis: bias parameters from uniform draws that are given, and what many corrected estimates say together.

Draws are arguments: the same draws give the same result. Source: Lash, Fox and Fink 2021, ch. 8; Fox, MacLehose and Lash, Int J Epidemiol
2023;52:1624. Nothing is corrected here: bias_tables.py does that.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Ratios: median and simulation limits of the systematic error alone, and with sampling error; draws, and the share impossible.

    A draw is impossible where its parameters cannot have given the table; it is left out. Many of them (a tenth) mean that the
    distributions contradict the data: say so with the result.
    """

    median: float
    systematic: Limits
    total_median: float
    total: Limits
    draws: int
    impossible: int


def summary(log_ratio: Floats, error: Floats | float, normal: Floats, *, level: float = 0.95) -> Uncertain:
    """What the draws (k,) say: log ratios as corrected (NaN: impossible), their standard errors, and standard normal draws (k,).

    Sampling error enters as log ratio − normal · error. Limits are quantiles (linear between order statistics).
    Raises BadInput ``bias-no-draw`` (none possible), ``bias-draws`` (lengths differ).
    """
    errors = np.broadcast_to(np.asarray(error, dtype=np.float64), np.shape(log_ratio))
    if np.ndim(log_ratio) != 1 or np.shape(normal) != np.shape(log_ratio):
        raise BadInput("bias-draws")
    possible = np.isfinite(log_ratio) & np.isfinite(errors)
    if not possible.any():
        raise BadInput("bias-no-draw", draws=len(log_ratio))
    systematic = log_ratio[possible]
    total = systematic - normal[possible] * errors[possible]
    at = [0.5, (1 - level) / 2, (1 + level) / 2]
    middle, low, high = (float(value) for value in np.exp(np.quantile(systematic, at)))
    total_middle, total_low, total_high = (float(value) for value in np.exp(np.quantile(total, at)))
    return Uncertain(
        median=middle,
        systematic=(low, high),
        total_median=total_middle,
        total=(total_low, total_high),
        draws=len(log_ratio),
        impossible=int(len(log_ratio) - possible.sum()),
    )


def beta(uniform: Floats, yes: float, no: float) -> Floats:
    """Draws of a share from Beta(yes, no), as after a validation study; by the inverse distribution. Raises BadInput ``bias-parameter``."""
    if not (yes > 0 and no > 0):
        raise BadInput("bias-parameter", parameter="beta")
    return np.asarray(betaincinv(yes, no, _open(uniform)))


def trapezoidal(uniform: Floats, low: float, from_: float, to: float, high: float) -> Floats:
    """Draws from a density that rises from ``low`` to ``from_``, is flat to ``to``, falls to ``high``; a triangle where modes meet."""
    if not low <= from_ <= to <= high or low == high:
        raise BadInput("bias-parameter", parameter="trapezoidal")
    u, height = _open(uniform), 2 / (high + to - low - from_)
    rising, flat = height * (from_ - low) / 2, height * (to - from_)
    left = low + np.sqrt(2 * u * (from_ - low) / height)
    right = high - np.sqrt(np.maximum(2 * (1 - u) * (high - to) / height, 0))
    return np.asarray(np.where(u < rising, left, np.where(u < rising + flat, from_ + (u - rising) / height, right)))


def log_normal(uniform: Floats, lower: float, upper: float, *, level: float = 0.95) -> Floats:
    """Draws of a ratio whose limits at ``level`` are given, normal on the log scale."""
    if not 0 < lower < upper < np.inf:
        raise BadInput("bias-parameter", parameter="log-normal")
    middle, reach = np.log(lower * upper) / 2, np.log(upper / lower) / 2
    return np.asarray(np.exp(middle + ndtri(_open(uniform)) * reach / -ndtri((1 - level) / 2)))


def correlated(first: Floats, second: Floats, correlation: float) -> Floats:
    """Uniform draws that go with ``first``: of the normal scores ``correlation`` is shared and the rest from ``second``.

    For accuracies in cases and in others, which are rarely independent. Raises BadInput ``bias-parameter`` outside [−1, 1].
    """
    if not -1 <= correlation <= 1:
        raise BadInput("bias-parameter", parameter="correlation")
    shared = correlation * ndtri(_open(first)) + np.sqrt(1 - correlation**2) * ndtri(_open(second))
    return np.asarray(ndtr(shared))


def _open(uniform: Floats) -> Floats:
    if not np.all((uniform > 0) & (uniform < 1)):
        raise BadInput("bias-parameter", parameter="uniform")
    return uniform
