# SPDX-License-Identifier: Apache-2.0
"""Research tables of one session become sealed parts: pseudonyms for person numbers, sorted, hashed, one part a sibling, shard, pass.

Sealing and storing go on in the background while the engine makes the next table. Decides nothing about rows.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rempart.journeys.gross_parts import CORRESPONDENCE
from rempart.journeys.parts import sealed_parts
from rempart.journeys.space import OpenSpace, SpaceWriter, StoredPart, Vault
from rempart.ports.background import Background
from rempart.ports.query import Query
from rempart.ports.surroundings import Randomness
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout
from rempart.vault.content_hash import add, as_text, combine, hashed_columns, row_hash_sql
from rempart.vault.part import SealedPart

PERSON, INDEX = "person", "release_index"
_HASH = "row_hash"
_SOURCE = "source_person"


class ResearchParts:
    """Parts under way, in the order in which they will be listed, and the sums of row hashes so far."""

    def __init__(
        self, writer: SpaceWriter, background: Background, randomness: Randomness, layouts: Mapping[str, TableLayout]
    ) -> None:
        self._writer, self._background, self._randomness, self._layouts = writer, background, randomness, layouts
        self._begun: list[Callable[[], StoredPart]] = []
        self._sums = dict.fromkeys(layouts, 0)
        self._rows = dict.fromkeys(layouts, 0)
        self._empty: dict[str, pa.Table] = {}
        self._names, self._first, self._ends = pa.array([], pa.string()), 0, dict[int, int]()

    def show_people(self, query: Query, shards: Sequence[int], *, known: Collection[str]) -> None:
        """Add to the table ``person`` each one's source pseudonym; seal the release index, where persons of before keep theirs.
        ``shards``: those of the persons, in order."""
        source, index = "NULL::VARCHAR", "NULL::BIGINT"
        joins = ""
        if CORRESPONDENCE in known:
            source = "pair.source_pseudonym"
            joins += f" LEFT JOIN {CORRESPONDENCE} AS pair ON pair.pseudonym = p.pseudonym"
        if INDEX in known:
            index = "former.release_index"
            joins += f" LEFT JOIN {INDEX} AS former ON former.pseudonym = p.pseudonym"
        query.execute(
            f"CREATE OR REPLACE TABLE person AS SELECT p.*, {source} AS {_SOURCE}, {index} AS {INDEX} FROM person AS p{joins}"
        )
        rows = query.table(f"SELECT person_no, pseudonym, shard, {INDEX} FROM person ORDER BY person_no")
        self._names = rows.column("pseudonym").combine_chunks()
        self._first = rows.column("person_no")[0].as_py() if rows.num_rows else 0
        fresh = np.frombuffer(self._randomness.bytes(8 * rows.num_rows), dtype=np.uint64) >> np.uint64(1)
        values = pc.coalesce(rows.column(INDEX), pa.array(fresh.astype(np.int64)))
        ends = np.searchsorted(rows.column("shard").to_numpy(), shards, side="right")
        self._ends = {shard: int(end) for shard, end in zip(shards, ends, strict=True)}
        index = pa.table({WAREHOUSE_PERSON: self._names, INDEX: values})
        for shard, some in self._by_shard(index, np.arange(rows.num_rows)):
            self._begin(PERSON, INDEX, shard, some)

    def _by_shard(self, rows: pa.Table, persons: NDArray[np.integer]) -> Iterator[tuple[int, pa.Table]]:
        """Rows in the order of their persons (from 0, as ``show_people`` had them), cut by shard."""
        start = 0
        for shard, last in self._ends.items():
            end = int(np.searchsorted(persons, last))
            yield shard, rows.slice(start, end - start)
            start = end

    def seal(self, query: Query) -> None:
        """Begin to seal every table of a session, in the order of every part: person, date, key."""
        filled = self._filled(query)
        for name, layout in self._layouts.items():
            if filled[name]:
                self._sums[name] = combine(self._sums[name], add(query.table(hashed_sql(layout)).column(0)))
                rows = query.table(sorted_sql(layout))
            else:
                rows = self._none(query, layout)
            self._rows[name] += rows.num_rows
            # Numbers of a shard's persons follow one another: no join is needed to name them.
            of = pc.subtract(rows.column(0), self._first).combine_chunks()
            named = rows.set_column(0, WAREHOUSE_PERSON, self._names.take(of))
            for shard, some in self._by_shard(named, of.to_numpy(zero_copy_only=False)):
                for sibling in layout.siblings:
                    self._begin(name, sibling, shard, some.select(list(layout.stored(sibling, WAREHOUSE_PERSON))))

    def finish(self) -> dict[str, int]:
        """Wait for what is under way and list it; rows by table. Raises what sealing or storing raised."""
        for part in self._begun:
            self._writer.take(part())
        self._begun.clear()
        return dict(self._rows)

    def content(self) -> dict[str, str]:
        """Content hash by table."""
        return {name: as_text(total) for name, total in self._sums.items()}

    def _filled(self, query: Query) -> dict[str, int]:
        """Rows of a session's research tables: planning what sorts and hashes an empty one costs more than asking them all."""
        counts = ", ".join(f"(SELECT count(*) FROM research_{name}) AS {name}" for name in self._layouts)
        found: dict[str, int] = query.table(f"SELECT {counts}").to_pylist()[0]
        return found

    def _none(self, query: Query, layout: TableLayout) -> pa.Table:
        """No rows of a table, in its types: asked of the engine once."""
        if layout.name not in self._empty:
            self._empty[layout.name] = query.table(sorted_sql(layout))
        return self._empty[layout.name]

    def _begin(self, table: str, sibling: str, shard: int, rows: pa.Table) -> None:
        self._begun.append(self._background.start(lambda: self._writer.stored(table, sibling, shard, rows)))


def known_before(vault: Vault, opened: OpenSpace, *, reference: str) -> list[dict[str, list[SealedPart]]]:
    """By shard: the parts of the correspondence and of the release index, as they are in the snapshot before."""
    found: list[dict[str, list[SealedPart]]] = []
    for shard in range(opened.body.shards):
        entries = {
            CORRESPONDENCE: opened.parts(CORRESPONDENCE, MAIN, shard),
            INDEX: opened.parts(PERSON, INDEX, shard),
        }
        readers = {
            name: sealed_parts(vault, opened, parts, reference=reference) for name, parts in entries.items() if parts
        }
        found.append(readers)
    return found


def sorted_sql(layout: TableLayout) -> str:
    """The rows of one research table in the order of every part, the person as a number."""
    order = ", ".join(["person_no", *(column for column in (layout.date, layout.key) if column)])
    return f"SELECT {', '.join(['person_no', *layout.columns])} FROM research_{layout.name} ORDER BY {order}"


def hashed_sql(layout: TableLayout) -> str:
    """The hashes of the rows of one research table, in any order."""
    digest = row_hash_sql([_SOURCE, *hashed_columns(layout)])
    return f"SELECT {digest} AS {_HASH} FROM research_{layout.name} JOIN (SELECT person_no, {_SOURCE} FROM person) USING (person_no)"
