# SPDX-License-Identifier: Apache-2.0
"""The data files of this room, parsed and held together; fills the SQL templates. Reads nothing itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from rempart.ingest.rules import Rule, rules
from rempart.ingest.schema import Format, TableSchema, tables
from rempart.records.omop import TableLayout, layouts, reserved_layout

DECISIONS = "person_decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A named rule on what is believed of a person (no line goes): ``bit`` in a person's marks; ``enabled`` unless switched."""

    id: str
    bit: int
    enabled: bool
    words: Mapping[str, str]
    source: str

    @property
    def mask(self) -> int:
        """The bit as a number."""
        return 1 << self.bit


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """``tables``: delivered tables by ``id``; ``words``: what ``$``-names in SQL stand for; ``compaction``: steps as (verb, name);
    ``balanced``: tables whose every line is accounted for."""

    tables: Mapping[str, TableSchema]
    rules: tuple[Rule, ...]
    words: Mapping[str, str]
    sql: Mapping[str, str]
    research: Mapping[str, TableLayout]
    decided: TableLayout
    compaction: tuple[tuple[str, str], ...] = ()
    decisions: tuple[Decision, ...] = ()
    balanced: frozenset[str] = frozenset()

    @property
    def format(self) -> Format:
        """How delivered files are written."""
        return next(iter(self.tables.values())).format

    def filled(self, text: str, given: Mapping[str, str]) -> str:
        """SQL text with every ``$``-name replaced; raises KeyError for a name that nobody gives."""
        # Twice: a rule's condition, once in place, names parameters of its own.
        words = {**self.words, **given}
        return Template(Template(text).substitute(words)).substitute(words)

    def statements(self, name: str, given: Mapping[str, str]) -> list[str]:
        """The statements of one SQL file, filled."""
        return [text.strip() for text in self.filled(self.sql[name], given).split(";\n") if text.strip()]


def definitions(
    *,
    schemas: Mapping[str, Mapping[str, Any]],
    cleaning: Mapping[str, Any],
    mapping: Mapping[str, Any],
    sql: Mapping[str, str],
    omop: Mapping[str, Any],
) -> Definitions:
    """Put the parsed data files and the SQL files together; ``schemas``: ``schemas/*.toml`` by name without ending."""
    ordered = rules(cleaning)
    words = {name: _sql(value) for name, value in {**cleaning["parameters"], **mapping["lists"]}.items()}
    words |= {name: str(value) for name, value in mapping["values"].items()}
    words |= {f"bit_{rule.id}": str(rule.mask) for rule in ordered}
    return Definitions(
        tables=tables(schemas),
        rules=ordered,
        words=words,
        sql=sql,
        research=layouts(omop),
        decided=reserved_layout(omop, DECISIONS),
        compaction=tuple((verb, name) for step in mapping["compaction"] for verb, name in step.items()),
        decisions=tuple(map(_decision, mapping["decisions"])),
        balanced=frozenset(mapping["balance"]["words"]),
    )


def _decision(raw: Mapping[str, Any]) -> Decision:
    words = {"en": raw["en"], "fr": raw["fr"]}
    return Decision(id=raw["id"], bit=raw["bit"], enabled=raw.get("default", True), words=words, source=raw["source"])


def _sql(value: int | str | Sequence[str]) -> str:
    """A parameter as SQL: a number as it is, a list as quoted texts."""
    if isinstance(value, int | str):
        return str(value)
    return ", ".join(f"'{item}'" for item in value)
