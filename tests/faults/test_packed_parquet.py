# SPDX-License-Identifier: Apache-2.0
"""A small Parquet file may hold much text: it is read in pieces of bounded length, and no value is longer than a line of CSV may be."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.adapters.parquet_rows import ParquetRows
from rempart.errors import BadInput
from rempart.ingest.units import DeliveredFile

_MOST = 64 << 20


def delivered(path: Path, table: pa.Table, **how: object) -> ParquetRows:
    """The table, written and opened again."""
    pq.write_table(table, path, compression="zstd", **how)
    data = path.read_bytes()
    return ParquetRows(
        DeliveredFile(name=path.name, path=str(path), size=len(data), sha256=hashlib.sha256(data).hexdigest())
    )


def lengths(table: pa.Table) -> int:
    """Characters of all values, written out."""
    return sum(len(value or "") for column in table.columns for value in column.to_pylist())


@pytest.mark.parametrize("plain", [False, True])
def test_long_values_of_few_bytes_come_in_pieces(tmp_path: Path, plain: bool) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 9_000, pa.int32()), pa.array(["x" * 10_000]))
    table = pa.table({"A": [str(number) for number in range(9_000)], "B": long.cast(pa.string()) if plain else long})
    rows = delivered(tmp_path / "a.parquet", table, use_dictionary=not plain)
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 20
    pieces = list(rows.batches(["A", "B"]))
    assert sum(piece.num_rows for piece in pieces) == 9_000
    assert max(map(lengths, pieces)) <= _MOST
    assert sum(piece.nbytes for piece in pieces) < (150 << 20 if plain else 2 << 20)


def test_a_value_longer_than_a_line_of_text_is_refused(tmp_path: Path) -> None:
    for values in (["y" * ((1 << 20) + 1)] * 3, [b"y" * ((1 << 20) + 1)]):
        rows = delivered(tmp_path / "a.parquet", pa.table({"A": ["1"] * len(values), "NOTE": values}))
        with pytest.raises(BadInput) as caught:
            list(rows.batches(["A", "NOTE"]))
        assert (caught.value.code, caught.value.facts["column"]) == ("parquet-value-long", "NOTE")


def test_every_value_comes_in_its_place_however_it_is_packed(tmp_path: Path) -> None:
    words = ["a", None, "bb", "", "é"] * 8_000
    table = pa.table(
        {
            "W": words,
            "D": pa.array(words).dictionary_encode(),
            "N": range(40_000),
            "B": [word and word.encode() for word in words],
        }
    )
    for how in ({}, {"use_dictionary": False}, {"row_group_size": 7_001}):
        rows = delivered(tmp_path / "a.parquet", table, **how)
        read = pa.concat_tables(
            piece.cast(pa.schema([(name, pa.string()) for name in "WDNB"])) for piece in rows.batches(list("WDNB"))
        )
        assert read.column("W").to_pylist() == read.column("D").to_pylist() == read.column("B").to_pylist() == words
        assert read.column("N").to_pylist() == [str(number) for number in range(40_000)]
