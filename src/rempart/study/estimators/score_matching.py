# SPDX-License-Identifier: Apache-2.0
"""Greedy nearest-neighbour matching 1:k on a propensity score or its logit, within a caliper. Not optimal, full or exact matching.

Each treated in turn takes the nearest comparator within the caliper. ``order``: ``largest`` score first (the hardest to match; R's
MatchIt's default), ``smallest``, or by the person's ``draw``. With k > 1 all treated take their first before anyone takes a second
(rounds, as MatchIt does). Ties, of turns and of distances, go to the lower draw, then to the lower place: the result depends on the
persons, not on how rows are stored. O(n log n): one sort, then a step for each match.

Caliper in standard deviations of the scale matched on: ``pooled`` √((s₁²+s₀²)/2) (Austin 2011: 0.2 of the logit's) or of ``all``
(MatchIt). Matching speaks of the treated who were matched. Errors: pairs are the units of a robust variance (``Matching.weights``
and ``pair`` go into ``weighted_contrast``); the bootstrap is not valid here (Abadie & Imbens, Econometrica 2008;76:1537).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.matching_loops import take_each_once, take_freely
from rempart.study.estimators.score_input import Scored, sums_by

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
SCALES, ORDERS, SPREADS = ("score", "logit"), ("largest", "smallest", "draw"), ("pooled", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """M pairs: ``treated`` and ``comparator`` (M,), places in the arrays given, by treated and then by round.

    ``weights`` (n,): 1 for a matched treated; for a comparator the sum over its treated of 1/(comparators which that one has);
    0 unmatched. ``caliper``: on the scale matched on. ``unmatched``: treated left without a comparator.
    """

    treated: Ints
    comparator: Ints
    weights: Floats
    caliper: float
    unmatched: int
    replaced: bool

    def sets(self) -> Ints:
        """Of each person (n,) the place of the treated of its set, its own place if unmatched. Raises BadInput ``matching-replaced``."""
        if self.replaced:
            raise BadInput("matching-replaced")
        of = np.arange(len(self.weights), dtype=np.int64)
        of[self.comparator] = self.treated
        return of


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRule:
    """How to match. Raises BadInput ``matching-rule`` (names what is not known), ``matching-ratio``, ``matching-caliper``."""

    ratio: int = 1
    replace: bool = False
    caliper: float | None = 0.2
    scale: str = "logit"
    spread: str = "pooled"
    order: str = "largest"

    def __post_init__(self) -> None:
        for name, known in ((self.scale, SCALES), (self.spread, SPREADS), (self.order, ORDERS)):
            if name not in known:
                raise BadInput("matching-rule", term=name)
        if self.ratio < 1:
            raise BadInput("matching-ratio")
        if self.caliper is not None and not 0 <= self.caliper < np.inf:
            raise BadInput("matching-caliper")


def match(scored: Scored, draw: Ints, rule: MatchRule) -> Matching:
    """Match the treated to the comparators. ``draw`` (n,) whole numbers settle all ties.

    Raises BadInput ``score-shape`` for draws that do not fit, ``matching-none`` when nobody is within the caliper.
    """
    if draw.shape != scored.score.shape or not np.issubdtype(draw.dtype, np.integer):
        raise BadInput("score-shape", term="draw")
    scale = scored.score if rule.scale == "score" else scored.logit()
    width = _caliper(scale, scored.treated, rule)
    order = _sorted(scale, draw)
    is_treated = scored.treated[order]
    treated, pool = order[is_treated], order[~is_treated]
    found = _taken(scale, draw, (treated, pool), (rule, width))
    rows, columns = np.nonzero(found >= 0)
    if not len(rows):
        raise BadInput("matching-none")
    return _matching(scored, (treated[rows], pool[found[rows, columns]]), rule, width)


def _caliper(scale: Floats, treated: Bools, rule: MatchRule) -> float:
    if rule.caliper is None:
        return float("inf")
    if rule.spread == "all":
        return rule.caliper * float(scale.std(ddof=1))
    parts = [scale[of].var(ddof=1) if of.sum() > 1 else 0.0 for of in (treated, ~treated)]
    return rule.caliper * float(np.sqrt(sum(parts) / 2))


def _sorted(scale: Floats, draw: Ints) -> Ints:
    """Places by scale, draw and place; only where scales are equal does the slower sort by three keys run."""
    order = np.argsort(scale).astype(np.int64)
    value = scale[order]
    same = value[1:] == value[:-1]
    if same.any():
        tied = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
        of = order[tied]
        order[tied] = of[np.lexsort((of, draw[of], scale[of]))]
    return order


def _taken(scale: Floats, draw: Ints, sides: tuple[Ints, Ints], how: tuple[MatchRule, float]) -> Ints:
    """Of each treated, in the order given, the places in the pool that it takes, (T, k), -1 for none."""
    (treated, pool), (rule, caliper) = sides, how
    score, value = scale[treated], scale[pool]
    first = np.flatnonzero(np.r_[True, value[1:] > value[:-1]])
    begin = np.r_[first, len(pool)].astype(np.int64)
    place = np.searchsorted(value[first], score).astype(np.int64)
    matches = np.full((len(treated), rule.ratio), -1, dtype=np.int64)
    many = np.zeros(len(treated), dtype=np.int64)
    groups = (begin, value[first], draw[pool], pool)
    if rule.replace:
        take_freely((score, place), groups, caliper, (matches, many))
        return matches
    free = np.arange(len(first) + 1, dtype=np.int64)
    state = (matches, many, begin[:-1].copy(), free.copy(), free)
    turns = _turns(score, (draw[treated], treated), rule.order)
    for _ in range(rule.ratio):
        take_each_once(turns, (score, place), groups, caliper, state)
    return matches


def _turns(score: Floats, ties: tuple[Ints, Ints], order: str) -> Ints:
    """Treated come sorted by score, draw and place (``ties``): the largest first keeps the lower draw first among equals."""
    if order == "draw":
        return np.lexsort(ties[::-1]).astype(np.int64)
    turns = np.arange(len(score), dtype=np.int64)
    if order == "smallest":
        return turns
    return np.argsort(-score, kind="stable").astype(np.int64)


def _matching(scored: Scored, pairs: tuple[Ints, Ints], rule: MatchRule, width: float) -> Matching:
    treated, comparator = pairs
    order = np.argsort(treated, kind="stable")
    treated, comparator = treated[order], comparator[order]
    size = len(scored.score)
    many = np.bincount(treated, minlength=size)
    weights = sums_by(comparator, 1 / many[treated], size)
    weights[many > 0] = 1.0
    return Matching(
        treated=treated,
        comparator=comparator,
        weights=weights,
        caliper=width,
        unmatched=int(scored.treated.sum() - (many > 0).sum()),
        replaced=rule.replace,
    )
