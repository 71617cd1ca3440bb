# SPDX-License-Identifier: Apache-2.0
"""Parts under the query port: only what a view shows is opened, and no byte of a former content is ever read as a later one's."""

import os
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.adapters.duckdb_query import DuckDBQuery, QueryFailed
from rempart.adapters.memory_files import MemoryFile
from rempart.adapters.part_files import PartFiles
from rempart.errors import NotTrusted
from rempart.ports.host import Host
from rempart.records.sealed import PartEntry, Sealed
from rempart.vault.footer import needed_ranges, read_footer
from rempart.vault.parquet import parquet_bytes
from rempart.vault.part import SealedPart
from tests.parts_in_memory import ClearPart
from tests.properties.test_sealed_parts import KEY, sealed_bytes
from tests.sealed_objects import MemoryHost
from tests.vectors.material import WAREHOUSE, drawn

ROWS = 400_000


@pytest.fixture
def files() -> Iterator[PartFiles]:
    """A pool that outlives its sessions."""
    pool = PartFiles(threads=2)
    yield pool
    pool.close()


@pytest.fixture
def query(files: PartFiles) -> Iterator[DuckDBQuery]:
    """A session on that pool."""
    session = DuckDBQuery(threads=2, memory_limit="500MB", files=files)
    yield session
    session.close()


def table(start: int) -> pa.Table:
    """Rows that do not compress away: a sorted number and two wide columns."""
    values = pa.array(range(start, start + ROWS), pa.int64())
    noise = pa.array(memoryview(os.urandom(8 * ROWS)).cast("q"), pa.int64())
    return pa.table({"n": values, "noise": noise, "other": pa.array(memoryview(os.urandom(8 * ROWS)).cast("q"))})


@cache
def made(start: int) -> tuple[PartEntry, Sealed]:
    """A part with an id and a name of its own."""
    return sealed_bytes(parquet_bytes(table(start)), rows=ROWS, randomness=drawn(f"rows {start}"))


def sealed(start: int) -> tuple[SealedPart, MemoryHost]:
    """A sealed part of those rows, and the host that it lies on."""
    entry, data = made(start)
    host = MemoryHost({entry.object: data.data})
    return SealedPart(cast(Host, host), entry, warehouse=WAREHOUSE, key=KEY), host


def test_columns_that_a_view_does_not_show_are_not_fetched(query: DuckDBQuery) -> None:
    part, host = sealed(0)
    query.attach("v", [part], columns=["n"])
    assert query.table("SELECT count(*) AS c, min(n) AS a, max(n) AS b FROM v").to_pylist() == [
        {"c": ROWS, "a": 0, "b": ROWS - 1}
    ]
    assert host.bytes_asked < part.length / 2
    with pytest.raises(QueryFailed, match="noise"):
        query.table("SELECT noise FROM v")


def test_a_column_that_there_is_not_is_said(query: DuckDBQuery) -> None:
    query.attach("v", [sealed(0)[0]], columns=["nothing"])
    with pytest.raises(ValueError, match="nothing"):
        query.table("SELECT 1")
    assert query.table("SELECT 1 AS a").num_rows == 1


def test_bounds_leave_out_parts_and_filter_the_rest(query: DuckDBQuery) -> None:
    (first, one), (second, two) = sealed(0), sealed(ROWS)
    query.attach("v", [first, second], within={"n": (ROWS + 5, ROWS + 7)})
    assert sorted(query.table("SELECT n FROM v").column(0).to_pylist()) == [ROWS + 5, ROWS + 6, ROWS + 7]
    assert one.bytes_asked < first.length / 4 < second.length < two.bytes_asked * 1.5
    query.attach("v", [first, second], within={"n": (-5, -1)})
    assert query.table("SELECT n, noise FROM v").num_rows == 0
    query.attach("v", [first, second], within={"n": (None, 1)})
    assert query.table("SELECT count(*) AS c FROM v").to_pylist() == [{"c": 2}]


def test_bounds_of_text_and_days_ask_the_statistics(query: DuckDBQuery) -> None:
    rows = pa.table({"t": ["a'b", "c"], "d": pa.array([10, 20], pa.int32()).cast(pa.date32()), "x": [1.0, None]})
    part = ClearPart(parquet_bytes(rows))
    day = rows.column("d").to_pylist()[1]
    footer = read_footer(part)
    assert needed_ranges(footer, length=part.length, columns=None, within={"t": ("d", None)}) is None
    assert needed_ranges(footer, length=part.length, columns=None, within={"x": (5, 6)}) is not None
    query.attach("v", [part], within={"t": ("a'b", "a'b")})
    assert query.table("SELECT t FROM v").to_pylist() == [{"t": "a'b"}]
    query.attach("v", [part], within={"d": (day, None)})
    assert query.table("SELECT t FROM v").to_pylist() == [{"t": "c"}]


def test_a_reused_file_holds_the_new_part_and_zeros_alone(query: DuckDBQuery, files: PartFiles) -> None:
    """Stale bytes would be another part's rows; where the view of today does not look, there is nothing to see."""
    query.attach("v", [sealed(0)[0]])
    assert query.table("SELECT max(n) AS m FROM v").to_pylist() == [{"m": ROWS - 1}]
    query.unregister("v")
    part, _ = sealed(10 * ROWS)
    query.attach("w", [part], columns=["n"])
    assert query.table("SELECT max(n) AS m FROM w").to_pylist() == [{"m": 11 * ROWS - 1}]
    (file,) = query._views["w"]
    held, whole = Path(file.path).read_bytes(), part.read(0, part.length)
    opened = file.filled
    assert 0 < sum(end - start for start, end in opened) < part.length
    inside = bytearray(part.length)
    for start, end in opened:
        inside[start:end] = whole[start:end]
    assert held == bytes(inside)
    with pytest.raises(QueryFailed):
        query.table(f"SELECT sum(noise) FROM read_parquet('{file.path}')")


