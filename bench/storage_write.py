# SPDX-License-Identifier: Apache-2.0
"""What sealing costs a writer: rows to a sealed object on a host, against the same rows to a plain Parquet file, both flushed to disk."""

import atexit
import hashlib
import os
import tempfile
from itertools import count
from pathlib import Path

from pyarrow import parquet

from bench.registry import Work, bench
from bench.storage_claims import ROWS, rows
from rempart.adapters.allocator import tune_allocator
from rempart.adapters.directory_host import DirectoryHost
from rempart.vault.parquet import ROWS_PER_GROUP, parquet_bytes
from rempart.vault.seal import seal_part


@bench(
    "storage-sealed-write",
    peer="pyarrow.parquet.write_table with the same options, flushed",
    bound=1.25,
    note=f"{ROWS:,} claims × 8 columns: Parquet, padding, encryption, SHA-256 and the put on a directory host; both flush to disk",
    runs=7,
)
def sealed_write() -> tuple[Work, Work]:
    """Both begin from the same Arrow table and end with bytes on the disk."""
    tune_allocator()  # as every process does that opens the vault
    folder = tempfile.TemporaryDirectory(prefix="rempart-bench-")
    atexit.register(folder.cleanup)
    host, table = DirectoryHost.create(Path(folder.name, "host")), rows(0)
    numbers = count()

    def ours() -> None:
        entry, sealed = seal_part(
            parquet_bytes(table), warehouse="w", space="warehouse", table="claims", sibling="main", shard=0, rows=ROWS,
            lineage=(), key=os.urandom(32), randomness=lambda size: hashlib.shake_256(b"%d" % next(numbers)).digest(size),
        )  # fmt: skip
        host.put(entry.object, sealed)

    def peer() -> None:
        with Path(folder.name, f"{next(numbers)}.parquet").open("xb") as file:
            parquet.write_table(
                table, file, compression="zstd", row_group_size=ROWS_PER_GROUP, store_schema=False, use_dictionary=True
            )
            file.flush()
            os.fsync(file.fileno())

    return ours, peer
