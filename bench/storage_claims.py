# SPDX-License-Identifier: Apache-2.0
"""Thirty million invented claims, once in clear and once sealed on a directory host, for the benches of the read path. Measures nothing.

Twelve parts of one person shard each, sorted by person and date; made once a run, in a temporary folder that goes with it.
"""

import atexit
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa

from rempart.adapters.directory_host import DirectoryHost
from rempart.records.sealed import PartEntry
from rempart.vault.parquet import parquet_bytes
from rempart.vault.seal import seal_part

PARTS, ROWS, PERSONS = 12, 2_500_000, 50_000
DRUGS, OTHERS, RARE = 40, 1960, 0.010
WAREHOUSE, SPACE, KEY = "w", "warehouse", b"k" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Where the rows lie: plain Parquet files, and the same bytes sealed on ``host``."""

    files: tuple[Path, ...]
    host: DirectoryHost
    entries: tuple[PartEntry, ...]


def rows(part: int) -> pa.Table:
    """One shard's claims: eight columns, sorted by person and day."""
    draw = np.random.default_rng(part)
    person = np.sort(draw.integers(0, PERSONS, ROWS)) * PARTS + part
    day = draw.integers(14_610, 18_262, ROWS)  # 2010 to 2019
    order = np.lexsort((day, person))
    number = np.where(draw.random(ROWS) < RARE, draw.integers(0, DRUGS, ROWS), DRUGS + draw.zipf(1.3, ROWS) % OTHERS)
    quantity = draw.integers(1, 4, ROWS).astype(np.int32)
    codes = pa.array([f"{'A10' if n < DRUGS else 'C09'}{n:04d}" for n in range(DRUGS + OTHERS)])
    return pa.table(
        {
            "person": person,
            "day": pa.array(day[order].astype(np.int32), pa.int32()).cast(pa.date32()),
            "code": codes.take(pa.array(number)),
            "quantity": quantity,
            "amount": np.round(quantity * (number % 97 + draw.integers(0, 300, ROWS) / 100), 2),
            "place": draw.integers(0, 101, ROWS).astype(np.int32),
            "prescriber": draw.integers(0, 60_000, ROWS),
            "event": draw.integers(0, 1 << 40, ROWS),
        }
    )


@cache
def claims() -> Claims:
    """Made when first asked for, removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="rempart-bench-")
    atexit.register(folder.cleanup)
    return write(Path(folder.name))


def write(folder: Path, *, segment: int | None = None) -> Claims:
    """Plain files and sealed objects under ``folder``."""
    host, files, entries = DirectoryHost.create(folder / "host"), [], []
    for part in range(PARTS):
        files.append(folder / f"{part}.parquet")
        files[-1].write_bytes(parquet_bytes(rows(part)))
        entry, sealed = seal_part(
            files[-1].read_bytes(), warehouse=WAREHOUSE, space=SPACE, table="claims", sibling="main", shard=part,
            rows=ROWS, lineage=(), key=KEY, randomness=_drawn(part), **({"segment": segment} if segment else {}),
        )  # fmt: skip
        host.put(entry.object, sealed)
        entries.append(entry)
    return Claims(files=tuple(files), host=host, entries=tuple(entries))


def _drawn(part: int) -> Callable[[int], bytes]:
    """Bytes that stand for random ones, the same in every run."""
    numbers = count(part * 1000)
    return lambda size: hashlib.shake_256(b"bench %d" % next(numbers)).digest(size)
