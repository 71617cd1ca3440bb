# SPDX-License-Identifier: Apache-2.0
"""Codes as seen in the data, their place in a hierarchy that is read off the codes, and their standard concepts where known.

Pure: codes in, rows out. Recodes nothing: source codes stay beside every concept.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Code = tuple[str, str]
"""(system, code)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A code system. ``prefixes``: lengths of the levels above a code; ``chapters``: (name, first, last) of the first level's codes."""

    name: str
    prefixes: tuple[int, ...]
    chapters: tuple[tuple[str, str, str], ...]
    athena: str
    domain: str
    above: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A code or a level above one. ``level``: 1 = highest of its system; ``parent``: its (system, code), None at the top."""

    code: Code
    parent: Code | None
    level: int
    label: str | None
    concept_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What a vocabulary says of a source code: its own concept, the standard one it maps to (0 = none), and that one's domain."""

    source_concept_id: int
    concept_id: int
    domain: str


def systems(parsed: Mapping[str, Any]) -> dict[str, System]:
    """Systems by name, from parsed ``hierarchy.toml``."""
    return {
        name: System(
            name=name,
            prefixes=tuple(raw["prefixes"]),
            chapters=tuple((chapter, first, last) for chapter, first, last in raw.get("chapters", ())),
            athena=raw["athena"],
            domain=raw["domain"],
            above=raw.get("above", ""),
        )
        for name, raw in parsed["systems"].items()
    }


def hierarchy(
    seen: Iterable[Code],
    known: Mapping[str, System],
    *,
    classes: Mapping[Code, str],
    labels: Mapping[Code, str],
    first: int,
) -> tuple[Node, ...]:
    """Every code seen and every level above one, sorted by system and code, numbered from ``first``.

    ``classes``: (system, pack) → code of the class above it, in the system that stands above; ``labels``: what codes are called.
    """
    parents: dict[Code, Code | None] = {}
    for code in seen:
        _climb(code, known, classes, parents)
    levels = {code: _level(code, parents) for code in parents}
    return tuple(
        Node(code=code, parent=parents[code], level=levels[code], label=labels.get(code), concept_id=first + place)
        for place, code in enumerate(sorted(parents))
    )


def _climb(
    code: Code | None, known: Mapping[str, System], classes: Mapping[Code, str], parents: dict[Code, Code | None]
) -> None:
    while code is not None and code not in parents:
        parents[code] = _above(code, known, classes)
        code = parents[code]


def _above(code: Code, known: Mapping[str, System], classes: Mapping[Code, str]) -> Code | None:
    """The next level up, None at the top or for a system that nobody described."""
    name, text = code
    system = known.get(name)
    if system is None or any(text == chapter for chapter, *_ in system.chapters):
        return None
    shorter = [length for length in system.prefixes if length < len(text)]
    if shorter:
        return name, text[: max(shorter)]
    if system.above and code in classes:
        return system.above, classes[code]
    chapter = next((c for c, begins, ends in system.chapters if text.isalnum() and begins <= text <= ends), None)
    return (name, chapter) if chapter and len(text) == min(system.prefixes) else None


def _level(code: Code, parents: Mapping[Code, Code | None]) -> int:
    """1 for the highest of its own system."""
    level, above = 1, parents[code]
    while above is not None and above[0] == code[0]:
        level, above = level + 1, parents[above]
    return level


def concepts(
    nodes: Sequence[Node],
    seen: Collection[Code],
    known: Mapping[str, System],
    standards: Mapping[Code, Standard],
) -> list[tuple[str, str, int, int]]:
    """(system, code, concept_id, source_concept_id) of every code seen.

    Without a vocabulary the concept is 0 and the source concept one of our own; a standard concept of another domain than the
    table's is left out, its source concept kept.
    """
    own = {node.code: node.concept_id for node in nodes}
    found = []
    for code in sorted(seen):
        told = standards.get(code)
        wanted = known[code[0]].domain if code[0] in known else ""
        standard = told.concept_id if told and told.domain == wanted else 0
        source = told.source_concept_id if told and told.source_concept_id else own[code]
        found.append((*code, standard, source))
    return found
