# SPDX-License-Identifier: Apache-2.0
"""Native tables: delivered lines as they were read, sealed beside the gross rows where the permit of the warehouse says so. Pure.

Each is placed by its person; a table of details by the person of the line or stay that it belongs to. Only the columns that are read
are there, in canonical form, names as kinds of names. Nothing in a study reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_HOLDER = "holder"
_OWN = ("unit", "flow", "hits")
_LINE_KEY, _STAY = "line_key", "stay"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeTable:
    """One of them. ``columns``: delivered column → SQL type; ``names``: those that are names → kind; ``belongs``: (word, its person)."""

    word: str
    columns: Mapping[str, str]
    names: Mapping[str, str]
    place: str
    belongs: tuple[str, str] = ("", "")

    @property
    def table(self) -> str:
        """Its name in the warehouse."""
        return f"snds_{self.word}"

    @property
    def others(self) -> dict[str, str]:
        """The columns that are no names; a key of a line as a whole number."""
        kept = {name: kind for name, kind in self.columns.items() if name not in self.names and name not in _OWN}
        return {name: "BIGINT" if name == _LINE_KEY else kind for name, kind in kept.items()}

    def insert_sql(self, number: int, flow: str) -> str:
        """Append the unit's rows to ``new_<table>``; ``flow``: of a unit whose lines name none."""
        columns = [f"{_kept(name)} AS {_quoted(name)}" for name in (*self.names, *self.others) if name != _HOLDER]
        source, (word, person) = f"unit_{self.word} AS line", self.belongs
        if word:
            key = _LINE_KEY if _LINE_KEY in self.columns else _STAY
            held = f"SELECT {key}, min({_quoted(person)}) AS {_HOLDER} FROM unit_{word} GROUP BY {key}"
            source += f" LEFT JOIN ({held}) AS owner ON owner.{key} = line.{key}"
            columns.append(f"owner.{_HOLDER} AS {_HOLDER}")
        own = f"{number} AS unit, {'line.flow' if 'flow' in self.columns else flow} AS flow, 0 AS hits"
        return f"INSERT INTO new_{self.table} BY NAME SELECT {own}, {', '.join(columns)} FROM {source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeRules:
    """From ``gross_lines.toml``: columns that are names → kind, what places a row, columns left out, whom details belong to."""

    names: Mapping[str, str]
    places: Sequence[str]
    left_out: frozenset[str]
    belongs: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def table(self, word: str, columns: Mapping[str, str]) -> NativeTable:
        """The native table of a word with these delivered columns."""
        kept = {name: kind for name, kind in columns.items() if name not in self.left_out}
        names = {name: self.names[name] for name in kept if name in self.names}
        place = next((name for name in self.places if name in names), "")
        owner = self.belongs.get(word, ())
        if place or not owner:
            return NativeTable(word=word, columns=kept, names=names, place=place)
        kind = self.names[owner[1]]
        return NativeTable(
            word=word, columns=kept, names={_HOLDER: kind, **names}, place=_HOLDER, belongs=(owner[0], owner[1])
        )


def native_rules(parsed: Mapping[str, Any]) -> NativeRules:
    """From the table ``[native]`` of parsed ``gross_lines.toml``."""
    raw = parsed["native"]
    return NativeRules(
        names=raw["names"], places=raw["places"], left_out=frozenset(raw["left_out"]), belongs=raw["belongs"]
    )


def _kept(name: str) -> str:
    # A key of 64 bits as a number that Parquet and Arrow readers of every make hold: one bit less, still one value a line.
    return f"CAST(line.{name} >> 1 AS BIGINT)" if name == _LINE_KEY else f"line.{_quoted(name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
