# SPDX-License-Identifier: Apache-2.0
"""Rows of one line and column of one table, by what they tell. Judges nothing."""

from collections.abc import Mapping, Sequence

from rempart.records.result import ResultRow

Group = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


def group_of(row: ResultRow) -> Group:
    """The table, the line and the column of a row."""
    return row.output, tuple(sorted(row.row_key.items())), tuple(sorted(row.column_key.items()))


def groups_of(rows: Sequence[ResultRow]) -> dict[Group, dict[str, ResultRow]]:
    """Per line and column, statistic → row."""
    found: dict[Group, dict[str, ResultRow]] = {}
    for row in rows:
        found.setdefault(group_of(row), {})[row.statistic] = row
    return found


def number(group: Mapping[str, ResultRow], statistic: str) -> float | None:
    """What the group tells of a statistic; None where it tells nothing."""
    return group[statistic].value if statistic in group else None


def of_the_fit(row: ResultRow) -> bool:
    """Lines that tell of a regression as a whole."""
    return row.output_type == "regression" and "term" not in row.row_key
