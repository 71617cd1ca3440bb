# SPDX-License-Identifier: Apache-2.0
"""Ingest of claims: time against DuckDB alone on the same CSV files, and peak memory at ten times the lines.

Each run is a process of its own. REMPART_BENCH_LINES sets the main lines (a small delivery by default; the bound was written for
20,000,000 and more). A shard has a cost of its own, so a small delivery goes into fewer.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import duckdb

from bench.claims_delivery import write_claims
from bench.registry import Work, bench
from rempart.journeys.ingest_delivery import Bounds
from rempart.wiring.ingest import ingest_delivery
from tests.faults.warehouse import place as warehouse_place
from tests.faults.warehouse.place import Silence
from tests.ingest_house import empty_warehouse

LINES = int(os.environ.get("REMPART_BENCH_LINES", "2000000"))
SHARDS = 16 if LINES >= 10_000_000 else 4
MEMORY_LINES, MEMORY_SHARDS, WAITING = 400_000, 32, 200_000
_FOLDER = tempfile.TemporaryDirectory(prefix="rempart-bench-")
_LINES_A_PERSON = 67


@cache
def delivery(lines: int, months: int = 12) -> Path:
    """A delivery of so many main lines over so many flow months."""
    folder = Path(_FOLDER.name, f"claims-{lines}")
    write_claims(folder, lines=lines, persons=max(1000, lines // _LINES_A_PERSON), months=months)
    return folder


def measured(what: str, folder: Path) -> dict[str, float]:
    """Seconds, processor seconds and peak memory (kilobytes) of one process that does ``what``."""
    command = [sys.executable, "-m", "bench.ingest", what, str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


@bench(
    "ingest-snds-csv", peer="DuckDB alone: the same CSV files to Parquet (zstd), as text", bound=3.0, runs=3, given=True,
    note=f"{LINES:,} lines of ER_PRS_F over 12 flows, their drugs, acts and laboratory lines, a card file: read, checked, numbered, "
    f"sealed, committed, persons resolved, netted, mapped to OMOP, sealed, committed again; two threads, {SHARDS} shards, a process a run",
)  # fmt: skip
def snds_csv() -> tuple[Work, Work]:
    """Seconds within the process, imports left out."""
    folder = delivery(LINES)
    return lambda: measured("ingest", folder)["seconds"], lambda: measured("parquet", folder)["seconds"]


@bench(
    "ingest-memory", peer="the same with a tenth of the lines", bound=1.2, runs=1, given=True,
    note=f"peak memory of the ingest of ten years of flows ({MEMORY_LINES * 10:,} lines of ER_PRS_F) against one year ({MEMORY_LINES:,}): "
    f"flows of the same size, {WAITING:,} rows waiting or compacted at once at most, {MEMORY_SHARDS} shards",
)  # fmt: skip
def memory() -> tuple[Work, Work]:
    """Peak memory in kilobytes. A year is large enough to fill what waits."""
    one, ten = delivery(MEMORY_LINES), delivery(10 * MEMORY_LINES, months=120)
    return lambda: measured("bounded", ten)["peak"], lambda: measured("bounded", one)["peak"]


def ours(folder: Path, *, shards: int = SHARDS, bounds: Bounds = Bounds()) -> float:  # noqa: B008
    """Seconds of an ingest into an empty warehouse."""
    warehouse_place.SHARDS = shards
    with tempfile.TemporaryDirectory(prefix="rempart-bench-") as root, empty_warehouse(Path(root)) as place:
        begin = time.perf_counter()
        ingest_delivery(place.warehouse(), folder, form="snds", replace=False, progress=Silence(), bounds=bounds)
        return time.perf_counter() - begin


def peer(folder: Path) -> float:
    """Seconds of DuckDB alone."""
    with tempfile.TemporaryDirectory(prefix="rempart-bench-") as out:
        connection = duckdb.connect(config={"threads": 2})
        connection.execute("SET enable_progress_bar = false")
        begin = time.perf_counter()
        for file in sorted(folder.glob("*.csv")):
            connection.execute(
                f"COPY (SELECT * FROM read_csv('{file}', delim=';', header=true, all_varchar=true)) "
                f"TO '{out}/{file.stem}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )
        return time.perf_counter() - begin


def bounded(folder: Path) -> float:
    """Seconds of an ingest whose bounds a small delivery reaches."""
    return ours(folder, shards=MEMORY_SHARDS, bounds=Bounds(rows=WAITING, pass_rows=WAITING))


_WORK: dict[str, Callable[[Path], float]] = {"ingest": ours, "parquet": peer, "bounded": bounded}

if __name__ == "__main__":
    used = _WORK[sys.argv[1]](Path(sys.argv[2]))
    spent = resource.getrusage(resource.RUSAGE_SELF)
    told = {"seconds": used, "processor": spent.ru_utime + spent.ru_stime, "peak": spent.ru_maxrss}
    print(json.dumps(told))
