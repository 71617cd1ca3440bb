# SPDX-License-Identifier: Apache-2.0
"""Reads one unit of a delivery into tables ``unit_<word>``: canonical, typed, every read value checked. Judges no medical rule.

Files are streamed; memory grows with the unit's rows, not with its files, and a unit beyond the limit comes in shares by join key.
Every failure is a BadInput that names file, line and column and what was expected, never a value.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from rempart.adapters.delivered_checks import check_header, drift, explain, explain_rows, scan_sql, split_header
from rempart.adapters.duckdb_query import QueryFailed
from rempart.adapters.leak_scan import LeakScan
from rempart.adapters.memory_files import MemoryFiles
from rempart.adapters.parquet_rows import ParquetRows
from rempart.adapters.text_chunks import CHUNK, Chunk, TextFile
from rempart.adapters.told_names import told_column
from rempart.adapters.unit_checks import Ended, refuse_unit
from rempart.adapters.unit_shares import Shares, make_empty
from rempart.errors import BadInput
from rempart.ingest.declaration import Declaration
from rempart.ingest.definitions import Definitions
from rempart.ingest.reading import Look, Reading, reading
from rempart.ingest.schema import FLOW, TableSchema, words_of
from rempart.ingest.survey import schema_notes
from rempart.ingest.units import Note, Spill, Unit, UnitFile, UnitPart
from rempart.ports.query import Query

Item = TypeVar("Item")
_ROWS = "delivered_rows"
_FLOW_EPOCH = 2000


@dataclass(slots=True, kw_only=True)
class _Run:
    """One unit under way. ``held``: rows of a word that are in its table now; ``contents``: (table, hash of the text) → a file with lines;
    ``ended``: by word, lines that ended in the year of their file;
    ``looked``: files in which some value had to be looked at for what it may tell of a person; ``joined``: by file, lines that lie inside
    a value of free text, and empty ones."""

    query: Query
    unit: Unit
    schema: Mapping[str, TableSchema]
    declaration: Declaration
    chunk: int
    shares: Shares
    leaks: LeakScan
    looked: set[str] = field(default_factory=set)
    joined: dict[str, int] = field(default_factory=dict)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    lines: dict[str, int] = field(default_factory=dict)
    notes: dict[Note, None] = field(default_factory=dict)
    contents: dict[tuple[str, str], str] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)


def unit_parts(
    query: Query,
    unit: Unit,
    definitions: Definitions,
    *,
    spill: Spill | None = None,
    limit: int = 0,
    declaration: Declaration | None = None,
    chunk: int = CHUNK,
) -> Iterator[UnitPart]:
    """Read a unit; at each step ``unit_<word>`` hold one share of it, made anew; at the end they are gone.

    A unit whose text is longer than ``limit`` bytes (0 = none) goes through ``spill`` in shares of about a limit each; every line is
    read and checked before the first step. Raises BadInput: ``csv-empty``, ``csv-truncated``, ``csv-unreadable``, ``csv-encoding``,
    ``csv-separator``, ``csv-header``, ``csv-missing-column``, ``csv-column-twice``, ``csv-fields``, ``csv-quote``, ``csv-day``,
    ``csv-number``, ``csv-width``, ``csv-key``, ``csv-identifier``, ``csv-value-missing``, ``delivery-changed``, ``delivery-flow``,
    ``delivery-year``, ``delivery-main-empty``, ``delivery-content-twice``, ``parquet-unreadable``; Unavailable ``query-memory``.
    """
    schema = definitions.tables
    words = words_of(schema, unit.files[0].table.product)
    shares = Shares(query=query, unit=unit, schema=schema, words=words, spill=spill, limit=limit)
    run = _Run(
        query=query,
        unit=unit,
        schema=schema,
        declaration=declaration or Declaration(),
        chunk=chunk,
        shares=shares,
        leaks=LeakScan(query),
    )
    try:
        make_empty(query, schema, words)
        for found in unit.files:
            _read_file(run, found)
        refuse_unit(unit, run.lines, run.ended)
        _note_absent(run, words)
        run.notes.update(dict.fromkeys(schema_notes(unit)))
        for number in shares.each():
            yield _part(run, words, number)
    finally:
        run.files.close()
        run.leaks.close()
        query.execute("; ".join(f"DROP TABLE IF EXISTS unit_{word}" for word in words))


def _read_file(run: _Run, found: UnitFile) -> None:
    before = run.lines.get(found.table.word, 0)
    run.lines.setdefault(found.table.word, 0)
    content = (_read_parquet if found.file.name.lower().endswith(".parquet") else _read_text)(run, found)
    if run.lines[found.table.word] == before:
        run.notes[("no-lines", found.table.name, found.file.name)] = None
        return
    other = run.contents.setdefault((found.table.id, content), found.file.name)
    if other != found.file.name:
        raise BadInput("delivery-content-twice", file=found.file.name, other=other)


def _read_text(run: _Run, found: UnitFile) -> str:
    """The hash of its text, however it was packed."""
    text = TextFile(found.file, encoding=run.declaration.encoding, chunk=run.chunk)
    header, separator = split_header(found, text.header, run.declaration.separator)
    how = _how(run, found, header)
    for chunk in _ahead(text.chunks()):
        held = run.files.hold(chunk.data)
        try:
            _insert_text(run, found, how, chunk, path=held.path, separator=separator)
        finally:
            run.files.give_back(held)
    if text.latin1:
        run.notes[("encoding-latin-1", found.table.name, found.file.name)] = None
    if joined := run.joined.get(found.file.name):
        run.notes[("lines-joined", found.table.name, f"{found.file.name}: {joined}")] = None
    return text.sha256


def _how(run: _Run, found: UnitFile, header: tuple[str, ...]) -> Reading:
    check_header(found, header)
    run.notes.update(dict.fromkeys(drift(found, header)))
    return reading(run.schema, found.table, header, found.year)


def _insert_text(run: _Run, found: UnitFile, how: Reading, chunk: Chunk, *, path: str, separator: str) -> None:
    """The quick way; where it stumbles, the reason, or the exact way where there is none."""
    relation, gone = scan_sql(path, how.header, separator=separator, quote=how.format.quote), 0
    every, screened, lines = relation, run.leaks.columns(found, how.header), None
    if found.file.name not in run.looked:
        lines = _inserted(run, found, how.select_sql(relation, chunk.look, stop=run.leaks.test_sql(screened)))
    if lines is None and screened:
        run.looked.add(found.file.name)
        try:
            relation, gone = run.leaks.kept(found, relation, screened)
        except QueryFailed:
            gone = -1
        if gone < 0:
            # Nothing goes on that was not looked at.
            explain(run.query, found, how, path=path, separator=separator, line=chunk.line)
            raise BadInput("csv-unreadable", file=found.file.name)
        lines = _inserted(run, found, how.select_sql(relation, chunk.look))
    if lines is None:
        explain(run.query, found, how, path=path, separator=separator, line=chunk.line)
        lines = _inserted(run, found, how.select_sql(relation, Look()))
    if lines is None:
        raise BadInput("csv-unreadable", file=found.file.name)
    if lines + gone != chunk.lines:
        # Lines without a field, or a value over two lines: a stray quote may have swallowed one, whichever way was taken.
        _refuse_broken_values(run, found, how, chunk, relation=every)
        run.joined[found.file.name] = run.joined.get(found.file.name, 0) + chunk.lines - lines - gone
    run.shares.added(len(chunk.data))


def _refuse_broken_values(run: _Run, found: UnitFile, how: Reading, chunk: Chunk, *, relation: str) -> None:
    known = found.table.columns
    bound = [name for name in how.header if name not in known or known[name].kind != "text" or known[name].widths]
    if not bound:
        return
    asked = ", ".join(f"min(row) FILTER (WHERE contains({_quoted(name)}, chr(10)))" for name in bound)
    rows = run.query.table(f"SELECT {asked} FROM (SELECT *, row_number() OVER () AS row FROM {relation})")
    first = [(value[0].as_py(), name) for name, value in zip(bound, rows.columns, strict=True)]
    if broken := sorted(place for place in first if place[0] is not None):
        row, name = broken[0]
        told = told_column(name, how.header.index(name) + 1)
        raise BadInput("csv-quote", file=found.file.name, line=chunk.line + row - 1, column=told)


def _read_parquet(run: _Run, found: UnitFile) -> str:
    rows = ParquetRows(found.file)
    how = _how(run, found, tuple(rows.header))
    line = 2
    screened = run.leaks.columns(found, rows.header, among=rows.texts)
    for batch in _ahead(rows.batches(list(dict.fromkeys([*how.sources, *screened])))):
        run.query.register(_ROWS, batch)
        relation, _ = run.leaks.kept(found, _ROWS, screened)
        if _inserted(run, found, how.select_sql(relation, Look())) is None:
            run.query.execute(f"CREATE OR REPLACE TABLE {_ROWS}_again AS SELECT * FROM {_ROWS}")
            explain_rows(run.query, found, how, relation=f"{_ROWS}_again", line=line)
            raise BadInput("parquet-unreadable", file=found.file.name)
        line += batch.num_rows
        run.query.unregister(_ROWS)
        run.shares.added(batch.nbytes)
    return found.file.sha256


def _inserted(run: _Run, found: UnitFile, select: str) -> int | None:
    """Lines that went into the unit's table; None where the engine refused one of them."""
    word, before = found.table.word, run.shares.rows.get(found.table.word, 0)
    try:
        run.query.execute(f"INSERT INTO unit_{word} {select}")
    except QueryFailed:
        return None
    flow = FLOW if found.table.flow else "NULL"
    ended = found.table.ended_sql or "NULL"
    added = f"""SELECT count(*) AS lines, min({flow}) AS first, max({flow}) AS last, count({ended}) AS known,
        count(*) FILTER ({ended} = {found.year}) AS own FROM unit_{word} WHERE rowid >= {before}"""
    row = run.query.table(added).to_pylist()[0]
    lines = int(row["lines"])
    run.lines[word] += lines
    run.shares.rows[word] = before + lines
    run.ended[word] = run.ended.get(word, Ended()).plus(known=row["known"], own=row["own"])
    if found.table.flow and lines:
        _check_flows(found, row["first"], row["last"])
    return lines


