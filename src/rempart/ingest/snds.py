# SPDX-License-Identifier: Apache-2.0
"""An SNDS delivery becomes research tables: runs the steps of ``mapping.toml`` in order and balances every table.

Reads no file (a loader is given) and knows no table or column of the SNDS by name: those stand in the data files of this room.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rempart.errors import BadInput
from rempart.ingest.definitions import Definitions
from rempart.ingest.persons import persons_report
from rempart.ingest.report import IngestReport, reconcile
from rempart.ingest.research import make_research, rows_of
from rempart.ingest.schema import TableSchema, line_key_sql
from rempart.ingest.survey import Survey, SurveyedFile
from rempart.ports.query import Query

Loader = Callable[[Query, SurveyedFile, TableSchema, str], tuple[str, ...]]
Progress = Callable[[str, int, int], None]
_RAW = "delivered_file"


@dataclass(slots=True, kw_only=True)
class _Run:
    """One ingest under way: lines loaded by table, contents seen, notes of drift."""

    query: Query
    definitions: Definitions
    survey: Survey
    lines: dict[str, int] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def window(self) -> tuple[str, str]:
        first, last = self.survey.years
        return f"{first}-01-01", f"{last}-12-31"

    def given(self, **more: str) -> dict[str, str]:
        first, last = self.window
        return {"first_day": first, "last_day": last, **more}


def ingest_snds(
    query: Query, survey: Survey, definitions: Definitions, loader: Loader, progress: Progress
) -> IngestReport:
    """Make the tables ``research_<name>`` in ``query`` from a surveyed delivery; ``progress(what, done, total)``.

    ``loader(query, file, table, staging)`` loads one file as text and returns its header (adapters.delivery_reader.load_file).
    Raises BadInput from the loader, ``delivery-twice``; ArithmeticError when a balance does not add up.
    """
    run = _Run(query=query, definitions=definitions, survey=survey)
    total = len(survey.files) + sum(1 for verb, _ in definitions.steps if verb != "load")
    done = 0
    for verb, name in definitions.steps:
        for what in survey.of(name) if verb == "load" else (name,):
            progress(what if isinstance(what, str) else what.file.name, done, total)
            _step(run, verb, what, loader)
            done += 1
        if verb == "load":
            _note_absent(run, name)
    progress("", total, total)
    return _report(run)


def _step(run: _Run, verb: str, what: str | SurveyedFile, loader: Loader) -> None:
    if isinstance(what, SurveyedFile):
        _load(run, what, loader)
    elif verb == "research":
        sql = run.definitions.filled(run.definitions.sql[f"research_{what}"], run.given())
        make_research(run.query, run.definitions.research[what], sql)
    else:
        for statement in run.definitions.statements(what, run.given()):
            run.query.execute(statement)


def _load(run: _Run, found: SurveyedFile, loader: Loader) -> None:
    table = found.table
    header = loader(run.query, found, table, _RAW)
    count = int(run.query.table(f"SELECT count(*) AS n FROM {_RAW}").column("n")[0].as_py())
    run.lines[table.word] = run.lines.get(table.word, 0) + count
    _note_drift(run, found, header, count)
    if count:
        other = run.contents.setdefault(f"{table.word} {found.file.sha256}", found.file.name)
        if other != found.file.name:
            raise BadInput("delivery-twice", file=found.file.name, other=other)
        given = run.given(
            word=table.word,
            year=str(found.year),
            input=table.canonical(header, _RAW),
            line_key=line_key_sql(table.format, "line"),
            hits=run.definitions.hits(table.word),
        )
        for statement in run.definitions.statements(f"stage_{table.word}", given):
            run.query.execute(statement)
    run.query.execute(f"DROP TABLE {_RAW}")


def _note_drift(run: _Run, found: SurveyedFile, header: Sequence[str], count: int) -> None:
    columns = found.table.columns
    if not count:
        run.notes.append(("no-lines", found.table.name, found.file.name))
    for name in header:
        if not columns[name].exists(found.year):
            run.notes.append(("column-outside-its-years", found.table.name, f"{name} {found.period}"))
    for name in found.table.needed:
        if name not in header:
            run.notes.append(("column-not-yet", found.table.name, f"{name} {found.period}"))


def _note_absent(run: _Run, word: str) -> None:
    if not run.survey.of(word):
        run.notes.append(("table-not-delivered", run.definitions.tables[word].name, ""))


def _report(run: _Run) -> IngestReport:
    first, last = run.window
    known = run.definitions
    kept: dict[str, int] = {}
    for row in run.query.table("SELECT word, CAST(sum(lines) AS BIGINT) AS n FROM kept GROUP BY word").to_pylist():
        kept[row["word"]] = row["n"]
    judged = run.query.table("SELECT word, hits, CAST(coalesce(lines, 0) AS BIGINT) AS n FROM judged").to_pylist()
    names = {word: table.name for word, table in known.tables.items()}
    rows = [(row["word"], row["hits"], row["n"]) for row in judged if row["word"] in run.lines]
    return IngestReport(
        first_day=first,
        last_day=last,
        reconciliation=reconcile(known.rules, names, run.lines, kept, rows),
        persons=persons_report(run.query),
        rows={name: rows_of(run.query, layout) for name, layout in known.research.items()},
        notes=(*run.notes, *(("not-a-table", "", name) for name in run.survey.other)),
        rules={rule.id: rule.words for rule in known.rules},
    )
