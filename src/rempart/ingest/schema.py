# SPDX-License-Identifier: Apache-2.0
"""The tables of a delivery as data: which columns exist in a year, what is read of them, what they join on.

Parses ``schemas/*.toml``; reads no file, writes no SQL.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as holding
from typing import Any

from rempart.ingest.shapes import Shape

_YEARS = re.compile(r"(\d{4})-(\d{4})?")
_ALWAYS, _FORM = 0, "@"
_KINDS = frozenset(
    {"id", "key", "serial", "tail", "code", "place", "day", "dayKey", "period", "whole", "number", "text"}
)
_TYPES = {"day": "DATE", "dayKey": "DATE", "whole": "INTEGER", "number": "DOUBLE"}
LINE_KEY, FLOW, STAY = "line_key", "flow", "stay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``kind``: one of those that ``schemas/format.toml`` tells; ``widths``: () = any; years inclusive, 0 = open;
    ``shape``: the form of its code system, '' = none is asked."""

    name: str
    kind: str
    widths: tuple[int, ...] = ()
    first: int = _ALWAYS
    last: int = _ALWAYS
    filled: bool = False
    shape: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown kind or a kind that needs widths and has none."""
        if self.kind not in _KINDS:
            raise ValueError(f"column {self.name}: no kind {self.kind}")
        if self.kind in {"id", "key", "serial", "tail", "place"} and not self.widths:
            raise ValueError(f"column {self.name}: kind {self.kind} needs a width")

    def exists(self, year: int) -> bool:
        """Whether the column belongs to the table in that year (year 0: always)."""
        return year == 0 or ((not self.first or year >= self.first) and (not self.last or year <= self.last))

    @property
    def type(self) -> str:
        """The SQL type of its canonical form."""
        return _TYPES.get(self.kind, "VARCHAR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How files are written. ``first_year`` and ``last_year``: the span of every day but the ``no_date_years``; ``whole``: products
    never read in shares; ``archive_months``: of the next year, held by a yearly archive; ``largest_number``: bound of every number."""

    separators: tuple[str, ...]
    quote: str
    no_date_years: tuple[int, ...]
    first_year: int
    last_year: int
    open_end: str
    largest_number: int
    whole: tuple[str, ...] = ()
    archive_months: int = 0
    shapes: Mapping[str, Shape] = holding(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """One delivered table. ``word``: its plain name here; the other fields as ``schemas/format.toml`` tells."""

    word: str
    name: str
    product: str
    period: str
    required: bool
    format: Format
    needed: tuple[str, ...]
    columns: Mapping[str, Column]
    form: str = ""
    field: str = ""
    key: tuple[str, ...] = ()
    flow: str = ""
    ended: tuple[str, ...] = ()
    known_to: int = 0
    wanted: tuple[str, ...] = ()
    absent: Mapping[str, str] = holding(default_factory=dict)
    renamed: Mapping[str, str] = holding(default_factory=dict)
    elsewhere: Mapping[str, Column] = holding(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError where a named column stands nowhere in the table."""
        named = {*self.key, *self.needed, *self.renamed.values(), *((self.flow,) if self.flow else ())}
        for name in sorted(named - set(self.columns)):
            raise ValueError(f"table {self.name}: no column {name}")
        for name in self.wanted:
            if name not in self.columns and name not in self.elsewhere:
                raise ValueError(f"table {self.name}: no column {name}")
        for column in self.columns.values():
            if column.shape and (column.shape not in self.format.shapes or column.filled):
                raise ValueError(f"column {column.name}: no form {column.shape}, or it may not be empty")

    @property
    def id(self) -> str:
        """The table's name among all: its word, after its form where it has one."""
        return f"{self.form}.{self.word}" if self.form else self.word

    @property
    def made(self) -> dict[str, Column]:
        """The columns that this table gives its ``unit_`` table, in order; of the usual form, all that it has."""
        return {name: self.columns.get(name) or self.elsewhere[name] for name in (*self.needed, *self.wanted)}

    @property
    def derived(self) -> dict[str, str]:
        """Columns computed at reading: ``line_key`` and ``flow`` of claims, ``stay`` of PMSI; name → SQL type."""
        if self.flow:
            return {LINE_KEY: "UBIGINT", FLOW: "INTEGER"}
        return {STAY: "VARCHAR"} if self.field else {}

    @property
    def ended_sql(self) -> str:
        """The year in which what a line tells of ended; '' where the table does not say."""
        years = [f"year({name})" if self.made[name].type == "DATE" else name for name in self.ended]
        return f"coalesce({', '.join(years)})" if years else ""

    def source_of(self, name: str, header: Sequence[str]) -> str:
        """The delivered column that a made column is read from; '' where none is there."""
        for candidate in (name, self.renamed.get(name, "")):
            if candidate in header and candidate in self.columns:
                return candidate
        return ""

    def missing(self, header: Sequence[str], year: int) -> list[str]:
        """Columns that must be there in that year and are not, under their own or a former name."""
        must = (*self.key, *((self.flow,) if self.flow else ()), *self.needed)
        return [
            name for name in dict.fromkeys(must) if self.columns[name].exists(year) and not self.source_of(name, header)
        ]

    def unknown(self, header: Sequence[str]) -> list[str]:
        """Columns of the header that stand nowhere in the schema."""
        return [name for name in header if name not in self.columns]


def tables(files: Mapping[str, Mapping[str, Any]]) -> dict[str, TableSchema]:
    """Tables by ``id``, from parsed ``schemas/*.toml`` by file name without ending; ``format`` is one of the files.

    Raises ValueError for a table given twice or a column that a table names and does not have.
    """
    raw = files["format"]["format"]
    form = Format(
        separators=tuple(raw["separators"]),
        quote=raw["quote"],
        no_date_years=tuple(raw["no_date_years"]),
        first_year=raw["first_year"],
        last_year=raw["last_year"],
        open_end=raw["open_end"],
        largest_number=raw["largest_number"],
        whole=tuple(raw["whole"]),
        archive_months=raw["archive_months"],
        shapes={name: Shape.of(given) for name, given in files["format"].get("shapes", {}).items()},
    )
    found: dict[str, TableSchema] = {}
    order = [*files["format"]["files"], *sorted(files)]
    for name in dict.fromkeys(order):
        file = files[name]
        for word, table in file.get("tables", {}).items():
            shared = {"product": "", "form": "", "known_to": 0}
            made = table_schema(word, {name: file.get(name, usual) for name, usual in shared.items()} | table, form)
            if made.id in found:
                raise ValueError(f"{name}: table {made.id} is given twice")
            found[made.id] = made
    return found


def table_schema(word: str, raw: Mapping[str, Any], form: Format) -> TableSchema:
    """One table from its part of a schema file, ``product`` and ``form`` filled in."""
    filled = frozenset(raw.get("filled", ()))
    return TableSchema(
        word=word,
        name=raw["name"],
        product=raw["product"],
        form=raw["form"],
        period=raw["period"],
        required=bool(raw.get("required", False)),
        field=raw.get("field", ""),
        key=tuple(raw.get("key", ())),
        flow=raw.get("flow", ""),
        ended=tuple(raw.get("ended", ())),
        known_to=raw.get("known_to", 0),
        needed=tuple(raw.get("needed", ())),
        wanted=tuple(raw.get("wanted", ())),
        absent=raw.get("absent", {}),
        renamed=raw.get("renamed", {}),
        elsewhere={name: column(name, text) for name, text in raw.get("elsewhere", {}).items()},
        columns={name: column(name, text, filled=name in filled) for name, text in raw["columns"].items()},
        format=form,
    )


def column(name: str, text: str, *, filled: bool = False) -> Column:
    """A column from its text, such as ``code 1 2013-`` or ``code 13 @ccam``; raises ValueError for a text that is none."""
    kind, *rest = (word for word in text.split() if not word.startswith(_FORM))
    shapes = [word.removeprefix(_FORM) for word in text.split() if word.startswith(_FORM)]
    years = _YEARS.fullmatch(rest[-1]) if rest else None
    widths = rest[:-1] if years else rest
    return Column(
        name=name,
        kind=kind,
        widths=tuple(int(width) for word in widths for width in word.split("|")),
        first=int(years.group(1)) if years else _ALWAYS,
        last=int(years.group(2) or 0) if years else _ALWAYS,
        filled=filled,
        shape=shapes[0] if shapes else "",
    )


def words_of(schema: Mapping[str, TableSchema], product: str) -> list[str]:
    """The words of a product, each once, in the order of the schema files."""
    return list(dict.fromkeys(table.word for table in schema.values() if table.product == product))


def unit_columns(schema: Mapping[str, TableSchema], word: str) -> dict[str, str]:
    """Columns and SQL types of the table ``unit_<word>``, whatever form was delivered."""
    usual = schema[word]
    return usual.derived | {name: found.type for name, found in usual.made.items()}
