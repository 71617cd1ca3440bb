# SPDX-License-Identifier: Apache-2.0
"""The one-shot way: the tables of a delivery as data: which columns exist in a year, how each is checked and read.

Parses ``schema.toml`` and writes SQL expressions; reads no file and runs nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_YEARS = re.compile(r"(\d{4})-(\d{4})?")
_MISSING_YEAR = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``kind``: id, key, code, day, dayKey, whole, number, text; ``widths``: () = any; years inclusive, 0 = open."""

    name: str
    kind: str
    widths: tuple[int, ...] = ()
    first: int = _MISSING_YEAR
    last: int = _MISSING_YEAR
    filled: bool = False

    def exists(self, year: int) -> bool:
        """Whether the column belongs to the table in that year (year 0: always)."""
        return year == 0 or ((not self.first or year >= self.first) and (not self.last or year <= self.last))


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How files are written: one character each for separator and quote; ``join``: name → key columns."""

    separator: str
    encoding: str
    quote: str
    no_date_years: tuple[str, ...]
    open_end: str
    join: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """One table. ``word``: its plain name here; ``period``: none, month or year; ``needed``: columns the loader reads."""

    word: str
    name: str
    period: str
    required: bool
    needed: tuple[str, ...]
    absent: Mapping[str, str]
    columns: Mapping[str, Column]
    format: Format

    def missing(self, header: Sequence[str], year: int) -> list[str]:
        """Needed columns that exist in that year and are not in the header."""
        return [name for name in self.needed if self.columns[name].exists(year) and name not in header]

    def unknown(self, header: Sequence[str]) -> list[str]:
        """Columns of the header that stand nowhere in the schema."""
        return [name for name in header if name not in self.columns]

    def canonical(self, header: Sequence[str], relation: str) -> str:
        """A SELECT of the needed columns of ``relation`` in canonical form; columns absent from the header are filled in."""
        read = [
            f'{canonical_sql(self.columns[name], self.format)} AS "{name}"'
            if name in header
            else f'{_absent_sql(self.columns[name], self.absent.get(name))} AS "{name}"'
            for name in self.needed
        ]
        return f"SELECT {', '.join(read)} FROM {relation}"


def schema(parsed: Mapping[str, Any]) -> dict[str, TableSchema]:
    """Tables by plain word, in the order in which they are loaded, from parsed ``schema.toml``."""
    raw = parsed["format"]
    form = Format(
        separator=raw["separator"],
        encoding=raw["encoding"],
        quote=raw["quote"],
        no_date_years=tuple(raw["no_date_years"]),
        open_end=raw["open_end"],
        join=raw["join"],
    )
    return {word: _table(word, table, form) for word, table in parsed["tables"].items()}


def _table(word: str, raw: Mapping[str, Any], form: Format) -> TableSchema:
    return TableSchema(
        word=word,
        name=raw["name"],
        period=raw["period"],
        required=raw["required"],
        needed=tuple(raw["needed"]),
        absent=raw.get("absent", {}),
        columns={name: _column(name, text, name in raw["filled"]) for name, text in raw["columns"].items()},
        format=form,
    )


def _column(name: str, text: str, filled: bool) -> Column:
    kind, *rest = text.split()
    years = _YEARS.fullmatch(rest[-1]) if rest else None
    widths = rest[:-1] if years else rest
    return Column(
        name=name,
        kind=kind,
        widths=tuple(int(width) for word in widths for width in word.split("|")),
        first=int(years.group(1)) if years else _MISSING_YEAR,
        last=int(years.group(2) or 0) if years else _MISSING_YEAR,
        filled=filled,
    )


def wrong_sql(column: Column, *, trimmed: bool) -> str:
    """A condition that is true of a delivered value that is not of the column's kind (an empty one is judged by ``filled``).

    Not ``trimmed``: quicker, and true as well of a right value between spaces. '' where every value is right.
    """
    value = f'trim("{column.name}")' if trimmed else f'"{column.name}"'
    wrong = _wrong_filled_sql(column, value)
    return f"{value} <> '' AND ({wrong})" if wrong else ""


def _wrong_filled_sql(column: Column, value: str) -> str:
    widest = max(column.widths, default=0)
    if column.kind == "id":
        return f"length({value}) NOT IN ({', '.join(map(str, column.widths))}) OR contains({value}, '.')"
    if column.kind == "key":
        return f"length({value}) > {widest} OR NOT regexp_full_match({value}, '[0-9]+|[0-9]{{1,2}}[AB][0-9]+')"
    if column.kind in {"day", "dayKey"}:
        return f"length({value}) <> 10 OR TRY_CAST({value} AS DATE) IS NULL"
    if column.kind == "whole":
        return f"TRY_CAST({value} AS INTEGER) IS NULL OR contains({value}, '.')"
    if column.kind == "number":
        return f"TRY_CAST({value} AS DOUBLE) IS NULL"
    return f"length({value}) > {widest}" if widest else ""


def canonical_sql(column: Column, form: Format) -> str:
    """The canonical form of a delivered value, already found right: text compared as text; days, numbers typed; '' is NULL."""
    value = f'trim("{column.name}")'
    if column.kind == "key":
        width = max(column.widths)
        return f"CASE WHEN {value} <> '' THEN right('{'0' * width}' || {value}, {width}) END"
    if column.kind == "code":
        return f"nullif(upper(replace({value}, '.', '')), '')"
    if column.kind == "day":
        years = ", ".join(f"'{year}'" for year in form.no_date_years)
        return f"CASE WHEN {value} <> '' AND left({value}, 4) NOT IN ({years}) THEN CAST({value} AS DATE) END"
    if column.kind == "whole":
        return f"CAST(nullif({value}, '') AS INTEGER)"
    if column.kind == "number":
        return f"CAST(nullif({value}, '') AS DOUBLE)"
    return f"nullif({value}, '')"


def _absent_sql(column: Column, given: str | None) -> str:
    if given is not None:
        return f"'{given}'"
    types = {"day": "DATE", "whole": "INTEGER", "number": "DOUBLE"}
    return f"CAST(NULL AS {types.get(column.kind, 'VARCHAR')})"


def line_key_sql(form: Format, alias: str) -> str:
    """One 128-bit number for the nine keys of a claim line, canonical texts joined by a bar. A collision at 10^10 lines: 10^-19."""
    parts = ", ".join(f'{alias}."{name}"' for name in form.join["line"])
    return f"md5_number(concat_ws('|', {parts}))"
