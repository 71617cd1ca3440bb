# SPDX-License-Identifier: Apache-2.0
"""The page a reader opens first, in French and English, made of checked tables alone. Interprets no figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.records.result import CheckedTable
from rempart.release.curve_days import curve_note
from rempart.release.labels import arm_names, reader_labels
from rempart.release.reader_table import Reader
from rempart.release.subjects import subjects

_ROWS = 60
_FURTHER = ("", "_map", "_flow")  # ends of the names of a table's figures


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
    parts += _pictures(figures, language, "design_")
    parts.append(f"## {say['results']}\n\n{say['marker']}")
    parts += _pictures(figures, language, "estimates-")
    reader = Reader(language, words, reader_labels(tables, study=study, words=words, language=language))
    about = subjects(tables, study=study, words=words, language=language)
    for table in tables:
        pictures = [f"{table.output}{further}-{language}.svg" for further in _FURTHER]
        drawn = [name for name in pictures if name in figures]
        parts.append(_section(reader, table, drawn, about.get(table.output, "")))
        left_out = curve_note(table, study=study, words=words, labels=reader.labels, language=language)
        parts += [_line(left_out)] if left_out else []
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


def _pictures(figures: Sequence[str], language: str, begins: str) -> list[str]:
    """The figures that are of no table: diagrams of the design, the estimates of all tables."""
    names = sorted(name for name in figures if name.startswith(begins) and name.endswith(f"-{language}.svg"))
    return [f"![{name.removesuffix(f'-{language}.svg')}](figures/{name})" for name in names]


def _section(reader: Reader, table: CheckedTable, pictures: Sequence[str], about: str) -> str:
    """Title, of whom and what it tells, figures, the table or its beginning."""
    parts = [f"### {reader.title(table.output)} (`{table.output}`)"]
    parts += [_line(about)] if about else []
    parts += [f"![{reader.title(table.output)}](figures/{picture})" for picture in pictures]
    if not table.rows:
        return "\n\n".join([*parts, reader.say["nothing"]])
    lines = _wide(reader, table)
    parts.append("\n".join(lines[: _ROWS + 2]))
    if len(lines) > _ROWS + 2:
        parts.append(reader.say["more"].format(n=len(lines) - 2, file=f"tables/{table.output}.csv"))
    return "\n\n".join(parts)


def _wide(reader: Reader, table: CheckedTable) -> list[str]:
    grid = reader.grid(table)
    return [
        _bar([*map(_line, grid.labels), *map(_line, grid.heads)]),
        "|" + "---|" * len(grid.labels) + "---:|" * len(grid.heads),
        *(_bar([*map(_line, labels), *values]) for labels, values in grid.lines),
    ]


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _line(text: str) -> str:
    """One line that Markdown shows as written: no table bar, no tag, no link."""
    flat = " ".join(text.split())
    for mark in "\\|<>[]`*_!#":
        flat = flat.replace(mark, "\\" + mark) if mark not in "<>" else flat.replace(mark, "")
    return flat
