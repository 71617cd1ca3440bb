# SPDX-License-Identifier: Apache-2.0
"""A probability that steps with the days, and its pointwise limits: ``log-log`` or ``plain``. It computes no variance.

``log-log``: p ** exp(±z·se/(p·log p)), never outside 0 and 1 (Kalbfleisch & Prentice 2002, 1.4); ``plain``: p ± z·se, cut at 0 and 1.
Limits are NaN where no variance is defined. R survival gives NA for log-log limits of a curve that still stands at 1 (or 0); here they
are the value itself, since nobody has had the event yet; the width says nothing about the risk to come.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
INTERVALS = ("log-log", "plain")
_ROUNDING = 1e-12  # shares that sum to one do so up to rounding, and log p of what is left would be noise


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCurve:
    """A probability of one arm after each of its steps: ``days`` (T,), ``value``, ``error``, ``lower``, ``upper`` (T,).

    ``before`` is the value before the first step (1 survival, 0 incidence). After ``until`` nobody is followed; ``absorbed``: nobody
    was left without an event by then, so that the curve is known for ever. ``interval`` and ``variance`` name the conventions.
    """

    arm: str
    cause: str
    days: Ints
    value: Floats
    error: Floats
    lower: Floats
    upper: Floats
    before: float
    until: int
    absorbed: bool
    interval: str
    variance: str
    level: float

    def at(self, days: Ints) -> Floats:
        """Value, error, lower, upper on any days, (4, m); NaN on days when nobody is followed any more."""
        steps = np.stack([self.value, self.error, self.lower, self.upper])
        known = np.concatenate([np.array([[self.before], [0.0], [self.before], [self.before]]), steps], axis=1)
        found = known[:, np.searchsorted(self.days, days, side="right")]
        beyond = (days > self.until) & (not self.absorbed)
        return np.where(beyond, np.nan, found)


def limits(value: Floats, error: Floats, *, interval: str, level: float) -> tuple[Floats, Floats]:
    """Limits of probabilities with standard errors, same shapes. Raises BadInput ``survival-interval``."""
    if interval not in INTERVALS:
        raise BadInput("survival-interval", interval=interval)
    if interval == "log-log":
        certain = np.where(value > 1 - _ROUNDING, 1.0, value)
        relative = np.divide(error, value, out=np.zeros_like(value), where=value > 0)
        lower, upper = log_log(certain, relative, level)
        zero = (value <= 0) & (error == 0)
        return np.where(zero, 0.0, lower), np.where(zero, 0.0, upper)
    z = -float(ndtri((1 - level) / 2))
    return np.maximum(value - z * error, 0.0), np.minimum(value + z * error, 1.0)


def log_log(value: Floats, relative: Floats, level: float) -> tuple[Floats, Floats]:
    """Limits for a probability p with standard error of log p ``relative``: p ** exp(±z·se(log p)/log p)."""
    z = -float(ndtri((1 - level) / 2))
    inside = (value > 0) & (value < 1) & np.isfinite(relative)
    scale = np.divide(
        z * relative, np.abs(np.log(np.where(inside, value, 0.5))), out=np.zeros_like(value), where=inside
    )
    with np.errstate(over="ignore"):  # an exponent beyond all numbers is a limit of 0
        lower = np.where(inside, value ** np.exp(scale), np.where(value >= 1, 1.0, np.nan))
    upper = np.where(inside, value ** np.exp(-scale), np.where(value >= 1, 1.0, np.nan))
    return lower, upper
