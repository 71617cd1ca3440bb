# SPDX-License-Identifier: Apache-2.0
"""What a report is made of: sections of blocks of plain text, tables and figures. HTML and PDF are two renderings of the same blocks.

Holds no mark-up: whoever renders a text escapes it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "table", "facts", "figure", "list", "absent", "note", "code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """``kind`` says which fields count. text, list: ``lines``; table: ``caption``, ``head``, ``lines`` of cells, ``numbers`` (the last
    so many columns are numbers), ``widths`` (relative, empty: as they need); facts: ``lines`` of (name, value); figure: ``svg``,
    ``caption``, ``spoken``; absent, note: ``caption``; code: ``lines``."""

    kind: Kind
    lines: tuple[Any, ...] = ()
    head: tuple[str, ...] = ()
    caption: str = ""
    spoken: str = ""
    svg: str = ""
    numbers: int = 0
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """``name``: stable, what a pointer names; ``level``: 1 a chapter, 2 a section, 3 below; ``written``: whether its author or the study
    filled it, so that a checklist may point there."""

    name: str
    title: str
    level: int = 1
    blocks: tuple[Block, ...] = ()
    written: bool = True
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report in one language. ``mark``: word on every page ('' on none); ``facts``: of the title page; ``words``: of the
    rendering itself."""

    language: str
    title: str
    kind: str
    mark: str
    notice: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    words: dict[str, str] = field(default_factory=dict)


def text(value: object, *, about: str = "") -> Block:
    """Paragraphs: a blank line begins a new one; ``about``: what the first is about, before it."""
    parts = [" ".join(part.split()) for part in str(value).replace("\r", "").split("\n\n")]
    return Block(kind="text", lines=tuple(part for part in parts if part), caption=about)


def absent(words: str) -> Block:
    """A place that the author has still to fill."""
    return Block(kind="absent", caption=words)


def note(words: str) -> Block:
    """A remark in smaller letters."""
    return Block(kind="note", caption=words)


def table(
    head: Sequence[str],
    lines: Iterable[Sequence[str]],
    *,
    caption: str = "",
    numbers: int = 0,
    widths: Sequence[int] = (),
) -> Block:
    """A table; ``numbers``: how many of its last columns hold numbers."""
    told = tuple(tuple(line) for line in lines)
    return Block(kind="table", head=tuple(head), lines=told, caption=caption, numbers=numbers, widths=tuple(widths))


def facts(lines: Iterable[tuple[str, str]]) -> Block:
    """Names and values, those without a value left out."""
    return Block(kind="facts", lines=tuple((name, value) for name, value in lines if value))


def numbered(sections: Iterable[Section]) -> Iterator[Section]:
    """The same sections with their numbers: 1, 1.1, 1.1.1."""
    counts = [0, 0, 0]
    for section in sections:
        counts[section.level - 1] += 1
        counts[section.level :] = [0] * (3 - section.level)
        number = ".".join(str(count) for count in counts[: section.level])
        yield Section(
            name=section.name,
            title=section.title,
            level=section.level,
            blocks=section.blocks,
            written=section.written,
            number=number,
        )
