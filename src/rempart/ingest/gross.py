# SPDX-License-Identifier: Apache-2.0
"""A delivered unit becomes gross rows: every delivered line, joined inside its unit, with the bits of all rules that need no other unit.

Reads the tables ``unit_<word>`` of the session, appends to ``new_<gross table>`` with names as the source wrote them; numbers no name,
judges nothing that another delivery could change, opens no file. The tables and columns are ``gross.toml`` and ``gross_lines.toml``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Template
from typing import Any

from rempart.ingest.native import NativeTable, native_rules
from rempart.ingest.rules import marks_sql
from rempart.ingest.rules_file import RulesChoice
from rempart.ports.query import Query

_UNIT_COLUMNS = {"unit": "INTEGER", "flow": "INTEGER", "hits": "BIGINT"}
_TYPES = {"text": "VARCHAR", "day": "DATE", "whole": "INTEGER", "number": "DOUBLE"}
_MONTHS = 12
_FIRST_YEAR = 2000
_MARCH, _FEBRUARY = 3, 2
_STAY_PARTS = 2  # what stands before facility and record number in the key of a stay: field and year


@dataclass(frozen=True, slots=True, kw_only=True)
class GrossLayout:
    """One gross table. ``place``: the column that places a row, '' for one shard; ``names``: column → kind; ``columns``: → SQL type."""

    name: str
    place: str
    names: Mapping[str, str]
    columns: Mapping[str, str]

    def __post_init__(self) -> None:
        """Raises ValueError for a placing column that is no name, or a column named twice."""
        if self.place and self.place not in self.names:
            raise ValueError(f"{self.name}: placed by {self.place}, which is no name")
        if twice := set(self.names) & set(self.columns) | set(_UNIT_COLUMNS) & {*self.names, *self.columns}:
            raise ValueError(f"{self.name}: {', '.join(sorted(twice))} twice")

    @property
    def staged(self) -> dict[str, str]:
        """Column → SQL type of ``new_<name>``: names as text."""
        return {**dict.fromkeys(self.names, "VARCHAR"), **self.columns, **_UNIT_COLUMNS}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReads:
    """What is read of one delivered table: column → SQL type, and the key that joins it ('' = none)."""

    word: str
    columns: Mapping[str, str]
    key: Sequence[str] = ()
    single: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrossPlan:
    """``products``: product → what is made, in order; ``words``: of each, the tables read; ``consulted``: tables that make no rows.

    ``choice``: the rules under an operator's switches and parameters; ``sql``: file name → text; ``terms``: its ``$``-names.
    """

    layouts: Mapping[str, GrossLayout]
    products: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[str]]
    reads: Mapping[str, LineReads]
    consulted: frozenset[str]
    choice: RulesChoice
    sql: Mapping[str, str]
    terms: Mapping[str, str]
    native: Mapping[str, NativeTable] = field(default_factory=dict)

    def statements(self, name: str, given: Mapping[str, str]) -> list[str]:
        """The statements of ``gross_<name>.sql``; raises KeyError for a ``$``-name that nobody gives."""
        terms = {**self.terms, **given}
        # Twice: a rule's condition, once in place, names parameters of its own.
        text = Template(Template(self.sql[f"gross_{name}"]).substitute(terms)).substitute(terms)
        return [statement.strip() for statement in text.split(";\n") if statement.strip()]

    def made_of(self, product: str) -> tuple[str, ...]:
        """What a unit of a product makes; a reference file is named after its table. Raises ValueError for an unknown product."""
        group, _, rest = product.partition("/")
        made = tuple(self.products.get(group, ()))
        found = tuple(name for name in made if name == rest) or made
        if not found:
            raise ValueError(f"no gross tables for units of {product}")
        return found


def gross_layouts(parsed: Mapping[str, Any]) -> dict[str, GrossLayout]:
    """The gross tables by name, from parsed ``gross.toml``."""
    return {
        name: GrossLayout(name=name, place=raw["place"], names=raw.get("names", {}), columns=raw.get("columns", {}))
        for name, raw in parsed["tables"].items()
    }


def gross_plan(
    *, tables: Mapping[str, Any], lines: Mapping[str, Any], choice: RulesChoice, sql: Mapping[str, str], open_end: str
) -> GrossPlan:
    """From parsed ``gross.toml`` and ``gross_lines.toml``; ``open_end``: the ISO day that stands for no end."""
    ordered = choice.rules
    terms = {name: _sql(value) for name, value in {**choice.parameters, **lines["lists"]}.items()}
    terms |= {f"bit_{rule.id}": str(rule.mask) for rule in ordered}
    terms |= {
        f"marks_{word}": marks_sql(ordered, word)
        for word in {word for rule in ordered for word in rule.at} | set(lines["reads"])
    }
    return GrossPlan(
        layouts=gross_layouts(tables),
        products=lines["products"],
        words=lines["words"],
        reads={word: _reads(word, raw, lines["keys"]) for word, raw in lines["reads"].items()},
        consulted=frozenset(lines["consulted"]["words"]),
        choice=choice,
        sql=sql,
        terms={**terms, "open_end": open_end},
    )


def with_native(plan: GrossPlan, lines: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]) -> GrossPlan:
    """The plan with native tables beside: ``lines`` is parsed ``gross_lines.toml``, ``columns`` word → columns of its unit table → type."""
    known = native_rules(lines)
    native = {word: known.table(word, given) for word, given in columns.items()}
    layouts = {
        table.table: GrossLayout(name=table.table, place=table.place, names=table.names, columns=table.others)
        for table in native.values()
    }
    return replace(plan, layouts={**plan.layouts, **layouts}, native=native)


def _sql(value: int | str | Sequence[str]) -> str:
    """A parameter as SQL: a number or word as it is, a list as quoted texts."""
    return str(value) if isinstance(value, int | str) else ", ".join(f"'{item}'" for item in value)


def _reads(word: str, raw: Mapping[str, Any], keys: Mapping[str, Any]) -> LineReads:
    columns = {name: sql for kind, sql in _TYPES.items() for name in raw.get(kind, ())}
    key = keys[raw["key"]] if "key" in raw else {}
    return LineReads(word=word, columns=columns, key=tuple(key.get("columns", ())), single=key.get("single", ""))


def begin(query: Query, plan: GrossPlan) -> None:
    """Make the empty tables ``new_<gross table>`` and the small expressions that the SQL of this room shares."""
    for layout in plan.layouts.values():
        columns = ", ".join(f'"{name}" {kind}' for name, kind in layout.staged.items())
        query.execute(f"CREATE OR REPLACE TABLE new_{layout.name} ({columns})")
    for statement in plan.statements("begin", {}):
        query.execute(statement)


def add_unit(query: Query, plan: GrossPlan, *, product: str, period: str, number: int) -> None:
    """Append the rows of one delivered unit, or of one partition of it by join key, to ``new_<gross table>``.

    ``product``: such as ``dcir``, ``mco``, ``reference/populations``; ``period``: '' or YYYY or YYYYMM; ``number``: the unit's, written
    into each row. Reads ``unit_<word>`` of the product; one that is not there counts as empty, a column that is not there as NULL.
    """
    given = {"unit": str(number), **_times(period), "named": product.partition("/")[2].replace("'", "''")}
    made = plan.made_of(product)
    delivered = _delivered(query, [word for name in made for word in plan.words[name]])
    for name in made:
        for word in plan.words[name]:
            query.execute(_lines_view(plan.reads[word], delivered[word], given["flow"]))
        for statement in plan.statements(name, given):
            query.execute(statement)
        for word in plan.words[name]:
            if word in plan.native and delivered[word]:
                query.execute(plan.native[word].insert_sql(number, given["flow"]))


def _times(period: str) -> dict[str, str]:
    """Year and flow month of a period, and whether a flow belongs to it: an archive of a year holds March to February."""
    year = int(period[:4] or 0)
    if len(period) > 4:
        month = int(period[4:6])
        return {"year": str(year), "flow": str(_month(year, month)), "in_archive": "TRUE"}
    first, last = _month(year, _MARCH), _month(year + 1, _FEBRUARY)
    return {"year": str(year), "flow": "0", "in_archive": f"(flow BETWEEN {first} AND {last})"}


def _month(year: int, month: int) -> int:
    """Months since January 2000."""
    return (year - _FIRST_YEAR) * _MONTHS + month - 1


def _lines_view(reads: LineReads, found: Mapping[str, str], flow: str) -> str:
    """``lines_<word>``: the columns that the SQL names, whatever was delivered, with the join key and the line's place in the unit."""
    table = f"unit_{reads.word}"
    picked = [_picked(name, kind, reads.key, found) for name, kind in reads.columns.items()]
    own = {"place": "rowid" if found else "CAST(NULL AS BIGINT)"}
    if reads.key:
        own["line_key"] = _line_key(reads, found)
    if reads.single:
        own["flow"] = "flow" if "flow" in found else f"CAST({flow} AS INTEGER)"
    columns = ", ".join([*(f"{sql} AS {name}" for name, sql in own.items()), *picked])
    source = f"FROM {table}" if found else "FROM range(0)"
    return f"CREATE OR REPLACE TEMP VIEW lines_{reads.word} AS SELECT {columns} {source}"


