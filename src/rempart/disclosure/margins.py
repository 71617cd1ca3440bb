# SPDX-License-Identifier: Apache-2.0
"""Every sum that ties the cells of a submission: what an attacker can subtract. Suppresses nothing itself.

A *line* is a sum of cells with signs that equals zero. A *virtual* cell is never published but follows from published
ones by subtraction: the excluded of an attrition step, the persons outside a level, without the event, after a curve's end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from rempart.disclosure.case_margins import models, terms, windows
from rempart.disclosure.cells import ALL, BEHIND, Cells, Place, without
from rempart.disclosure.policy import Policy
from rempart.disclosure.totals import (
    LEVELS,
    arm_of,
    early_events,
    event_totals,
    level_of,
    person_totals,
    side_of,
    wholes,
)

Line = tuple[tuple[str, int], ...]
VIRTUAL = "virtual:"


@dataclass(slots=True)
class Lines:
    """``values``: cell → persons, virtual ones too; ``lines``: sums that are zero; ``virtual``: cells never published."""

    values: dict[str, int]
    lines: set[Line] = field(default_factory=set)
    virtual: set[str] = field(default_factory=set)

    def total(self, whole: str, parts: Sequence[str]) -> None:
        """``whole`` is the sum of ``parts``, or of them and a rest; when they overlap, each part lies within the whole."""
        rest = self.values[whole] - sum(self.values[part] for part in parts)
        if rest < 0 or whole in parts or len(set(parts)) < len(parts):
            for part in parts:
                self.within(whole, part)
            return
        named = dict.fromkeys(parts, -1)
        if rest:
            named[self._virtual("rest of " + whole + " less " + " ".join(sorted(parts)), rest)] = -1
        self._line({whole: 1, **named})
        if len(parts) > 1:
            for part in parts:
                self.within(whole, part)

    def within(self, whole: str, part: str) -> None:
        """``part`` lies within ``whole``: the difference counts persons as well."""
        rest = self.values[whole] - self.values[part]
        if whole != part and rest >= 0:
            self._line({whole: 1, part: -1, self._virtual(f"{whole} less {part}", rest): -1})

    def same(self, one: str, other: str) -> None:
        """Two cells that an attacker may take for one."""
        if one != other:
            self._line({one: 1, other: -1})

    def unpublished_total(self, name: str, value: int) -> str:
        """A total that no row shows but that several variables share."""
        return self._virtual("total of " + name, value)

    def _virtual(self, name: str, value: int) -> str:
        cell = VIRTUAL + name
        self.values[cell] = value
        self.virtual.add(cell)
        return cell

    def _line(self, terms: dict[str, int]) -> None:
        self.lines.add(tuple(sorted(terms.items())))


def lines_of(cells: Cells, policy: Policy) -> Lines:
    """All sums over all outputs of one submission."""
    lines = Lines(values=dict(cells.values))
    outputs: dict[tuple[str, str], list[Place]] = {}
    for place in sorted(cells.places):
        outputs.setdefault((place.output, place.output_type), []).append(place)
    for (_, output_type), places in outputs.items():
        for margin in policy.types[output_type].margins:
            MARGINS[margin](places, cells, lines)
    _across_outputs(cells, lines, policy)
    for alike in _alike(cells):
        _nested(alike, lines, policy)
    return lines


def _by(places: Sequence[Place], *ignored: str) -> dict[tuple[object, ...], list[Place]]:
    """Places that differ in the ignored dimensions only."""
    found: dict[tuple[object, ...], list[Place]] = {}
    for place in places:
        same = (without(place.row, *ignored), without(place.column, *ignored), place.statistic)
        found.setdefault(same, []).append(place)
    return found


def _arms(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Arms sum to ``all``."""
    for group in _by(places, "arm").values():
        whole = [cells.places[place] for place in group if ("arm", ALL) in place.column]
        parts = [cells.places[place] for place in group if arm_of(place) not in {ALL, ""}]
        if whole and parts:
            lines.total(whole[0], parts)


