# SPDX-License-Identifier: Apache-2.0
"""Which cohorts hold nobody or few, and which everybody of the project or all but few: one phrase for each. Tells no number.

Said of invented persons only (a dry run). Of persons any such phrase would tell, run by run and before any checker, whether somebody
is as a predicate says: a few runs find a set of ten by a day of entry, and the next one asks whether an eleventh belongs to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.records.describing import ATTRITION, TABLE_ONE
from rempart.records.result import ResultRow
from rempart.records.study import Study

_PERSONS, _ALL = "n", "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """``few``, ``nearly_all``: names of described cohorts that hold, or leave out, fewer persons than ``fewer_than``: perhaps nobody."""

    few: tuple[str, ...] = ()
    nearly_all: tuple[str, ...] = ()
    fewer_than: int = 0


def members_told(study: Study, rows: Sequence[ResultRow], rules: Mapping[str, Any], *, persons: int) -> Members:
    """``rows``: of the run; ``rules``: the parsed ``disclosure/rules.toml``; ``persons``: of the project, 0 where unknown.

    Of a project so small that silence would bound a number, or both phrases together, nothing is said.
    """
    counted: dict[str, set[float]] = {}
    for name, row in _members(study, rows):
        counted.setdefault(name, set()).add(row.value or 0)
    small = int(rules["threshold"]["persons"])
    if 0 < persons < 2 * small - 1:
        return Members(fewer_than=small)
    few = tuple(name for name, values in counted.items() if max(values) < small)
    nearly = tuple(name for name, values in counted.items() if persons and min(values) > persons - small)
    return Members(few=few, nearly_all=nearly, fewer_than=small)


def _members(study: Study, rows: Sequence[ResultRow]) -> Iterator[tuple[str, ResultRow]]:
    """(cohort, cell) of each cell that counts a cohort's persons: the last step of an attrition, the totals of a table one."""
    types = [
        *(item.type for item in study.analyses),
        *(item.type for item in study.descriptions),
        *(item.type for item in study.designs),
    ]
    for analysis in study.descriptions:
        output = analysis.type if types.count(analysis.type) == 1 else f"{analysis.type}_{analysis.id}"
        mine = [row for row in rows if row.output == output and row.statistic == _PERSONS]
        if analysis.type == ATTRITION and mine:
            yield analysis.cohorts[0], max(mine, key=lambda row: row.row_key["step"])
        elif analysis.type == TABLE_ONE:
            totals = (row for row in mine if row.row_key["variable"] == _ALL)
            yield from ((arm, row) for row in totals if (arm := row.column_key["arm"]) in analysis.cohorts)
