# SPDX-License-Identifier: Apache-2.0
"""What ports.query.Query promises, on DuckDB: right answers on reused memory files, nothing on disk, no row in an error."""

import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from rempart.adapters import memory_files
from rempart.adapters.duckdb_query import DuckDBQuery, QueryFailed
from rempart.adapters.memory_files import MemoryFiles
from rempart.errors import Unavailable
from rempart.vault.parquet import parquet_bytes
from tests.parts_in_memory import ClearPart

SECRET = "canary-7f3a"


@pytest.fixture(params=["memory files", "files of Python"])
def query(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBQuery]:
    """A session on each read path: memory files, and the way of systems that have none."""
    if request.param == "files of Python":
        pytest.importorskip("fsspec", reason="the fall-back of systems without memory files needs fsspec")
        monkeypatch.setattr(memory_files, "available", lambda: False)
    session = DuckDBQuery(threads=2, memory_limit="500MB")
    yield session
    session.close()


@pytest.fixture
def linux() -> Iterator[DuckDBQuery]:
    """A session on memory files."""
    session = DuckDBQuery(threads=2, memory_limit="200MB")
    yield session
    session.close()


def numbers(start: int, count: int) -> ClearPart:
    """Parquet with a number, its text and its remainder."""
    values = list(range(start, start + count))
    columns = [pa.array(values, pa.int64()), pa.array([f"x{v}" for v in values], pa.string())]
    remainders = pa.array([v % 7 for v in values], pa.int32())
    return ClearPart(parquet_bytes(pa.table([*columns, remainders], names=["n", "text", "k"])))


def test_an_answer_comes_with_positional_and_named_parameters(query: DuckDBQuery) -> None:
    assert query.table("SELECT ? AS a, ? AS b", [1, "x"]).to_pylist() == [{"a": 1, "b": "x"}]
    assert query.table("SELECT $a AS a", {"a": "it's"}).to_pylist() == [{"a": "it's"}]


def test_statements_and_registered_tables(query: DuckDBQuery) -> None:
    query.register("t", pa.table({"a": [1, 2]}))
    query.execute("CREATE TABLE u AS SELECT a + ? AS a FROM t", [10])
    query.register("t", pa.table({"a": [5]}))
    assert query.table("SELECT sum(a) AS s FROM (SELECT a FROM t UNION ALL SELECT a FROM u)").to_pylist() == [{"s": 28}]
    query.unregister("t")
    with pytest.raises(QueryFailed, match="CatalogException"):
        query.table("SELECT * FROM t")
    query.unregister("t")


def test_several_parts_are_one_view_and_empty_parts_are_welcome(query: DuckDBQuery) -> None:
    query.attach("v", [numbers(0, 10), numbers(0, 0), numbers(10, 5)])
    assert query.table("SELECT count(*) AS c, sum(n) AS s FROM v").to_pylist() == [{"c": 15, "s": 105}]
    query.attach("v", [numbers(0, 0)])
    assert query.table("SELECT n, text FROM v").num_rows == 0


def test_a_view_needs_a_part(query: DuckDBQuery) -> None:
    with pytest.raises(ValueError, match="part"):
        query.attach("v", [])


def test_a_name_is_quoted(query: DuckDBQuery) -> None:
    query.attach('odd "name"; --', [numbers(0, 3)])
    assert query.table('SELECT count(*) AS c FROM "odd ""name""; --"').to_pylist() == [{"c": 3}]
    query.unregister('odd "name"; --')


def test_selective_filters_on_reused_memory_files_see_the_new_rows(query: DuckDBQuery) -> None:
    """A cache of footers or of bytes would answer from the former content (measured: 0 rows instead of 200,000)."""
    for turn, count in enumerate([200_000, 1_000, 150_000, 10, 200_000]):
        start = turn * 1_000_000
        query.attach("v", [numbers(start, count), numbers(start + count, count)])
        last = start + 2 * count - 1
        assert query.table("SELECT text FROM v WHERE n = ?", [last]).to_pylist() == [{"text": f"x{last}"}]
        assert query.table("SELECT count(*) AS c FROM v WHERE n >= ?", [start]).to_pylist() == [{"c": 2 * count}]
        assert query.table("SELECT count(*) AS c FROM v WHERE n < ?", [start]).to_pylist() == [{"c": 0}]
        assert query.table("SELECT count(DISTINCT k) AS c FROM v").to_pylist() == [{"c": 7}]


def test_caches_and_spilling_are_off(query: DuckDBQuery) -> None:
    """A cache goes by name and time of change, and a memory file keeps its name and may keep its time."""
    wanted = {
        "parquet_metadata_cache": "false", "enable_external_file_cache": "false", "temp_directory": "",
        "autoload_known_extensions": "false", "autoinstall_known_extensions": "false", "lock_configuration": "true",
    }  # fmt: skip
    told = query.table("SELECT name, value FROM duckdb_settings()").to_pylist()
    assert {row["name"]: row["value"] for row in told if row["name"] in wanted} == wanted


