# SPDX-License-Identifier: Apache-2.0
"""Sums that tie the cells of case series and of matched sets: windows of an exposure, models, exposures. Suppresses nothing itself."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from rempart.disclosure.cells import ALL, Cells, Key, Place, without

WINDOW, REFERENCE = "window", "reference"  # arms of a case series
EXPOSED, OTHER = "exposed", "other exposure"  # arms of matched sets


class Ties(Protocol):
    """Where sums are noted (``margins.Lines``)."""

    def total(self, whole: str, parts: Sequence[str]) -> None:
        """``whole`` is the sum of ``parts`` and perhaps a rest."""

    def within(self, whole: str, part: str) -> None:
        """``part`` lies within ``whole``."""

    def same(self, one: str, other: str) -> None:
        """Two cells that are one."""


def windows(places: Sequence[Place], cells: Cells, lines: Ties) -> None:
    """The windows of an exposure and its reference sum to all cases, though they stand in several rows; what several rows repeat is one."""
    for group in _apart(places, "window", "arm"):
        by_arm: dict[str, list[str]] = {}
        for place in sorted(group):
            by_arm.setdefault(dict(place.column).get("arm", ""), []).append(cells.places[place])
        for arm in (REFERENCE, ALL):
            for one, other in pairwise(by_arm.get(arm, ())):
                lines.same(one, other)
        if ALL in by_arm and WINDOW in by_arm:
            parts = [*by_arm[WINDOW], *by_arm.get(REFERENCE, ())[:1]]
            lines.total(by_arm[ALL][0], list(dict.fromkeys(parts)))


def models(places: Sequence[Place], cells: Cells, lines: Ties) -> None:
    """Crude and adjusted models of one term repeat its counts."""
    for group in _apart(places, "model"):
        for one, other in pairwise(cells.places[place] for place in sorted(group)):
            lines.same(one, other)


def terms(places: Sequence[Place], cells: Cells, lines: Ties) -> None:
    """Of two exposures, who had the other one alone lies within who had it: the rest had both."""
    for group in _apart(places, "term", "arm"):
        found = {(dict(p.row).get("term", ""), dict(p.column).get("arm", "")): cells.places[p] for p in group}
        names = sorted({term for term, _ in found})
        if len(names) == 2:
            for one, other in (names, names[::-1]):
                if (one, OTHER) in found and (other, EXPOSED) in found:
                    lines.within(found[other, EXPOSED], found[one, OTHER])


def _apart(places: Sequence[Place], *ignored: str) -> list[list[Place]]:
    """Places that differ in the ignored dimensions only."""
    found: dict[tuple[Key, Key, str], list[Place]] = {}
    for place in places:
        same = (without(place.row, *ignored), without(place.column, *ignored), place.statistic)
        found.setdefault(same, []).append(place)
    return list(found.values())
