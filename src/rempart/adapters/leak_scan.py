# SPDX-License-Identifier: Apache-2.0
"""Looks for direct identifiers in delivered text: lines that hold one are left out and counted by table, column and kind.

Only columns that could hold one are looked at: those that the schema does not know, and those of free text. A cheap test in the engine
chooses values worth a look; ``identity.leaks`` judges them. No value leaves this file.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from rempart.adapters import package_data
from rempart.identity.leaks import LeakFinder, leak_finder
from rempart.ingest.units import UnitFile
from rempart.ports.query import Query

EVERY = "*"
"""The column under which whole lines are counted: a line is left out once, whatever it holds."""
_LINES = "lines"
_VALUES = "leak_values"
_SHORTEST, _WIDE = 6, 10
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZÀÂÄÇÈÉÊËÎÏÔÖÙÛÜ '-"


@functools.cache
def _finder() -> LeakFinder:
    return leak_finder(package_data.toml("identity/leaks.toml"))


@dataclass(slots=True)
class LeakScan:
    """One unit's scan. ``quarantine``: (table, column, kind) → lines so far; under ``*`` and ``lines`` the lines left out."""

    query: Query
    finder: LeakFinder = field(default_factory=_finder)
    quarantine: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def columns(self, found: UnitFile, header: Sequence[str]) -> dict[str, bool]:
        """Columns of a file that could hold an identifier → whether nothing is known of them."""
        known = found.table.columns
        unread = [name for name in header if name not in known]
        free = [
            name
            for name in header
            if name in known and known[name].kind == "text" and max(known[name].widths, default=_WIDE) >= _WIDE
        ]
        return {name: name not in known for name in (*unread, *free) if name not in found.table.key}

    def test_sql(self, columns: Mapping[str, bool]) -> str:
        """True of a row with a value worth a look; '' without columns."""
        return " OR ".join(self._test(name, unknown) for name, unknown in columns.items())

    def kept(self, found: UnitFile, relation: str, columns: Mapping[str, bool]) -> tuple[str, int]:
        """(``relation`` without the lines that hold an identifier, how many those are)."""
        leaking = self._leaking(relation, columns)
        if not leaking:
            return relation, 0
        places = {name: place for place, name in enumerate(leaking)}
        rows = [(places[name], value) for name, values in leaking.items() for value in values]
        table = pa.table({"place": [place for place, _ in rows], "value": [value for _, value in rows]})
        self.query.execute(f"DROP TABLE IF EXISTS {_VALUES}")
        self.query.register(f"{_VALUES}_given", table)
        self.query.execute(f"CREATE TABLE {_VALUES} AS SELECT * FROM {_VALUES}_given")
        self.query.unregister(f"{_VALUES}_given")
        held = {
            name: f"{_quoted(name)} IN (SELECT value FROM {_VALUES} WHERE place = {place})"
            for name, place in places.items()
        }
        lines = self._count(found.table.name, relation, leaking, held)
        kept = " AND ".join(f"NOT coalesce({test}, FALSE)" for test in held.values())
        return f"(SELECT * FROM {relation} WHERE {kept})", lines

    def _leaking(self, relation: str, columns: Mapping[str, bool]) -> dict[str, dict[str, frozenset[str]]]:
        """Column → value → kinds, of what holds an identifier."""
        if not columns:
            return {}
        asked = ", ".join(
            f"list(DISTINCT {_quoted(name)}) FILTER (WHERE {self._test(name, unknown)}) AS {_quoted(name)}"
            for name, unknown in columns.items()
        )
        seen = self.query.table(f"SELECT {asked} FROM {relation}").to_pylist()[0]
        found = {name: self._judged(name, seen[name] or (), unknown=columns[name]) for name in columns}
        return {name: values for name, values in found.items() if values}

    def _judged(self, name: str, values: Iterable[str], *, unknown: bool) -> dict[str, frozenset[str]]:
        named = self.finder.column_kind(name) if unknown else ""
        judged = {value: self.finder.kinds(value, alone=unknown, named=named) for value in values}
        return {value: kinds for value, kinds in judged.items() if kinds}

    def _count(
        self, table: str, relation: str, leaking: Mapping[str, Mapping[str, frozenset[str]]], held: Mapping[str, str]
    ) -> int:
        for name, values in leaking.items():
            rows = self.query.table(
                f"SELECT {_quoted(name)} AS value, count(*) AS n FROM {relation} WHERE {held[name]} GROUP BY 1"
            ).to_pylist()
            for row in rows:
                for kind in values[row["value"]]:
                    self._add((table, name, kind), row["n"])
        lines = self.query.table(f"SELECT count(*) AS n FROM {relation} WHERE {' OR '.join(held.values())}")
        count = int(lines.column(0)[0].as_py())
        self._add((table, EVERY, _LINES), count)
        return count

    def _add(self, key: tuple[str, str, str], count: int) -> None:
        self.quarantine[key] = self.quarantine.get(key, 0) + count

    def _test(self, name: str, unknown: bool) -> str:
        value = _quoted(name)
        number, key = f"TRY_CAST(left({value}, 13) AS UBIGINT)", f"TRY_CAST(right({value}, 2) AS UBIGINT)"
        joined = " OR ".join(f"contains({value}, '{sign}')" for sign in ".-:/")
        tests = [
            f"contains({value}, ' ')",
            f"contains({value}, '@')",
            f"(strlen({value}) >= 12 AND ({joined}))",
            f"(strlen({value}) = 15 AND (97 - {number} % 97 = {key} OR substr({value}, 7, 1) IN ('A', 'B')))",
        ]
        if unknown:
            tests.append(
                f"(strlen({value}) = 10 AND starts_with({value}, '0') AND TRY_CAST({value} AS UBIGINT) >= 100000000)"
            )
            tests.append(f"translate(upper({value}), '{_LETTERS.replace(chr(39), chr(39) * 2)}', '') = ''")
        shortest = 3 if unknown else _SHORTEST
        return f"CASE WHEN strlen({value}) >= {shortest} THEN ({' OR '.join(tests)}) ELSE FALSE END"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
