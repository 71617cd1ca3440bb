# SPDX-License-Identifier: Apache-2.0
"""The rows that units added become sealed gross parts: names as numbers, one part a table and shard, sorted by what places a row.

Sealing and storing go on in the background while the engine reads the next unit. Commits nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from rempart.journeys.gross_shape import UNIT_COLUMNS, GrossShape, placing
from rempart.journeys.names import Names
from rempart.journeys.space import SpaceWriter, StoredPart
from rempart.ports.background import Background
from rempart.ports.query import Query
from rempart.records.omop import MAIN

_SHARD = "rempart_shard"


@dataclass(slots=True)
class GrossWriter:
    """Parts under way, in the order in which they will be listed."""

    query: Query
    names: Names
    shapes: Mapping[str, GrossShape]
    background: Background
    _begun: list[Callable[[], StoredPart]] = field(default_factory=list)

    def waiting(self) -> int:
        """Rows in the tables ``new_*`` that are in no part yet, as the engine's list of tables has them: counting each of some twenty
        tables costs more than adding a small unit."""
        listed = self.query.table("SELECT table_name, estimated_size FROM duckdb_tables()")
        sizes = dict(zip(*(column.to_pylist() for column in listed.columns), strict=True))
        return sum(int(sizes[f"new_{table}"]) for table in self.shapes)

    def flush(self, writer: SpaceWriter, units: Collection[int]) -> None:
        """Number, place, sort and seal what waits; ``units``: whose rows they may be. The tables ``new_*`` are empty afterwards."""
        filled = {table: shape for table, shape in self.shapes.items() if self._holds(table)}
        if not filled:
            return
        lineage = tuple(f"unit:{number}" for number in sorted(units))
        self.names.number(filled)
        for table, shape in filled.items():
            for shard, rows in self._by_shard(table, shape):
                self._begin(writer, table, shard, rows, lineage)
            # Made anew: rows that are deleted stay in the engine's memory, and in what it says of a table.
            self.query.execute(f"CREATE OR REPLACE TABLE new_{table} AS FROM new_{table} LIMIT 0")
        self.query.execute("DROP TABLE flush_name")
        for table, shard, rows in self.names.taken():
            self._begin(writer, table, shard, rows, ())

    def take(self, writer: SpaceWriter) -> None:
        """Wait for what is under way and list it; raises what sealing or storing raised."""
        for part in self._begun:
            writer.take(part())
        self._begun.clear()

    def _begin(self, writer: SpaceWriter, table: str, shard: int, rows: pa.Table, lineage: tuple[str, ...]) -> None:
        if rows.num_rows:
            self._begun.append(self.background.start(lambda: writer.stored(table, MAIN, shard, rows, lineage=lineage)))

    def _holds(self, table: str) -> bool:
        return bool(self.query.table(f"SELECT 1 FROM new_{table} LIMIT 1").num_rows)

    def _by_shard(self, table: str, shape: GrossShape) -> Iterator[tuple[int, pa.Table]]:
        """(shard, rows), sorted by shard and by the number that places a row."""
        sealed = self.query.table(numbered_sql(table, shape, self.names.kinds))
        shards = sealed.column(_SHARD).to_numpy()
        plain = sealed.drop_columns([_SHARD])
        found, starts = np.unique(shards, return_index=True)
        for shard, start, end in zip(found, starts, [*starts[1:], len(shards)], strict=True):
            yield int(shard), plain.slice(int(start), int(end - start))


def numbered_sql(table: str, shape: GrossShape, kinds: Collection[str]) -> str:
    """SELECT of a table's waiting rows, names as numbers, with their shard, in the order of the parts."""
    codes = {kind: code for code, kind in enumerate(kinds)}
    joins = [
        f"LEFT JOIN (SELECT text, number, place FROM flush_name WHERE kind = {codes[kind]}) n{at} "
        f'ON n{at}.text = r."{column}"'
        for at, (column, kind) in enumerate(shape.names.items())
    ]
    alias = {column: f"n{at}" for at, column in enumerate(shape.names)}
    numbers = [f'{name}.number AS "{column}"' for column, name in alias.items()]
    others = [f'r."{column}"' for column in (*shape.columns, *UNIT_COLUMNS)]
    shard = f"coalesce({placing(shape, lambda column: f'{alias[column]}.place')}, 0)"
    order = [_SHARD, *([placing(shape, lambda column: f"{alias[column]}.number")] if alias else [])]
    picked = ", ".join([*numbers, *others, f"{shard} AS {_SHARD}"])
    return f"SELECT {picked} FROM new_{table} r {' '.join(joins)} ORDER BY {', '.join(order)}"
