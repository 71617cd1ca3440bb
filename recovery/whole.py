# SPDX-License-Identifier: Apache-2.0
"""A seed by the whole way in: a delivery of a study's eligible population with all its dirt → ingest → sealed tables → a project's tables.

From there on as ``project`` goes. What is skipped: permit and grant (person numbers are the warehouse's), workers and their engine.
"""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from recovery.persons import Asked
from recovery.project import Tables
from rempart.records.omop import WAREHOUSE_PERSON
from rempart.wiring.synthetic import write_synthetic
from tests.faults.warehouse.place import Silence
from truth.house import sealed, warehouse

NAMES = (
    "person", "observation_period", "death", "drug_exposure", "condition_occurrence", "procedure_occurrence",
    "visit_occurrence", "location_history", "external_exposure", "pregnancy", "mother_child",
)  # fmt: skip
DENSITY = 0.05  # ordinary care beside the study's own lines: enough for every kind of dirt


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What a warehouse made of a delivery, and what was planted: ``truth`` (truth.json), the rows of a study's persons, all stays."""

    tables: Tables
    truth: dict[str, Any]
    persons: pa.Table
    stays: pa.Table


def delivered(asked: Asked, seed: int, folder: Path) -> Path:
    """Write the delivery and its truth below ``folder``."""
    write_synthetic(
        folder, persons=asked.size, first_year=asked.years[0], last_year=asked.years[1], seed=seed, effect=asked.effect,
        mark=None, progress=Silence(), studies=asked.study, mode=asked.mode, density=DENSITY,
    )  # fmt: skip
    return folder


@contextlib.contextmanager
def brought(folder: Path) -> Iterator[Whole]:
    """The delivery below ``folder`` brought into a fresh warehouse, and its tables read back from the sealed parts."""
    with contextlib.ExitStack() as stack:
        house = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recovery-")))
        place, made = stack.enter_context(warehouse(house / "house", folder / "delivery"))
        if made.report is None:
            raise RuntimeError("nothing was made")
        yield Whole(
            tables=_tables(stack.enter_context(sealed(place))),
            truth=json.loads((folder / "truth.json").read_text(encoding="utf-8")),
            persons=_rows(folder / "truth_studies.csv.gz"),
            stays=_rows(folder / "truth_stays.csv.gz"),
        )


def _tables(connection: duckdb.DuckDBPyConnection) -> Tables:
    known = {row[0] for row in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    return {
        name: _numbered(connection.sql(f"SELECT * FROM {name}").to_arrow_table()) for name in NAMES if name in known
    }


def _numbered(table: pa.Table) -> pa.Table:
    """The warehouse's number of a person under the project's name."""
    return table.rename_columns(["person_id" if name == WAREHOUSE_PERSON else name for name in table.column_names])


def _rows(file: Path) -> pa.Table:
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT * FROM read_csv('{file}', delim=';', header=true, all_varchar=true)")
        return found.to_arrow_table()
