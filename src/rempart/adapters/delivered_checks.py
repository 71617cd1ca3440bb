# SPDX-License-Identifier: Apache-2.0
"""Why delivered lines are refused: the header's faults, and the first wrong value by file, line and column. Repeats no value."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rempart.adapters.duckdb_query import QueryFailed
from rempart.adapters.told_names import is_hidden, told_column
from rempart.errors import BadInput
from rempart.ingest.reading import Reading
from rempart.ingest.schema import Column
from rempart.ingest.units import UnitFile
from rempart.ports.query import Query

_OTHER_SEPARATORS = ("\t", "|")
_REJECTS, _SCANS, _ROWS = "delivery_rejects", "delivery_scans", "delivered_again"
# No published table has a fifth of these.
_COLUMNS = 1000
_FIELDS = re.compile(r"Found: (\d+)")


def split_header(found: UnitFile, line: str, declared: str) -> tuple[tuple[str, ...], str]:
    """Column names in capitals, and the separator: the declared one, else that of the header with more names of the table.

    A column without a name is called by its place: some programs end every line with a separator.
    """
    form = found.table.format
    if "\r" in line:
        raise BadInput("csv-line-end", file=found.file.name, line=1, given="CR", expected="LF")
    best: tuple[tuple[str, ...], str] = ((), "")
    for separator in (declared,) if declared else form.separators:
        names = tuple(word.strip().strip(form.quote).upper() for word in line.split(separator))
        if not best[1] or len(set(names) & set(found.table.columns)) > len(set(best[0]) & set(found.table.columns)):
            best = names, separator
    if len(best[0]) == 1 and any(other in line for other in (*_OTHER_SEPARATORS, *form.separators)):
        raise BadInput("csv-separator", file=found.file.name, line=1, expected=declared or " ".join(form.separators))
    named = tuple(name or f"(UNNAMED {place})" for place, name in enumerate(best[0], 1))
    return named, best[1]


def check_header(found: UnitFile, header: Sequence[str]) -> None:
    """Raises BadInput ``csv-header``, ``csv-columns-many``, ``csv-missing-column``, ``csv-column-twice``."""
    name, table = found.file.name, found.table
    if len(header) > _COLUMNS:
        raise BadInput("csv-columns-many", file=name, columns=len(header), most=_COLUMNS)
    if not any(column in table.columns for column in header):
        # A first line without one known name may be a patient's line: none of its words is repeated.
        raise BadInput("csv-header", file=name, line=1, expected=(*table.key, *table.needed)[0])
    for column in table.missing(header, found.year):
        raise BadInput("csv-missing-column", file=name, line=1, column=column, table=table.name)
    for position, column in enumerate(header):
        if column in header[:position]:
            raise BadInput("csv-column-twice", file=name, line=1, column=told_column(column, position + 1))


def scan_sql(path: str, header: Sequence[str], *, separator: str, quote: str, more: str = "") -> str:
    """The rows of a piece of text as a relation of text columns."""
    columns = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv('{path}', columns={{{columns}}}, header=false, auto_detect=false, delim='{separator}', quote='{quote}', "
        f"escape='{quote}', nullstr='', strict_mode=true, compression='none'{more})"
    )


def explain(query: Query, found: UnitFile, how: Reading, *, path: str, separator: str, line: int) -> None:
    """Raise for the first wrong line of a piece of text, whose first line has the number ``line``; return where all is right."""
    for name in (_REJECTS, _SCANS, _ROWS):
        query.execute(f"DROP TABLE IF EXISTS {name}")
    more = f", store_rejects=true, rejects_table='{_REJECTS}', rejects_scan='{_SCANS}'"
    source = scan_sql(path, how.header, separator=separator, quote=how.format.quote, more=more)
    failed = False
    try:
        query.execute(f"CREATE TABLE {_ROWS} AS SELECT * FROM {source}")
    except QueryFailed:
        failed = True
    try:
        if failed:
            _refuse_line_ends(found, Path(path).read_bytes(), quote=how.format.quote.encode(), line=line)
            raise BadInput("csv-unreadable", file=found.file.name)
        _refuse_rejects(query, found, how, line=line, separator=separator)
        explain_rows(query, found, how, relation=_ROWS, line=line)
    finally:
        for name in (_REJECTS, _SCANS, _ROWS):
            query.execute(f"DROP TABLE IF EXISTS {name}")


def explain_rows(query: Query, found: UnitFile, how: Reading, *, relation: str, line: int) -> None:
    """Raise for the first wrong value of a table of text; return where all is right."""
    first = query.table(how.first_wrong_sql(relation)).to_pylist()[0]
    wrong = sorted((row, name) for name, row in first.items() if row is not None)
    if wrong:
        row, name = wrong[0]
        _refuse_value(
            query, found, line + row, how.sources[name[2:]], missing=name.startswith("m:"), relation=relation, row=row
        )


def _refuse_line_ends(found: UnitFile, data: bytes, *, quote: bytes, line: int) -> None:
    """Raise for the first line that ends otherwise than the first, or that a lone carriage return breaks; not inside quotes."""
    expected, inside = "", False
    for place, text in enumerate(data.removesuffix(b"\n").split(b"\n"), line):
        inside ^= bool(text.count(quote) % 2)
        end = "CRLF" if text.endswith(b"\r") else "LF"
        end = "CR" if b"\r" in text.removesuffix(b"\r") else end
        if inside or (end == "CR" and quote in text):
            continue
        expected = expected or ("LF" if end == "CR" else end)
        if end != expected:
            raise BadInput("csv-line-end", file=found.file.name, line=place, given=end, expected=expected)


def _refuse_rejects(query: Query, found: UnitFile, how: Reading, *, line: int, separator: str) -> None:
    rows = query.table(
        f"SELECT line, error_type, column_name, error_message FROM {_REJECTS} "
        f"WHERE line = (SELECT min(line) FROM {_REJECTS}) ORDER BY column_idx"
    ).to_pylist()
    if not rows:
        return
    place, kind, column = line + int(rows[0]["line"]) - 1, str(rows[0]["error_type"]), str(rows[0]["column_name"] or "")
    column = told_column(column, how.header.index(column) + 1) if column in how.header else ""
    if "COLUMNS" in kind:
        # A line with too many fields is rejected once for each of them.
        fields = [int(number) for row in rows for number in _FIELDS.findall(str(row["error_message"]))]
        names = len(how.header)
        counted = max(fields) if fields else names + (1 if "MANY" in kind else -1)
        given: dict[str, str | int] = {"file": found.file.name, "line": place, "column": column}
        raise BadInput("csv-fields", **given, fields=counted, names=names, expected=separator)
    raise BadInput("csv-quote", file=found.file.name, line=place, column=column)


def _refuse_value(
    query: Query, found: UnitFile, line: int, column: Column, *, missing: bool, relation: str, row: int
) -> NoReturn:
    given: dict[str, str | int] = {"file": found.file.name, "line": line, "column": column.name}
    if missing:
        raise BadInput("csv-value-missing", **given)
    value = f'"{column.name}"'
    odd = f"strlen({value}) <> length({value}) OR regexp_matches({value}, '[[:cntrl:]]')"
    wide = f"SELECT {odd} AS odd FROM {relation} WHERE rowid = {row}"
    if column.kind != "text" and query.table(wide).column(0)[0].as_py():
        raise BadInput("csv-encoding", **given, expected="ASCII")
    _refuse_kind(column, given)


def _refuse_kind(column: Column, given: dict[str, str | int]) -> NoReturn:
    if column.kind in {"day", "dayKey"}:
        raise BadInput("csv-day", **given, expected="YYYY-MM-DD")
    if column.kind == "period":
        raise BadInput("csv-day", **given, expected="YYYY, YYYY-MM-DD")
    if column.kind in {"number", "whole"}:
        raise BadInput("csv-number", **given)
    if column.kind in {"key", "serial", "tail"}:
        raise BadInput("csv-key", **given, expected=max(column.widths))
    if column.kind == "id":
        raise BadInput("csv-identifier", **given, expected="|".join(map(str, column.widths)))
    raise BadInput("csv-width", **given, expected=max(column.widths))


def drift(found: UnitFile, header: Sequence[str]) -> list[tuple[str, str, str]]:
    """(code, table, detail) of what the header has that the schema has not in that year, and the reverse."""
    table, notes = found.table, []
    if is_hidden(found.file.name):
        notes.append(("named-person", table.name, found.file.name))
    for place, name in enumerate(header, 1):
        if name not in table.columns:
            told = told_column(name, place)
            notes += [("named-person", table.name, told)] if told == f"#{place}" else []
            notes.append(("column-unknown", table.name, f"{told} {found.period}".strip()))
        elif not table.columns[name].exists(found.year):
            notes.append(("column-outside-its-years", table.name, f"{name} {found.period}"))
    for name in (*table.needed, *table.wanted):
        source = table.source_of(name, header)
        if not source and name in table.columns:
            code = "column-absent" if table.columns[name].exists(found.year) else "column-not-yet"
            notes.append((code, table.name, f"{name} {found.period}".strip()))
        elif source != name and source:
            notes.append(("column-renamed", table.name, f"{source} {found.period}".strip()))
    return notes


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
