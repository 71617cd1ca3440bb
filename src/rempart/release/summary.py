# SPDX-License-Identifier: Apache-2.0
"""The page a reader opens first, in French and English, made of checked tables alone. Interprets no figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.records.result import SUPPRESSED, CheckedTable, ResultRow
from rempart.release.labels import arm_names, reader_labels
from rempart.release.subjects import subjects
from rempart.release.tables import value_text

_ROWS = 60
_ACROSS = 8
_WHOLE = 100  # from here on three figures need no decimal


def summary(
    language: str,
    *,
    release: str,
    facts: Mapping[str, str],
    study: Mapping[str, Any],
    tables: Sequence[CheckedTable],
    figures: Sequence[str],
    words: Mapping[str, Any],
) -> str:
    """Markdown in ``language`` (``en`` or ``fr``). ``facts``: context, controls, permit, as their authors wrote them."""
    say = words["summary"][language]
    parts = [f"# {say['title']} {release}"]
    parts += [f"## {say[name]}\n\n{_line(facts[name])}" for name in ("context", "permit", "controls")]
    parts += _question(study, words, language)
    parts.append(f"## {say['results']}\n\n{say['marker']}")
    page = _Page(language, words, reader_labels(tables, study=study, words=words, language=language))
    about = subjects(tables, study=study, words=words, language=language)
    parts += [page.section(table, figures, about.get(table.output, "")) for table in tables]
    criteria = [entry[language] for entry in words["anonymity"].values() if isinstance(entry, Mapping)]
    parts.append(f"## {say['anonymity']}\n\n" + "\n".join(f"- {text}" for text in criteria))
    parts.append(f"## {say['files']}\n\n{say['files_text']}")
    return "\n\n".join(parts) + "\n"


def _question(study: Mapping[str, Any], words: Mapping[str, Any], language: str) -> list[str]:
    """The study's title and question as its author wrote them, and who is compared with whom."""
    protocol, say = study.get("protocol"), words["summary"][language]
    if not isinstance(protocol, Mapping):
        return []
    arms = arm_names(study, words=words, language=language)
    named = [
        "- " + say["named"].format(role=say[arm], arm=arm, name=_line(arms[arm]))
        for arm in ("target", "comparator")
        if arm in arms
    ]
    text = f"{_line(protocol['title'])}. {_line(protocol['question'])}"
    return ["\n\n".join([f"## {say['study']}", text, *(["\n".join(named)] if named else [])])]


class _Page:
    """Tables as one language writes them."""

    def __init__(self, language: str, words: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        self.language, self.labels, self.order = language, labels, list(words["order"])
        self.say, self.heads, self.titles = (words[name][language] for name in ("summary", "heads", "titles"))
        self.units, self.with_unit = words["units"][language], frozenset(words["units"]["of"])

    def section(self, table: CheckedTable, figures: Sequence[str], about: str) -> str:
        """Title, of whom and what it tells, figure, the table or its beginning."""
        known = max((name for name in self.titles if table.output.startswith(name)), key=len, default="")
        parts = [f"### {self.titles.get(known, '')} (`{table.output}`)"]
        parts += [_line(about)] if about else []
        picture = f"{table.output}-{self.language}.svg"
        if picture in figures:
            parts.append(f"![{table.output}](figures/{picture})")
        if not table.rows:
            return "\n\n".join([*parts, self.say["nothing"]])
        lines = self._wide(table.rows)
        parts.append("\n".join(lines[: _ROWS + 2]))
        if len(lines) > _ROWS + 2:
            parts.append(self.say["more"].format(n=len(lines) - 2, file=f"tables/{table.output}.csv"))
        return "\n\n".join(parts)

    def _wide(self, rows: Sequence[ResultRow]) -> list[str]:
        """One line per row key, one column per statistic; arms stand side by side where they fit, else one below the other."""
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
        columns = list(dict.fromkeys(column for values in lines.values() for column in values))
        return [
            _bar([*map(self._head, names), *columns]),
            "|" + "---|" * len(names) + "---:|" * len(columns),
            *(_bar([*line, *(values.get(column, "") for column in columns)]) for line, values in lines.items()),
        ]

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
        return f"{self._head(row.statistic)} ({_line(unit)})" if unit else self._head(row.statistic)

    def _label(self, row: ResultRow, name: str, text: str) -> str:
        """A label in words, first as its output reads it; a day without its leading zeros."""
        if name == "day" and text.isdigit():
            return str(int(text))
        return _line(text if name == "unit" else self.labels.get(f"{row.output}:{text}", self.labels.get(text, text)))

    def _head(self, name: str) -> str:
        return _line(self.heads.get(name, name))

    def _value(self, row: ResultRow) -> str:
        """A value as the CSV has it, written as the language does."""
        if row.status == SUPPRESSED:
            return str(self.say["suppressed"])
        text = value_text(row)
        whole = row.value is not None and abs(row.value) >= _WHOLE and row.unit != "percent"
        if whole or row.unit in {"days", "packs"} or row.statistic == "person_years":
            text = text.removesuffix(".0")
        return text.replace(".", str(self.say["decimal"]))


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _line(text: str) -> str:
    """One line that Markdown shows as written: no table bar, no tag, no link."""
    flat = " ".join(text.split())
    for mark in "\\|<>[]`*_!#":
        flat = flat.replace(mark, "\\" + mark) if mark not in "<>" else flat.replace(mark, "")
    return flat
