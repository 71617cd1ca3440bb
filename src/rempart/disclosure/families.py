# SPDX-License-Identifier: Apache-2.0
"""Sums of three sets that nearly come out even: one less two others leaves few persons, or two overlap in few. Found by sketches, which add
up. Hides nothing.

Within one permit: its releases are of one hand, and their tables of one family. What is found so is a candidate; the caller proves it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rempart.records.person_sets import BLOCKS, Numbers, Sketches, Words

Three = tuple[int, int, int]  # the whole, and its two parts


def sums_of_three(family: Sketches, *, new: int, persons: int) -> list[Three]:
    """Places of one set and of two others whose sum it may be, but for 1 to ``persons`` - 1 persons that one counts and the other does not.
    Of the three some lie among the first ``new``, and some do not: what is new alone is one submission's. Equal sets are given once."""
    found: set[Three] = set()
    for block in range(min(persons, BLOCKS)):
        words = family.sums[:, block, 0]
        order = np.argsort(words, kind="stable")
        for three in _meeting(words, order, new):
            if three not in found and _apart(family, three) in range(1, persons):
                found.add(three)
    return sorted(found)


def _meeting(words: Words, order: NDArray[np.intp], new: int) -> Iterator[Three]:
    """Triples whose words of one block come out even."""
    ranked = words[order]
    for one in range(len(words)):
        others = np.arange(one + 1, len(words))
        sums = words[others] + words[one]
        first, last = (np.searchsorted(ranked, sums, side=side) for side in ("left", "right"))
        for at in np.flatnonzero(last > first):
            other = int(others[at])
            for whole in order[first[at] : last[at]]:
                if int(whole) not in (one, other) and min(one, int(whole)) < new <= max(other, int(whole)):
                    yield int(whole), one, other


def _apart(family: Sketches, three: Three) -> int:
    """In how many blocks the sum does not come out even."""
    whole, one, other = (family.sums[at] for at in three)
    return int(np.any(whole - one - other != 0, axis=1).sum())


def left_over(whole: Numbers, parts: Sequence[Numbers]) -> int:
    """How many persons are counted otherwise by the whole than by the sum of its parts."""
    everybody = np.concatenate([whole, *parts])
    signs = np.concatenate([np.ones(len(whole)), *(-np.ones(len(part)) for part in parts)])
    _, at = np.unique(everybody, return_inverse=True)
    return int(np.count_nonzero(np.bincount(at, weights=signs)))
