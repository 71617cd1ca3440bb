# SPDX-License-Identifier: Apache-2.0
"""Bootstrap over persons by weights that come from each person's draw: no generator, the same numbers however the rows are cut.

In replicate b a person counts Poisson(1) times, from a hash of the draw and b: sampling persons with replacement, without a total that
all shards must share (Chamandy et al. 2012). All rows of a person carry the same weight, so clones and time-varying rows stay together.
The statistic does everything anew in each replicate (score, weights, trimming, models), else its error is too small.

Not for nearest-neighbour matching: its bootstrap variance is wrong even without bias (Abadie & Imbens, Econometrica 2008;76:1537),
and is refused by name. Intervals: percentile, and normal from the standard deviation of the replicates.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, pdtr

from rempart.errors import BadInput, Refused

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
COMPARED_BY = ("nothing", "model", "strata", "weights", "clone-censor-weight", "nearest-neighbour")
_STEPS = np.asarray(pdtr(np.arange(18), 1.0), dtype=np.float64)  # the chance of 18 or more is below 1e-16


def replicate_weights(draw: Ints, replicate: int) -> Floats:
    """How often each person (n,) counts in a replicate: Poisson of mean 1, the same for the same draw and replicate.

    Uniform numbers are the finaliser of SplitMix64 (Steele, Lea & Flood 2014) on draw and replicate. Persons who share a draw share
    the weight. Raises BadInput ``bootstrap-replicates`` for a negative replicate.
    """
    if replicate < 0:
        raise BadInput("bootstrap-replicates")
    salt = np.uint64((0x9E3779B97F4A7C15 * (replicate + 1)) % 2**64)
    mixed = _mixed(_mixed(draw.astype(np.uint64)) ^ salt)
    uniform = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.searchsorted(_STEPS, uniform, side="right").astype(np.float64)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)), dtype=np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """``estimate`` (q,) on the persons as they are; ``replicates`` (B, q); ``failed`` replicates gave no answer and are not among B."""

    estimate: Floats
    replicates: Floats
    failed: int

    def error(self) -> Floats:
        """Standard deviation of the replicates, (q,)."""
        return np.asarray(self.replicates.std(axis=0, ddof=1), dtype=np.float64)

    def percentile(self, *, level: float = 0.95) -> tuple[Floats, Floats]:
        """Quantiles (R's type 7) of the replicates, (q,) each."""
        tail = (1 - level) / 2
        low, high = np.quantile(self.replicates, [tail, 1 - tail], axis=0)
        return low, high

    def normal(self, *, level: float = 0.95) -> tuple[Floats, Floats]:
        """Estimate plus and minus z standard deviations of the replicates, (q,) each."""
        width = -float(ndtri((1 - level) / 2)) * self.error()
        return self.estimate - width, self.estimate + width


def bootstrap(statistic: Callable[[Floats], Floats], draw: Ints, *, replicates: int, compared_by: str) -> Bootstrap:
    """``statistic`` of person weights (n,) gives q numbers; it is called with ones and then once a replicate.

    ``compared_by`` says how the arms are made comparable within it. A replicate that raises BadInput (an empty arm, separation) or is
    not finite counts as ``failed``. Raises Refused ``bootstrap-nearest-neighbour``; BadInput ``bootstrap-compared-by``,
    ``bootstrap-replicates`` (below 2), ``bootstrap-failed`` when more than one in ten failed: what is left is not a sample of all.
    """
    if compared_by == "nearest-neighbour":
        raise Refused("bootstrap-nearest-neighbour")
    if compared_by not in COMPARED_BY:
        raise BadInput("bootstrap-compared-by", term=compared_by)
    if replicates < 2:
        raise BadInput("bootstrap-replicates")
    estimate = np.atleast_1d(np.asarray(statistic(np.ones(len(draw))), dtype=np.float64))
    found = [_once(statistic, replicate_weights(draw, b)) for b in range(replicates)]
    kept = [one for one in found if one is not None]
    if len(kept) < 2 or 10 * (replicates - len(kept)) > replicates:
        raise BadInput("bootstrap-failed")
    return Bootstrap(estimate=estimate, replicates=np.vstack(kept), failed=replicates - len(kept))


def _once(statistic: Callable[[Floats], Floats], weight: Floats) -> Floats | None:
    try:
        found = np.atleast_1d(np.asarray(statistic(weight), dtype=np.float64))
    except BadInput:
        return None
    return found if np.isfinite(found).all() else None