def _delivered(query: Query, words: Sequence[str]) -> dict[str, dict[str, str]]:
    """Word → column → SQL type of its unit table, as it stands; nothing where there is no such table."""
    tables = ", ".join(f"'unit_{word}'" for word in words)
    rows = query.table(
        f"SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE table_name IN ({tables})"
    ).to_pylist()
    found: dict[str, dict[str, str]] = {word: {} for word in words}
    for row in rows:
        found[row["table_name"].removeprefix("unit_")][row["column_name"]] = row["data_type"]
    return found


def _picked(name: str, kind: str, key: Sequence[str], found: Mapping[str, str]) -> str:
    if name in found:
        return f'"{name}"' if found[name] == kind else f'CAST("{name}" AS {kind}) AS "{name}"'
    if name in key and "stay" in found:
        return f"split_part(stay, '|', {_STAY_PARTS + 1 + list(key).index(name)}) AS \"{name}\""
    return f'CAST(NULL AS {kind}) AS "{name}"'


def _line_key(reads: LineReads, found: Mapping[str, str]) -> str:
    """64 bits that hold a line's parts together. Texts of over twelve characters by MD5: the engine's own hash gives many alike ones one
    value (measured: 14 % of nine million texts of sixteen digits)."""
    for made in ("line_key", "stay"):
        if made in found:
            return made if found[made] == "UBIGINT" else f"md5_number_lower({made})"
    whole = f"hash({', '.join(_quoted(reads.key))})" if set(reads.key) <= set(found) else ""
    if reads.single in found:
        other = whole or "NULL"
        return f'CASE WHEN "{reads.single}" IS NOT NULL THEN md5_number_lower("{reads.single}") ELSE {other} END'
    return whole or "CAST(NULL AS UBIGINT)"


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]
