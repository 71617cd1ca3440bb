# SPDX-License-Identifier: Apache-2.0
"""An SNDS delivery becomes research tables: runs the steps of ``mapping.toml`` in order and balances every table.

Reads no file (a loader is given) and knows no table or column of the SNDS by name: those stand in the data files of this room.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from rempart.errors import BadInput
from rempart.ingest.definitions import Definitions
from rempart.ingest.former_schema import line_key_sql
from rempart.ingest.former_survey import Loaded, Survey, SurveyedFile
from rempart.ingest.persons import persons_report
from rempart.ingest.report import IngestReport, reconcile
from rempart.ingest.research import make_research, rows_of
from rempart.ports.query import Query

Loader = Callable[[Query, Sequence[SurveyedFile], str], Loaded]
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

    ``loader(query, files, staging)`` loads the first files that share one header as text (adapters.delivery_reader.load_files).
    Raises BadInput from the loader, ``delivery-twice``; ArithmeticError when a balance does not add up.
    """
    run = _Run(query=query, definitions=definitions, survey=survey)
    total = len(survey.files) + sum(1 for verb, _ in definitions.steps if verb != "load")
    done = 0
    for verb, name in definitions.steps:
        if verb == "load":
            for batch in _years_of(survey.of(name)):
                done = _load_year(run, batch, loader, lambda file, at: progress(file, at, total), done)
            _note_absent(run, name)
        else:
            progress(name, done, total)
            _make(run, verb, name)
            done += 1
    _make_empty(run)
    progress("", total, total)
    return _report(run)


def _years_of(files: Iterable[SurveyedFile]) -> list[list[SurveyedFile]]:
    """Files of one year together: they have the same columns, and mostly the same header."""
    return [list(group) for _, group in groupby(files, key=lambda found: found.year)]


def _make(run: _Run, verb: str, name: str) -> None:
    if verb == "research":
        sql = run.definitions.filled(run.definitions.sql[f"research_{name}"], run.given())
        make_research(run.query, run.definitions.research[name], sql)
        return
    for statement in run.definitions.statements(name, run.given()):
        run.query.execute(statement)


def _make_empty(run: _Run) -> None:
    """Tables that no step of this way makes."""
    made = {name for verb, name in run.definitions.steps if verb == "research"}
    for name, layout in run.definitions.research.items():
        if name not in made:
            make_research(run.query, layout, "SELECT NULL AS source_person WHERE FALSE")


def _load_year(
    run: _Run, files: Sequence[SurveyedFile], loader: Loader, progress: Callable[[str, int], None], done: int
) -> int:
    """Load and stage all files of a table and year, as many at a time as the loader takes; the number of files done."""
    left = list(files)
    while left:
        progress(left[0].file.name, done)
        loaded = loader(run.query, left, _RAW)
        taken, left = left[: len(loaded.lines)], left[len(loaded.lines) :]
        for found, count in zip(taken, loaded.lines, strict=True):
            _note_file(run, found, loaded.header, count)
        if sum(loaded.lines):
            _stage(run, taken[0], loaded.header)
        run.query.execute(f"DROP TABLE {_RAW}")
        done += len(taken)
    return done


def _stage(run: _Run, found: SurveyedFile, header: Sequence[str]) -> None:
    table = found.table
    given = run.given(
        word=table.word,
        year=str(found.year),
        input=table.canonical(header, _RAW),
        line_key=line_key_sql(table.format, "line"),
        hits=run.definitions.hits(table.word),
    )
    for statement in run.definitions.statements(f"stage_{table.word}", given):
        run.query.execute(statement)


def _note_file(run: _Run, found: SurveyedFile, header: Sequence[str], count: int) -> None:
    """Count the lines; refuse a content that came under another period's name; note what is new in the columns."""
    word = found.table.word
    run.lines[word] = run.lines.get(word, 0) + count
    if count:
        other = run.contents.setdefault(f"{word} {found.file.sha256}", found.file.name)
        if other != found.file.name:
            raise BadInput("delivery-twice", file=found.file.name, other=other)
    else:
        run.notes.append(("no-lines", found.table.name, found.file.name))
    _note_drift(run, found, header)


def _note_drift(run: _Run, found: SurveyedFile, header: Sequence[str]) -> None:
    columns = found.table.columns
    for name in header:
        if not columns[name].exists(found.year):
            run.notes.append(("column-outside-its-years", found.table.name, f"{name} {found.period}"))
    for name in found.table.needed:
        if name not in header:
            run.notes.append(("column-not-yet", found.table.name, f"{name} {found.period}"))


def _note_absent(run: _Run, word: str) -> None:
    if not run.survey.of(word):
        run.notes.append(("table-not-delivered", run.definitions.former[word].name, ""))


def _report(run: _Run) -> IngestReport:
    first, last = run.window
    known = run.definitions
    kept: dict[str, int] = {}
    for row in run.query.table("SELECT word, CAST(sum(lines) AS BIGINT) AS n FROM kept GROUP BY word").to_pylist():
        kept[row["word"]] = row["n"]
    judged = run.query.table("SELECT word, hits, CAST(coalesce(lines, 0) AS BIGINT) AS n FROM judged").to_pylist()
    names = {word: table.name for word, table in known.former.items()}
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
