# SPDX-License-Identifier: Apache-2.0
"""The sums that tie the cells of one output: what an attacker can subtract within it. Suppresses nothing itself."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise

from rempart.disclosure.across import lines_across
from rempart.disclosure.case_margins import models, terms, windows
from rempart.disclosure.cells import ALL, BEHIND, Cells, Place, without
from rempart.disclosure.code_margins import lines_by_code, tops
from rempart.disclosure.lines import Lines
from rempart.disclosure.policy import Policy
from rempart.disclosure.totals import arm_of, level_of


def lines_of(cells: Cells, policy: Policy) -> Lines:
    """All sums over all outputs of one submission."""
    lines = Lines(values=dict(cells.values))
    outputs: dict[tuple[str, str], list[Place]] = {}
    for place in sorted(cells.places):
        outputs.setdefault((place.output, place.output_type), []).append(place)
    for (_, output_type), places in outputs.items():
        for margin in policy.types[output_type].margins:
            MARGINS[margin](tops(places, policy) if margin == "levels" else places, cells, lines)
    lines_by_code(cells, lines, policy)
    lines_across(cells, lines, policy)
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
            if group[0].output_type == "frequency":
                lines.totals.setdefault(arm_of(group[0]), set()).update(whole)
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
    """The bins of an arm sum to the arm, which their shares tell, and other tables."""
    shown = [place for place in places if not place.statistic.startswith(BEHIND)]
    for same, group in _by(shown, "bin").items():
        parts = [cells.places[place] for place in group if ("bin", ALL) not in place.row]
        whole = next((cells.places[place] for place in group if ("bin", ALL) in place.row), None)
        if whole is None:
            most = sum(cells.values[part] for part in parts)
            whole = lines.unpublished_total(f"{group[0].output} {same}", most)
        lines.total(whole, parts)


def _without_event(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Persons with the event lie within the persons at risk of it, cases within the persons seen, new users within the users.

    Events of persons who may have several count no persons: the persons behind them do.
    """
    found = {(place.row, place.column, place.statistic): cells.places[place] for place in places}
    for (row, column, statistic), part in found.items():
        wholes = [found.get((row, column, name)) for name in _WITHIN.get(statistic, ())]
        behind = found.get((row, column, BEHIND + statistic), part)
        for whole in filter(None, wholes):
            lines.within(whole, behind)


_WITHIN = {"events": ("persons", "n"), "cases": ("persons",), "users": ("persons",), "new_users": ("users",)}


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


def _sharing(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Who shares an extreme, or the most frequent value, lies among the persons of the group."""
    _parts_of(places, cells, lines, ("sharing",))


def _with_and_without(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Those with the event and those without make up the persons of a level."""
    _parts_of(places, cells, lines, ("events", "non_events"))


def _fourfold(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """The four cells of a ratio make up the persons."""
    _parts_of(places, cells, lines, ("a", "b", "c", "d"))


def _parts_of(places: Sequence[Place], cells: Cells, lines: Lines, names: Sequence[str]) -> None:
    found = {(place.row, place.column, place.statistic): cells.places[place] for place in places}
    for (row, column, statistic), whole in found.items():
        parts = [found[row, column, name] for name in names if (row, column, name) in found]
        if statistic == "persons" and parts:
            lines.total(whole, parts)


def _areas(places: Sequence[Place], cells: Cells, lines: Lines) -> None:
    """Areas that lie in one another: those that name an area as the one around them sum to it, or to it less a rest that is not drawn."""
    shown = [place for place in places if not place.statistic.startswith(BEHIND)]
    for group in _by(shown, "area", "within").values():
        by_name = {dict(place.row).get("area", ""): cells.places[place] for place in group}
        inside: dict[str, list[str]] = {}
        for place in group:
            inside.setdefault(dict(place.row).get("within", ""), []).append(cells.places[place])
        for name, parts in inside.items():
            if name in by_name:
                lines.total(by_name[name], parts)


MARGINS: dict[str, Callable[[Sequence[Place], Cells, Lines], None]] = {
    "areas": _areas,
    "arms": _arms,
    "bins": _bins,
    "cohorts": _cohorts,
    "crossings": _crossings,
    "days": _days,
    "fourfold": _fourfold,
    "paths": _paths,
    "levels": _levels,
    "models": models,
    "sharing": _sharing,
    "steps": _steps,
    "terms": terms,
    "windows": windows,
    "with_and_without": _with_and_without,
    "without": _without_event,
}
