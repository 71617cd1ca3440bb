# SPDX-License-Identifier: Apache-2.0
"""A synthetic delivery, a fresh warehouse that it is brought into by the product's own way, and the sealed tables read back.

The reader has the passphrase itself: no act of the product reads everything. Judges nothing.
"""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from rempart.adapters import package_data
from rempart.journeys.shard_sessions import joined_view
from rempart.journeys.space import open_space, read_parts
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, layouts
from rempart.wiring.ingest import Brought
from rempart.wiring.synthetic import write_synthetic
from tests.faults.warehouse.place import Place, Silence
from tests.ingest_house import bring, empty_warehouse

FIRST_YEAR = 2014
_BESIDE = frozenset({"correspondence", "person_decision"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A delivery and what was planted in it."""

    folder: Path
    truth: dict[str, Any]

    @property
    def delivery(self) -> Path:
        """The delivered files."""
        return self.folder / "delivery"

    def rows(self, name: str) -> list[dict[str, str]]:
        """A table of the truth, all text."""
        with duckdb.connect() as connection:
            file = str(self.folder / f"{name}.csv.gz")
            found = connection.execute("SELECT * FROM read_csv(?, delim=';', header=true, all_varchar=true)", [file])
            columns = [column[0] for column in found.description]
            return [dict(zip(columns, (v or "" for v in row), strict=True)) for row in found.fetchall()]


def deliver(folder: Path, *, persons: int, years: int, seed: int, leaks: bool = True) -> Planted:
    """A whole population of France, with all its dirt."""
    write_synthetic(
        folder,
        persons=persons,
        first_year=FIRST_YEAR,
        last_year=FIRST_YEAR + years - 1,
        seed=seed,
        effect=None,
        mark=None,
        progress=Silence(),
        population="france",
        whole=True,
        leaks=leaks,
    )
    return Planted(folder=folder, truth=json.loads((folder / "truth.json").read_text(encoding="utf-8")))


@contextlib.contextmanager
def warehouse(folder: Path, *deliveries: Path) -> Iterator[tuple[Place, Brought]]:
    """A fresh warehouse with these deliveries in it, and what the ingest said."""
    with empty_warehouse(folder) as place:
        yield place, bring(place, *deliveries)


@contextlib.contextmanager
def sealed(place: Place) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every table with persons, opened from the sealed parts, under its OMOP name; ``correspondence`` beside."""
    vault = place.vault()
    opened = open_space(vault, space="warehouse", reference="")
    wanted = layouts(package_data.toml("records/omop54.toml"))
    parts = [p for p in opened.body.parts if p.table in wanted or p.table in _BESIDE]
    pieces: dict[tuple[str, str], list[pa.Table]] = {}
    for part, rows in zip(parts, read_parts(vault, opened, parts, reference=""), strict=True):
        pieces.setdefault((part.table, part.sibling), []).append(pq.read_table(io.BytesIO(bytes(rows))))
    with duckdb.connect() as connection:
        for (name, sibling), found in pieces.items():
            whole = pa.concat_tables(found)  # noqa: F841  read by name below
            view = name if name not in wanted else f"{name}__{sibling}"
            connection.execute(f"CREATE TABLE {view} AS SELECT * FROM whole")
        for name, layout in wanted.items():
            here = [sibling for sibling in layout.siblings if (name, sibling) in pieces]
            if MAIN in here:
                connection.execute(joined_view(layout, here, WAREHOUSE_PERSON))
        yield connection
