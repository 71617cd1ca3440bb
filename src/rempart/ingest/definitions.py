# SPDX-License-Identifier: Apache-2.0
"""The data files of this room, parsed and held together; fills the SQL templates. Reads nothing itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from rempart.ingest import former_schema
from rempart.ingest.rules import Rule, hits_sql, marks_sql, rules
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
    """``tables``: delivered tables by ``id``; ``former``: those of the one-shot way; ``words``: what ``$``-names in SQL stand for;
    ``steps``, ``compaction``: (verb, name); ``balanced``: tables whose every line is accounted for."""

    tables: Mapping[str, TableSchema]
    former: Mapping[str, former_schema.TableSchema]
    rules: tuple[Rule, ...]
    words: Mapping[str, str]
    steps: tuple[tuple[str, str], ...]
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

    def hits(self, word: str) -> str:
        """The marks of all rules at a table."""
        return hits_sql(self.rules, word)


def definitions(
    *,
    schemas: Mapping[str, Mapping[str, Any]],
    former: Mapping[str, Any],
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
    places = {word for rule in ordered for word in rule.at}
    words |= {f"hits_{word}": hits_sql(ordered, word) for word in places}
    words |= {f"marks_{word}": marks_sql(ordered, word) for word in places}
    # A monthly file is its own flow; gross.py says what an archive holds.
    words["in_archive"] = "TRUE"
    delivered = tables(schemas)
    words["open_end"] = next(iter(delivered.values())).format.open_end
    return Definitions(
        tables=delivered,
        former=former_schema.schema(former),
        rules=ordered,
        words=words,
        steps=tuple((verb, name) for step in mapping["steps"] for verb, name in step.items()),
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
