# SPDX-License-Identifier: Apache-2.0
"""A whole study of new users at the size of Neumann 2012: 1,491,060 persons with diabetes at true rates, planted, sealed, and answered.

Beside it: reading the same columns of the same rows once, from plain Parquet, which no answer can do without.
"""

import atexit
import functools
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.engine_project import Project, write
from bench.engine_run import Told, apart
from bench.registry import Work, bench
from recovery.persons import Asked, scene
from recovery.project import project_tables

PERSONS = int(os.environ.get("REMPART_BENCH_STUDY_PERSONS", "1491060"))
SHARDS = 32
PLANTED = "the planted study pioglitazone_bladder (nine records each, those of the study)"
SIZE = f"{PERSONS:,} persons of {PLANTED} in {SHARDS} shards (REMPART_BENCH_STUDY_PERSONS), 2 workers"
MOST = 8 * 1024**3
COLUMNS = {
    "person": ("year_of_birth", "gender_concept_id"),
    "observation_period": ("observation_period_start_date", "observation_period_end_date"),
    "drug_exposure": ("drug_exposure_start_date", "drug_source_value"),
    "condition_occurrence": ("condition_start_date", "condition_source_value", "condition_status_source_value"),
    "death": ("death_month",),
}
_DATED = {"drug_exposure": "drug_exposure_start_date", "condition_occurrence": "condition_start_date"}


def planted(shard: int, count: int, shards: int) -> Iterator[tuple[str, pa.Table]]:
    """(table, rows) of one shard, sorted by person and day, with the columns of the example's permit."""
    made = project_tables(scene(Asked(study="pioglitazone_bladder", size=count, mode="cohort"), shard))
    for name, columns in COLUMNS.items():
        rows = made[name]
        person = pc.add(pc.multiply(pc.subtract(rows["person_id"].cast(pa.int64()), 1), shards), shard)
        rows = rows.set_column(rows.schema.get_field_index("person_id"), "person_id", person)
        keys = [("person_id", "ascending"), *([(_DATED[name], "ascending")] if name in _DATED else [])]
        rows = rows.sort_by(keys).select(["person_id", *columns])
        if name != "death" and name != "person":
            ids = pa.array((shard << 40) + np.arange(rows.num_rows, dtype=np.int64))
            rows = rows.add_column(1, f"{name}_id", ids)
        if name == "person":
            rows = rows.set_column(1, columns[0], rows[columns[0]].cast(pa.int32()))
        yield name, rows


@functools.cache
def _made() -> Project:
    os.environ.setdefault("REMPART_UNENCRYPTED_SWAP", "allowed")  # invented persons
    kept = tempfile.TemporaryDirectory(prefix="rempart-bench-")
    atexit.register(kept.cleanup)
    return write(Path(kept.name), PERSONS, SHARDS, rows=planted)


@functools.cache
def _told() -> tuple[Told, float]:
    """A run, and the seconds of reading its columns once."""
    made = _made()
    _read_once(made)
    began = time.perf_counter()
    _read_once(made)
    reading = time.perf_counter() - began
    return apart(made.folder), reading


def _read_once(made: Project) -> None:
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        for name, columns in COLUMNS.items():
            sums = ", ".join(f"bit_xor(hash({column}))" for column in ("person_id", *columns))
            connection.execute(f"SELECT {sums} FROM read_parquet('{made.plain(name)}')").fetchall()


@bench(
    "study-neumann-time",
    peer="DuckDB reading its columns once (plain Parquet, hashed)",
    bound=1000.0,
    runs=1,
    given=True,
    note=f"attrition, table one, rates, curves, adjusted Cox of {SIZE}; told beside the reading, no bound is set on it",
)
def whole_time() -> tuple[Work, Work]:
    """Seconds of the run, and of the reading."""
    told, reading = _told()
    return (lambda: told.seconds), (lambda: reading)


@bench(
    "study-neumann-memory",
    peer="8 GB",
    bound=1.0,
    runs=1,
    given=True,
    note=f"the largest process of the same run of {SIZE}",
)
def whole_memory() -> tuple[Work, Work]:
    """Bytes of the largest of its processes, and the bound."""
    told, _ = _told()
    return (lambda: max(told.peak, told.own)), (lambda: MOST)
