# SPDX-License-Identifier: Apache-2.0
"""Ingest of claims: time against DuckDB alone on the same CSV files, and peak memory at ten times the lines.

Each run is a process of its own. REMPART_BENCH_LINES sets the main lines (a small delivery by default; the bound was written for
20,000,000 and more).
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
from rempart.wiring.ingest import ingest_delivery
from tests.faults.warehouse import place as warehouse_place
from tests.faults.warehouse.place import Silence
from tests.ingest_house import empty_warehouse

LINES = int(os.environ.get("REMPART_BENCH_LINES", "1000000"))
SHARDS = 16
_FOLDER = tempfile.TemporaryDirectory(prefix="rempart-bench-")
_LINES_A_PERSON = 67


@cache
def delivery(lines: int) -> Path:
    """A delivery of so many main lines over twelve flow months."""
    folder = Path(_FOLDER.name, f"claims-{lines}")
    write_claims(folder, lines=lines, persons=max(1000, lines // _LINES_A_PERSON), months=12)
    return folder


def measured(what: str, lines: int) -> dict[str, float]:
    """Seconds and peak memory (kilobytes) of one process that does ``what``."""
    command = [sys.executable, "-m", "bench.ingest", what, str(delivery(lines))]
    told = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


@bench(
    "ingest-snds-csv", peer="DuckDB alone: the same CSV files to Parquet (zstd), as text", bound=3.0, runs=3, given=True,
    note=f"{LINES:,} lines of ER_PRS_F over 12 flows, their drugs, acts and laboratory lines, a card file: read, checked, numbered, "
    "sealed, committed, persons resolved, netted, mapped to OMOP, sealed, committed again; two threads, 16 shards, a process a run",
)  # fmt: skip
def snds_csv() -> tuple[Work, Work]:
    """Seconds within the process, imports left out."""
    return lambda: measured("ingest", LINES)["seconds"], lambda: measured("parquet", LINES)["seconds"]


@bench(
    "ingest-memory", peer="the same with a tenth of the lines", bound=1.2, runs=1, given=True,
    note=f"peak memory of the ingest of {LINES * 10:,} lines of ER_PRS_F against {LINES:,}: the same flush bound and shards",
)  # fmt: skip
def memory() -> tuple[Work, Work]:
    """Peak memory in kilobytes."""
    return lambda: measured("ingest", 10 * LINES)["peak"], lambda: measured("ingest", LINES)["peak"]


def ours(folder: Path) -> float:
    """Seconds of an ingest into an empty warehouse."""
    warehouse_place.SHARDS = SHARDS
    with tempfile.TemporaryDirectory(prefix="rempart-bench-") as root, empty_warehouse(Path(root)) as place:
        begin = time.perf_counter()
        ingest_delivery(place.warehouse(), folder, form="snds", replace=False, progress=Silence())
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


_WORK: dict[str, Callable[[Path], float]] = {"ingest": ours, "parquet": peer}

if __name__ == "__main__":
    used = _WORK[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({"seconds": used, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
