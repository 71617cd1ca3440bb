# SPDX-License-Identifier: Apache-2.0
"""Codes that lie in one another: groups of drugs and substances, chapters, blocks and categories of diagnoses. Suppresses nothing itself.

Which texts are codes is data (``[hierarchies]`` of the rules): a code lies in each code that begins it, and in each range of codes that
holds it. Levels are compared whatever their variable and table are called, since the sums hold wherever they stand.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from rempart.disclosure.cells import ALL, BEHIND, Cells, Place, without
from rempart.disclosure.lines import Lines
from rempart.disclosure.policy import Policy

_RANGE = "-"


def lines_by_code(cells: Cells, lines: Lines, policy: Policy) -> None:
    """A code is the sum of those right below it, or of them and a rest; where persons have several, each lies within it."""
    groups: dict[tuple[object, ...], dict[str, dict[str, str]]] = {}
    for place, cell in sorted(cells.places.items()):
        level = dict(place.row).get("level", ALL)
        if not place.statistic.startswith(BEHIND) and _system(level, policy.hierarchies):
            same = place.output_type, without(place.row, "variable", "level"), place.column, place.statistic
            groups.setdefault(same, {}).setdefault(level, {})[place.output] = cell
    for group in groups.values():
        for level, parts in _children(group, policy.hierarchies).items():
            for whole in sorted(set(group[level].values())):
                for below in _tables(group, parts):
                    lines.total(whole, below)


def tops(places: Sequence[Place], policy: Policy) -> list[Place]:
    """Places but those whose code lies in another one of the same table, variable and column: the others sum to the total."""
    levels: dict[tuple[object, ...], set[str]] = {}
    for place in places:
        levels.setdefault(_same(place), set()).add(dict(place.row).get("level", ALL))
    return [
        place
        for place in places
        if not _above(dict(place.row).get("level", ALL), levels[_same(place)], policy.hierarchies)
    ]


def _same(place: Place) -> tuple[object, ...]:
    return without(place.row, "level"), place.column, place.statistic


def _tables(group: Mapping[str, Mapping[str, str]], parts: Iterable[str]) -> list[list[str]]:
    """The cells of these codes, as each table tells them, a code that it does not tell as another one does."""
    told = [group[part] for part in parts]
    outputs = sorted({output for cells in told for output in cells})
    found = [sorted({cells.get(output) or cells[min(cells)] for cells in told}) for output in outputs]
    return [list(cells) for cells in dict.fromkeys(map(tuple, found))]


def _children(levels: Iterable[str], systems: Mapping[str, str]) -> dict[str, list[str]]:
    """Code → those right below it, of the codes that are told."""
    told, found = set(levels), dict[str, list[str]]()
    for level in sorted(told):
        above = _above(level, told, systems)
        nearest = [one for one in above if not any(_holds(one, other) for other in above if other != one)]
        for one in nearest:
            found.setdefault(one, []).append(level)
    return found


def _above(level: str, levels: Iterable[str], systems: Mapping[str, str]) -> list[str]:
    system = _system(level, systems)
    return [
        other
        for other in sorted(levels)
        if other != level and system & _system(other, systems) and _holds(other, level)
    ]


def _system(level: str, systems: Mapping[str, str]) -> set[str]:
    """The names of the systems that a level is a code of."""
    return {name for name, form in systems.items() if re.fullmatch(form, _code(level))}


def _code(level: str) -> str:
    """The code that a level begins with, points left out: words may follow it."""
    return level.partition(" ")[0].replace(".", "")


def _holds(whole: str, part: str) -> bool:
    first, _, last = _code(whole).partition(_RANGE)
    begin, _, end = _code(part).partition(_RANGE)
    if not last:
        return not end and begin != first and begin.startswith(first)
    return first <= begin[: len(first)] and (end or begin)[: len(last)] <= last and (first, last) != (begin, end)
