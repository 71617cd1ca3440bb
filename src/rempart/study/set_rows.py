# SPDX-License-Identifier: Apache-2.0
"""The persons of every cell of a shard's tallies, for the register of released sets: same plans as the evidence, one column more.

Rows of persons: they leave the worker only packed and sealed (docs/adr/0044).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rempart.ports.query import Query
from rempart.records.protocol import CohortPlan, TallyPlan
from rempart.study.evidence import FRAME, PATTERNS, TALLIES

MEMBERS = "members"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCell:
    """One cell of a tally in one shard. ``name``: analysis, part, key; ``prints``: the halves of its set's name; ``members``: ids."""

    name: tuple[str, str, str]
    prints: tuple[int, int]
    members: NDArray[np.int64]


def member_cells(
    query: Query,
    plans: Sequence[CohortPlan | TallyPlan],
    *,
    prepare: Sequence[str] = (),
    clear: Sequence[str] = (),
) -> Iterator[MemberCell]:
    """The cells of every tally of ``plans``, whose statements tell members; clears what it made. As ``evidence.compute`` otherwise."""
    try:
        for statement in prepare:
            query.execute(statement)
        for plan in plans:
            yield from _of_plan(query, plan)
    finally:
        for statement in clear:
            query.execute(statement)


def _of_plan(query: Query, plan: CohortPlan | TallyPlan) -> Iterator[MemberCell]:
    try:
        for statement in plan.prepare:
            query.execute(statement)
        for analysis, part, sql in _tallies(plan):
            table = query.table(sql)
            if MEMBERS in table.column_names:
                yield from _cells(table, analysis, part)
    finally:
        for statement in plan.clear:
            query.execute(statement)


def _tallies(plan: CohortPlan | TallyPlan) -> Iterator[tuple[str, str, str]]:
    """(analysis, part, SELECT) of each tally of a plan."""
    for name, sql in plan.selects.items():
        if isinstance(plan, TallyPlan):
            if not name.startswith(PATTERNS):
                yield plan.analysis, name, sql
        elif name.startswith(TALLIES):
            yield f"{FRAME}:{plan.frame.key}", name.removeprefix(TALLIES), sql


def _cells(table: pa.Table, analysis: str, part: str) -> Iterator[MemberCell]:
    for row, members in enumerate(table[MEMBERS]):
        prints = (table["print_a"][row].as_py(), table["print_b"][row].as_py())
        ids = np.asarray(members.values.to_numpy(zero_copy_only=False), dtype=np.int64) if members.is_valid else _NOBODY
        yield MemberCell(name=(analysis, part, table["key"][row].as_py()), prints=prints, members=ids)


_NOBODY = np.zeros(0, dtype=np.int64)
