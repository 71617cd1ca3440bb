# SPDX-License-Identifier: Apache-2.0
"""The SQL that reads delivered text: one SELECT that checks every value that is read and gives it in canonical form.

Two ways to the same values: a quick one for text that looks plain, an exact one that also names what is wrong. Runs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.ingest.schema import FLOW, LINE_KEY, Column, Format, TableSchema

# The months of ``flow`` are counted from January of this year.
_FLOW_EPOCH = 2000
_DIGITS = "[0-9]+"
_LARGEST_WHOLE = 2_000_000_000
_KEY = "[0-9]+|[0-9]{1,2}[AB][0-9]+"
# Signs of values as nearly all are written. Asked of a row's columns together: a pattern for each costs as much as reading the row.
_PLAIN = {"serial": "[0-9]*", "key": "[0-9]*", "tail": "[0-9]*", "whole": "[-+.0-9]*", "number": "[-+.0-9]*"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a piece of text holds: bytes beyond printed ASCII, blanks. Both true: nothing is taken for granted."""

    wide: bool = True
    spaced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One table's files of one header in one year. ``made``: the columns of the unit's table, usual form's kinds, in order."""

    table: TableSchema
    made: Mapping[str, Column]
    derived: Mapping[str, str]
    header: tuple[str, ...]
    year: int

    @property
    def sources(self) -> dict[str, Column]:
        """The delivered columns that are read, of the key and of what is made; name → how it is checked."""
        table = self.table
        names = [*table.key, *((table.flow,) if table.flow else ())]
        names += [table.source_of(name, self.header) for name in self.made]
        return {name: table.columns[name] for name in dict.fromkeys(names) if name and name in self.header}

    def select_sql(self, relation: str, look: Look, *, stop: str = "") -> str:
        """The rows of ``relation``, all text, as rows of the unit's table; the statement fails where any value is wrong.

        ``stop``: a condition on the delivered columns at which it fails too.
        """
        values = [f'{self._derived_sql(name, look)} AS "{name}"' for name in self.derived]
        values += [f'{self._made_sql(name, column, look)} AS "{name}"' for name, column in self.made.items()]
        return f"SELECT {', '.join(values)} FROM {relation}{self._where_sql(look, stop)}"

    def _where_sql(self, look: Look, stop: str) -> str:
        """Fails where a value is wrong: a quick look at every row, the exact one at those that are not plain or look wrong."""
        columns, form = list(self.sources.values()), self.format
        exact = _any([*(wrong_or_empty_sql(column, form, look) for column in columns), stop])
        wrong = f"CASE WHEN {exact} THEN error('wrong') ELSE true END"
        if plain := _plain_sql(columns):
            quick = _any([*(wrong_or_empty_sql(column, form, look, plain=True) for column in columns), stop])
            wrong = f"CASE WHEN {quick} OR NOT ({plain}) THEN {wrong} ELSE true END"
        return f" WHERE {wrong}"

    def first_wrong_sql(self, relation: str) -> str:
        """One row of ``relation``, a table: of each column the first wrong (``w:name``) and first empty (``m:name``) row, from 0."""
        tests = {}
        for column in self.sources.values():
            if wrong := wrong_sql(column, self.format, Look()):
                tests[f"w:{column.name}"] = wrong
            if column.filled:
                tests[f"m:{column.name}"] = f"coalesce({_value(column, Look())}, '') = ''"
        asked = ", ".join(f'min(rowid) FILTER (WHERE {test}) AS "{name}"' for name, test in tests.items())
        return f"SELECT {asked} FROM {relation}"

    @property
    def format(self) -> Format:
        """How the files are written."""
        return self.table.format

    def _made_sql(self, name: str, column: Column, look: Look) -> str:
        source = self.table.source_of(name, self.header)
        if source:
            return canonical_sql(self.table.columns[source], self.format, look)
        given = self.table.absent.get(name)
        return f"CAST({'NULL' if given is None else repr(given)} AS {column.type})"

    def _derived_sql(self, name: str, look: Look) -> str:
        if name == FLOW:
            day = _day_sql(self.table.columns[self.table.flow], look)
            return f"CAST(12 * (year({day}) - {_FLOW_EPOCH}) + month({day}) - 1 AS INTEGER)"
        if name == LINE_KEY:
            return f"hash({', '.join(self._joined(key, look) for key in self.table.key)})"
        return f"concat_ws('|', '{self.table.field}', '{self.year}', {', '.join(self._stay_key(k) for k in self.table.key)})"

    def _joined(self, key: str, look: Look) -> str:
        """A part of the 64-bit key of a claim line: a number whatever its padding, a day, a trimmed text."""
        column = self.table.columns[key]
        value = _value(column, look)
        types = {"serial": "BIGINT", "dayKey": "DATE"}
        return f"TRY_CAST({value} AS {types[column.kind]})" if column.kind in types else f"upper({value})"

    def _stay_key(self, key: str) -> str:
        if key not in self.header:
            return "''"
        return f"coalesce({canonical_sql(self.table.columns[key], self.format, Look())}, '')"


