# SPDX-License-Identifier: Apache-2.0
"""Rounding to five, to midpoints of six and noise by cell key: what each promises, shown whole over all residues and all draws."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.disclosure.check import examine
from rempart.disclosure.noise import Option, option_from
from rempart.errors import BadInput
from rempart.records.result import CheckedTable, ResultRow
from tests.disclosure_rows import RULES, attrition, counts_shown, frequency, submission

KEY = bytes(range(32))
NAMES = ("base-5", "midpoint-6", "cell-key")
BLOCK = [option_from(name, RULES) for name in ("base-5", "midpoint-6")]


@pytest.mark.parametrize(("option", "block"), [(BLOCK[0], 5), (BLOCK[1], 6)])
def test_each_rounded_number_stands_for_a_whole_block_of_counts(option: Option, block: int) -> None:
    found: dict[int, set[int]] = {}
    for n in range(1, 1 + block * 200):
        found.setdefault(option.told(n, b"a set"), set()).add(n)
    whole = [counts for told, counts in sorted(found.items()) if told][1:-1]
    assert {len(counts) for counts in whole} == {block}
    assert all(max(counts) - min(counts) == block - 1 for counts in whole)
    assert all(fmean(counts) - told in (0, 0.5) for told, counts in sorted(found.items())[1:-1]), (
        "the middle of its block"
    )


def test_midpoints_of_six_are_those_of_the_convention() -> None:
    told = {n: BLOCK[1].told(n, b"") for n in (0, 1, 6, 7, 12, 13)}
    assert told == {0: 0, 1: 3, 6: 3, 7: 9, 12: 9, 13: 15}


@pytest.mark.parametrize(("option", "chance"), [(BLOCK[0], 1 / 5), (BLOCK[1], 1 / 6)])
def test_one_person_more_changes_a_rounded_number_in_one_of_a_block(option: Option, chance: float) -> None:
    """Why rounding alone proves nothing: the step, sought with known persons added one by one, gives the count."""
    changed = [option.told(n, b"") != option.told(n + 1, b"") for n in range(30, 630)]
    assert fmean(changed) == pytest.approx(chance)


def test_noise_has_no_bias_a_variance_of_three_and_five_at_most() -> None:
    noise = option_from("cell-key", RULES).noise
    assert sum(weight for _, weight in noise) == 65536
    assert sum(k * weight for k, weight in noise) == 0
    assert sum(k * k * weight for k, weight in noise) / 65536 == pytest.approx(3, abs=0.001)
    assert {abs(k) for k, _ in noise} == set(range(6))


def test_drawn_noise_follows_its_table() -> None:
    option = option_from("cell-key", RULES)
    drawn = [option.told(100, b"set %d" % at) - 100 for at in range(20000)]
    assert abs(fmean(drawn)) < 5 * math.sqrt(3 / 20000)
    assert fmean(k * k for k in drawn) == pytest.approx(3, rel=0.05)


@given(n=st.integers(11, 10**6), mark=st.binary(min_size=1))
def test_the_same_set_has_the_same_noise_and_a_zero_none(n: int, mark: bytes) -> None:
    option = option_from("cell-key", RULES)
    assert len({option.told(n, mark) for _ in range(5)}) == 1, "a hundred repetitions tell no more than one"
    assert option.told(0, mark) == 0 and abs(option.told(n, mark) - n) <= 5


def test_a_hundred_different_sets_around_one_count_average_the_noise_away() -> None:
    """What the option does not promise: each needs a set that differs, which the comparison with earlier releases refuses below eleven."""
    option = option_from("cell-key", RULES)
    runs = [fmean(option.told(100 + k, b"%d %d" % (run, k)) - k for k in range(100)) for run in range(20)]
    assert all(abs(found - 100) < 1 for found in runs)


@pytest.mark.parametrize("name", NAMES)
def test_with_an_option_counts_are_altered_and_small_ones_stay_hidden(name: str) -> None:
    exact = counts_shown(examine(_named(submission((4, 70))), RULES, key=KEY).tables)
    told = counts_shown(_altered(submission((4, 70)), name))
    assert {place for place, n in exact.items() if n is None} == {place for place, n in told.items() if n is None}
    option = option_from(name, RULES)
    moved = [abs(n - (told[place] or 0)) for place, n in exact.items() if n is not None]
    assert 0 < max(moved) <= (5 if name == "cell-key" else 3) and option.name == name


@pytest.mark.parametrize("name", NAMES)
def test_no_estimate_gives_the_exact_count_back_beside_an_altered_one(name: str) -> None:
    """A share and its total would: what is computed from counts is withheld with an option."""
    for table in _altered(frequency({"t": {"a": 37, "b": 63}}), name):
        assert {item.value for item in table.rows if item.statistic == "percent"} == {None}


def test_one_set_has_one_number_in_every_table_project_and_result() -> None:
    """The mark decides alone: not the table, not the other sets of the result, not the name that the set has in a project."""
    mark, told = b"of the persons themselves", set()
    for name, others in (("one", []), ("two", [500, 450]), ("three", [900])):
        rows = [replace(item, output=name, persons_ref=f"print:{name}") for item in attrition([400])]
        rows += [replace(item, persons_ref=f"print:{name} {item.value}") for item in attrition(others)]
        marks = {item.persons_ref: repr(item.value).encode() for item in rows} | {f"print:{name}": mark}
        tables = examine(rows, RULES, key=name.encode(), option="cell-key", marks=marks).tables
        told |= {item.value for table in tables if table.output == name for item in table.rows}
    assert told == {float(option_from("cell-key", RULES).told(400, mark))}


def test_noise_withholds_a_count_of_which_no_marked_set_tells() -> None:
    """Its change would have to be drawn by the project or the result, and asking again elsewhere would average it."""
    rows = [
        replace(item, persons_ref=name)
        for item, name in zip(attrition([400, 300, 0]), ("print:a", "", ""), strict=True)
    ]
    (table,) = examine(rows, RULES, key=KEY, option="cell-key", marks={"print:a": b"a"}).tables
    assert [item.value is None for item in table.rows] == [False, True, False] and table.rows[2].value == 0


def test_the_record_of_every_rule_names_the_option_and_nothing_where_there_is_none() -> None:
    for name in (*NAMES, "none"):
        for table in _altered(frequency({"t": {"a": 37, "b": 63}}), name):
            said = [entry["parameters"].get("option", "none") for entry in table.record]  # type: ignore[attr-defined]
            assert said and set(said) == {name}


def _named(rows: Sequence[ResultRow]) -> list[ResultRow]:
    """Rows whose sets all have a name, each of its own where it had none."""
    return [replace(item, persons_ref=item.persons_ref or f"set {at}") for at, item in enumerate(rows)]


def _altered(rows: Sequence[ResultRow], option: str) -> tuple[CheckedTable, ...]:
    named = _named(rows)
    marks = {item.persons_ref: item.persons_ref.encode() for item in named}
    return examine(named, RULES, key=KEY, option=option, marks=marks).tables


def test_an_option_nobody_knows_is_refused() -> None:
    with pytest.raises(BadInput, match="disclosure-option"):
        examine(attrition([400]), RULES, key=KEY, option="base-7")
    pairs = itertools.pairwise(range(100, 200))
    assert all(option_from("none", RULES).told(a, b"") == a for a, _ in pairs)
