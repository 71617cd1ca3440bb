# SPDX-License-Identifier: Apache-2.0
"""Frameworks as data: what each asks, in which class, and which controls of the house answer it. Judges nothing.

Classes: ``P`` software proves it, ``D`` it holds the document and the operator signs, ``O`` only people do it, ``F``, ``N`` not here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CLASSES = frozenset("PDOFN")
Words = Mapping[str, str]
"""The same in ``en`` and ``fr``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """``text``: quoted or summed up, as its framework says; ``controls``: by name; ``gap``: what is known to be missing, '' = nothing."""

    id: str
    kind: str
    text: Words
    controls: tuple[str, ...]
    gap: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """A list of requirements with its origin. ``about``: its head as a pack tells it (title, version, source, date, licence, sure)."""

    name: str
    about: Mapping[str, Any]
    items: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the house does. ``tests``: node ids; ``probes``: names of live looks; ``pages``: documents shipped with the program."""

    name: str
    words: Words
    tests: tuple[str, ...]
    probes: tuple[str, ...]
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A look at the live ledger. ``rules``: audit rules without a breach; ``kinds``: acts that took effect; ``needed``: without
    one, nothing is proven; ``within_days``: how old the last may be (0: any age); ``fact``: a number of the house, at least 1;
    ``anomalies``: an anomaly of these rules is a breach too."""

    name: str
    words: Words
    rules: tuple[str, ...]
    kinds: tuple[str, ...]
    needed: bool
    within_days: int
    fact: str
    anomalies: bool


def frameworks(tables: Mapping[str, Mapping[str, Any]]) -> tuple[Framework, ...]:
    """Name → parsed file, as frameworks; raises ValueError for a class that is none."""
    return tuple(
        Framework(name=name, about=_about(table), items=tuple(_items(table))) for name, table in tables.items()
    )


def controls(table: Mapping[str, Any]) -> dict[str, Control]:
    """The parsed table of controls."""
    return {
        name: Control(
            name=name,
            words=_words(row),
            tests=tuple(row.get("tests", ())),
            probes=tuple(row.get("probes", ())),
            pages=tuple(row.get("pages", ())),
        )
        for name, row in table["controls"].items()
    }


def probes(table: Mapping[str, Any]) -> dict[str, Probe]:
    """The parsed table of probes."""
    return {
        name: Probe(
            name=name,
            words=_words(row),
            rules=tuple(row.get("rules", ())),
            kinds=tuple(row.get("kinds", ())),
            needed=bool(row.get("needed", False)),
            within_days=int(row.get("within_days", 0)),
            fact=str(row.get("fact", "")),
            anomalies=bool(row.get("anomalies", False)),
        )
        for name, row in table["probes"].items()
    }


def cited_tests(known: Mapping[str, Control]) -> Sequence[str]:
    """Every node id that a control names, once, sorted."""
    return sorted({test for control in known.values() for test in control.tests})


def _about(table: Mapping[str, Any]) -> dict[str, Any]:
    return {**table["framework"], "source": table["source"], "date": str(table["date"])}


def _items(table: Mapping[str, Any]) -> Iterator[Requirement]:
    for row in table["items"]:
        if row["class"] not in CLASSES:
            raise ValueError(f"no class: {row['id']}")
        text = row["text"]
        yield Requirement(
            id=str(row["id"]),
            kind=row["class"],
            text=text if isinstance(text, dict) else {"en": text, "fr": text},
            controls=tuple(row.get("controls", ())),
            gap=row.get("gap", {"en": "", "fr": ""}),
        )


def _words(row: Mapping[str, Any]) -> Words:
    return {"en": row["en"], "fr": row["fr"]}
