# SPDX-License-Identifier: Apache-2.0
"""The page a reader opens first, in French and English, made of checked tables alone. Interprets no figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.records.result import CheckedTable, ResultRow
from rempart.release.tables import value_text

_ROWS = 24


def summary(
    language: str,
    *,
    release: str,
    facts: Mapping[str, str],
    tables: Sequence[CheckedTable],
    figures: Sequence[str],
    words: Mapping[str, Any],
) -> str:
    """Markdown in ``language`` (``en`` or ``fr``). ``facts``: context, controls, permit, as their authors wrote them."""
    say = words["summary"][language]
    parts = [f"# {say['title']} {release}"]
    parts += [f"## {say[name]}\n\n{_line(facts[name])}" for name in ("context", "permit", "controls")]
    parts.append(f"## {say['results']}\n\n{say['marker']}")
    parts += [_section(table, figures, language, say) for table in tables]
    criteria = [entry[language] for entry in words["anonymity"].values() if isinstance(entry, Mapping)]
    parts.append(f"## {say['anonymity']}\n\n" + "\n".join(f"- {text}" for text in criteria))
    parts.append(f"## {say['files']}\n\n{say['files_text']}")
    return "\n\n".join(parts) + "\n"


def _section(table: CheckedTable, figures: Sequence[str], language: str, say: Mapping[str, str]) -> str:
    parts = [f"### {table.output}"]
    picture = f"{table.output}-{language}.svg"
    if picture in figures:
        parts.append(f"![{table.output}](figures/{picture})")
    if not table.rows:
        return "\n\n".join([*parts, say["nothing"]])
    lines = _wide(table.rows)
    parts.append("\n".join(lines[: _ROWS + 2]))
    if len(lines) > _ROWS + 2:
        parts.append(say["more"].format(n=len(lines) - 2, file=f"tables/{table.output}.csv"))
    return "\n\n".join(parts)


def _wide(rows: Sequence[ResultRow]) -> list[str]:
    """One line per row and column key, one column per statistic."""
    statistics = list(dict.fromkeys(row.statistic for row in rows))
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        key = tuple(_line(text) for text in (*row.row_key.values(), *row.column_key.values()))
        lines.setdefault(key, {})[row.statistic] = value_text(row)
    names = list(dict.fromkeys(name for row in rows for name in (*row.row_key, *row.column_key)))
    head = ["| " + " | ".join([" / ".join(names), *statistics]) + " |", "|---|" + "---:|" * len(statistics)]
    return head + [
        "| " + " | ".join([" / ".join(key), *(values.get(name, "") for name in statistics)]) + " |"
        for key, values in lines.items()
    ]


def _line(text: str) -> str:
    """One line that Markdown shows as written: no table bar, no tag, no link."""
    flat = " ".join(text.split())
    for mark in "\\|<>[]`*_!#":
        flat = flat.replace(mark, "\\" + mark) if mark not in "<>" else flat.replace(mark, "")
    return flat
