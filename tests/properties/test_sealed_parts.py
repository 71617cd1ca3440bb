# SPDX-License-Identifier: Apache-2.0
"""A part opens as itself, in its own place, untouched; each check is shown to matter by taking it out."""

import dataclasses
import hashlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from rempart.errors import NotTrusted
from rempart.records.sealed import PartEntry, Sealed
from rempart.vault import aead, read
from rempart.vault.padding import padme
from rempart.vault.parquet import parquet_bytes
from rempart.vault.read import open_part
from rempart.vault.seal import seal_part
from tests.vectors.material import SPACE, WAREHOUSE, drawn, part, rows

KEY = b"d" * 32
NAMES = st.text(st.characters(codec="utf-8"), max_size=12)


def sealed_bytes(plain: bytes, **other: object) -> tuple[PartEntry, Sealed]:
    """A part that holds ``plain`` in place of Parquet."""
    given = {
        "warehouse": WAREHOUSE, "space": SPACE, "table": "person", "sibling": "main", "shard": 0, "rows": 1,
        "lineage": (), "key": KEY, "randomness": drawn("parts"),
    }  # fmt: skip
    return seal_part(plain, **{**given, **other})  # type: ignore[arg-type]


def code_of(sealed: Sealed, entry: PartEntry, *, warehouse: str = WAREHOUSE, key: bytes = KEY) -> str:
    """The code under which it does not open."""
    with pytest.raises(NotTrusted) as caught:
        open_part(sealed, entry, warehouse=warehouse, key=key)
    return caught.value.code


@settings(max_examples=60)
@given(plain=st.binary(max_size=5000), space=NAMES, table=NAMES, sibling=NAMES, segment=st.sampled_from(aead.SEGMENTS))
def test_a_part_comes_back_whatever_its_bytes_and_names(
    plain: bytes, space: str, table: str, sibling: str, segment: int
) -> None:
    entry, sealed = sealed_bytes(plain, space=space, table=table, sibling=sibling, segment=segment)
    assert bytes(open_part(sealed, entry, warehouse=WAREHOUSE, key=KEY)) == plain
    assert entry.size == len(sealed.data) == aead.sealed_size(padme(len(plain)), segment)
    assert entry.sha256 == hashlib.sha256(sealed.data).hexdigest()


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_rows_come_back_as_parquet(count: int) -> None:
    table = rows(0, count)
    entry, sealed = sealed_bytes(parquet_bytes(table), rows=count)
    plain = open_part(sealed, entry, warehouse=WAREHOUSE, key=KEY)
    assert parquet.read_table(pa.BufferReader(plain)).equals(table)


@pytest.mark.parametrize("near", [-1, 0, 1])
@pytest.mark.parametrize("segment", aead.SEGMENTS)
def test_parts_around_a_segment_boundary_come_back(segment: int, near: int) -> None:
    plain = b"x" * (2 * segment - 40 - 32 + near)
    entry, sealed = sealed_bytes(plain, segment=segment)
    assert bytes(open_part(sealed, entry, warehouse=WAREHOUSE, key=KEY)) == plain


@pytest.mark.parametrize(
    ("field", "value"), [("space", "project:other"), ("table", "death"), ("sibling", "cost"), ("part", "0" * 32)]
)
def test_a_part_in_another_place_does_not_open(field: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere() -> tuple[Sealed, PartEntry]:
        entry, sealed = sealed_bytes(b"rows")
        return sealed, dataclasses.replace(entry, **{field: value})  # type: ignore[arg-type]

    assert code_of(*elsewhere()) == "sealed-bytes"
    monkeypatch.setattr(PartEntry, "associated_data", lambda *_: b"")
    sealed, entry = elsewhere()
    assert bytes(open_part(sealed, entry, warehouse=WAREHOUSE, key=KEY)) == b"rows"


def test_a_part_of_another_warehouse_does_not_open_under_the_same_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_of(*reversed(sealed_bytes(b"rows", warehouse="another"))) == "sealed-bytes"  # type: ignore[arg-type]
    monkeypatch.setattr(PartEntry, "associated_data", lambda *_: b"")
    entry, sealed = sealed_bytes(b"rows", warehouse="another")
    assert bytes(open_part(sealed, entry, warehouse=WAREHOUSE, key=KEY)) == b"rows"


def test_a_part_under_another_segment_size_or_key_does_not_open() -> None:
    entry, sealed = sealed_bytes(b"rows")
    other = next(segment for segment in aead.SEGMENTS if segment != entry.segment)
    assert code_of(sealed, dataclasses.replace(entry, segment=other)) == "sealed-bytes"
    assert code_of(sealed, entry, key=b"e" * 32) == "sealed-bytes"


@pytest.mark.parametrize("change", ["flip", "shorter", "longer", "empty", "another part"])
def test_an_altered_object_is_caught_before_it_is_decrypted(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, sealed = sealed_bytes(b"rows" * 100)
    touched = {
        "flip": sealed.data[:60] + bytes([sealed.data[60] ^ 1]) + sealed.data[61:],
        "shorter": sealed.data[:-1],
        "longer": sealed.data + b"\0",
        "empty": b"",
        "another part": part("death", 1, drawn("other"))[1].data,
    }[change]
    assert code_of(Sealed(touched), entry) == "object-altered"
    monkeypatch.setattr(read, "check_object", lambda *_, **__: None)
    assert code_of(Sealed(touched), entry) == "sealed-bytes"


def test_bytes_hidden_in_the_padding_are_caught() -> None:
    entry, sealed = sealed_bytes(b"rows" * 1000)
    shorter = dataclasses.replace(entry, length=entry.length - 1)
    assert padme(shorter.length) == padme(entry.length)
    assert code_of(sealed, shorter) == "sealed-bytes"


def test_a_length_with_another_padding_is_caught() -> None:
    entry, sealed = sealed_bytes(bytes(1000))
    assert code_of(sealed, dataclasses.replace(entry, length=500)) == "sealed-bytes"
    assert code_of(sealed, dataclasses.replace(entry, length=2000)) == "sealed-bytes"


def test_two_parts_of_the_same_rows_share_no_name_and_no_bytes() -> None:
    randomness = drawn("twice")
    one, first = sealed_bytes(b"rows", randomness=randomness)
    other, second = sealed_bytes(b"rows", randomness=randomness)
    assert len({one.part, one.object[2:], other.part, other.object[2:]}) == 4
    assert first.data[:60] != second.data[:60]
    assert first.data[40:] != second.data[40:]


def test_parquet_of_equal_rows_is_equal_however_they_are_cut() -> None:
    table = rows(0, 1000)
    chunked = pa.concat_tables([table.slice(0, 333), table.slice(333)])
    encoded = chunked.set_column(1, "drug_source_value", chunked.column(1).dictionary_encode())
    labelled = table.replace_schema_metadata({"writer": "someone"})
    assert len({parquet_bytes(each) for each in (table, chunked, encoded, labelled)}) == 1


def test_parquet_says_nothing_beside_columns_and_types() -> None:
    written = parquet.ParquetFile(pa.BufferReader(parquet_bytes(rows(0).replace_schema_metadata({"secret": "x"}))))
    assert written.schema_arrow.metadata is None
    assert written.metadata.metadata is None
    assert {written.metadata.row_group(0).column(n).compression for n in range(3)} == {"ZSTD"}
