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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.matching_loops import split, take_each_once, take_freely, tell
from rempart.study.estimators.score_input import Scored

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Places = NDArray[np.signedinteger[Any]]
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
    sides = _sides(scale, _sorted(scale, scored.treated, draw), int(np.count_nonzero(scored.treated)))
    width = _caliper(scale, sides, rule)
    return _matching(sides, _taken(sides, draw, (rule, width)), (len(scale), rule, width))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The treated in order of scale, draw and place: person, scale, place; the comparators: person, and their groups."""

    treated: Places
    score: Floats
    place: Places
    pool: Places
    begin: Places
    value: Floats


def _place_type(size: int) -> type[np.signedinteger[Any]]:
    """Half of the memory to walk through where places fit in it."""
    return np.int32 if size < np.iinfo(np.int32).max else np.int64


def _sides(scale: Floats, code: Ints, ones: int) -> _Sides:
    """``code`` (n,) as ``_sorted`` gives it; ``ones`` of them are treated."""
    others = len(code) - ones
    small = _place_type(len(code))
    first, place, pool, begin = (np.empty(size + 1, small) for size in (ones, ones, others, others))
    score, value, groups = np.empty(ones + 1), np.empty(others + 1), np.empty(1, np.int64)
    split(code, np.sort(scale), (first, score, place, pool, begin, value, groups))
    count = int(groups[0])
    return _Sides(
        treated=first[:ones],
        score=score[:ones],
        place=place[:ones],
        pool=pool[:others],
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


def _sorted(scale: Floats, treated: Bools, draw: Ints) -> Ints:
    """Persons by scale, draw and place, each as twice the place, and 1 for a treated.

    The upper bits of the scale and that code in one whole number are sorted as such, in two thirds of the time of sorting places by
    scale. Only where the upper bits are equal does the slower sort by three keys run.
    """
    places = (2 * len(scale) - 1).bit_length()
    below = (1 << places) - 1
    key = (scale + 0.0).view(
        np.int64
    )  # a copy, in which -0 is 0; all is done in it, since new memory costs more than the work
    falling = key >> 63
    falling &= _MAGNITUDE
    key ^= falling  # negative numbers rise as their bits fall
    key &= ~below
    key |= np.arange(0, 2 * len(scale), 2)
    key += treated
    key.sort()
    code = key & below
    key >>= places
    same = key[1:] == key[:-1]
    if same.any():
        tied = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
        of = code[tied]
        code[tied] = of[np.lexsort((of, draw[of >> 1], scale[of >> 1]))]
    return code


def _taken(sides: _Sides, draw: Ints, how: tuple[MatchRule, float]) -> Places:
    """Of each treated, in the order of the sides, the places in the pool that it takes, (T, k), -1 for none."""
    rule, caliper = how
    size, count, small = len(sides.treated), len(sides.value), sides.pool.dtype
    matches, many = np.full((size, rule.ratio), -1, dtype=small), np.zeros(size, dtype=small)
    groups = (sides.begin, sides.value, draw, sides.pool)
    if rule.replace:
        take_freely((sides.score, sides.place), groups, caliper, (matches, many))
        return matches
    free = np.arange(count + 1, dtype=small)
    state = (matches, many, sides.begin[:-1].copy(), free.copy(), free)
    turns = _turns(sides, draw, rule.order)
    for _ in range(rule.ratio):
        take_each_once(turns, (sides.score, sides.place), groups, caliper, state)
    return matches


def _turns(sides: _Sides, draw: Ints, order: str) -> Places:
    """Treated come sorted by score, draw and place: the largest first keeps the lower draw first among equals."""
    turns = np.arange(len(sides.treated), dtype=sides.treated.dtype)
    if order == "draw":
        return np.lexsort((sides.treated, draw[sides.treated])).astype(turns.dtype)
    if order == "smallest":
        return turns
    if (sides.score[1:] > sides.score[:-1]).all():
        return turns[::-1].copy()
    return np.argsort(-sides.score, kind="stable").astype(turns.dtype)


def _matching(sides: _Sides, taken: Places, told: tuple[int, MatchRule, float]) -> Matching:
    """``taken`` (T, k) as ``_taken`` gives it."""
    persons, rule, width = told
    most = int(np.count_nonzero(taken >= 0))
    if not most:
        raise BadInput("matching-none")
    ones, others = np.empty(most + 1, np.int64), np.empty(most + 1, np.int64)
    once = rule.ratio == 1 and not rule.replace  # weights are 0 or 1: a small array, since it is written in no order
    weights, matched = np.zeros(persons, np.int8 if once else np.float64), np.zeros(1, np.int64)
    table = np.full((persons, rule.ratio), -1, sides.pool.dtype)
    tell(sides.treated, sides.pool, taken, table, (ones, others, weights, matched))
    return Matching(
        treated=ones[:most],
        comparator=others[:most],
        weights=weights.astype(np.float64),
        caliper=width,
        unmatched=len(sides.treated) - int(matched[0]),
        replaced=rule.replace,
    )
