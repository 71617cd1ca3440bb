# SPDX-License-Identifier: Apache-2.0
"""Sums of three sets that nearly come out even: one less two others leaves few persons, or two overlap in few. Found by sketches, which add
up. Hides nothing.

A new set beside any two that were shown, whoever showed them (docs/adr/0073). What is found so is a candidate; the caller proves it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.records.person_sets import BLOCKS, Numbers, Sketches, Words

Three = tuple[int, int, int]  # the whole, and its two parts
Places = NDArray[np.intp]

_PAIRS = 1 << 20  # held in memory at a time
_BITS = 20  # of a word by which most of those that meet none are told at once
_SIGNS = ((1, 1), (1, -1), (-1, 1))  # of a new set and an old one: what they give is the third


def sums_of_three(family: Sketches, *, new: int, persons: int) -> list[Three]:
    """Places of one set and of two others whose sum it may be, but for 1 to ``persons`` - 1 persons that one counts and the other does not.
    Of the three some lie among the first ``new``, and some do not: what is new alone is one submission's. Equal sets are given once."""
    old = len(family.sizes) - new
    found: set[Three] = set()
    if new and old:
        # so few persons leave one group of blocks at least as it is
        groups = [_Group.of(family, at, min(persons, BLOCKS)) for at in range(min(persons, BLOCKS))]
        rows = max(1, _PAIRS // old)
        for first in range(0, new, rows):
            for signs in _SIGNS:
                pairs = _fitting(family.sizes, range(first, min(first + rows, new)), new, signs, persons)
                for group in groups:
                    found |= set(_even(family, group.third(pairs, signs), signs, persons))
    return sorted(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The words of some blocks, summed: of each set, ranked, and by their last bits whether any set has such a word."""

    words: Words
    order: Places
    ranked: Words
    any: NDArray[np.bool_]

    @classmethod
    def of(cls, family: Sketches, at: int, groups: int) -> "_Group":
        """Every block of number ``at`` mod ``groups``."""
        words = family.sums[:, at::groups, 0].sum(axis=1, dtype=np.uint64)
        order = np.argsort(words, kind="stable")
        present = np.zeros(1 << _BITS, dtype=np.bool_)
        present[_last_bits(words)] = True
        return cls(words=words, order=order, ranked=words[order], any=present)

    def third(self, pairs: tuple[Places, Places], signs: tuple[int, int]) -> tuple[Places, Places, Places]:
        """Each pair beside every set whose word is what the pair gives."""
        one, other = pairs
        wanted = _given(self.words, pairs, signs)
        some = np.flatnonzero(self.any[_last_bits(wanted)])
        first, last = (np.searchsorted(self.ranked, wanted[some], side=side) for side in ("left", "right"))
        times = last - first
        within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
        return (
            np.repeat(one[some], times),
            np.repeat(other[some], times),
            self.order[np.repeat(first, times) + within],
        )


def _last_bits(words: Words) -> Places:
    return (words & np.uint64((1 << _BITS) - 1)).astype(np.intp)


def _given(words: Words, pairs: tuple[Places, Places], signs: tuple[int, int]) -> Words:
    """Of a pair: its sum, or what one is more than the other."""
    one, other = (words[places] for places in pairs)
    if signs == (1, 1):
        return one + other
    return one - other if signs == (1, -1) else other - one


def _fitting(sizes: Numbers, fresh: range, new: int, signs: tuple[int, int], persons: int) -> tuple[Places, Places]:
    """New and old sets beside which some third has about the size that they give: who lies in both parts and not in the whole makes two."""
    width = 2 * persons
    told = (sizes // width) + 1
    fits = np.zeros(int(told.max()) + 3, dtype=np.bool_)
    for step in (-1, 0, 1):
        fits[told + step] = True
    given = signs[0] * sizes[fresh.start : fresh.stop, None] + signs[1] * sizes[None, new:]
    rows, columns = np.nonzero(fits[np.clip(given // width + 1, -1, len(fits) - 1)])
    return rows + fresh.start, columns + new


def _even(
    family: Sketches, three: tuple[Places, Places, Places], signs: tuple[int, int], persons: int
) -> Iterator[Three]:
    """Of three sets those whose sizes come out about even, and their sums in all but a few blocks."""
    one, other, third = three
    beyond = signs[0] * family.sizes[one] + signs[1] * family.sizes[other] - family.sizes[third]
    kept = np.flatnonzero((np.abs(beyond) < 2 * persons) & (third != one) & (third != other))
    for some in np.array_split(kept, len(kept) // 10_000 + 1):
        a, b, c = one[some], other[some], third[some]
        apart = np.any(_given(family.sums, (a, b), signs) != family.sums[c], axis=2).sum(axis=1)
        for at in np.flatnonzero((apart > 0) & (apart < persons)):
            places = int(a[at]), int(b[at]), int(c[at])
            whole = places[2 if signs == (1, 1) else signs.index(1)]
            first, second = sorted({*places} - {whole})
            yield whole, first, second


def left_over(whole: Numbers, parts: Sequence[Numbers]) -> int:
    """How many persons are counted otherwise by the whole than by the sum of its parts."""
    everybody = np.concatenate([whole, *parts])
    signs = np.concatenate([np.ones(len(whole)), *(-np.ones(len(part)) for part in parts)])
    _, at = np.unique(everybody, return_inverse=True)
    return int(np.count_nonzero(np.bincount(at, weights=signs)))
