# SPDX-License-Identifier: Apache-2.0
"""The layout of the research tables (OMOP CDM 5.4 subset): columns, types, siblings, keys, sort order, from a data file.

In the warehouse the person column is ``pseudonym`` (text, 32 hex); in a project it is ``person_id`` (a random dense ordinal).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WAREHOUSE_PERSON = "pseudonym"
PROJECT_PERSON = "person_id"
MAIN = "main"
DRAW = "draw"  # sibling of a project's persons and its one column: made at grant, no permit or study names it


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """One table. ``siblings``: sibling → column → SQL type, ``main`` included; ``key``: surrogate key or ''; ``date``: sort date or ''.

    ``others``: columns of main that name a second person: in the warehouse its pseudonym, in a project its ``person_id`` (BIGINT).
    """

    name: str
    key: str
    date: str
    siblings: Mapping[str, Mapping[str, str]]
    others: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns but the person, main first."""
        return tuple(column for sibling in self.siblings.values() for column in sibling)

    def sibling_of(self, column: str) -> str | None:
        """The sibling that holds ``column``, or None."""
        return next((name for name, columns in self.siblings.items() if column in columns), None)

    def type_of(self, column: str) -> str:
        """The SQL type of ``column``."""
        return next(columns[column] for columns in self.siblings.values() if column in columns)

    def link(self, person: str) -> str:
        """The column that joins a sibling to main: the surrogate key, or the person where a person has one row."""
        return self.key or person

    def stored(self, sibling: str, person: str, allowed: frozenset[str] | None = None) -> tuple[str, ...]:
        """Columns of that sibling's parts in order: person, link, then its own (those ``allowed``, when given)."""
        own = [c for c in self.siblings[sibling] if allowed is None or c in allowed]
        head = [person] if self.link(person) == person or sibling == MAIN else [person, self.key]
        if sibling == MAIN and self.key and self.key not in own:
            head.append(self.key)
        return tuple(dict.fromkeys([*head, *own]))


def layouts(parsed: Mapping[str, Any]) -> dict[str, TableLayout]:
    """Layouts by table name, from parsed ``omop54.toml``."""
    return {
        name: TableLayout(
            name=name,
            key=table["key"],
            date=table["date"],
            siblings={MAIN: table["columns"], **table.get("siblings", {})},
            others=tuple(table.get("others", ())),
        )
        for name, table in parsed["tables"].items()
    }


def reserved_layout(parsed: Mapping[str, Any], name: str) -> TableLayout:
    """The layout of a table of persons that no permit can name, one row a person."""
    return TableLayout(name=name, key="", date="", siblings={MAIN: parsed["reserved"][name]["columns"]})


def whole_layouts(parsed: Mapping[str, Any]) -> dict[str, TableLayout]:
    """Layouts of the tables without persons (places, professionals, codes, …): one part, granted whole or not at all."""
    return {
        name: TableLayout(name=name, key="", date="", siblings={MAIN: table["columns"]})
        for name, table in parsed["whole"].items()
    }
