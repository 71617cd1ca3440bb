# SPDX-License-Identifier: Apache-2.0
"""What other submissions of the same permit count in the same places: the difference of two of them is a cell too. Hides nothing itself.

A study's variants differ by an age, a day or a code; each alone may be shown, and the two together give who lies between. Places are told
by their names (output, row, column, statistic): an analysis or a level of another name is another place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rempart.disclosure.cells import BEHIND, Cells, Place, key_of
from rempart.disclosure.margins import Lines
from rempart.disclosure.policy import Policy
from rempart.records.result import ResultRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One submission: where it counts persons → how many, and whether that is shown. True counts: never leaves the check."""

    counts: Mapping[Place, tuple[int, bool]]


def remembered(rows: Sequence[ResultRow], hidden: Sequence[bool], policy: Policy) -> Earlier:
    """What a check of ``rows`` leaves for the next ones; ``hidden``: per row."""
    found: dict[Place, tuple[int, bool]] = {}
    for row, hide in zip(rows, hidden, strict=True):
        for name, persons in _counted(row, policy):
            place = Place(row.output, row.output_type, key_of(row.row_key), key_of(row.column_key), name)
            found[place] = (persons, not hide)
    return Earlier(counts=found)


def _counted(row: ResultRow, policy: Policy) -> Iterable[tuple[str, int]]:
    if row.statistic in policy.types[row.output_type].counts and row.value is not None:
        yield row.statistic, int(row.value)
    if row.n_persons is not None:
        yield BEHIND + row.statistic, row.n_persons


def near_earlier(cells: Cells, earlier: Sequence[Earlier], policy: Policy) -> set[str]:
    """Cells that differ by 1 to 10 persons from one that an earlier submission shows in the same place, and those that would tell one
    that it hides there within 10."""
    return {
        cell
        for cell, persons, shown in _same_places(cells, earlier)
        if policy.small(abs(cells.values[cell] - persons)) or (not shown and cells.values[cell] == persons)
    }


def known_before(cells: Cells, earlier: Sequence[Earlier]) -> set[str]:
    """Cells that an earlier submission shows with the same count: to hide them protects nothing."""
    return {cell for cell, persons, shown in _same_places(cells, earlier) if shown and persons == cells.values[cell]}


def tie_earlier(cells: Cells, lines: Lines, earlier: Sequence[Earlier], policy: Policy) -> None:
    """A count and one that is shown elsewhere and differs by few are taken to lie in one another: who lies between is a cell."""
    for cell, persons, shown in _same_places(cells, earlier):
        if shown and policy.small(abs(cells.values[cell] - persons)):
            other = f"{persons} shown for {cell}"
            lines.values[other] = persons
            lines.within(*sorted((cell, other), key=lambda name: -lines.values[name]))


def _same_places(cells: Cells, earlier: Sequence[Earlier]) -> Iterable[tuple[str, int, bool]]:
    for place, cell in cells.places.items():
        for other in earlier:
            if place in other.counts:
                yield cell, *other.counts[place]
