# SPDX-License-Identifier: Apache-2.0
"""An attacker who knows the rule itself: he runs it on every table that fits what is published and keeps those that hide the same cells.

What is left to him must, for each hidden cell, span at least eleven, or hold every number from one to ten: the marker itself says that
somewhere a cell of one to ten hides, and no method does better for one that stands beside a single larger one.
"""

import functools
import itertools
import os
import random
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from rempart.disclosure.check import check
from tests.disclosure_rows import RULES, counts_shown, frequency

T = 11
FULL = os.environ.get("REMPART_FULL") == "1"
MOST = 60  # the largest number that the attacker tries for one cell
Table = tuple[tuple[int, ...], ...]
Shown = Mapping[tuple[str, str], int | None]
KEYS = [bytes([n]) for n in range(16)]  # the attacker does not know the key of the house: any of these may be it


@functools.cache
def published(table: Table, key: bytes) -> Shown:
    """(arm, level) → what the check lets be seen, with all margins."""
    arms = {f"arm {i}": {f"l{j}": n for j, n in enumerate(line)} for i, line in enumerate(table)}
    told = counts_shown(check(frequency(arms), RULES, key=key))
    return {(arm, level.split("/")[1]): n for (_, level, arm, _), n in told.items()}


def hidden(shown: Shown) -> set[tuple[str, str]]:
    """The pattern of the markers."""
    return {place for place, n in shown.items() if n is None}


def with_margins(table: Table) -> dict[tuple[str, str], int]:
    """Every number of the table and its sums, under the names that ``published`` uses."""
    lines = {f"arm {i}": line for i, line in enumerate(table)}
    if len(table) > 1:
        lines["all"] = tuple(sum(column) for column in zip(*table, strict=True))
    found = {(arm, f"l{j}"): n for arm, line in lines.items() for j, n in enumerate(line)}
    return found | {(arm, "all"): sum(line) for arm, line in lines.items()}


def moves(table: Table, shown: Shown) -> list[Table]:
    """Ways from one whole table to another that leave all that is seen alone: so many hidden cells one more, so many one less."""
    rows, columns = len(table), len(table[0])
    cells = list(itertools.product(range(rows), range(columns)))
    unseen = [at for at, (i, j) in enumerate(cells) if shown[f"arm {i}", f"l{j}"] is None]
    signs = np.zeros((3 ** len(unseen), len(cells)), dtype=int)
    signs[:, unseen] = list(itertools.product((-1, 0, 1), repeat=len(unseen)))
    cube = signs.reshape(-1, rows, columns)
    kept = cube.any(axis=(1, 2))
    for i in range(rows):
        kept &= (shown[f"arm {i}", "all"] is None) | (cube[:, i].sum(axis=1) == 0)
    for j in range(columns if rows > 1 else 0):
        kept &= (shown["all", f"l{j}"] is None) | (cube[:, :, j].sum(axis=1) == 0)
    kept &= (shown["all" if rows > 1 else "arm 0", "all"] is None) | (cube.sum(axis=(1, 2)) == 0)
    found = sorted(cube[kept].tolist(), key=lambda move: sum(map(abs, itertools.chain(*move))))
    return [tuple(map(tuple, move)) for move in found[:60]]


def other_tables(table: Table, shown: Shown, rng: random.Random) -> Iterator[Table]:
    """Whole tables that give what is seen, found by walking from the true one; a hidden number is at least one, and a zero, which is
    shown, a zero."""
    ways, found = moves(table, shown), {table: None}
    alone = len(table) == 1 and shown["arm 0", "all"] is None
    top = 14 if alone else MOST  # a total of more than 13 would be shown
    while ways:
        step, before, move = rng.choice([1, 1, 2, 3, 5, 10]), rng.choice([*list(found)[-40:], table]), rng.choice(ways)
        other = tuple(
            tuple(n + step * sign for n, sign in zip(*lines, strict=True)) for lines in zip(before, move, strict=True)
        )
        whole = all(
            0 < n <= max(top, was) if was else n == 0
            for line, truth in zip(other, table, strict=True)
            for n, was in zip(line, truth, strict=True)
        )
        if whole:
            found[other] = None
        yield other if whole else table


def enough(values: set[int], least: int, many: int = T) -> bool:
    """Whether what survives protects; ``least``: the smallest number that sums of hidden cells of at least one allow; ``many``: of how many
    numbers any will do."""
    return max(values) - min(values) >= T or values >= set(range(least, T)) or len(values) >= many


