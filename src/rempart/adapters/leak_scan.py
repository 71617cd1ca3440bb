# SPDX-License-Identifier: Apache-2.0
"""Looks for direct identifiers in delivered text: lines that hold one are left out and counted by table, column and kind.

Only columns that could hold one are looked at: those that the schema does not know, those of free text, and codes that have not the
form of their system. A cheap test in the engine chooses values worth a look; ``identity.leaks`` judges them. No value leaves this file.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from rempart.adapters import package_data
from rempart.identity.leaks import LeakFinder, leak_finder
from rempart.ingest.reading import Look, wrong_sql
from rempart.ingest.schema import Column, Format
from rempart.ingest.units import UnitFile
from rempart.ports.query import Query

EVERY = "*"
"""The column under which whole lines are counted: a line is left out once, whatever it holds."""
FORM = "form"
"""The kind under which values are counted that are no code of their system: the value goes, its line stays."""
_LINES = "lines"
_SEEN, _ROWS, _HITS, _VALUES = "leak_seen", "leak_rows", "leak_hits", "leak_values"
_SHORTEST, _WIDE = 6, 10
# More columns than these are tested by one expression over their list: each expression costs the engine time before it reads a line.
_FEW = 8
Values = Mapping[str, Mapping[str, frozenset[str]]]


@functools.cache
def finder() -> LeakFinder:
    """What judges, from its data file."""
    return leak_finder(package_data.toml("identity/leaks.toml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Why a column is looked at: nothing is known of it, it is free text, or ``odd``: SQL true of a value that is no code.

    ``place``: in the header, from 1.
    """

    place: int
    unknown: bool = False
    odd: str = ""


@dataclass(slots=True)
class LeakScan:
    """One unit's scan. ``quarantine``: (table, column, kind) → lines so far; under ``*`` and ``lines`` the lines left out."""

    query: Query
    finder: LeakFinder = field(default_factory=finder)
    quarantine: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def columns(
        self, found: UnitFile, header: Sequence[str], *, among: Sequence[str] | None = None
    ) -> dict[str, Screen]:
        """Columns of a file that could hold an identifier → why. ``among``: those alone that hold texts or numbers, None = all."""
        known, screens = found.table.columns, {}
        for place, name in enumerate(header, 1):
            if name in found.table.key or (among is not None and name not in among):
                continue
            if name not in known:
                screens[name] = Screen(place=place, unknown=True)
            elif known[name].shape:
                screens[name] = Screen(place=place, odd=_odd(known[name], found.table.format))
            elif known[name].kind == "text" and max(known[name].widths, default=_WIDE) >= _WIDE:
                screens[name] = Screen(place=place)
        return screens

    def test_sql(self, columns: Mapping[str, Screen]) -> str:
        """True of a row with a value worth a look; '' without columns."""
        tests = [screen.odd for screen in columns.values() if screen.odd]
        for unknown in (True, False):
            names = _of(columns, unknown)
            if len(names) > _FEW:
                tests.append(f"len(list_filter([{_listed(names)}], lambda v: {_test('v', unknown)})) > 0")
            else:
                tests += [_test(_quoted(name), unknown) for name in names]
        return " OR ".join(tests)

    def kept(self, found: UnitFile, relation: str, columns: Mapping[str, Screen]) -> tuple[str, int]:
        """(``relation`` without the lines that hold an identifier and the values that are no code, how many those lines are)."""
        self.close()
        seen = self._seen(relation, columns)
        judged = {name: self._judged(name, values, columns[name]) for name, values in seen.items()}
        leaking = {name: values for name, values in judged.items() if values}
        odd = [name for name, screen in columns.items() if screen.odd and seen.get(name)]
        lines = 0
        if leaking:
            told = {name: self._told(name, columns[name].place) for name in leaking}
            lines = self._left_out(found.table.name, relation, leaking, told)
            relation = f"(SELECT * FROM {_ROWS} WHERE rowid NOT IN (SELECT row FROM {_HITS}))"
        if odd:
            relation = self._without_odd(found.table.name, relation, {name: columns[name].odd for name in odd})
        return relation, lines

    def _told(self, name: str, place: int) -> str:
        return f"#{place}" if self.finder.in_name(name) else name

    def close(self) -> None:
        """Drops what was held of the last piece."""
        self.query.execute("; ".join(f"DROP TABLE IF EXISTS {name}" for name in (_SEEN, _ROWS, _HITS, _VALUES)))

    def _seen(self, relation: str, columns: Mapping[str, Screen]) -> dict[str, list[str]]:
        """Column → its distinct values worth a look."""
        seen: dict[str, list[str]] = {}
        for unknown in (True, False):
            if names := _of(columns, unknown):
                # A table between: the engine would else test each row's value, not each value.
                distinct = f"SELECT DISTINCT place, value FROM ({_long(relation, names)})"
                self.query.execute(f"CREATE OR REPLACE TABLE {_SEEN} AS {distinct}")
                rows = self.query.table(f"SELECT place, value FROM {_SEEN} WHERE {_test('value', unknown)}")
                for place, value in zip(
                    rows.column("place").to_pylist(), rows.column("value").to_pylist(), strict=True
                ):
                    seen.setdefault(names[place], []).append(value)
        codes = {name: screen.odd for name, screen in columns.items() if screen.odd}
        if codes:
            asked = (f"list(DISTINCT {_quoted(name)}) FILTER ({odd}) AS {_quoted(name)}" for name, odd in codes.items())
            row = self.query.table(f"SELECT {', '.join(asked)} FROM {relation}").to_pylist()[0]
            seen |= {name: row[name] for name in codes if row[name]}
        return seen

    def _judged(self, name: str, values: Iterable[str], screen: Screen) -> dict[str, frozenset[str]]:
        named = self.finder.column_kind(name) if screen.unknown else ""
        alone = screen.unknown or bool(screen.odd)
        judged = {value: self.finder.kinds(value, alone=alone, named=named) for value in values}
        return {value: kinds for value, kinds in judged.items() if kinds}

    def _left_out(self, table: str, relation: str, leaking: Values, told: Mapping[str, str]) -> int:
        """Counts the lines that hold one of the values; leaves all lines in ``leak_rows``, theirs in ``leak_hits``."""
        names = list(leaking)
        given = [(place, value) for place, name in enumerate(names) for value in leaking[name]]
        values = pa.table({"place": [place for place, _ in given], "value": [value for _, value in given]})
        self.query.register(f"{_VALUES}_given", values)
        self.query.execute(f"CREATE TABLE {_VALUES} AS SELECT * FROM {_VALUES}_given")
        self.query.unregister(f"{_VALUES}_given")
        self.query.execute(f"CREATE TABLE {_ROWS} AS SELECT * FROM {relation}")
        self.query.execute(
            f"CREATE TABLE {_HITS} AS SELECT row, place, value FROM ({_long(_ROWS, names, 'rowid AS row, ')}) "
            f"SEMI JOIN {_VALUES} USING (place, value)"
        )
        counted = self.query.table(f"SELECT place, value, count(*) AS n FROM {_HITS} GROUP BY ALL").to_pylist()
        for row in counted:
            name = names[row["place"]]
            for kind in leaking[name][row["value"]]:
                self._add((table, told[name], kind), row["n"])
        lines = int(self.query.table(f"SELECT count(DISTINCT row) AS n FROM {_HITS}").column(0)[0].as_py())
        self._add((table, EVERY, _LINES), lines)
        return lines

    def _without_odd(self, table: str, relation: str, odd: Mapping[str, str]) -> str:
        asked = ", ".join(f"count(*) FILTER ({test}) AS {_quoted(name)}" for name, test in odd.items())
        for name, count in self.query.table(f"SELECT {asked} FROM {relation}").to_pylist()[0].items():
            if count:
                self._add((table, name, FORM), count)
        emptied = (
            f"CASE WHEN {test} THEN NULL ELSE {_quoted(name)} END AS {_quoted(name)}" for name, test in odd.items()
        )
        return f"(SELECT * REPLACE ({', '.join(emptied)}) FROM {relation})"

    def _add(self, key: tuple[str, str, str], count: int) -> None:
        self.quarantine[key] = self.quarantine.get(key, 0) + count


