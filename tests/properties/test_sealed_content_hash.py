# SPDX-License-Identifier: Apache-2.0
"""The content hash against a plain reading of docs/format.md in Python, over odd strings; independent of order and cuts."""

import datetime
import hashlib
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.records.omop import layouts
from rempart.vault.content_hash import add, as_text, combine, content_hash, content_hash_sql, row_hash_sql

ODD = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["", "-", "null", "1:a", '"', "\\", "é", "é"])
ROWS = st.lists(
    st.tuples(st.none() | ODD, st.none() | ODD, st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.dates()),
    max_size=12,
)
COLUMNS = ["a", 'b "quoted"', "n", "day"]
TYPES = [pa.string(), pa.string(), pa.int64(), pa.date32()]
Row = tuple[str | None, str | None, int | None, datetime.date | None]


def field(value: object) -> bytes:
    """One field of a canonical row."""
    if value is None:
        return b"-"
    text = str(value).encode()
    return str(len(text)).encode() + b":" + text


def oracle(rows: list[Row]) -> int:
    """The sum, row by row."""
    digests = [hashlib.sha256(b"".join(map(field, row))).digest() for row in rows]
    return sum(int.from_bytes(digest, "big") for digest in digests) % 2**256


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    session = DuckDBQuery(threads=1, memory_limit="500MB")
    yield session
    session.close()


def summed(query: DuckDBQuery, rows: list[Row]) -> int:
    """The sum as the engine makes it."""
    columns = list(zip(*rows, strict=True)) if rows else [[]] * len(TYPES)
    arrays = [pa.array(list(values), kind) for values, kind in zip(columns, TYPES, strict=True)]
    query.register("t", pa.table(arrays, names=COLUMNS))
    return add(query.table(f"SELECT {row_hash_sql(COLUMNS)} AS h FROM t").column("h"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_the_engine_and_the_oracle_agree(query: DuckDBQuery, rows: list[Row]) -> None:
    assert summed(query, rows) == oracle(rows)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, cut=st.integers(0, 12), seed=st.integers())
def test_order_and_cuts_do_not_matter(query: DuckDBQuery, rows: list[Row], cut: int, seed: int) -> None:
    mixed = random.Random(seed).sample(rows, len(rows))
    assert combine(summed(query, mixed[:cut]), summed(query, mixed[cut:])) == summed(query, rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((None, "a", None, None), ("", "a", None, None)),
        ((None, "a", None, None), ("-", "a", None, None)),
        (("ab", "c", None, None), ("a", "bc", None, None)),
        (("a", None, 1, None), (None, "a", 1, None)),
        (("1:a", "", None, None), ("1", "a", None, None)),
    ],
)
def test_rows_that_look_alike_differ(query: DuckDBQuery, one: Row, other: Row) -> None:
    assert summed(query, [one]) != summed(query, [other])


def test_a_row_twice_counts_twice_and_no_row_is_zero(query: DuckDBQuery) -> None:
    row: Row = ("a", None, 1, datetime.date(2020, 2, 29))
    assert summed(query, [row, row]) == 2 * summed(query, [row]) % 2**256
    assert summed(query, []) == 0
    assert as_text(0) == "0" * 64


def test_sums_wrap_at_two_to_the_256() -> None:
    largest = pa.array(["f" * 64, "f" * 64, "0" * 63 + "3"])
    assert add(largest) == 1
    assert combine(2**256 - 1, 2) == 1


def test_many_digests_are_added_exactly() -> None:
    digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(5000)]
    chunked = pa.chunked_array([digests[:77], [], digests[77:]], pa.string())
    assert add(chunked) == sum(int(digest, 16) for digest in digests) % 2**256


@pytest.mark.parametrize("wrong", [["ab"], ["g" * 64], ["a" * 64, "a" * 62]])
def test_what_is_no_digest_is_refused(wrong: list[str]) -> None:
    with pytest.raises(ValueError):
        add(pa.array(wrong))


def test_a_row_hash_without_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="columns"):
        row_hash_sql([])


def test_a_known_row_of_every_type_has_a_known_canonical_form(query: DuckDBQuery) -> None:
    sql = """SELECT 'é' AS a, NULL AS b, -5 AS c, DATE '2019-03-01' AS d, TIMESTAMP '2019-03-01 04:05:06' AS e, true AS f,
        1.50::DECIMAL(9, 2) AS g, 1.5::DOUBLE AS h, 1e20::DOUBLE AS i, 0.1::DOUBLE AS j"""
    told = add(query.table(f"SELECT {row_hash_sql(list('abcdefghij'))} AS h FROM ({sql})").column(0))
    canonical = "2:é-2:-510:2019-03-0119:2019-03-01 04:05:064:true4:1.503:1.55:1e+203:0.1"
    assert as_text(told) == hashlib.sha256(canonical.encode()).hexdigest()


def test_surrogate_keys_are_left_out_of_a_tables_hash(query: DuckDBQuery, repository: Path) -> None:
    text = (repository / "src" / "rempart" / "records" / "omop54.toml").read_text(encoding="utf-8")
    layout = layouts(tomllib.loads(text))["drug_exposure"]
    values = {column: f"NULL::{layout.type_of(column)} AS {column}" for column in layout.columns}

    def told(**given: str) -> str:
        picked = [f"{given[c]} AS {c}" if c in given else values[c] for c in layout.columns]
        query.execute(f"CREATE OR REPLACE TABLE research AS SELECT 'p1' AS source_person, {', '.join(picked)}")
        return content_hash(query.table(content_hash_sql(layout, source="research")))

    assert told(drug_exposure_id="1", visit_occurrence_id="7") == told()
    assert told(drug_concept_id="1") != told()
    assert told(total_paid="2.5") != told()
