# SPDX-License-Identifier: Apache-2.0
"""What a plan tells of sizes is coarse: a table of few persons looks like any other, no total or difference is finer than its tables."""

from hypothesis import given
from hypothesis import strategies as st

from rempart.journeys.study_size import LEAST_BYTES, LEAST_ROWS, ReadSize, coarse

NUMBERS = st.integers(0, 10**12)
TABLES = st.dictionaries(st.sampled_from(["death", "person", "drug_exposure", "visit_occurrence"]), NUMBERS, min_size=1)


def sized(rows: dict[str, int], size: dict[str, int]) -> ReadSize:
    """An exact size of a space of one shard."""
    return ReadSize(rows=rows, size=size, largest=size, largest_rows=rows, shards=1)


@given(NUMBERS)
def test_a_told_number_is_no_less_and_has_two_digits(number: int) -> None:
    told = coarse(number, least=LEAST_ROWS)
    assert max(number, LEAST_ROWS) <= told <= max(LEAST_ROWS, number * 1.1)
    assert set(str(told)[2:]) <= {"0"}
    assert coarse(told, least=LEAST_ROWS) == told


@given(NUMBERS, NUMBERS)
def test_more_is_never_told_as_less(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert coarse(low, least=LEAST_ROWS) <= coarse(high, least=LEAST_ROWS)


@given(TABLES, st.integers(0, LEAST_ROWS), st.integers(0, LEAST_ROWS), st.integers(0, LEAST_BYTES))
def test_nothing_told_tells_small_tables_apart(rows: dict[str, int], one: int, other: int, size: int) -> None:
    sizes = dict.fromkeys(rows, 7 * LEAST_BYTES)
    first = sized({**rows, "death": one}, {**sizes, "death": size}).told()
    second = sized({**rows, "death": other}, {**sizes, "death": 0}).told()
    assert first == second
    assert (first.all_rows, first.memory) == (second.all_rows, second.memory)


@given(TABLES)
def test_totals_are_made_of_what_is_told_of_the_tables(rows: dict[str, int]) -> None:
    """Else the total of two tables would say on which side of a step the smaller one lies."""
    told = sized(rows, rows).told()
    again = sized(dict(told.rows), dict(told.size)).told()
    assert told.all_rows == sum(told.rows.values())
    assert (again.rows, again.all_rows) == (told.rows, told.all_rows)
    assert again.memory == told.memory


def test_a_plan_of_nothing_tells_nothing() -> None:
    told = sized({}, {}).told()
    assert (told.all_rows, told.rows) == (0, {})