def test_many_parts_are_scanned_in_parallel_again_and_again(query: DuckDBQuery) -> None:
    parts = [numbers(20_000 * part, 20_000) for part in range(8)]
    for _ in range(5):
        query.attach("v", parts)
        told = query.table("SELECT k, count(*) AS c, sum(n)::BIGINT AS s FROM v GROUP BY k ORDER BY k").to_pylist()
        assert sum(row["c"] for row in told) == 160_000
        assert sum(row["s"] for row in told) == 160_000 * 159_999 // 2


def test_two_views_do_not_disturb_each_other(query: DuckDBQuery) -> None:
    query.attach("a", [numbers(0, 10)])
    query.attach("b", [numbers(100, 10)])
    query.unregister("a")
    query.attach("c", [numbers(200, 20)])
    told = query.table("SELECT (SELECT min(n) FROM b) AS b, (SELECT min(n) FROM c) AS c")
    assert told.to_pylist() == [{"b": 100, "c": 200}]


def test_times_are_utc_whatever_the_machine_says(query: DuckDBQuery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    assert query.table("SELECT current_setting('TimeZone') AS z").to_pylist() == [{"z": "UTC"}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT v::INTEGER FROM secrets",
        "SELECT strptime(v, '%Y') FROM secrets",
        "SELECT error(v) FROM secrets",
        "CREATE TABLE t AS SELECT v::DATE AS d FROM secrets",
    ],
)
def test_no_error_holds_a_value_of_a_row(query: DuckDBQuery, sql: str) -> None:
    query.register("secrets", pa.table({"v": [SECRET]}))
    with pytest.raises(QueryFailed) as caught:
        query.execute(sql)
    error = caught.value
    told = "".join(traceback.format_exception(error)) + repr(error.args)
    assert SECRET not in told
    assert error.__context__ is None
    assert error.__cause__ is None


def test_an_engine_error_would_hold_it() -> None:
    """The positive control of the test above."""
    with pytest.raises(duckdb.Error, match=SECRET):
        duckdb.connect().execute("SELECT v::INTEGER FROM (VALUES (?)) t(v)", [SECRET]).fetchall()


def test_a_misspelt_statement_is_named(query: DuckDBQuery) -> None:
    query.register("t", pa.table({"a": [1]}))
    with pytest.raises(QueryFailed, match="wrong_column"):
        query.table("SELECT wrong_column FROM t")
    with pytest.raises(QueryFailed, match="syntax"):
        query.execute("SELEC 1")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{path}'",
        "SELECT * FROM read_csv('{path}')",
        "SELECT * FROM read_text('/proc/self/fd/../../../etc/hostname')",
        "ATTACH '{path}'",
        "EXPORT DATABASE '{path}'",
        "INSTALL httpfs",
        "LOAD '{path}'",
        "SET enable_external_access = true",
        "SET temp_directory = '{path}'",
        "SET threads = 64",
    ],
)
def test_no_statement_reaches_a_file_or_opens_the_door_again(linux: DuckDBQuery, tmp_path: Path, sql: str) -> None:
    with pytest.raises(QueryFailed):
        linux.execute(sql.format(path=tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_no_variable_of_the_caller_is_read_as_a_table(query: DuckDBQuery) -> None:
    local_rows = pa.table({"a": [1]})
    with pytest.raises(QueryFailed):
        query.table("SELECT * FROM local_rows")
    assert local_rows.num_rows == 1


def test_too_little_memory_is_said_and_nothing_spills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = DuckDBQuery(threads=2, memory_limit="60MB")
    with pytest.raises(Unavailable) as caught:
        small.execute("CREATE TABLE t AS SELECT i, md5(i::VARCHAR) AS m FROM range(20000000) r(i) ORDER BY m")
    assert (caught.value.code, caught.value.facts) == ("query-memory", {"limit": "60MB"})
    assert caught.value.__context__ is None
    small.close()
    assert list(tmp_path.iterdir()) == []


def test_close_empties_the_memory_files_even_for_who_still_holds_one(linux: DuckDBQuery) -> None:
    linux.attach("v", [numbers(0, 1000)])
    assert linux.table("SELECT count(*) AS c FROM v").to_pylist() == [{"c": 1000}]
    (file,) = linux._views["v"]
    kept = os.dup(file.number)
    try:
        assert os.fstat(kept).st_size > 1000
        linux.close()
        assert os.fstat(kept).st_size == 0
    finally:
        os.close(kept)


def test_a_file_given_back_is_written_anew_and_cut_to_size() -> None:
    files = MemoryFiles()
    first = files.hold(b"a" * 10_000)
    files.give_back(first)
    second = files.hold(b"b" * 10)
    third = files.hold(b"c" * 20)
    assert second is first
    assert third is not first
    assert Path(second.path).read_bytes() == b"b" * 10
    assert Path(third.path).read_bytes() == b"c" * 20
    files.close()


def test_a_child_process_inherits_no_memory_file() -> None:
    files = MemoryFiles()
    assert not os.get_inheritable(files.hold(b"x").number)
    files.close()


def test_sessions_leave_no_descriptor_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        session = DuckDBQuery(threads=1, memory_limit="100MB")
        session.attach("v", [numbers(0, 10), numbers(10, 10)])
        session.table("SELECT * FROM v")
        session.close()
        session.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
