# SPDX-License-Identifier: Apache-2.0
"""What other submissions of the same permit show and hide: the difference of two of them is a cell too. Hides nothing by itself.

A study's variants differ by an age, a day or a code; each alone may be shown, and the two together give who lies between. Places are told
by their names (output, row, column, statistic), sets of persons by their fingerprints. What was hidden is hidden again whatever the
new number is: were it to depend on the hidden one, numbers that an author knows would find it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from rempart.disclosure.cells import BEHIND, Cells, Place, key_of
from rempart.disclosure.curves import CURVE
from rempart.disclosure.lines import Lines
from rempart.disclosure.policy import Policy
from rempart.records.result import ResultRow

_PRINT = "print:"  # names that say the same of persons in every run of a project; others are words of one study


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One submission. ``counts``: where it shows a number, or one that rests on so many persons and tells that elsewhere; ``unsaid``:
    where it shows one that rests on persons whose number it does not tell → their name, '' without one; ``hidden``: places of what it
    does not show; ``shown_sets``, ``hidden_sets``: fingerprints of persons; ``outputs``: names of tables of which nothing is known any
    more, so that all is taken as hidden. True counts: never leaves the check."""

    counts: Mapping[Place, int] = field(default_factory=dict)
    unsaid: Mapping[Place, str] = field(default_factory=dict)
    hidden: frozenset[Place] = frozenset()
    shown_sets: frozenset[str] = frozenset()
    hidden_sets: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()

    @property
    def sets(self) -> frozenset[str]:
        """Names of all sets of persons of which anything is shown, told by their fingerprints."""
        return self.shown_sets | _prints(self.unsaid.values())

    def hides(self, place: Place) -> bool:
        """Whether the table did not show what stands there."""
        return place in self.hidden or place.output in self.outputs

    def leaves_open(self, place: Place, ref: str) -> bool:
        """Whether it shows a value there without the number of its persons, and those are not known to be the ones named ``ref``."""
        return place in self.unsaid and not (ref.startswith(_PRINT) and self.unsaid[place] == ref)


def remembered(rows: Sequence[ResultRow], hidden: Sequence[bool], policy: Policy) -> Earlier:
    """What a check of ``rows`` leaves for the next ones; ``hidden``: per row."""
    told = [(row, hide) for row, hide in zip(rows, hidden, strict=True)]
    shown = [row for row, hide in told if not hide]
    counted = [row for row in shown if _is_count(row, policy) and row.value == row.n_persons]
    known = {row.persons_ref for row in counted if row.persons_ref}
    numbers = {_number(row) for row in counted}
    said = [row for row in shown if row.persons_ref in known or (not row.persons_ref and _number(row) in numbers)]
    kept = {id(row) for row in said}
    behind = {_place(row, BEHIND): row.n_persons for row in said if row.n_persons is not None}
    return Earlier(
        counts=behind
        | {_place(row): int(row.value) for row in shown if _is_count(row, policy) and row.value is not None},
        unsaid={_place(row): row.persons_ref for row in shown if row.n_persons is not None and id(row) not in kept},
        hidden=frozenset(_place(row) for row, hide in told if hide),
        shown_sets=_prints(known),
        hidden_sets=_prints({row.persons_ref for row, hide in told if hide} - known),
    )


def all_hidden(rows: Sequence[ResultRow]) -> Earlier:
    """Of a submission whose tables are no longer known: whatever ``rows`` hold counts as hidden."""
    return Earlier(
        hidden=frozenset(_place(row) for row in rows), hidden_sets=_prints({row.persons_ref for row in rows})
    )


def _prints(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if name.startswith(_PRINT))


def _place(row: ResultRow, before: str = "") -> Place:
    return Place(row.output, row.output_type, key_of(row.row_key), key_of(row.column_key), before + row.statistic)


def _is_count(row: ResultRow, policy: Policy) -> bool:
    return row.statistic in policy.types[row.output_type].counts


def _number(row: ResultRow) -> tuple[Place, int | None]:
    """The table and column of a row, and its persons: without a name, an equal count of that column is taken to tell them."""
    return replace(_place(row), row=(), statistic=""), row.n_persons


def days_hidden(rows: Sequence[ResultRow], earlier: Sequence[Earlier]) -> set[int]:
    """Indexes of rows of curves whose day an earlier submission left out: a step over it would give that day back."""
    return {
        index
        for index, row in enumerate(rows)
        if row.output_type == CURVE and any(other.hides(_place(row)) for other in earlier)
    }


def hide_as_before(
    rows: Sequence[ResultRow],
    cells: Cells,
    earlier: Sequence[Earlier],
    policy: Policy,
    *,
    spared: Set[str] = frozenset(),
) -> None:
    """Make primary: what an earlier submission hides in the same place or of the same persons, whatever it counts here; and what differs
    by 1 to 10 persons from what one shows there. A value whose persons an earlier one does not count is treated as hidden unless it is of
    the same ones: were that to depend on their number, probes of known size would find it. ``rows``: those of ``cells``; ``spared``:
    cells that a derogation lets be shown, and whatever rests on them."""
    for row, needed in zip(rows, cells.needs, strict=True):
        place = _place(row)
        if needed & spared:
            continue
        if any(other.hides(place) or other.leaves_open(place, row.persons_ref) for other in earlier):
            needed.add(cells.add("hidden before:" + place.id, 0, output=row.output))
            cells.primary |= {"hidden before:" + place.id, cells.places.get(place, "hidden before:" + place.id)}
    shown = {name for other in earlier for name in other.shown_sets}
    hidden = {name for other in earlier for name in other.hidden_sets} - shown
    cells.primary |= {cell for name, cell in cells.sets.items() if name in hidden and cell in cells.values}
    cells.primary |= {cell for cell, n in _same_places(cells, earlier) if policy.small(abs(cells.values[cell] - n))}


def known_before(cells: Cells, earlier: Sequence[Earlier]) -> set[str]:
    """Cells that an earlier submission shows with the same count, or of the same persons: to hide them protects nothing."""
    shown = {name for other in earlier for name in other.shown_sets}
    sets = {cell for name, cell in cells.sets.items() if name in shown}
    numbers = {
        cell
        for place, cell in cells.places.items()
        if not place.statistic.startswith(BEHIND)
        and any(other.counts.get(place) == cells.values[cell] for other in earlier)
    }
    return numbers | (sets & cells.values.keys())


def tie_earlier(cells: Cells, lines: Lines, earlier: Sequence[Earlier], policy: Policy) -> None:
    """A count and one that is shown elsewhere and differs by few are taken to lie in one another: who lies between is a cell."""
    for cell, persons in _same_places(cells, earlier):
        if policy.small(abs(cells.values[cell] - persons)):
            other = f"{persons} shown for {cell}"
            lines.values[other] = persons
            lines.within(*sorted((cell, other), key=lambda name: -lines.values[name]))


def _same_places(cells: Cells, earlier: Sequence[Earlier]) -> Iterable[tuple[str, int]]:
    """(cell, persons) of each number that an earlier submission shows where the cell stands."""
    for place, cell in cells.places.items():
        for other in earlier:
            if place in other.counts:
                yield cell, other.counts[place]
