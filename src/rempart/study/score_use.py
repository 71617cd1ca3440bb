# SPDX-License-Identifier: Apache-2.0
"""What a propensity score makes of the persons of a comparison: weights, strata or matched sets. Fits no outcome."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.records.scores import LASSO, MATCHING, OVERLAP, STRATA, TREATED, WEIGHTS, ScoreUse
from rempart.study.estimators.score_influence import weight_slopes
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_matching import MatchRule, match
from rempart.study.estimators.score_strata import score_strata
from rempart.study.estimators.score_weights import truncate, weights
from rempart.study.scored import draws

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TARGET_OF = {WEIGHTS: "all", TREATED: "treated", OVERLAP: "overlap"}
_MATCH_DRAW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """``weight`` (n,), 0 for whom nobody was found; ``stratum`` (n,) of a stratified model; ``unit`` (n,): whose errors go together;
    ``slopes`` (n,): ∂log weight/∂η where the score's estimation is allowed for."""

    weight: Floats
    stratum: Ints | None = None
    unit: Ints | None = None
    slopes: Floats | None = None


def compared(scored: Scored, use: ScoreUse, seed: int) -> Compared:
    """The use of a score. Raises BadInput ``score-*`` and ``matching-*`` of the estimators."""
    if use.adjustment == MATCHING:
        return _matched(scored, use, seed)
    if use.adjustment == STRATA:
        found = score_strata(scored, count=use.strata, quantiles_of="all")
        return Compared(weight=found.weights(target="all"), stratum=found.number)
    target = TARGET_OF[use.adjustment]
    weight = weights(scored, target=target)
    slopes = None if use.score_model == LASSO else weight_slopes(scored, target)
    if use.truncation:
        held = truncate(weight, upper=1 - use.truncation)
        weight = held.weight
        slopes = None if slopes is None else np.where(held.changed, 0.0, slopes)
    return Compared(weight=weight, slopes=slopes)


def _matched(scored: Scored, use: ScoreUse, seed: int) -> Compared:
    draw = draws(seed, len(scored.score), use=_MATCH_DRAW) >> np.uint64(1)
    rule = MatchRule(ratio=use.ratio, caliper=use.caliper or None, order="draw")
    found = match(scored, draw.astype(np.int64), rule)
    return Compared(weight=found.weights, unit=found.sets())
