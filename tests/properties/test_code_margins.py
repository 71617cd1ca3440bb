# SPDX-License-Identifier: Apache-2.0
"""Codes of several levels in one table, or in several: their sums leave no small number to whoever subtracts."""

import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.disclosure.cells import cells_of
from rempart.disclosure.check import check
from rempart.disclosure.margins import lines_of
from rempart.disclosure.policy import policy_from
from rempart.records.result import ResultRow
from tests.disclosure_rows import RULES, counts_shown, row
from tests.faults.attacks.solver import Expression, Knowledge

T = 11
POLICY = policy_from(RULES)
ATC = {"A": ("A10", "A11"), "A10": ("A10A", "A10B"), "A10B": ("A10BA", "A10BB"), "A10BA": ("A10BA02", "A10BA03")}
ICD = {"E00-E90": ("E10-E14", "E20"), "E10-E14": ("E10", "E11"), "E11": ("E11.2", "E11.9")}
FLAT = {"A10": ("A10AB01", "A10BA02", "A10BA03")}  # levels between are not told


def counted(tree: Mapping[str, Sequence[str]], leaves: Sequence[int]) -> dict[str, int]:
    """Code → persons, where nobody has two codes: written from the leaves up, without the code that is tested."""
    below = {part for parts in tree.values() for part in parts}
    numbers = iter(leaves)
    found = {code: next(numbers) for code in sorted(below - tree.keys())}
    while len(found) < len(below | tree.keys()):
        for code, parts in tree.items():
            if all(part in found for part in parts):
                found[code] = sum(found[part] for part in parts)
    return found


def table(counts: Mapping[str, int], *, apart: bool = False) -> list[ResultRow]:
    """One table of all codes; or one for each number of letters, under its own name and variable."""
    rows = []
    for code, n in counts.items():
        output, variable = (f"of_{len(code)}", f"v{len(code)}") if apart else ("codes", "code")
        rows.append(row(output, "frequency", {"variable": variable, "level": code}, "t", "n", n))
    return rows


def narrowest(tree: Mapping[str, Sequence[str]], counts: Mapping[str, int], rows: Sequence[ResultRow]) -> float:
    """What one who knows the tree is left with, in the small code that he knows best."""
    shown = {level.split("/")[1]: n for (_, level, _, _), n in counts_shown(check(rows, RULES)).items()}
    assert shown.keys() == counts.keys()
    places = {code: ("codes", code, "t", "n") for code in counts}
    sums: list[Expression] = [{places[c]: -1, **{places[part]: 1 for part in parts}} for c, parts in tree.items()]
    secrets: dict[str, Expression] = {code: {places[code]: 1} for code, n in counts.items() if 1 <= n < T}
    told = {places[code]: n for code, n in shown.items()}
    return Knowledge(shown=told, sums=sums).narrowest(secrets)[0] if secrets else T


NUMBERS = st.lists(st.one_of(st.integers(0, 10), st.integers(11, 200)), min_size=6, max_size=6)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("tree", [ATC, ICD, FLAT])
@given(leaves=NUMBERS)
def test_no_small_code_is_given_back_by_the_codes_around_it(
    tree: Mapping[str, Sequence[str]], apart: bool, leaves: Sequence[int]
) -> None:
    counts = counted(tree, leaves)
    assert narrowest(tree, counts, table(counts, apart=apart)) >= T


@pytest.mark.parametrize("tree", [ATC, ICD, FLAT])
@given(leaves=NUMBERS)
def test_every_sum_of_codes_is_among_the_sums_of_the_attacker(
    tree: Mapping[str, Sequence[str]], leaves: Sequence[int]
) -> None:
    counts = counted(tree, leaves)
    cells = cells_of(table(counts), POLICY)
    code_of = {cell: dict(place.row)["level"] for place, cell in cells.places.items()}
    told = {
        frozenset((code_of[cell], factor) for cell, factor in line)
        for line in lines_of(cells, POLICY).lines
        if all(cell in code_of for cell, _ in line)
    }
    assert {frozenset([(whole, 1), *((part, -1) for part in parts)]) for whole, parts in tree.items()} <= told


def test_a_person_with_two_codes_makes_no_sum_and_lies_within_each() -> None:
    lines = lines_of(cells_of(table({"A10": 50, "A10A": 40, "A10B": 45}), POLICY), POLICY)
    assert {lines.values[cell] for cell in lines.virtual} >= {10, 5}


def test_words_after_a_code_and_points_in_it_are_no_matter() -> None:
    shown = counts_shown(check(table({"E11 diabetes": 60, "E11.2 kidney": 57, "E11.9 none": 3}), RULES))
    assert [n for n in shown.values() if n is not None] == [60]


def test_levels_that_are_no_codes_are_tied_as_before() -> None:
    counts = {"men": 40, "women": 60, "F": 12, "A": 13, "18-44": 30, "18": 20}
    cells = cells_of(table(counts), POLICY)
    names = {cell for cell, _ in itertools.chain(*lines_of(cells, POLICY).lines)}
    assert set(cells.values) <= names
