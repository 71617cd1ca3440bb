# SPDX-License-Identifier: Apache-2.0
"""Tallies say what plain Python says of the same rows, and add up however persons are split and in whatever order shards come."""

import hashlib
import json
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.tally_sql import tally
from rempart.errors import BadInput
from rempart.records.canonical import length_prefixed
from rempart.records.protocol import TallyPlan
from rempart.study.evidence import Evidence, compute, decode, empty, encode, merge, schema_of
from rempart.study.tallies import tallies_of

Rows = Mapping[int, tuple[str | None, str, int | None]]  # person → two levels and a value
LEVELS = st.sampled_from(["F", "M", 'a"b\\c', "é", None])
ROWS = st.dictionaries(
    st.integers(1, 60),
    st.tuples(LEVELS, st.sampled_from(["x", "y"]), st.none() | st.integers(-5, 9)),
    min_size=2,
    max_size=25,
)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all examples."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def told(query: DuckDBQuery, rows: Rows) -> Evidence:
    """The evidence of a shard with these rows: by both levels with the value, and of everybody without."""
    columns = list(zip(*[(person, *row) for person, row in rows.items()], strict=True)) or [()] * 4
    types = {"person_id": pa.int64(), "sex": pa.string(), "arm": pa.string(), "days": pa.int64()}
    query.register("seen", pa.table({n: pa.array(c, type=t) for (n, t), c in zip(types.items(), columns, strict=True)}))
    selects = {
        "by": tally("SELECT * FROM seen", keys=("sex", "arm"), value="days"),
        "all": tally("SELECT * FROM seen"),
    }
    return compute(query, (), (TallyPlan(analysis="a", selects=selects),))


def text(key: Mapping[str, str]) -> str:
    """Canonical JSON of a key."""
    return json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def halves(persons: list[int]) -> tuple[int, int]:
    """The two prints of a person set, from the definition."""
    numbers = [hashlib.md5(str(person).encode(), usedforsecurity=False).digest() for person in persons]
    upper = sum(int.from_bytes(digest[:8], "little") for digest in numbers) % 2**64
    return upper, sum(int.from_bytes(digest[8:], "little") for digest in numbers) % 2**64


@QUICK
@given(ROWS)
def test_a_tally_counts_sums_and_keeps_the_two_largest(query: DuckDBQuery, rows: Rows) -> None:
    cells: dict[str, list[tuple[int, int | None]]] = {}
    for person, (sex, arm, days) in rows.items():
        key = text({"arm": arm, "sex": sex or "unknown"})
        cells.setdefault(key, []).append((person, days))
    table = told(query, rows)["tallies"]
    found = {text(dict(cell.key)): cell for cell in tallies_of(table, "a", "by")}
    assert set(found) == set(cells) == {row["key"] for row in table.to_pylist() if row["part"] == "by"}
    for key, members in cells.items():
        known = [days for _, days in members if days is not None]
        tops = sorted(map(abs, known), reverse=True)
        cell = found[key]
        assert (cell.persons, cell.n, cell.total) == (len(members), len(known), sum(known))
        assert cell.squares == sum(days * days for days in known)
        assert [cell.top1, cell.top2] == [*tops, 0, 0][:2]
        assert {cell.print_a % 2**64, cell.print_b % 2**64} == set(halves([person for person, _ in members]))


@QUICK
@given(ROWS, st.data())
def test_tallies_of_any_split_in_any_order_are_the_same_bytes(
    query: DuckDBQuery, rows: Rows, data: st.DataObject
) -> None:
    shard = {person: data.draw(st.integers(0, 2)) for person in rows}
    parts = [told(query, {p: row for p, row in rows.items() if shard[p] == s}) for s in range(3)]
    shuffled = [decode(encode(part)) for part in data.draw(st.permutations(parts))]
    whole = encode(told(query, rows))
    assert encode(merge(shuffled)) == encode(merge([merge(shuffled[:2]), shuffled[2]])) == whole


def test_a_tally_of_nobody_is_one_cell_of_zero(query: DuckDBQuery) -> None:
    found = told(query, {})["tallies"]
    (cell,) = tallies_of(found, "a", "all")
    assert (cell.persons, cell.n, cell.fingerprint) == (0, 0, "0" * 32)
    assert tallies_of(found, "a", "by") == []


def test_a_sum_without_room_is_refused() -> None:
    row = dict.fromkeys(schema_of("tallies").names, 0) | {"analysis": "a", "part": "p", "key": "{}", "total": 2**62}
    part = {"tallies": pa.Table.from_pylist([row], schema=schema_of("tallies"))}
    with pytest.raises(BadInput, match="evidence-sum"):
        merge([part, part])


def test_evidence_of_the_form_before_is_read_as_having_no_tallies() -> None:
    fields: list[str | bytes] = ["rempart.evidence/1"]
    for name in ("attrition", "cells", "sums"):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema_of(name)) as writer:
            writer.write_table(schema_of(name).empty_table())
        fields += [name, sink.getvalue().to_pybytes()]
    assert encode(decode(length_prefixed(*fields))) == encode(empty())
    with pytest.raises(BadInput, match="evidence-form"):
        decode(length_prefixed("rempart.evidence/2", *fields[1:]))
