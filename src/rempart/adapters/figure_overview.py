# SPDX-License-Identifier: Apache-2.0
"""One forest of every ratio of a study, whatever its design: analysis by analysis, on one axis. Pools nothing."""

from collections.abc import Sequence
from typing import Any

from rempart.adapters.figure_lines import Line, forest
from rempart.adapters.figure_ratios import ratio_axis, ratio_lines, ratio_of
from rempart.adapters.figure_words import Words
from rempart.records.result import CheckedTable

_MOST = 60  # lines
_LEAST = 2  # tables: one has a forest of its own
_OTHER = frozenset(
    {"controls", "lag_effects", "relative_incidence", "risk", "sensitivity"}
)  # types with a figure of their own kind


def estimates(tables: Sequence[CheckedTable], words: Words) -> Any:
    """The forest, None where fewer than two tables show a ratio."""
    told = [
        (table, ratio_lines(table, words, arms=(), group=_name(table, words)))
        for table in tables
        if ratio_of(table) and table.output_type not in _OTHER
    ]
    shown = [lines for _, lines in told if any(line.bounds for line in lines)]
    if len(shown) < _LEAST:
        return None
    lines: list[Line] = [line for _, each in told for line in each][:_MOST]
    scale, axis = ratio_axis([line.bounds for line in lines if line.bounds], words, words.of_type("ratio", "axis"))
    return forest(lines, words, heads=[[words.of_type("ratio", "head")]], scale=scale, axis=axis, one=1)


def _name(table: CheckedTable, words: Words) -> str:
    """Title of the output and what it is named after; or of whom it tells, where that is known."""
    asked = words.about.get(table.output, "") or words.asked_for(table)
    return " · ".join(text for text in (words.of(table, "title"), asked) if text)