def of_one_length(start: int) -> bytes:
    """Parquet whose length does not depend on its values."""
    sink = pa.BufferOutputStream()
    rows = pa.table({"n": pa.array(range(start, start + ROWS), pa.int64())})
    parquet.write_table(rows, sink, compression="none", use_dictionary=False)
    return sink.getvalue().to_pybytes()


def test_two_contents_of_one_length_in_one_file_are_told_apart(query: DuckDBQuery) -> None:
    for start in (0, 5_000_000, 0):
        query.attach("v", [ClearPart(of_one_length(start))])
        assert query.table("SELECT count(*) AS c FROM v WHERE n >= ?", [start]).to_pylist() == [{"c": ROWS}]
        assert query.table("SELECT count(*) AS c FROM v WHERE n < ?", [start]).to_pylist() == [{"c": 0}]


def test_a_metadata_cache_would_answer_from_the_former_content() -> None:
    """The positive control of the test above: with DuckDB's cache on, the rows of the later content are gone. Both are written within
    one tick of the file's clock."""
    file, connection, found = MemoryFile(), duckdb.connect(), []
    connection.execute("SET parquet_metadata_cache = true")
    for start in (0, 5_000_000):
        data = of_one_length(start)
        file.begin("", len(data), [(0, len(data))])
        with file.view as view:
            view[:] = data
        file.holds("", [(0, len(data))])
        os.utime(file.path, (1, 1))
        sql = f"SELECT count(*) FROM read_parquet('{file.path}') WHERE n >= {start}"
        found += connection.execute(sql).fetchone() or ()
    file.close()
    assert found == [ROWS, 0]


class Torn(ClearPart):
    """A part whose end opens and whose body does not."""

    def read_into(self, start: int, end: int, out: memoryview) -> None:
        """Half of it is written before the lie shows."""
        out[start : (start + end) // 2] = self.read(start, (start + end) // 2)
        raise NotTrusted("sealed-bytes")


def test_what_did_not_prove_itself_leaves_no_byte_and_no_view(query: DuckDBQuery, files: PartFiles) -> None:
    query.attach("v", [Torn(parquet_bytes(table(0))), ClearPart(parquet_bytes(table(0)))])
    with pytest.raises(NotTrusted):
        query.table("SELECT count(*) FROM v")
    assert [Path(file.path).stat().st_size for file in files.memory._free] == [0, 0]
    with pytest.raises(QueryFailed, match="CatalogException"):
        query.table("SELECT count(*) FROM v")
    query.attach("v", [sealed(0)[0]])
    assert query.table("SELECT count(*) AS c FROM v").to_pylist() == [{"c": ROWS}]


def test_a_part_asked_for_again_is_not_opened_again_until_it_is_forgotten(query: DuckDBQuery, files: PartFiles) -> None:
    part, host = sealed(0)
    asked = []
    for step in ("first", "again", "forgotten", "emptied"):
        host.asked.clear()
        files.forget() if step == "forgotten" else files.close() if step == "emptied" else None
        query.attach("v", [part], columns=["noise"])
        assert query.table("SELECT count(noise) AS c FROM v").to_pylist() == [{"c": ROWS}]
        query.unregister("v")
        asked.append(host.bytes_asked > part.length / 5)
    assert asked == [True, False, True, True]


def test_a_session_gives_its_files_back_and_the_pool_empties_them(files: PartFiles) -> None:
    for _ in range(3):
        session = DuckDBQuery(threads=1, memory_limit="500MB", files=files)
        session.attach("v", [sealed(0)[0]])
        session.attach("never asked", [sealed(0)[0]])
        session.table("SELECT count(*) FROM v")
        session.close()
    assert len(files.memory._free) <= 2
    kept = [os.dup(file.number) for file in files.memory._free]
    assert any(os.fstat(number).st_size for number in kept)
    files.close()
    assert [os.fstat(number).st_size for number in kept] == [0] * len(kept)
    for number in kept:
        os.close(number)


def test_while_a_query_runs_no_file_of_a_disk_is_open_and_none_is_written(
    query: DuckDBQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TMPDIR", "TEMP", "TMP", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    before, seen, ended = links(), set(), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.update(links())

    watcher = threading.Thread(target=watch)
    watcher.start()
    query.attach("v", [sealed(0)[0], sealed(ROWS)[0]])
    query.execute("CREATE TABLE big AS SELECT noise, other, md5(noise::VARCHAR) AS m FROM v ORDER BY m")
    assert query.table("SELECT count(*) AS c FROM big").to_pylist() == [{"c": 2 * ROWS}]
    ended.set()
    watcher.join()
    assert {
        link for link in seen - before if not link.startswith(("/memfd:rempart", "pipe:", "socket:", "/proc/"))
    } == set()
    assert any(link.startswith("/memfd:rempart") for link in seen)
    assert list(tmp_path.rglob("*")) == []


def links() -> set[str]:
    """What this process holds open."""
    out = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            out.add(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:
            continue
    return out
