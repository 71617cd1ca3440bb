# SPDX-License-Identifier: Apache-2.0
"""Reads a delivery's units and keeps what their tables held, as plain rows. Knows nothing of what is made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from rempart.adapters.delivery_reader import list_delivery, unit_parts
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.text_chunks import CHUNK
from rempart.ingest.definitions import Definitions
from rempart.ingest.survey import survey
from rempart.ingest.units import DeliveredFile, Note, Unit
from tests.small_delivery import known


@dataclass
class UnitsRead:
    """``rows``: word → rows of ``unit_<word>`` over all units and shares; ``parts``: unit → shares."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    notes: set[Note] = field(default_factory=set)
    flows: dict[str, set[int]] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)


@dataclass
class MemorySpill:
    """A spill that keeps tables."""

    held: dict[tuple[str, int], list[pa.Table]] = field(default_factory=dict)

    def put(self, word: str, partition: int, table: pa.Table) -> None:
        """Keep."""
        self.held.setdefault((word, partition), []).append(table)

    def get(self, word: str, partition: int) -> Iterable[pa.Table]:
        """Give back."""
        return self.held.get((word, partition), [])


def read_units(
    folder: Path, *, definitions: Definitions | None = None, chunk: int = CHUNK, limit: int = 0, threads: int = 1
) -> UnitsRead:
    """Survey and read every unit of a folder."""
    used, given = definitions or known(), list_delivery(folder)
    units = survey(given.files, used.tables).units
    query, found = DuckDBQuery(threads=threads, memory_limit="1GB"), UnitsRead()
    try:
        for unit in units:
            spill = MemorySpill() if limit else None
            for part in unit_parts(
                query, unit, used, spill=spill, limit=limit, declaration=given.declaration, chunk=chunk
            ):
                found.parts[unit.name] = part.parts
                found.notes |= set(part.notes)
                if len(set(part.flows)) < len(part.flows):
                    raise AssertionError("a flow is named twice")
                found.flows.setdefault(unit.name, set()).update(part.flows)
                _keep(query, part.lines, found)
    finally:
        query.close()
    return found


def _keep(query: DuckDBQuery, lines: Mapping[str, int], found: UnitsRead) -> None:
    for word, count in lines.items():
        found.lines[word] = found.lines.get(word, 0) + count
        found.rows.setdefault(word, []).extend(query.table(f"SELECT * FROM unit_{word}").to_pylist())


def read_listed(files: Iterable[DeliveredFile]) -> None:
    """Read every unit of files that were listed before."""
    query = DuckDBQuery(threads=1, memory_limit="1GB")
    try:
        for unit in survey(files, known().tables).units:
            read_one(query, unit)
    finally:
        query.close()


def read_one(query: DuckDBQuery, unit: Unit) -> None:
    """Read a unit and drop it."""
    for _ in unit_parts(query, unit, known()):
        pass
