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
from rempart.study.estimators.matching_loops import split, take_each_once, take_freely
from rempart.study.estimators.score_input import Scored, sums_by

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)  # all bits of a number but its sign
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
    order = _sorted(scale, draw)
    sides = _sides(scale[order], order, scored.treated, draw)
    width = _caliper(scale, sides, rule)
    found = _taken(sides, draw, (rule, width))
    table = np.full((len(scale), rule.ratio), -1, dtype=np.int64)
    table[sides.treated] = np.where(found >= 0, sides.pool[found], -1)
    return _matching(table, (len(sides.treated), rule, width))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The treated in order of scale, draw and place: person, scale, place; the comparators: person, draw, and their groups."""

    treated: Ints
    score: Floats
    place: Ints
    pool: Ints
    draw: Ints
    begin: Ints
    value: Floats


def _sides(scale: Floats, order: Ints, treated: Bools, draw: Ints) -> _Sides:
    ones = int(np.count_nonzero(treated))
    others = len(order) - ones
    first, place, begin = np.empty(ones, np.int64), np.empty(ones, np.int64), np.empty(others + 1, np.int64)
    pool, draws, groups = np.empty(others, np.int64), np.empty(others, np.int64), np.empty(1, np.int64)
    score, value = np.empty(ones), np.empty(others)
    split(order, scale, treated, draw, (first, score, place, pool, draws, begin, value, groups))
    count = int(groups[0])
    return _Sides(
        treated=first,
        score=score,
        place=place,
        pool=pool,
        draw=draws,
        begin=begin[: count + 1],
        value=value[:count],
    )


def _caliper(scale: Floats, sides: _Sides, rule: MatchRule) -> float:
    if rule.caliper is None:
        return float("inf")
    if rule.spread == "all":
        return rule.caliper * float(scale.std(ddof=1))
    others = np.repeat(sides.value, np.diff(sides.begin))
    parts = [part.var(ddof=1) if len(part) > 1 else 0.0 for part in (sides.score, others)]
    return rule.caliper * float(np.sqrt(sum(parts) / 2))


def _sorted(scale: Floats, draw: Ints) -> Ints:
    """Places by scale, draw and place.

    The upper bits of the scale and the place in one whole number are sorted as such, in two thirds of the time of sorting places by
    scale. Only where the upper bits are equal does the slower sort by three keys run.
    """
    places = (len(scale) - 1).bit_length()
    bits = (scale + 0.0).view(np.int64)  # -0 becomes 0
    rising = bits ^ ((bits >> 63) & _MAGNITUDE)  # negative numbers rise as their bits fall
    below = (1 << places) - 1
    key = np.sort((rising & ~below) | np.arange(len(scale)))
    order = key & below
    upper = key >> places
    same = upper[1:] == upper[:-1]
    if same.any():
        tied = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
        of = order[tied]
        order[tied] = of[np.lexsort((of, draw[of], scale[of]))]
    return order


def _taken(sides: _Sides, draw: Ints, how: tuple[MatchRule, float]) -> Ints:
    """Of each treated, in the order of the sides, the places in the pool that it takes, (T, k), -1 for none."""
    rule, caliper = how
    size, count = len(sides.treated), len(sides.value)
    matches, many = np.full((size, rule.ratio), -1, dtype=np.int64), np.zeros(size, dtype=np.int64)
    groups = (sides.begin, sides.value, sides.draw, sides.pool)
    if rule.replace:
        take_freely((sides.score, sides.place), groups, caliper, (matches, many))
        return matches
    free = np.arange(count + 1, dtype=np.int64)
    state = (matches, many, sides.begin[:-1].copy(), free.copy(), free)
    turns = _turns(sides, draw, rule.order)
    for _ in range(rule.ratio):
        take_each_once(turns, (sides.score, sides.place), groups, caliper, state)
    return matches


def _turns(sides: _Sides, draw: Ints, order: str) -> Ints:
    """Treated come sorted by score, draw and place: the largest first keeps the lower draw first among equals."""
    turns = np.arange(len(sides.treated), dtype=np.int64)
    if order == "draw":
        return np.lexsort((sides.treated, draw[sides.treated])).astype(np.int64)
    if order == "smallest":
        return turns
    if (sides.score[1:] > sides.score[:-1]).all():
        return turns[::-1].copy()
    return np.argsort(-sides.score, kind="stable").astype(np.int64)


def _matching(table: Ints, told: tuple[int, MatchRule, float]) -> Matching:
    """``table`` (n, k): of each person the comparators that it takes, -1 for none."""
    treated, rule, width = told
    taken = table >= 0
    many = taken.sum(axis=1)
    rows = np.repeat(np.arange(len(table)), many)
    if not len(rows):
        raise BadInput("matching-none")
    comparator = table[taken]
    weights = sums_by(comparator, 1 / many[rows], len(table))
    weights[many > 0] = 1.0
    return Matching(
        treated=rows,
        comparator=comparator,
        weights=weights,
        caliper=width,
        unmatched=treated - int(np.count_nonzero(many)),
        replaced=rule.replace,
    )
