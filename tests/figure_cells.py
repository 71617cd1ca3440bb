# SPDX-License-Identifier: Apache-2.0
"""Cells of invented checked tables: counts, rounded estimates, ratios with their intervals. Of nobody."""

import math
from collections.abc import Iterable, Mapping

from rempart.records.result import CheckedTable, ResultRow

Cell = tuple[Mapping[str, str], str, str, float | None]  # row key, arm, statistic, value (None: suppressed)
_COUNTS = frozenset({"n", "persons", "events", "at_risk", "cases", "controls"})


def table(output: str, kind: str, cells: Iterable[Cell], *, column: str = "arm", unit: str = "") -> CheckedTable:
    """A checked table; a cell without a value is suppressed."""
    rows = tuple(
        ResultRow(
            run="invented",
            output=output,
            output_type=kind,
            row_key=key,
            column_key={column: arm} if arm else {},
            statistic=statistic,
            value=value,
            unit="persons" if statistic in _COUNTS else unit,
            n_persons=None,
            status="suppressed" if value is None else "kept" if statistic in _COUNTS else "rounded",
        )
        for key, arm, statistic, value in cells
    )
    return CheckedTable(output=output, output_type=kind, rows=rows, rules="invented")


def significant(value: float, digits: int = 3) -> float:
    """A value as the rules round it."""
    return float(f"{value:.{digits}g}")


def ratio_cells(key: Mapping[str, str], ratio: float, error: float, name: str = "ratio") -> list[Cell]:
    """A ratio and its interval, rounded."""
    values = {name: ratio, "lower": ratio * math.exp(-1.96 * error), "upper": ratio * math.exp(1.96 * error)}
    return [(key, "", statistic, significant(value)) for statistic, value in values.items()]
