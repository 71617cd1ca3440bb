# SPDX-License-Identifier: Apache-2.0
"""How much a study reads, from a manifest alone: rows and bytes by table and in the largest shard. Opens no part.

A manifest is exact: some tables hold one row a person, and of few persons that is a figure which only a checked release may tell. What a
plan tells is coarse, table by table, and every total is made of what was told of the tables, so that no difference of two plans is finer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rempart.journeys.shard_sessions import Stored
from rempart.journeys.space import OpenSpace
from rempart.records.omop import MAIN
from rempart.records.sealed import PartEntry

LEAST_ROWS, LEAST_BYTES = 10_000, 1 << 20
"""What is told of a table that has fewer."""
_ENGINE = 250 << 20  # a worker with nothing to do
_A_ROW = 24  # bytes at work for each row read, by bench/cohort_engine.py


def coarse(number: int, *, least: int) -> int:
    """``number`` rounded up to two significant digits; ``least`` where it is no more than that."""
    if number <= least:
        return least
    step = int(10 ** (len(str(number)) - 2))
    return -(-number // step) * step


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSize:
    """What may be told to whoever asks. ``rows``, ``size``: of each table at most, in two significant digits; ``largest``,
    ``largest_rows``: the same of each table's largest shard."""

    rows: Mapping[str, int]
    size: Mapping[str, int]
    largest: Mapping[str, int]
    largest_rows: Mapping[str, int]
    shards: int

    @property
    def memory(self) -> int:
        """Bytes that a worker is likely to need at once: its engine, two shards' columns as they lie there, a shard's rows at work."""
        return _ENGINE + 2 * sum(self.largest.values()) + _A_ROW * sum(self.largest_rows.values())

    @property
    def all_rows(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSize:
    """Exact; not to be told. ``rows``, ``size``: of every table, rows and compressed bytes of the columns that are read (a part's bytes
    shared equally among its columns); ``largest``: bytes, and ``largest_rows``: rows, of each table's largest shard."""

    rows: Mapping[str, int]
    size: Mapping[str, int]
    largest: Mapping[str, int]
    largest_rows: Mapping[str, int]
    shards: int

    def told(self) -> ToldSize:
        """The same, coarse."""
        return ToldSize(
            rows=_coarse(self.rows, LEAST_ROWS),
            size=_coarse(self.size, LEAST_BYTES),
            largest=_coarse(self.largest, LEAST_BYTES),
            largest_rows=_coarse(self.largest_rows, LEAST_ROWS),
            shards=self.shards,
        )


def read_size(opened: OpenSpace, stored: Stored, *, shards: Collection[int] | None = None) -> ReadSize:
    """``stored``: table → sibling → the columns that a worker opens; ``shards``: all unless named."""
    wanted = list(range(opened.body.shards) if shards is None else shards)
    rows = {table: dict.fromkeys(wanted, 0) for table in stored}
    size = {table: dict.fromkeys(wanted, 0) for table in stored}
    for part in opened.body.parts:
        columns = stored.get(part.table, {}).get(part.sibling)
        if columns is None or part.shard not in size[part.table]:
            continue
        size[part.table][part.shard] += _bytes(part, columns, opened.body.tables[part.table][part.sibling])
        if part.sibling == _counted(stored[part.table]):
            rows[part.table][part.shard] += part.rows
    return ReadSize(
        rows={table: sum(found.values()) for table, found in rows.items()},
        size={table: sum(found.values()) for table, found in size.items()},
        largest={table: max(found.values(), default=0) for table, found in size.items()},
        largest_rows={table: max(found.values(), default=0) for table, found in rows.items()},
        shards=opened.body.shards,
    )


def _coarse(numbers: Mapping[str, int], least: int) -> dict[str, int]:
    return {table: coarse(number, least=least) for table, number in numbers.items()}


def _counted(siblings: Collection[str]) -> str:
    """The sibling whose rows are the table's."""
    return MAIN if MAIN in siblings else next(iter(siblings))


def _bytes(part: PartEntry, columns: Collection[str], held: Collection[str]) -> int:
    return part.length * len(set(columns) & set(held)) // max(1, len(held))
