# SPDX-License-Identifier: Apache-2.0
"""The whole battery: three aggregates a table and shard, summed, then every check answered from the sums.

Tables are read under their OMOP names in the query session that the caller prepared. Opens nothing and shows nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from rempart.ingest.quality import Measured, Settings
from rempart.ingest.quality_concepts import Concept, Vocabulary, concept_checks, concept_sql, used_concepts
from rempart.ingest.quality_rows import Expansion, RowCheck, measured_rows, row_sql
from rempart.ingest.quality_shape import key_check, key_sql, person_checks, shape_checks
from rempart.ingest.quality_values import MARK, Count, code_checks, value_sql
from rempart.ports.query import Query
from rempart.records.omop import TableLayout

VOCABULARY = "concept"


@dataclass(slots=True, kw_only=True)
class Battery:
    """What the shards said so far. ``held``: tables that are there; ``scans``: aggregates run."""

    layouts: Mapping[str, TableLayout]
    held: tuple[str, ...]
    rules: Settings
    scans: int = 0
    stored: dict[str, dict[str, str]] = field(default_factory=dict)
    checks: dict[str, list[RowCheck]] = field(default_factory=dict)
    sums: dict[str, dict[str, int]] = field(default_factory=dict)
    keys: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, list[pa.Table]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(rows for rows, _ in self.keys.values())

    def scan(self, query: Query) -> None:
        """Add one shard."""
        if not self.stored:
            self.learn(query)
        for name in self.held:
            self._rows(query, self.layouts[name])
            self._keys(query, self.layouts[name])
            values = value_sql(self.layouts[name], self.stored[name], self.rules)
            if values:
                self.values.setdefault(name, []).append(query.table(values))
                self.scans += 1

    def learn(self, query: Query) -> None:
        """Columns and types as they are stored, and the checks that follow; the first scan does it."""
        for name in self.held:
            told = query.table(f"DESCRIBE {name}").to_pylist()
            self.stored[name] = {str(row["column_name"]): str(row["column_type"]) for row in told}
        for name in self.held:
            self.checks[name] = list(Expansion(self.layouts[name], self.stored, self.rules).all())

    def _rows(self, query: Query, layout: TableLayout) -> None:
        apart = layout.name in self.rules.facts["apart"]["tables"] and layout.date in self.stored[layout.name]
        found = query.table(row_sql(layout, self.checks[layout.name], stored=self.stored, apart=apart))
        total = self.sums.setdefault(layout.name, dict.fromkeys(found.column_names, 0))
        for column in found.column_names:
            total[column] += int(found.column(column)[0].as_py() or 0)
        self.scans += 1

    def _keys(self, query: Query, layout: TableLayout) -> None:
        told = query.table(key_sql(layout)).to_pylist()[0]
        held = self.keys.setdefault(layout.name, [0, 0])
        held[0], held[1] = held[0] + int(told["rows"]), held[1] + int(told["twice"])
        self.scans += 1

    def counts(self, query: Query) -> dict[str, list[Count]]:
        """The cells of each table, added over the shards."""
        found: dict[str, list[Count]] = {}
        for name, pieces in self.values.items():
            query.register("pieces", pa.concat_tables(pieces))
            sums = "sum(rows)::BIGINT AS rows, sum(persons)::BIGINT AS persons"
            rows = query.table(f"SELECT what, value, {sums} FROM pieces GROUP BY ALL ORDER BY ALL").to_pylist()
            query.unregister("pieces")
            found[name] = [
                Count(
                    what=row["what"], values=tuple(row["value"].split(MARK)), rows=row["rows"], persons=row["persons"]
                )
                for row in rows
            ]
        return found

    def answers(self, counts: Mapping[str, Iterable[Count]], vocabulary: Vocabulary | None) -> Iterator[Measured]:
        """Every check, from the sums."""
        yield from shape_checks(self.layouts, self.stored)
        for name in self.held:
            yield from measured_rows(self.checks[name], self.sums[name])
            rows, twice = self.keys[name]
            yield key_check(self.layouts[name], rows=rows, twice=twice)
        holders = {name: sums["persons"] for name, sums in self.sums.items()}
        yield from person_checks(holders.get("person", 0), holders)
        for name, cells in counts.items():
            found = list(cells)
            yield from code_checks(name, found, self.rules)
            yield from concept_checks(self.layouts[name], self.stored[name], found, vocabulary, self.rules)


def read_vocabulary(query: Query, counts: Mapping[str, Iterable[Count]]) -> Vocabulary:
    """What the session's table ``concept`` says of the concepts that are used."""
    cells = [count for found in counts.values() for count in found]
    query.register("used", pa.table({"concept_id": pa.array(used_concepts(cells), pa.int64())}))
    return {
        int(row["concept_id"]): Concept(
            domain=row["domain"], class_=row["class"], standard=row["standard"], valid=row["valid"]
        )
        for row in query.table(concept_sql(VOCABULARY, "used")).to_pylist()
    }
