# SPDX-License-Identifier: Apache-2.0
"""What sealing costs a reader: sealed parts against the same Parquet in clear, both scanned by DuckDB."""

import atexit
import hashlib
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from bench.registry import Work, bench
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.vault.parquet import parquet_bytes
from rempart.vault.read import open_part
from rempart.vault.seal import seal_part

ROWS, PARTS = 500_000, 2
KEY = b"k" * 32
SCAN = (
    "SELECT sum(person), sum(day), count(code), sum(quantity), sum(number), sum(amount), sum(place), sum(event) FROM v"
)


def claims(part: int) -> pa.Table:
    """Synthetic claims of one part, sorted by person: eight columns."""
    draw = np.random.default_rng(part)
    codes = pa.array([f"C{number:04d}" for number in range(2000)])
    return pa.table(
        {
            "person": np.sort(draw.integers(0, 30_000, ROWS)),
            "day": draw.integers(14_000, 18_000, ROWS).astype(np.int32),
            "code": codes.take(pa.array(draw.integers(0, 2000, ROWS))),
            "quantity": draw.random(ROWS),
            "number": draw.integers(0, 100_000, ROWS),
            "amount": np.round(draw.random(ROWS) * 100, 2),
            "place": draw.integers(0, 96, ROWS).astype(np.int32),
            "event": draw.integers(0, 1 << 40, ROWS),
        }
    )


@bench(
    "storage-sealed-scan",
    peer="DuckDB on plain Parquet files",
    bound=3.0,
    note="eight-column scan of 1,000,000 rows in two parts; ours also hashes each ciphertext (SHA-256) and decrypts whole parts",
)
def sealed_scan() -> tuple[Work, Work]:
    """Both read every column of every row once; ours begins from sealed bytes in memory, the peer from files in the page cache."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    files = [Path(folder.name, f"{part}.parquet") for part in range(PARTS)]
    for part, file in enumerate(files):
        file.write_bytes(parquet_bytes(claims(part)))
    sealed = [
        seal_part(
            file.read_bytes(), warehouse="w", space="warehouse", table="claims", sibling="main", shard=0, rows=ROWS,
            lineage=(), key=KEY, randomness=lambda count: hashlib.shake_256(b"bench").digest(count),
        )
        for file in files
    ]  # fmt: skip
    session, plain = DuckDBQuery(threads=2), duckdb.connect(config={"threads": 2})
    plain.execute(f"CREATE VIEW v AS SELECT * FROM read_parquet({[str(file) for file in files]})")

    def ours() -> None:
        session.attach_parquet("v", [open_part(data, entry, warehouse="w", key=KEY) for entry, data in sealed])
        session.table(SCAN)

    def peer() -> None:
        plain.sql(SCAN).to_arrow_table()

    return ours, peer
