# SPDX-License-Identifier: Apache-2.0
"""What the uses of a propensity score start from: scores, arms and weights, validated at birth. It estimates no score and compares nothing.

A score is a person's chance of the treatment given the covariates, strictly between 0 and 1: at 0 or 1 nobody could have been
compared (positivity), and inverse weights are infinite. Errors name the arm and never a number of persons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """``score`` (n,) in (0, 1) and ``treated`` (n,) bool: who had the treatment, who the comparator.

    Raises BadInput ``score-shape``, ``score-not-finite``, ``score-zero-or-one``, ``score-empty-arm`` (names the arm).
    """

    score: Floats
    treated: Bools

    def __post_init__(self) -> None:
        if self.score.ndim != 1 or self.score.dtype != np.float64:
            raise BadInput("score-shape", term="score")
        check_arms(self.treated, len(self.score))
        if not np.isfinite(self.score).all():
            raise BadInput("score-not-finite")
        if self.score.min() <= 0 or self.score.max() >= 1:
            raise BadInput("score-zero-or-one")

    def logit(self) -> Floats:
        """log(e / (1 - e)), (n,)."""
        return np.asarray(np.log(self.score) - np.log1p(-self.score), dtype=np.float64)

    def shared_range(self) -> tuple[float, float]:
        """Lowest and highest score that lie within both arms' ranges. Raises BadInput ``score-no-overlap``."""
        ones, others = self.score[self.treated], self.score[~self.treated]
        low, high = max(ones.min(), others.min()), min(ones.max(), others.max())
        if low > high:
            raise BadInput("score-no-overlap")
        return float(low), float(high)


def check_arms(treated: Bools, size: int) -> None:
    """True or false for each person, and somebody in each arm. Raises BadInput ``score-shape``, ``score-empty-arm``."""
    if treated.shape != (size,) or treated.dtype != np.bool_:
        raise BadInput("score-shape", term="treated")
    if not treated.any():
        raise BadInput("score-empty-arm", arm="treated")
    if treated.all():
        raise BadInput("score-empty-arm", arm="comparator")


def check_weights(weight: Floats, treated: Bools) -> None:
    """Finite, never negative, above zero for somebody in each arm. A weight of zero is somebody left out (unmatched, trimmed).

    Raises BadInput ``score-shape``, ``score-weight``, ``score-weights-all-zero`` (names the arm).
    """
    if weight.shape != treated.shape or weight.dtype != np.float64:
        raise BadInput("score-shape", term="weight")
    if not np.isfinite(weight).all() or weight.min(initial=0.0) < 0:
        raise BadInput("score-weight")
    for arm, of in (("treated", treated), ("comparator", ~treated)):
        if not (weight[of] > 0).any():
            raise BadInput("score-weights-all-zero", arm=arm)


def sums_by(of: Ints, values: Floats, size: int = 0) -> Floats:
    """Sums of ``values`` (n,) by place ``of`` (n,), for ``size`` places at least."""
    return np.bincount(of, weights=values, minlength=size).astype(np.float64)


def check_units(unit: Ints | None, size: int) -> Ints:
    """Whose rows these are, as 0 … U-1 (each row its own where none is given). Raises BadInput ``score-shape``."""
    if unit is None:
        return np.arange(size, dtype=np.int64)
    if unit.shape != (size,) or not np.issubdtype(unit.dtype, np.integer):
        raise BadInput("score-shape", term="unit")
    return np.asarray(np.unique(unit, return_inverse=True)[1], dtype=np.int64)