def reading(schema: Mapping[str, TableSchema], table: TableSchema, header: Sequence[str], year: int) -> Reading:
    """How files of ``table`` with this header are read into the table of the usual form."""
    usual = schema[table.word]
    return Reading(table=table, made=usual.made, derived=usual.derived, header=tuple(header), year=year)


def _any(tests: Sequence[str]) -> str:
    return " OR ".join(f"({test})" for test in tests if test) or "FALSE"


def _plain_sql(columns: Sequence[Column]) -> str:
    """True of a row whose values are plain, each by its kind; '' where no column's kind has a plain form."""
    alike: dict[str, list[str]] = {}
    for column in columns:
        if column.kind in _PLAIN:
            alike.setdefault(_PLAIN[column.kind], []).append(f'"{column.name}"')
    return " AND ".join(f"regexp_full_match(concat({', '.join(names)}), '{p}')" for p, names in alike.items())


def wrong_or_empty_sql(column: Column, form: Format, look: Look, *, plain: bool = False) -> str:
    """True of a value that may not stand there; '' where every value may. ``plain``: it is known to be as ``_PLAIN`` says."""
    wrong = _wrong_plain_sql(column, form, look) if plain and column.kind in _PLAIN else wrong_sql(column, form, look)
    empty = f'"{column.name}" IS NULL' if column.filled and not look.spaced else ""
    if column.filled and look.spaced:
        empty = f"coalesce({_value(column, look)}, '') = ''"
    return " OR ".join(part for part in (empty, wrong) if part)


def wrong_sql(column: Column, form: Format, look: Look) -> str:
    """True of a filled value that is not of the column's kind, of none never; '' where every value is."""
    value = _value(column, look)
    wrong = _wrong_filled_sql(column, form, value)
    # Letters beyond ASCII and control codes are of free text; in a code, a key or a number they are damage.
    if look.wide and column.kind != "text":
        odd = f"strlen({value}) <> length({value}) OR regexp_matches({value}, '[[:cntrl:]]')"
        wrong = f"{wrong} OR {odd}" if wrong else odd
    if not wrong:
        return ""
    return f"{value} <> '' AND ({wrong})" if look.spaced else wrong


def _wrong_plain_sql(column: Column, form: Format, look: Look) -> str:
    """As ``wrong_sql`` of a plain value: its signs need no further look, and it holds no blank."""
    value, widest = f'"{column.name}"', max(column.widths, default=0)
    if column.kind in {"whole", "number"}:
        wrong = _no_number_sql(column, form, value)
        return f"{value} <> '' AND ({wrong})" if look.spaced else wrong
    return f"strlen({value}) > {widest}" if look.spaced else f"strlen({value}) NOT BETWEEN 1 AND {widest}"


def _wrong_filled_sql(column: Column, form: Format, value: str) -> str:
    widest = max(column.widths, default=0)
    if column.kind == "id":
        return f"strlen({value}) NOT IN ({', '.join(map(str, column.widths))}) OR contains({value}, '.')"
    if column.kind == "serial":
        return f"strlen({value}) > {widest} OR NOT regexp_full_match({value}, '{_DIGITS}')"
    if column.kind in {"key", "tail"}:
        return f"strlen({value}) > {widest} OR NOT regexp_full_match({value}, '{_KEY}')"
    if column.kind in {"day", "dayKey"}:
        return f"{value} NOT LIKE '____-__-__' OR ({_no_day_sql(value, form)})"
    if column.kind == "period":
        return _no_period_sql(value, form)
    if column.kind in {"whole", "number"}:
        return f"{_no_number_sql(column, form, value)} OR {_odd_number_sql(value)}"
    return f"length({value}) > {widest}" if widest else ""


