# SPDX-License-Identifier: Apache-2.0
"""Rows on their way between shards lie in scratch as sealed streams under a key that one run alone has; and a worker's memory empties."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from rempart.adapters.part_files import PartFiles
from rempart.adapters.scratch_directory import ScratchDirectory
from rempart.adapters.surroundings import SystemRandomness
from rempart.errors import NotTrusted
from rempart.journeys.exchange import Exchange
from rempart.vault import aead
from rempart.vault.parquet import parquet_bytes
from rempart.wiring import worker
from tests.parts_in_memory import ClearPart

CANARY = "canary-scratch-51c2"
ROWS = pa.table({"target": pa.array([0, 1, 1], pa.int32()), "code": [CANARY, CANARY, "x"]})


@pytest.fixture
def scratch(tmp_path: Path) -> ScratchDirectory:
    """Scratch on a disk."""
    return ScratchDirectory(tmp_path)


def pieces(folder: Path) -> list[Path]:
    """What lies there."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]


def test_scratch_holds_our_stream_and_no_row(scratch: ScratchDirectory, tmp_path: Path) -> None:
    exchange = Exchange(scratch, "run", SystemRandomness())
    exchange.put("drugs", 3, ROWS)
    assert exchange.get("drugs", 1).column("code").to_pylist() == [CANARY, "x"]
    assert len(pieces(tmp_path)) == 2
    for path in pieces(tmp_path):
        data = path.read_bytes()
        assert data[0] == aead.HEADER
        assert CANARY.encode() not in data
        assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0


def test_another_run_and_another_place_open_nothing(scratch: ScratchDirectory, tmp_path: Path) -> None:
    one, other = (Exchange(scratch, "run", SystemRandomness()) for _ in range(2))
    one.put("drugs", 3, ROWS)
    other.put("drugs", 4, ROWS)
    first, second = sorted(pieces(tmp_path), key=lambda path: path.name)[:2]
    mine, theirs = first.read_bytes(), second.read_bytes()
    first.write_bytes(theirs)
    second.write_bytes(mine)
    for reader in (one, other):
        with pytest.raises(NotTrusted):
            reader.get("drugs", 0)


def test_the_same_rows_are_never_sealed_to_the_same_bytes(scratch: ScratchDirectory, tmp_path: Path) -> None:
    exchange = Exchange(scratch, "run", SystemRandomness())
    exchange.put("a", 0, ROWS)
    exchange.put("a", 1, ROWS)
    assert len({path.read_bytes()[:60] for path in pieces(tmp_path)}) == 4


@pytest.mark.parametrize("ends", ["well", "badly", "early"])
def test_a_workers_memory_files_are_empty_between_grants(monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    """However the job ends: its shards' plaintext lies in memory files no longer than the grant that opened them."""
    made = worker.Worker(Path("nowhere"))
    files: PartFiles = made._files
    data = parquet_bytes(pa.table({"code": [secrets.token_hex(8) for _ in range(1000)]}))

    def job(*_: object, new_query: object, **__: object) -> Iterator[tuple[int, bytes]]:
        session = new_query()  # type: ignore[operator]
        try:
            session.attach("v", [ClearPart(data)])
            session.table("SELECT count(*) FROM v")
            assert files.memory._used
            yield 0, b""
            if ends == "badly":
                raise NotTrusted("sealed-bytes")
        finally:
            session.close()

    from rempart.adapters.duckdb_query import DuckDBQuery

    def new_query(*, threads: int, memory: str, files: PartFiles) -> DuckDBQuery:
        return DuckDBQuery(threads=threads, memory_limit=memory, files=files)

    monkeypatch.setattr(worker, "shard_evidence", job)
    monkeypatch.setattr(worker, "ShardJob", SimpleNamespace(from_dict=lambda _: None))
    nothing = dict.fromkeys(("vault", "documents", "scratch", "trust", "layouts", "study_layouts"))
    monkeypatch.setattr(made, "_warehouse", SimpleNamespace(**nothing, new_query=new_query))
    served = made.serve(b"{}")
    assert next(served) == (0, b"")
    if ends == "early":
        served.close()
    elif ends == "badly":
        with pytest.raises(NotTrusted):
            next(served)
    else:
        assert list(served) == []
    assert not files.memory._used
    assert not files.memory._free
    assert not files._footers
