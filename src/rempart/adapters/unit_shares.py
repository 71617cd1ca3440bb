# SPDX-License-Identifier: Apache-2.0
"""A unit that does not fit into memory, in shares: rows go to sealed scratch by a hash of their join key and come back share by share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow.compute as pc

from rempart.ingest.schema import LINE_KEY, STAY, TableSchema, unit_columns
from rempart.ingest.units import Spill, Unit
from rempart.ports.query import Query

# Text per byte of a packed file; the part of the limit that is held before it goes to the spill.
_UNPACKED, _HELD = 8, 4
_SHARED, _SHARE = "shared_rows", "share"


@dataclass(slots=True, kw_only=True)
class Shares:
    """The shares of one unit. Without ``spill``, without ``limit`` or below it: one, which stays where it is.

    ``rows``: what each table holds now.
    """

    query: Query
    unit: Unit
    schema: Mapping[str, TableSchema]
    words: Sequence[str]
    spill: Spill | None
    limit: int
    held: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> int:
        """In how many shares the unit comes, by its text as far as sizes tell."""
        form = self.unit.files[0].table.format
        if self.spill is None or not self.limit or self.unit.product in form.whole:
            return 1
        packed = (not found.file.name.lower().endswith(".csv") for found in self.unit.files)
        text = sum(f.file.size * (_UNPACKED if p else 1) for f, p in zip(self.unit.files, packed, strict=True))
        return max(1, -(-text // self.limit))

    def added(self, size: int) -> None:
        """Rows of so many bytes of text were added: what is held goes to the spill when it is too much."""
        self.held += size
        if self.held > self.limit // _HELD and self.parts > 1:
            self._flush()

    def each(self) -> Iterator[int]:
        """Number the shares; at each step the tables hold that share."""
        if self.parts == 1:
            yield 0
            return
        self._flush()
        for number in range(self.parts):
            make_empty(self.query, self.schema, self.words)
            self.rows.clear()
            self._bring_back(number)
            yield number

    def _flush(self) -> None:
        if self.spill is None:
            raise ValueError("nothing to spill to")
        for word in (word for word in self.words if self.rows.get(word)):
            share = f"CAST({self._key(word)} % {self.parts} AS INTEGER)"
            rows = self.query.table(f"SELECT *, {share} AS {_SHARE} FROM unit_{word} ORDER BY {_SHARE}, rowid")
            counts = pc.value_counts(rows.column(_SHARE)).to_pylist()
            start, kept = 0, rows.drop_columns([_SHARE])
            for number, count in sorted((found["values"], found["counts"]) for found in counts):
                self.spill.put(word, number, kept.slice(start, count))
                start += count
        make_empty(self.query, self.schema, self.words)
        self.rows.clear()
        self.held = 0

    def _bring_back(self, number: int) -> None:
        if self.spill is None:
            raise ValueError("nothing to bring back from")
        for word in self.words:
            for rows in self.spill.get(word, number):
                self.query.register(_SHARED, rows)
                self.query.execute(f"INSERT INTO unit_{word} SELECT * FROM {_SHARED}")
                self.query.unregister(_SHARED)
                self.rows[word] = self.rows.get(word, 0) + rows.num_rows

    def _key(self, word: str) -> str:
        """What decides a row's share: rows that join have the same."""
        table = self.schema[word]
        if table.flow:
            return LINE_KEY
        if table.field:
            return f"hash({STAY})"
        filled = [name for name, column in table.made.items() if column.filled]
        return f'hash("{filled[0]}")'


def make_empty(query: Query, schema: Mapping[str, TableSchema], words: Sequence[str]) -> None:
    """Make the tables ``unit_<word>`` anew, without rows."""
    made = {word: ", ".join(f'"{name}" {kind}' for name, kind in unit_columns(schema, word).items()) for word in words}
    query.execute("; ".join(f"CREATE OR REPLACE TABLE unit_{word} ({columns})" for word, columns in made.items()))
