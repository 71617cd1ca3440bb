# SPDX-License-Identifier: Apache-2.0
"""Sets of persons that differ by few from a set that was released before, in whatever project: found by their sketches. Hides nothing.

Two sets that differ by d persons differ in at most d of the 32 blocks of their sketches, and in size by at most d. What is found so is a
candidate: the caller, who has the sets, proves it. Fit for thresholds up to 32.
"""

from collections.abc import Sequence

import numpy as np

from rempart.records.person_sets import BLOCKS, Sketches


def together(earlier: Sequence[Sketches]) -> Sketches:
    """The sketches of several releases as one; the order is kept."""
    if not earlier:
        return Sketches(names=(), sizes=np.zeros(0, dtype=np.int64), sums=np.zeros((0, BLOCKS, 2), dtype=np.uint64))
    return Sketches(
        names=tuple(name for one in earlier for name in one.names),
        sizes=np.concatenate([one.sizes for one in earlier]),
        sums=np.concatenate([one.sums for one in earlier]),
    )


def candidates(new: Sketches, old: Sketches, *, persons: int) -> dict[int, list[int]]:
    """Places in ``new`` → places in ``old`` that may differ by 1 to ``persons`` - 1; none for a set that equals an old one, which tells
    nothing more."""
    order = np.argsort(old.sizes, kind="stable")
    sizes = old.sizes[order]
    found: dict[int, list[int]] = {}
    for place, size in enumerate(new.sizes):
        first, last = (int(np.searchsorted(sizes, size + step, side="left")) for step in (1 - persons, persons))
        window = order[first:last]
        apart = np.any(old.sums[window] != new.sums[place], axis=2).sum(axis=1)
        if not np.any(apart == 0):
            close = window[apart < persons]
            if len(close):
                found[place] = [int(at) for at in np.sort(close)]
    return found


def once(several: Sequence[Sketches]) -> tuple[Sketches, list[int]]:
    """As ``together``, equal sets only where they come first; and the places of those that stay. Nobody is no set."""
    whole = together(several)
    first: dict[bytes, int] = {}
    for place, sums in enumerate(whole.sums):
        if whole.sizes[place]:
            first.setdefault(sums.tobytes(), place)
    kept = list(first.values())
    return chosen(whole, kept), kept


def chosen(sketches: Sketches, places: Sequence[int]) -> Sketches:
    """Those at some places, in that order."""
    at = np.array(places, dtype=np.intp)
    names = tuple(sketches.names[place] for place in places)
    return Sketches(names=names, sizes=sketches.sizes[at], sums=sketches.sums[at])
