# SPDX-License-Identifier: Apache-2.0
"""How much a study reads, from a manifest alone: rows and bytes by table and in the largest shard. Opens no part."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rempart.journeys.shard_sessions import Stored
from rempart.journeys.space import OpenSpace
from rempart.records.omop import MAIN
from rempart.records.sealed import PartEntry

_ENGINE = 250 << 20  # a worker with nothing to do
_A_ROW = 24  # bytes at work for each row read, by bench/cohort_engine.py


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSize:
    """``rows``, ``size``: of every table, rows and compressed bytes of the columns that are read (a part's bytes shared equally among
    its columns); ``largest``: bytes, and ``largest_rows``: rows, of the shard that has most."""

    rows: Mapping[str, int]
    size: Mapping[str, int]
    largest: int
    largest_rows: int
    shards: int

    @property
    def memory(self) -> int:
        """Bytes that a worker is likely to need at once: its engine, two shards' columns as they lie there, a shard's rows at work."""
        return _ENGINE + 2 * self.largest + _A_ROW * self.largest_rows

    @property
    def all_rows(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


def read_size(opened: OpenSpace, stored: Stored, *, shards: Collection[int] | None = None) -> ReadSize:
    """``stored``: table → sibling → the columns that a worker opens; ``shards``: all unless named."""
    wanted = range(opened.body.shards) if shards is None else shards
    rows, size = dict.fromkeys(stored, 0), dict.fromkeys(stored, 0)
    by_shard, rows_by_shard = dict.fromkeys(wanted, 0), dict.fromkeys(wanted, 0)
    for part in opened.body.parts:
        columns = stored.get(part.table, {}).get(part.sibling)
        if columns is None or part.shard not in by_shard:
            continue
        cost = _bytes(part, columns, opened.body.tables[part.table][part.sibling])
        size[part.table] += cost
        by_shard[part.shard] += cost
        if part.sibling == _counted(stored[part.table]):
            rows[part.table] += part.rows
            rows_by_shard[part.shard] += part.rows
    return ReadSize(
        rows=rows,
        size=size,
        largest=max(by_shard.values(), default=0),
        largest_rows=max(rows_by_shard.values(), default=0),
        shards=opened.body.shards,
    )


def _counted(siblings: Collection[str]) -> str:
    """The sibling whose rows are the table's."""
    return MAIN if MAIN in siblings else next(iter(siblings))


def _bytes(part: PartEntry, columns: Collection[str], held: Collection[str]) -> int:
    return part.length * len(set(columns) & set(held)) // max(1, len(held))
