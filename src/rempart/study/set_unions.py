# SPDX-License-Identifier: Apache-2.0
"""Which cells of a tally make up a set of persons that a result names: unions are found by their prints, which add up.

A result's sets are single cells, or cells of one part that share the values of some keys, or whose one key is of several values. Sees no
person.
"""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import combinations

from rempart.errors import NotTrusted
from rempart.study.describe_paths import THEN

Cell = tuple[str, str, str]  # analysis, part, key
Prints = tuple[int, int]
Found = Mapping[str, tuple[Cell, ...]]
Chosen = tuple[tuple[Cell, ...], tuple[Cell, ...]]
_FEW = 8  # values of a key of which every choice is looked at; of others, those from one on in their order


def unions(cells: Mapping[Cell, Prints], wanted: Sequence[str]) -> dict[str, Chosen]:
    """Name (32 hexadecimal digits) → the cells, which share nobody, that make that set up, and those that are taken off it.

    Raises NotTrusted ``fingerprint-differs`` where cells make up none of that name: the result is of other persons.
    """
    left, found = set(wanted), dict[str, tuple[Cell, ...]]()
    parts: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        parts.setdefault(cell[:2], []).append(cell)
    for search in (_single, _alike, _several, _paths):
        for part in parts.values():
            for chosen in search(part, found) if left else ():
                name = name_of([cells[cell] for cell in chosen])
                if name in left:
                    found[name] = tuple(chosen)
                    left.discard(name)
    without = _without(parts, cells, left)
    if left - without.keys():
        raise NotTrusted("fingerprint-differs", sets=len(left - without.keys()))
    return {name: (chosen, ()) for name, chosen in found.items()} | without


def _without(
    parts: Mapping[tuple[str, str], Sequence[Cell]], cells: Mapping[Cell, Prints], left: Set[str]
) -> dict[str, Chosen]:
    """Of the names that are left, those of everybody of a part less the cells, or one cell, of another part of its analysis."""
    found: dict[str, Chosen] = {}
    for (analysis, _), whole in parts.items() if left else ():
        others = [part for (other, _), part in parts.items() if other == analysis and part is not whole]
        for less in (chosen for part in others for chosen in (part, *([cell] for cell in part))):
            taken = [(-first, -second) for first, second in (cells[cell] for cell in less)]
            name = name_of([*(cells[cell] for cell in whole), *taken])
            if name in left:
                found[name] = (tuple(whole), tuple(less))
    return found


def name_of(prints: Sequence[Prints]) -> str:
    """The name of a union of sets that share nobody."""
    first, second = (sum(pair[at] for pair in prints) % 2**64 for at in (0, 1))
    return f"{first:016x}{second:016x}"


def _single(part: Sequence[Cell], _: Found) -> Iterator[Sequence[Cell]]:
    for cell in part:
        yield [cell]


def _alike(part: Sequence[Cell], found: Found) -> Iterator[Sequence[Cell]]:
    """Cells that share the values of some of their keys, for every choice of keys; all of them for none."""
    keys = {cell: json.loads(cell[2]) for cell in part}
    names = sorted(next(iter(keys.values()), {}))
    for size in range(len(names)):
        for shared in combinations(names, size):
            groups: dict[tuple[str, ...], list[Cell]] = {}
            for cell, key in keys.items():
                groups.setdefault(tuple(key[name] for name in shared), []).append(cell)
            yield from groups.values()


def _several(part: Sequence[Cell], found: Found) -> Iterator[Sequence[Cell]]:
    """As ``_alike``, of the cells whose one key is one of several values."""
    keys = {cell: json.loads(cell[2]) for cell in part}
    for name in sorted(next(iter(keys.values()), {})):
        values = sorted({key[name] for key in keys.values()}, key=_in_order)
        for chosen in _choices(values):
            mine = [cell for cell, key in keys.items() if key[name] in chosen]
            yield from _alike(mine, found)


def _paths(part: Sequence[Cell], found: Found) -> Iterator[Sequence[Cell]]:
    """Of pathways, what rare ones were folded into: all that begin alike and have no line of their own, the longest beginnings first;
    at last all whose first step has none. Looks again at ``found`` for each."""
    steps = {cell: json.loads(cell[2])["path"].split(THEN) for cell in part if '"path":' in cell[2]}
    groups: dict[str, list[Cell]] = {}
    for cell, path in steps.items():
        groups.setdefault(path[0], []).append(cell)
    yield from groups.values()
    begins = {tuple(path[:size]) for path in steps.values() for size in range(1, len(path) + 1)}
    for begin in sorted(begins, key=lambda begin: (-len(begin), begin)):
        told = {cell for chosen in found.values() if _within(chosen, steps, begin) for cell in chosen}
        yield [cell for cell, path in steps.items() if tuple(path[: len(begin)]) == begin and cell not in told]
    alone = {frozenset(chosen) for chosen in found.values()}
    yield [cell for group in groups.values() if frozenset(group) not in alone for cell in group]


def _within(chosen: Sequence[Cell], steps: Mapping[Cell, Sequence[str]], begin: tuple[str, ...]) -> bool:
    """Whether these are pathways of that beginning, but not all of its first step."""
    mine = all(tuple(steps.get(cell, ())[: len(begin)]) == begin for cell in chosen)
    return mine and len(chosen) < sum(path[0] == begin[0] for path in steps.values())


def _choices(values: Sequence[str]) -> Iterator[frozenset[str]]:
    if len(values) <= _FEW:
        for size in range(2, len(values)):
            yield from map(frozenset, combinations(values, size))
        return
    for at in range(1, len(values)):
        yield frozenset(values[at:])
        yield frozenset(values[:at])


def _in_order(value: str) -> tuple[int, str]:
    return (int(value), "") if value.lstrip("-").isdecimal() else (0, value)
