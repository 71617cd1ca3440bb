# SPDX-License-Identifier: Apache-2.0
"""Prove within a grant that what is sealed is what was permitted, row by row: both sides are hashed by the warehouse's own values, the
permitted one by a second statement of the permit. Two equal sums of SHA-256 are two equal multisets of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rempart.errors import Refused
from rempart.permits.prove import ALLOWED_SQL, columns_beyond, delivered_sql, permitted_sql, told_columns
from rempart.ports.query import Query
from rempart.records.canonical import canonical_bytes
from rempart.records.omop import WAREHOUSE_PERSON, TableLayout
from rempart.records.permit import Permit
from rempart.vault.content_hash import MODULUS, add, as_text, row_hash_sql

SCHEMA = "rempart.subset-proof/1"


@dataclass(slots=True, kw_only=True)
class SubsetProof:
    """Both sides as they come in, shard by shard. ``layouts``: of the permitted tables of persons; ``allowed``: persons of the warehouse
    who may be in, by the second statement; ``expected``: table → what an earlier grant delivered, where the same is to be made again."""

    permit: Permit
    layouts: Mapping[str, TableLayout]
    expected: Mapping[str, Any] | None = None
    allowed: pa.Table = field(default_factory=lambda: pa.table({}))
    _permitted: dict[str, list[int]] = field(default_factory=dict)
    _delivered: dict[str, list[int]] = field(default_factory=dict)
    _columns: dict[str, set[str]] = field(default_factory=dict)

    def know(self, query: Query, *, persons: pa.Table, objecting: pa.Table, former: pa.Table) -> None:
        """Who may be in: of the sealed tables of persons, objections and former names, as they were read."""
        none = pa.table({WAREHOUSE_PERSON: pa.array([], pa.string()), "former": pa.array([], pa.string())})
        given = {"known_person": persons, "known_objection": objecting, "known_former": former}
        for name, table in given.items():
            query.register(name, table if table.num_columns else none)
        self.allowed = query.table(ALLOWED_SQL)
        for name in given:
            query.unregister(name)

    def permitted(self, query: Query) -> None:
        """Add a shard of the warehouse, whose parts are attached as ``<table>__<sibling>``."""
        query.register("allowed_person", self.allowed)
        for layout in self.layouts.values():
            self._add(self._permitted, query, layout, permitted_sql(self.permit, layout))
        query.unregister("allowed_person")

    def delivered(self, query: Query, table: str, sealed: Mapping[str, pa.Table]) -> None:
        """Add a table of a shard of the project, sibling by sibling as it is about to be sealed; ``people`` is registered."""
        for sibling, rows in sealed.items():
            query.register(f"sealed_{table}__{sibling}", rows)
            self._columns.setdefault(table, set()).update(rows.column_names)
        self._add(self._delivered, query, self.layouts[table], delivered_sql(self.permit, self.layouts[table]))
        for sibling in sealed:
            query.unregister(f"sealed_{table}__{sibling}")

    def _add(self, side: dict[str, list[int]], query: Query, layout: TableLayout, rows: str) -> None:
        hashes = query.table(f"SELECT {row_hash_sql(told_columns(self.permit, layout))} AS h FROM ({rows})")
        count, total = side.setdefault(layout.name, [0, 0])
        side[layout.name] = [count + hashes.num_rows, (total + add(hashes.column(0))) % MODULUS]

    def document(self, *, source_head: str, whole: Mapping[str, tuple[str, ...]]) -> bytes:
        """What was proven, as a canonical document.

        Raises Refused ``subset-columns`` for a column that nobody permitted, ``subset-rows`` where the rows of a table are not those
        permitted, ``formula-differs`` where they are not those expected.
        """
        tables: dict[str, Any] = {}
        for name, layout in self.layouts.items():
            beyond = columns_beyond(self.permit, layout, sorted(self._columns.get(name, ())))
            if beyond:
                raise Refused("subset-columns", table=name, columns=", ".join(beyond))
            given, allowed = self._delivered.get(name, [0, 0]), self._permitted.get(name, [0, 0])
            if given != allowed:
                raise Refused("subset-rows", table=name, delivered=given[0], permitted=allowed[0])
            tables[name] = {
                "rows": given[0],
                "content": as_text(given[1]),
                "columns": told_columns(self.permit, layout)[1:],
            }
            if self.expected is not None and self.expected.get(name) != tables[name]:
                raise Refused("formula-differs", table=name)
        for name, columns in whole.items():
            beyond = sorted(set(columns) - set(self.permit.tables[name]))
            if beyond:
                raise Refused("subset-columns", table=name, columns=", ".join(beyond))
        body = {"schema": SCHEMA, "permit": self.permit.content_id, "source-head": source_head, "tables": tables}
        return canonical_bytes(body)
