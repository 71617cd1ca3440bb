# SPDX-License-Identifier: Apache-2.0
"""Which cohorts hold nobody, or everybody of the project, as far as checked tables show it. Sees no raw cell.

What a suppressed cell counts is not told, nor that it is not 0: few and none look alike, as in the tables themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rempart.records.describing import ATTRITION, TABLE_ONE
from rempart.records.result import CheckedTable, ResultRow
from rempart.records.study import Study

_PERSONS, _ALL, _KEPT = "n", "all", "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """``nobody``, ``everybody``: names of described cohorts; ``uncounted``: outputs of other kinds in which every count is
    shown as 0."""

    nobody: tuple[str, ...] = ()
    everybody: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = field(default=())


def members_told(study: Study, tables: Sequence[CheckedTable], rules: Mapping[str, Any], *, persons: int) -> Members:
    """``rules``: the parsed ``disclosure/rules.toml``; ``persons``: of the project, 0 where unknown.

    A cohort of everybody leaves none out: that is a cell of nobody, told where the rules keep a zero.
    """
    shown: dict[str, list[float | None]] = {}
    told: set[str] = set()
    for name, row in _members(study, {table.output: table for table in tables}):
        told.add(row.output)
        shown.setdefault(name, []).append(row.value if row.status == _KEPT else None)
    zeros = not rules["threshold"]["zeros_are_disclosive"]
    others = [table for table in tables if table.output not in told]
    return Members(
        nobody=tuple(name for name, values in shown.items() if set(values) == {0}),
        everybody=tuple(name for name, values in shown.items() if zeros and persons and set(values) == {persons}),
        uncounted=tuple(t.output for t in others if _nothing(t, rules["types"][t.output_type]["counts"])),
    )


def _members(study: Study, tables: Mapping[str, CheckedTable]) -> Iterator[tuple[str, ResultRow]]:
    """(cohort, cell) of each cell that counts a cohort's persons: the last step of an attrition, the totals of a table one."""
    types = [*(item.type for item in study.analyses), *(item.type for item in study.descriptions)]
    for analysis in study.descriptions:
        table = tables.get(analysis.type if types.count(analysis.type) == 1 else f"{analysis.type}_{analysis.id}")
        rows = [row for row in table.rows if row.statistic == _PERSONS] if table is not None else []
        if analysis.type == ATTRITION and rows:
            yield analysis.cohorts[0], max(rows, key=lambda row: row.row_key["step"])
        elif analysis.type == TABLE_ONE:
            totals = (row for row in rows if row.row_key["variable"] == _ALL)
            yield from ((arm, row) for row in totals if (arm := row.column_key["arm"]) in analysis.cohorts)


def _nothing(table: CheckedTable, counts: Sequence[str]) -> bool:
    found = [row for row in table.rows if row.statistic in counts]
    return bool(found) and all(row.status == _KEPT and row.value == 0 for row in found)