def left(
    table: Table, *, most: int, keys: Sequence[bytes] = KEYS, many: int = T
) -> dict[tuple[str, str], tuple[set[int], int]]:
    """Small hidden place → the numbers that survive, and the least possible, until all have enough or ``most`` tables were tried; ``keys``:
    what the key may be for all that the attacker knows. The house has the first."""
    shown, truth = published(table, keys[0]), with_margins(table)
    least = with_margins(tuple(tuple(min(n, 1) for n in line) for line in table))
    places = {place: ({truth[place]}, least[place]) for place in hidden(shown) if 1 <= truth[place] < T}
    for other in itertools.islice(other_tables(table, shown, random.Random(0)), most):
        wanting = [place for place, found in places.items() if not enough(*found, many)]
        if not wanting:
            break
        numbers = with_margins(other)
        new = any(numbers[place] not in places[place][0] for place in wanting)
        if new and any(hidden(published(other, key)) == hidden(shown) for key in keys):
            for place, (values, _) in places.items():
                values.add(numbers[place])
    return places


@pytest.mark.parametrize(
    "table",
    [
        ((3, 40),),
        ((2, 3),),
        ((10, 33, 10),),
        ((12, 19, 2),),
        ((19, 10, 5),),
        ((6, 16), (36, 10)),
        ((3, 20), (15, 20)),
        ((3, 0), (33, 10)),
    ],
)
def test_one_who_knows_the_rule_is_left_with_enough_for_every_small_cell(table: Table) -> None:
    places = left(table, most=3000)
    assert places, "small cells, and hidden"
    assert {place: sorted(found[0]) for place, found in places.items() if not enough(*found)} == {}


def shapes(rows: int, columns: int) -> list[Table]:
    """Every way of laying nobody, many, and few in up to three cells, into a table: one of those that differ by the order of lines and
    columns alone; the many differ from cell to cell, so that no two sums are one by chance."""

    def turned(table: Table) -> Iterator[Table]:
        for lines in itertools.permutations(table):
            for order in itertools.permutations(range(columns)):
                yield tuple(tuple(line[at] for at in order) for line in lines)

    found = []
    for flat in itertools.product((0, 1, 2), repeat=rows * columns):
        table = tuple(flat[i * columns : (i + 1) * columns] for i in range(rows))
        if {1, 2} <= set(flat) and flat.count(1) <= 3 and table == min(turned(table)):
            found.append(
                tuple(tuple((0, 3, 30 + 3 * i + 5 * j)[n] for j, n in enumerate(line)) for i, line in enumerate(table))
            )
    return found


MANY = 6  # of numbers: a total that is small itself leaves no more than 1 to 8 to one of the three cells that it holds


def told_too_much(tables: Sequence[Table], *, most: int) -> dict[Table, dict[tuple[str, str], list[int]]]:
    """Per table the places of which too few numbers survive."""
    found = {}
    for table in tables:
        places = left(table, most=most, many=MANY)
        found[table] = {place: sorted(values[0]) for place, values in places.items() if not enough(*values, MANY)}
        published.cache_clear()
    return {table: places for table, places in found.items() if places}


@pytest.mark.parametrize(("rows", "columns", "quick", "whole"), [(2, 2, 3, 14), (2, 3, 4, 60), (3, 3, 2, 60)])
def test_one_who_knows_the_rule_is_left_with_enough_in_larger_tables_with_margins(
    rows: int, columns: int, quick: int, whole: int
) -> None:
    tables = shapes(rows, columns)
    random.Random(3).shuffle(tables)
    assert told_too_much(tables[: whole if FULL else quick], most=2000 if FULL else 600) == {}


def test_one_who_knew_the_key_too_would_tell_which_of_two_hidden_cells_was_small() -> None:
    """15 persons in two hidden cells: with one order of hiding for all, that these two are hidden says that both are small."""
    spans = [
        max(found[0]) - min(found[0]) for key in KEYS for found in left(((19, 10, 5),), most=300, keys=[key]).values()
    ]
    assert min(spans) < T - 1
    assert all(enough(*found) for found in left(((19, 10, 5),), most=3000).values())


def test_a_zero_is_never_hidden_for_the_sake_of_another_cell() -> None:
    shown = published(((3, 0, 40), (20, 0, 30)), KEYS[0])
    assert {n for (_, level), n in shown.items() if level == "l1"} == {0}
    assert shown["arm 0", "l0"] is None
