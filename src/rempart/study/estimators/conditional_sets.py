# SPDX-License-Identifier: Apache-2.0
"""Sets of rows of which the events of each set fell on some: made from plain rows, and identical ones put together first.

A set is a person (case series), a matched set, a person's days (case-crossover) or a stratum of time and place. This file makes and
groups them; it fits nothing. Grouping is exact: sets with the same covariate rows and sizes differ in their events alone, and the
multinomial likelihood is linear in these, so their sum is all it needs (reference statistics 2.4). Patterns are found by a 64-bit
hash and then compared number by number: a collision costs time, never a digit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """S sets with R rows, one after another: rows ``start[s]:start[s+1]`` are set s.

    ``x`` (U, p): distinct covariate rows. Of each row: ``code`` (R,) its place in ``x``; ``size`` (R,) > 0, its days at risk or persons
    (the exponential of an offset); ``events`` (R,) ≥ 0. ``start`` (S+1,) ascending from 0 to R.
    """

    x: Floats
    code: Ints
    size: Floats
    events: Floats
    start: Ints

    @property
    def count(self) -> int:
        """How many sets."""
        return len(self.start) - 1

    def totals(self) -> Floats:
        """Events of each set (S,)."""
        return add_up(self.events, self.start)


def add_up(values: NDArray[np.generic], start: Ints) -> Floats:
    """Sums of ``values`` over each set; no set may be empty."""
    return np.asarray(np.add.reduceat(values, start[:-1])) if len(start) > 1 else np.zeros(0)


def sets_of(stratum: Ints, x: Floats, events: Floats, size: Floats | None = None) -> Sets:
    """Sets from rows in any order: ``stratum`` (R,) names a row's set; ``x`` (R, p); ``size`` 1 where it is not given.

    Raises BadInput ``conditional-not-finite`` for a size that is not a positive number or events that are not counts.
    """
    size = np.ones(len(stratum)) if size is None else size
    if not (np.all(np.isfinite(size)) and np.all(size > 0)):
        raise BadInput("conditional-not-finite", term="size")
    if not (np.all(np.isfinite(events)) and np.all(events >= 0)):
        raise BadInput("conditional-not-finite", term="events")
    order = np.argsort(stratum, kind="stable")
    stratum = stratum[order]
    first = np.flatnonzero(np.r_[True, stratum[1:] != stratum[:-1]]) if len(stratum) else np.zeros(0, dtype=np.int64)
    table, code = distinct_rows(x[order])
    return Sets(x=table, code=code, size=size[order], events=events[order], start=np.r_[first, len(stratum)])


def distinct_rows(x: Floats) -> tuple[Floats, Ints]:
    """Distinct rows of ``x`` (U, p) and each row's place among them (R,)."""
    if not len(x) or not x.shape[1]:
        return x[:1], np.zeros(len(x), dtype=np.int64)
    # Adding zero turns -0 into 0, which has other bits.
    words = np.ascontiguousarray(x + 0.0).view(np.uint64)
    mark = np.zeros(len(x), dtype=np.uint64)
    for column in range(words.shape[1]):
        mark = mixed(words[:, column] ^ mixed(mark))
    first, kind = _alike(mark)
    # In order of first appearance, so that looking rows up walks through memory and does not jump.
    order = np.argsort(first)
    index, code = first[order], np.argsort(order)[kind]
    if not np.array_equal(x[index][code], x):
        return x, np.arange(len(x))
    return x[index], np.asarray(code, dtype=np.int64)


def _alike(mark: Words) -> tuple[Ints, Ints]:
    """First place of each distinct mark, and which of them each place has: ``np.unique`` with a faster sort."""
    order = np.argsort(mark)
    new = np.diff(mark[order], prepend=~mark[order[:1]]) != 0
    kind = np.empty(len(mark), dtype=np.int64)
    kind[order] = np.cumsum(new) - 1
    return np.minimum.reduceat(order, np.flatnonzero(new)), kind


def mixed(words: Words) -> Words:
    """A 64-bit word scrambled (the finaliser of splitmix64, Steele et al. 2014, public domain)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def telling(sets: Sets) -> Sets:
    """The sets that have an event and more than one row: the others say nothing, whatever the coefficients."""
    rows = np.diff(sets.start)
    keep = (sets.totals() > 0) & (rows > 1)
    if keep.all():
        return sets
    kept = np.repeat(keep, rows)
    return Sets(
        x=sets.x,
        code=sets.code[kept],
        size=sets.size[kept],
        events=sets.events[kept],
        start=np.r_[0, np.cumsum(rows[keep])],
    )


def merged(sets: Sets) -> Sets:
    """Rows of one set with the same covariates put together (sizes and events add), and in the order of their codes."""
    owner = np.repeat(np.arange(sets.count), np.diff(sets.start))
    key = owner * len(sets.x) + sets.code
    if np.all(key[1:] > key[:-1]):
        return sets
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.r_[True, (key := key[order])[1:] != key[:-1]])
    bounds = np.r_[first, len(key)]
    owner = owner[order][first]
    return Sets(
        x=sets.x,
        code=sets.code[order][first],
        size=add_up(sets.size[order], bounds),
        events=add_up(sets.events[order], bounds),
        start=np.searchsorted(owner, np.arange(sets.count + 1)),
    )


def same_patterns(start: Ints, code: Ints, tag: Floats) -> Ints:
    """For each set the first set with the same rows (``code`` and ``tag``, in order): (S,). Sets are canonical beforehand."""
    rows, count = np.diff(start), len(start) - 1
    place = np.arange(len(code)) - np.repeat(start[:-1], rows)
    words = mixed(code.astype(np.uint64) ^ mixed((tag + 0.0).view(np.uint64) ^ mixed(place.astype(np.uint64))))
    first, kind = _alike(np.add.reduceat(words, start[:-1]))
    like = first[kind]
    if not np.array_equal(rows, rows[like]):
        return np.arange(count)
    there = np.repeat(start[like], rows) + place
    same = np.array_equal(code, code[there]) and np.array_equal(tag, tag[there])
    return like if same else np.arange(count)


def grouped(sets: Sets) -> Sets:
    """The same likelihood on fewer sets: equal rows in a set merged, equal sets added."""
    if not sets.count:
        return sets
    sets = merged(sets)
    like = same_patterns(sets.start, sets.code, sets.size)
    kept = like == np.arange(sets.count)
    if kept.all():
        return sets
    rows = np.diff(sets.start)
    start = np.r_[0, np.cumsum(rows[kept])]
    moved = np.cumsum(kept) - 1  # the new number of a kept set
    place = np.arange(len(sets.code)) - np.repeat(sets.start[:-1], rows)
    target = np.repeat(start[moved[like]], rows) + place
    row = np.repeat(kept, rows)
    events = np.asarray(np.bincount(target, weights=sets.events, minlength=int(start[-1])), dtype=np.float64)
    return Sets(x=sets.x, code=sets.code[row], size=sets.size[row], events=events, start=start)
