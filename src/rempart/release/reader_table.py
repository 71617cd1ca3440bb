# SPDX-License-Identifier: Apache-2.0
"""A checked table as a reader sees it, in a language: one line per row key, one column per statistic, every label in words. Escapes
nothing.

What shows it (the summary's Markdown, a report's HTML and PDF) writes the marks that its own form needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.records.result import SUPPRESSED, CheckedTable, ResultRow
from rempart.release.digits import written
from rempart.release.tables import value_text

_ACROSS = 8
_WHOLE = 100
_AS_WRITTEN = frozenset(
    {"unit", "analysis", "of"}
)  # ids of analyses, which the study file and the other tables name so too


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """``labels``: heads of the columns that say what a line is; ``heads``: of the others; ``lines``: labels, then values, as text."""

    labels: tuple[str, ...]
    heads: tuple[str, ...]
    lines: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


class Reader:
    """Tables as one language writes them. ``words``: the parsed ``release/words.toml``, with ``rounding`` and ``rounding_of`` of the
    disclosure rules where values are to be written with as many digits as these keep; ``labels``: as release/labels.py gives them."""

    def __init__(self, language: str, words: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        self.labels, self.order = labels, list(words["order"])
        self.say, self.heads, self.titles = (words[name][language] for name in ("summary", "heads", "titles"))
        self.units, self.with_unit = words["units"][language], frozenset(words["units"]["of"])
        self.rounding, self.rounding_of = words.get("rounding", {}), words.get("rounding_of", {})

    def title(self, output: str) -> str:
        """What kind of output it is, in words."""
        known = max((name for name in self.titles if output.startswith(name)), key=len, default="")
        return str(self.titles.get(known, ""))

    def grid(self, table: CheckedTable) -> Grid:
        """Arms stand side by side where they fit, else one below the other."""
        rows = table.rows
        statistics = dict.fromkeys(row.statistic for row in rows)
        beside = len(dict.fromkeys((*row.column_key.values(), row.statistic) for row in rows)) <= _ACROSS
        everybody = {arm for row in rows for arm in row.column_key.values()} == {"all"}
        apart = self._units_apart(rows)
        names = self._names(rows, across=not beside and not everybody, units=apart)
        lines: dict[tuple[str, ...], dict[str, str]] = {}
        for row in rows:
            over = (
                [self._label(row, "arm", text) for text in row.column_key.values()] if beside and not everybody else []
            )
            head = self._head(row.statistic) if apart else self._with_unit(row)
            column = " · ".join(over if over and len(statistics) == 1 else [*over, head])
            lines.setdefault(self._keys(row, names), {})[column] = self._value(row)
        columns = tuple(dict.fromkeys(column for values in lines.values() for column in values))
        told = tuple((line, tuple(values.get(column, "") for column in columns)) for line, values in lines.items())
        return Grid(labels=tuple(map(self._head, names)), heads=columns, lines=told)

    def _names(self, rows: Sequence[ResultRow], *, across: bool, units: bool) -> list[str]:
        """The columns that say what a line is, in the order of reading."""
        found = dict.fromkeys(name for row in rows for name in (*row.row_key, *(row.column_key if across else ())))
        return sorted([*found, *(["unit"] if units else [])], key=self.order.index)

    def _keys(self, row: ResultRow, names: Sequence[str]) -> tuple[str, ...]:
        key = {**row.row_key, **row.column_key, "unit": self._unit(row)}
        return tuple(self._label(row, name, key.get(name, "")) for name in names)

    def _units_apart(self, rows: Sequence[ResultRow]) -> bool:
        """Whether one statistic comes in several units."""
        return any(len({row.unit for row in rows if row.statistic == statistic}) > 1 for statistic in self.with_unit)

    def _unit(self, row: ResultRow) -> str:
        return str(self.units.get(row.unit, row.unit)) if row.statistic in self.with_unit else ""

    def _with_unit(self, row: ResultRow) -> str:
        unit = self._unit(row)
        return f"{self._head(row.statistic)} ({unit})" if unit else self._head(row.statistic)

    def _label(self, row: ResultRow, name: str, text: str) -> str:
        """A label in words, first as its output reads it; a day without its leading zeros, the id of an analysis as it is."""
        if name == "day" and text.isdigit():
            return str(int(text))
        return text if name in _AS_WRITTEN else self.labels.get(f"{row.output}:{text}", self.labels.get(text, text))

    def _head(self, name: str) -> str:
        return str(self.heads.get(name, name)).replace(" %", "\u00a0%")

    def _value(self, row: ResultRow) -> str:
        """A value as the CSV has it, written as the language does, with all the digits that its statistic keeps."""
        if row.status == SUPPRESSED:
            return str(self.say["suppressed"])
        rule = self.rounding_of.get(row.output_type, {}).get(row.statistic) or self.rounding.get(row.statistic)
        text = written(row.value, rule) if rule and row.value is not None and row.status == "rounded" else _plain(row)
        return text.replace("-", "\u2212").replace(".", str(self.say["decimal"]))


def _plain(row: ResultRow) -> str:
    """A value of whose digits no rule is known: from three figures on without an idle decimal."""
    large = row.value is not None and abs(row.value) >= _WHOLE and row.unit != "percent"
    return value_text(row).removesuffix(".0") if large else value_text(row)