def _levels(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Levels of a variable sum to the total of the arm; without a published total, variables share an unknown one."""
    shown = [place for place in places if not place.statistic.startswith(BEHIND)]
    for same, group in _by(shown, "variable", "level").items():
        variables: dict[str, list[str]] = {}
        for place in group:
            variables.setdefault(dict(place.row).get("variable", ALL), []).append(cells.places[place])
        whole = variables.pop(ALL, [])
        if not whole and variables:
            most = max(sum(cells.values[cell] for cell in parts) for parts in variables.values())
            whole = [lines.unpublished_total(f"{group[0].output} {same}", most)]
        for parts in variables.values():
            lines.total(whole[0], parts)


def _steps(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Each attrition step lies within the one before; the difference is the excluded."""
    for group in _by(places, "step").values():
        ordered = [cells.places[place] for place in sorted(group, key=lambda place: dict(place.row).get("step", ""))]
        for before, after in pairwise(ordered):
            lines.within(before, after)


def _days(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Those with the event by a day are among those with it by a later one."""
    for group in _by(places, "day").values():
        ordered = [cells.places[place] for place in sorted(group, key=lambda place: dict(place.row).get("day", ""))]
        for before, after in pairwise(ordered):
            lines.within(after, before)


def _bins(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """The bins of an arm sum to the arm, which other tables show."""
    for same, group in _by(places, "bin").items():
        parts = [cells.places[place] for place in group]
        whole = sum(cells.values[part] for part in parts)
        lines.total(lines.unpublished_total(f"{group[0].output} {same}", whole), parts)


def _without_event(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Persons with the event lie within the persons at risk of it, cases within the persons seen, new users within the users.

    Events of persons who may have several count no persons: the persons behind them do.
    """
    found = {(place.row, place.column, place.statistic): cells.places[place] for place in places}
    for (row, column, statistic), part in found.items():
        whole = found.get((row, column, _WITHIN.get(statistic, "")))
        behind = found.get((row, column, BEHIND + statistic), part)
        if whole:
            lines.within(whole, behind)


_OF_SOMETHING = frozenset({"stratified_rate", "prevalence", "utilisation"})
_WITHIN = {"events": "persons", "cases": "persons", "users": "persons", "new_users": "users"}


def _cohorts(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Cohorts side by side may lie in one another: where no arm is the whole, each smaller count may be part of a larger one."""
    for group in _by(places, "arm").values():
        found = sorted({cells.places[place] for place in group}, key=lambda cell: (-cells.values[cell], cell))
        if not any(arm_of(place) in {ALL, "", "target", "comparator"} for place in group):
            for big, small in combinations(found, 2):
                lines.within(big, small)


def _crossings(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Levels of a crossing (``age*sex``) sum to the level of each variable crossed, wherever that is shown too."""
    shown = [place for place in places if not place.statistic.startswith(BEHIND)]
    for group in _by(shown, "variable", "level").values():
        found = {(variable, level): cells.places[place] for place in group for variable, level in [level_of(place)]}
        for (variable, level), whole in found.items():
            parts = [cell for key, cell in sorted(found.items()) if _refines(*key, variable, level)]
            if parts:
                lines.total(whole, parts)


def _refines(fine: str, fine_level: str, coarse: str, level: str) -> bool:
    """Whether a cell of ``fine`` is one of those that a level of ``coarse`` is the sum of: one more dimension, the others alike."""
    names, wanted = fine.split("*"), coarse.split("*")
    if coarse == ALL or len(names) != len(wanted) + 1 or not set(wanted) < set(names):
        return False
    named = dict(zip(names, fine_level.split(" / "), strict=False))
    return [named.get(name) for name in wanted] == level.split(" / ")


def _paths(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Paths that begin with a first line sum to it, less those that are told as others."""
    shown = [place for place in places if not place.statistic.startswith(BEHIND)]
    for group in _by(shown, "variable", "level").values():
        found = {level_of(place): cells.places[place] for place in group}
        for (variable, level), whole in found.items():
            parts = [c for (v, path), c in sorted(found.items()) if v == "path" and path.split(" → ")[0] == level]
            if variable == "first" and parts:
                lines.total(whole, parts)


MARGINS: dict[str, Callable[[Sequence[Place], Cells, Lines], None]] = {
    "arms": _arms,
    "bins": _bins,
    "cohorts": _cohorts,
    "crossings": _crossings,
    "days": _days,
    "paths": _paths,
    "levels": _levels,
    "models": models,
    "steps": _steps,
    "terms": terms,
    "windows": windows,
    "without": _without_event,
}


def _across_outputs(cells: Cells, lines: Lines, policy: Policy) -> None:
    """Totals of one arm in several outputs: equal ones may be one; person totals that differ a little are nested."""
    for arm, totals in person_totals(cells).items():
        for one, other in combinations(totals, 2):
            big, small = sorted((one, other), key=lambda cell: (-cells.values[cell], cell))
            difference = cells.values[big] - cells.values[small]
            if difference == 0:
                lines.same(big, small)
            elif policy.differences and policy.small(difference):
                lines.within(big, small)
        for events in _equal(event_totals(cells).get(arm, []), cells):
            lines.same(*events)
        for part in early_events(cells).get(arm, []):
            for whole in event_totals(cells).get(arm, []):
                if policy.differences and policy.small(cells.values[whole] - cells.values[part]):
                    lines.within(whole, part)


def _nested(alike: Mapping[str, set[str]], lines: Lines, policy: Policy) -> None:
    """Counts of one kind under several names: equal ones may be one set, those that differ a little may lie in one another.

    Two code lists, two cohorts or two windows that differ by a code, a year or a day leave the persons between them.
    """
    for (one, names), (other, others) in combinations(sorted(alike.items()), 2):
        if names == others:
            continue
        big, small = sorted((one, other), key=lambda cell: (-lines.values[cell], cell))
        difference = lines.values[big] - lines.values[small]
        if difference == 0:
            lines.same(big, small)
        elif policy.differences and policy.small(difference):
            lines.within(big, small)


def _alike(cells: Cells) -> Iterable[Mapping[str, set[str]]]:
    """Groups of counts of one kind and arm: cell → the names it goes by; two cells of one name are no pair to compare.

    Attrition steps and whole cohorts go by their output, levels by output and variable, events by their own cell, other counts by
    output and by what they are of (an outcome, an exposure). A cohort's name is no arm of a comparison: cohorts may be nested.
    """
    found: dict[tuple[str, ...], dict[str, set[str]]] = {}
    key: tuple[str, ...]
    for place, cell in cells.places.items():
        if place.statistic.startswith(BEHIND):
            continue
        row = dict(place.row)
        if place.output_type == "attrition":
            key, name = ("step", side_of(place)), place.output
        elif place.output_type in LEVELS and row.get("level", ALL) != ALL:
            key, name = ("level", row["level"], side_of(place)), f"{place.output}/{row.get('variable', '')}"
        elif place.output_type in _OF_SOMETHING:
            what = [row.pop(name, "") for name in ("outcome", "exposure", "denominator")]
            key = (place.output_type, place.statistic, *row.values(), arm_of(place))
            name = "/".join([place.output, *what])
        else:
            continue
        found.setdefault(key, {}).setdefault(cell, set()).add(name)
    for place in wholes(cells):
        found.setdefault(("whole", side_of(place)), {}).setdefault(cells.places[place], set()).add(place.output)
    for arm, events in event_totals(cells).items():
        found["events", arm] = {cell: {cell} for cell in events}
    return [group for _, group in sorted(found.items())]


def _equal(found: Sequence[str], cells: Cells) -> list[tuple[str, str]]:
    return [(a, b) for a, b in combinations(found, 2) if cells.values[a] == cells.values[b]]
