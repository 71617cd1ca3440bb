# SPDX-License-Identifier: Apache-2.0
"""The read path of systems without memory files: sealed parts behind Python files, whose handles the engine's threads share."""

import threading
from collections.abc import Iterator
from typing import cast

import pyarrow as pa
import pytest

from rempart.adapters import memory_files
from rempart.adapters.duckdb_query import DuckDBQuery, QueryFailed
from rempart.errors import NotTrusted
from rempart.ports.host import Host
from rempart.vault.parquet import parquet_bytes
from rempart.vault.part import SealedPart
from tests.properties.test_sealed_parts import KEY, sealed_bytes
from tests.sealed_objects import MemoryHost
from tests.vectors.material import WAREHOUSE, drawn

pytest.importorskip("fsspec", reason="the fall-back of systems without memory files needs fsspec")
from rempart.adapters import part_filesystem

ROWS = 100_000


@pytest.fixture
def query(monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBQuery]:
    """A session that finds no memory files."""
    monkeypatch.setattr(memory_files, "available", lambda: False)
    session = DuckDBQuery(threads=4, memory_limit="500MB")
    yield session
    session.close()


def sealed(number: int, *, touched: int | None = None) -> SealedPart:
    """A part of its own hundred thousand rows in five row groups' worth of pages; with one bit of byte ``touched`` flipped."""
    rows = pa.table({"n": pa.array(range(number * ROWS, (number + 1) * ROWS), pa.int64())})
    entry, data = sealed_bytes(parquet_bytes(rows), rows=ROWS, randomness=drawn(f"fall-back {number}"))
    changed = bytearray(data.data)
    if touched is not None:
        changed[touched] ^= 1
    return SealedPart(cast(Host, MemoryHost({entry.object: bytes(changed)})), entry, warehouse=WAREHOUSE, key=KEY)


def scan(query: DuckDBQuery) -> None:
    """Full scans and filters by four threads, right each time."""
    query.attach("v", [sealed(number) for number in range(6)])
    for turn in range(6):
        told = query.table("SELECT count(*) AS c, sum(n)::BIGINT AS s FROM v").to_pylist()
        assert told == [{"c": 6 * ROWS, "s": 6 * ROWS * (6 * ROWS - 1) // 2}]
        wanted = turn * ROWS + 17
        assert query.table("SELECT n FROM v WHERE n = ?", [wanted]).to_pylist() == [{"n": wanted}]


def test_sealed_parts_are_scanned_and_filtered_by_several_threads(query: DuckDBQuery) -> None:
    scan(query)


def test_a_position_belongs_to_a_thread() -> None:
    """The race itself: another thread seeks between this one's seek and its read."""
    part = sealed(0)
    file = part_filesystem.PartFile(part, lambda _: None)
    file.seek(100)
    other = threading.Thread(target=lambda: (file.seek(5), file.read(3)))
    other.start()
    other.join()
    assert file.tell() == 100
    assert file.read(8) == part.read(100, 108)


def test_a_touched_segment_is_not_trusted_through_the_engine_too(query: DuckDBQuery) -> None:
    query.attach("v", [sealed(0, touched=200)])
    with pytest.raises(NotTrusted) as caught:
        query.table("SELECT sum(n) FROM v")
    assert caught.value.code == "sealed-bytes"
    query.attach("v", [sealed(1)], columns=["n"], within={"n": (ROWS, ROWS + 1)})
    assert query.table("SELECT count(*) AS c FROM v").to_pylist() == [{"c": 2}]


def test_no_other_file_is_within_reach(query: DuckDBQuery) -> None:
    with pytest.raises(QueryFailed):
        query.table("SELECT * FROM read_text('/etc/hostname')")
    query.attach("v", [sealed(0)])
    with pytest.raises(QueryFailed):
        query.execute("COPY (SELECT 1) TO 'sealed://1'")