def _no_number_sql(column: Column, form: Format, value: str) -> str:
    """True of what the engine does not read as a number of the column's kind and size."""
    number = f"TRY_CAST({value} AS DOUBLE)"
    if column.kind == "number":
        return f"NOT coalesce(abs({number}) <= {form.largest_number}, {value} IS NULL)"
    widest = max(column.widths, default=0)
    most = min(10**widest - 1, _LARGEST_WHOLE) if widest else _LARGEST_WHOLE
    return f"coalesce({number} <> trunc({number}) OR abs({number}) > {most}, {value} IS NOT NULL)"


def _odd_number_sql(value: str) -> str:
    """True of a number as programs write it and the delivered files do not: with an exponent, with its digits in groups."""
    return " OR ".join(f"contains({value}, '{sign}')" for sign in "eE_")


def _no_day_sql(value: str, form: Format) -> str:
    """True of a day outside the span that is not of a year standing for no date either, and of what is no day."""
    day = f"TRY_CAST({value} AS DATE)"
    years = ", ".join(map(str, form.no_date_years))
    span = f"{day} BETWEEN DATE '{form.first_year}-01-01' AND DATE '{form.last_year}-12-31'"
    # The engine asks the second only of what fails the first.
    return f"coalesce(NOT ({span}), {value} IS NOT NULL) AND coalesce(year({day}) NOT IN ({years}), true)"


def _no_period_sql(value: str, form: Format) -> str:
    """True of what is neither a year nor a day of the span."""
    year = f"NOT regexp_full_match({value}, '[0-9]{{4}}') OR {value} NOT BETWEEN '{form.first_year}' AND '{form.last_year}'"
    within = f"year(TRY_CAST({value} AS DATE)) BETWEEN {form.first_year} AND {form.last_year}"
    return f"CASE WHEN strlen({value}) = 4 THEN {year} ELSE {value} NOT LIKE '____-__-__' OR NOT coalesce({within}, {value} IS NULL) END"


def canonical_sql(column: Column, form: Format, look: Look) -> str:
    """The canonical form of a right value: text compared as text; days and numbers typed; '' is NULL."""
    value = _value(column, look)
    width = max(column.widths, default=0)
    if column.kind in {"key", "serial"}:
        return value if width == 1 and not look.spaced else _padded(value, width)
    if column.kind == "tail":
        return f"right({_padded(value, width)}, {min(column.widths)})"
    if column.kind == "code":
        return f"nullif(upper(replace({value}, '.', '')), '')"
    if column.kind == "place":
        code = f"nullif(upper(replace({value}, '.', '')), '')"
        lost = f"CASE WHEN regexp_full_match({value}, '{_DIGITS}') THEN {_padded(value, width)} ELSE {code} END"
        return f"CASE WHEN strlen({value}) < {width} THEN {lost} ELSE {code} END"
    if column.kind in {"day", "dayKey"}:
        day = _day_sql(column, look)
        return f"CASE WHEN {day} >= DATE '{form.first_year}-01-01' THEN {day} END"
    if column.kind == "whole":
        return f"TRY_CAST(TRY_CAST({value} AS DOUBLE) AS INTEGER)"
    if column.kind == "number":
        return f"TRY_CAST({value} AS DOUBLE)"
    return _none_if_empty(value, look)


def _value(column: Column, look: Look) -> str:
    return f'trim("{column.name}")' if look.spaced else f'"{column.name}"'


def _day_sql(column: Column, look: Look) -> str:
    return f"TRY_CAST({_value(column, look)} AS DATE)"


def _padded(value: str, width: int) -> str:
    """Left-padded with 0; a value of full width, the usual one, is left as it is."""
    padded = f"right('{'0' * width}' || {value}, {width})"
    return f"CASE WHEN strlen({value}) = {width} THEN {value} WHEN {value} <> '' THEN {padded} END"


def _none_if_empty(value: str, look: Look) -> str:
    return f"nullif({value}, '')" if look.spaced else value
