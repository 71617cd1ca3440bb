# SPDX-License-Identifier: Apache-2.0
"""Weights from a propensity score e, by whom they speak of (the target population), and how many persons they are worth.

| target      | treated      | comparator   | speaks of                                                              |
|-------------|--------------|--------------|------------------------------------------------------------------------|
| ``all``     | 1/e          | 1/(1-e)      | everybody (ATE)                                                        |
| ``treated`` | 1            | e/(1-e)      | the treated (ATT)                                                      |
| ``untreated``| (1-e)/e     | 1            | the comparators (ATC)                                                  |
| ``overlap`` | 1-e          | e            | those who might have had either (Li, Morgan & Zaslavsky 2018)          |
| ``matching``| min(e,1-e)/e | min(e,1-e)/(1-e) | as 1:1 matching without its losses (Li & Greene 2013)              |

``stabilised`` multiplies each arm by its share of persons (``all``: Robins, Hernán & Brumback 2000) or so that the weighted arm has
the size of its persons (others): contrasts that normalise within the arm (``weighted_contrast``) do not change, models with a shared
intercept do. Weights are taken as known: the variance that follows is too wide rather than too narrow for ``all`` (Lunceford &
Davidian 2004). Not here: scores of several treatments, calibrated or entropy-balancing weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.score_input import Scored, check_weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TARGETS = ("all", "treated", "untreated", "overlap", "matching")


def weights(scored: Scored, *, target: str = "all", stabilised: bool = False) -> Floats:
    """Weights (n,) of the table above, all above zero. Raises BadInput ``score-target``."""
    if target not in TARGETS:
        raise BadInput("score-target", target=target)
    e, treated = scored.score, scored.treated
    tilt = {
        "all": np.ones_like(e),
        "treated": e,
        "untreated": 1 - e,
        "overlap": e * (1 - e),
        "matching": np.minimum(e, 1 - e),
    }[target]
    found = tilt / np.where(treated, e, 1 - e)
    return stabilise(found, treated, by_share=target == "all") if stabilised else found


def stabilise(weight: Floats, treated: Bools, *, by_share: bool) -> Floats:
    """Each arm's weights times its share of persons, or so that they sum to its persons."""
    out = np.empty_like(weight)
    for of in (treated, ~treated):
        out[of] = weight[of] * (of.mean() if by_share else of.sum() / weight[of].sum())
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated:
    """``weight`` (n,) held within [``lower``, ``upper``]; ``changed`` (n,) marks who was."""

    weight: Floats
    lower: float
    upper: float
    changed: Bools


def truncate(weight: Floats, *, lower: float = 0.0, upper: float = 0.99) -> Truncated:
    """Weights beyond these quantiles (R's type 7) set to them (Cole & Hernán 2008).

    Raises BadInput ``score-quantiles`` unless 0 <= lower < upper <= 1, ``score-weight``.
    """
    if not 0 <= lower < upper <= 1:
        raise BadInput("score-quantiles")
    if not len(weight) or not np.isfinite(weight).all() or weight.min() < 0:
        raise BadInput("score-weight")
    low, high = (float(value) for value in np.quantile(weight, [lower, upper]))
    return Truncated(weight=np.clip(weight, low, high), lower=low, upper=high, changed=(weight < low) | (weight > high))


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSize:
    """(Σw)²/Σw² of each arm (Kish 1965): that many persons of equal weight would tell as much; and each arm's largest weight."""

    treated: float
    comparator: float
    largest_treated: float
    largest_comparator: float


def effective_size(weight: Floats, treated: Bools) -> EffectiveSize:
    """How many persons the weights are worth. Raises BadInput as ``check_weights``."""
    check_weights(weight, treated)
    ones, others = weight[treated], weight[~treated]
    return EffectiveSize(
        treated=float(ones.sum() ** 2 / (ones**2).sum()),
        comparator=float(others.sum() ** 2 / (others**2).sum()),
        largest_treated=float(ones.max()),
        largest_comparator=float(others.max()),
    )