def _check_flows(found: UnitFile, least: int, most: int) -> None:
    """A file of a month holds that month; one of a year, its months and the first of the next."""
    year, month = int(found.period[:4]), int(found.period[4:] or 0)
    first = 12 * (year - _FLOW_EPOCH) + max(month - 1, 0)
    last = first if month else first + 11 + found.table.format.archive_months
    if not first <= least <= most <= last:
        raise BadInput("delivery-flow", file=found.file.name, column=found.table.flow, expected=found.period)


def _note_absent(run: _Run, words: list[str]) -> None:
    forms = {found.table.form for found in run.unit.files}
    product = run.unit.files[0].table.product
    for table in run.schema.values():
        if table.product == product and table.form in forms and table.word in words and table.word not in run.lines:
            run.notes[("table-not-delivered", table.name, run.unit.period)] = None


def _part(run: _Run, words: list[str], number: int) -> UnitPart:
    held = [word for word in words if run.shares.rows.get(word)]
    flows = " UNION ".join(f"SELECT DISTINCT {FLOW} FROM unit_{word}" for word in held if run.schema[word].flow)
    return UnitPart(
        number=number,
        parts=run.shares.parts,
        lines={word: run.shares.rows.get(word, 0) for word in words},
        flows=tuple(sorted(run.query.table(flows).column(0).to_pylist())) if flows else (),
        notes=tuple(run.notes),
        quarantine=dict(run.leaks.quarantine) if number == 0 else {},
    )


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the next one made while the last is used."""
    with ThreadPoolExecutor(1) as background:
        coming = background.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = background.submit(next, items, None)
            yield item


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
