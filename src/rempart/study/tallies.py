# SPDX-License-Identifier: Apache-2.0
"""Tallies of descriptive analyses: how those of several shards become one, and how they are read. Sees no person.

``n``, ``total``, ``squares``, ``persons`` add; the prints of person sets add mod 2^64; of the tops the two largest stay.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rempart.errors import BadInput

Ints = NDArray[np.int64]
KEYS = ("analysis", "part", "key")
SUMS = ("n", "total", "squares", "persons")
PRINTS = ("print_a", "print_b")
TOPS = ("top1", "top2")
COUNTS = (*SUMS, *PRINTS, *TOPS)
_TOO_LARGE = float(2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One cell. ``n``: persons whose value is known; ``total``, ``squares``: sums of the value; ``top1``, ``top2``: its two largest."""

    key: Mapping[str, str]
    n: int
    total: int
    squares: int
    persons: int
    print_a: int
    print_b: int
    top1: int
    top2: int

    @property
    def fingerprint(self) -> str:
        """The person set's name, 32 hexadecimal digits; equal sets have equal ones."""
        return f"{self.print_a % 2**64:016x}{self.print_b % 2**64:016x}"


NOBODY = Tally(key={}, **dict.fromkeys(COUNTS, 0))


def union(cells: Iterable[Tally]) -> Tally:
    """The cells, which share no person, as one without a key."""
    found = list(cells)
    sums = {name: sum(getattr(cell, name) for cell in found) for name in SUMS}
    prints = {name: sum(getattr(cell, name) for cell in found) % 2**64 for name in PRINTS}
    tops = sorted((top for cell in found for top in (cell.top1, cell.top2)), reverse=True)
    return Tally(key={}, **sums, **prints, **dict(zip(TOPS, [*tops, 0, 0], strict=False)))


def part_of(table: pa.Table, analysis: str, part: str) -> pa.Table:
    """The rows of one part of an analysis, in the table's order."""
    return table.filter(pc.and_(pc.equal(table["analysis"], analysis), pc.equal(table["part"], part)))


def tallies_of(table: pa.Table, analysis: str, part: str) -> list[Tally]:
    """The cells of one part of an analysis, in order of their keys' text; ``table``: the evidence table ``tallies``."""
    rows = sorted(part_of(table, analysis, part).to_pylist(), key=lambda row: str(row["key"]))
    return [Tally(key=json.loads(row["key"]), **{name: row[name] for name in COUNTS}) for row in rows]


def merged(table: pa.Table) -> pa.Table:
    """One row for each key, sorted; raises BadInput ``evidence-sum`` where a sum has no place in 64 bits."""
    joined = pc.binary_join_element_wise(*(table[key] for key in KEYS), "\x1f").combine_chunks()
    encoded = joined.dictionary_encode() if len(joined) else pa.array([], type=pa.string()).dictionary_encode()
    group = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    groups = len(encoded.dictionary)
    first = np.full(groups, 0, dtype=np.int64)
    first[group[::-1]] = np.arange(len(group) - 1, -1, -1)
    columns = {key: table[key].take(pa.array(first)) for key in KEYS}
    for name in (*SUMS, *PRINTS):
        columns[name] = pa.array(_added(_whole(table, name), group, groups, wrap=name in PRINTS))
    columns.update(zip(TOPS, map(pa.array, _largest(table, group, groups)), strict=True))
    together = pa.table(columns)
    return together.take(pc.sort_indices(together, sort_keys=[(key, "ascending") for key in KEYS]))


def _whole(table: pa.Table, name: str) -> Ints:
    return np.asarray(table[name].to_numpy(), dtype=np.int64)


def _added(values: Ints, group: Ints, groups: int, *, wrap: bool) -> Ints:
    """Sums by group, mod 2^64; the size of a sum is looked at in floats beforehand."""
    found = np.zeros(groups, dtype=np.uint64)
    np.add.at(found, group, values.view(np.uint64))
    if not wrap and len(values):
        size = np.bincount(group, weights=np.abs(values.astype(np.float64)), minlength=groups)
        if float(size.max()) > _TOO_LARGE:
            raise BadInput("evidence-sum")
    return found.view(np.int64)


def _largest(table: pa.Table, group: Ints, groups: int) -> tuple[Ints, Ints]:
    """The two largest of all tops by group: every group has at least two."""
    values = np.concatenate([_whole(table, name) for name in TOPS])
    owner = np.concatenate([group, group])
    order = np.lexsort((-values, owner))
    start = np.searchsorted(owner[order], np.arange(groups))
    return values[order][start], values[order][start + 1]