def _odd(column: Column, form: Format) -> str:
    """What is refused whatever its form is left to the refusal."""
    wrong = wrong_sql(column, form, Look()) or "FALSE"
    return form.shapes[column.shape].odd_sql(_quoted(column.name), wrong)


def _of(columns: Mapping[str, Screen], unknown: bool) -> list[str]:
    return [name for name, screen in columns.items() if not screen.odd and screen.unknown == unknown]


def _long(relation: str, names: Sequence[str], more: str = "") -> str:
    """Every value of the columns as a row (place among ``names``, value)."""
    places = ", ".join(map(str, range(len(names))))
    return f"SELECT {more}unnest([{places}]) AS place, unnest([{_listed(names)}]) AS value FROM {relation}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_quoted, names))


def _test(value: str, unknown: bool) -> str:
    """True of a value that a look may find something in, and seldom of another."""
    number, key = f"TRY_CAST(left({value}, 13) AS UBIGINT)", f"TRY_CAST(right({value}, 2) AS UBIGINT)"
    nir = f"(strlen({value}) = 15 AND (97 - {number} % 97 = {key} OR substr({value}, 7, 1) IN ('A', 'B', 'a', 'b')))"
    if unknown:
        return _unknown_test(value, nir)
    joined = " OR ".join(f"contains({value}, '{sign}')" for sign in ".-:/")
    tests = [f"contains({value}, ' ')", f"contains({value}, '@')", f"(strlen({value}) >= 12 AND ({joined}))", nir]
    return f"CASE WHEN strlen({value}) >= {_SHORTEST} THEN ({' OR '.join(tests)}) ELSE FALSE END"


def _unknown_test(value: str, nir: str) -> str:
    """Letters and digits alone tell little; of anything else, all but numbers of few figures is looked at."""
    figures = f"length(regexp_replace({value}, '[^0-9]', '', 'g')) >= 10"
    telephone = f"(strlen({value}) = 10 AND starts_with({value}, '0')) OR starts_with({value}, '0033')"
    plain = f"regexp_full_match({value}, '[0-9A-Za-z]*')"
    return (
        f"CASE WHEN {value} IS NULL OR strlen({value}) < 3 THEN FALSE WHEN {plain} THEN ({nir} OR {telephone} "
        f"OR regexp_full_match({value}, '[A-Za-z]+')) "
        f"WHEN regexp_full_match({value}, '[-+0-9.,:/ ]*') THEN {figures} ELSE TRUE END"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
