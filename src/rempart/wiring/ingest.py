# SPDX-License-Identifier: Apache-2.0
"""``rempart ingest`` and ``rempart vault compact``: deliveries of the SNDS unit by unit, or one OMOP source whole."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa

from rempart.adapters.delivery_reader import ingest_definitions
from rempart.errors import BadInput
from rempart.ingest.definitions import Definitions
from rempart.ingest.report import IngestReport
from rempart.ingest.rules_file import RulesChoice
from rempart.ingest.unit_plan import Planned
from rempart.ingest.units import Note
from rempart.journeys.ingest import Loaded, ingest
from rempart.journeys.ingest_delivery import Bounds, Gathered
from rempart.journeys.living import living
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.canonical import content_id
from rempart.records.sealed import SpaceCommit
from rempart.wiring.acts import new_run, no_step
from rempart.wiring.deliveries import choose_rules, compact_units, gather_folders, research_is_current
from rempart.wiring.host_register import writable
from rempart.wiring.warehouse import Warehouse

Form = Literal["snds", "omop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What an ingest did. ``commit``: the last one, None where nothing was new; ``report``: None where no research table was made;
    ``units``: what became of each delivered unit; ``rows``, ``content``: of each research table made; ``declared``: what each
    delivery said of its population, by its id; ``notes``: drift in the units read now; ``other``: names of files left alone."""

    commit: SpaceCommit | None
    report: IngestReport | None
    rows: Mapping[str, int] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)
    units: tuple[Planned, ...] = ()
    declared: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    other: tuple[str, ...] = ()


def ingest_delivery(
    warehouse: Warehouse,
    delivery: Path | Sequence[Path],
    *,
    form: Form,
    replace: bool,
    progress: Progress,
    named_step: Callable[[str], None] = no_step,
    extra: Mapping[str, pa.Table] | None = None,
    later: bool = False,
    rules: Path | None = None,
    vocabulary: Path | None = None,
    schema: Path | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008
) -> Brought:
    """Bring deliveries in. Raises BadInput naming file, line, column and what was expected, Refused ``store-…`` when the host may
    hold nothing of ours; what was committed before stands, and the same command goes on from there."""
    writable(warehouse)
    folders = [delivery] if isinstance(delivery, Path) else list(delivery)
    doing = _Doing(warehouse, new_run("I"), progress, named_step, extra or {})
    with living(warehouse.scratch, warehouse.recorder, doing.run):
        if form == "omop":
            if len(folders) != 1 or later or rules or schema:
                raise BadInput("one-omop-source")
            return _omop(doing, folders[0], replace=replace)
        choice = choose_rules(rules)
        known = ingest_definitions(schema)
        gathered = _gathered(doing, folders, known, choice, replace=replace, bounds=bounds)
        if later or (gathered.commit is None and research_is_current(warehouse, choice)):
            return _with(Brought(commit=gathered.commit, report=None), gathered)
        return _with(_compacted(doing, known, choice, vocabulary, bounds), gathered)


def _with(done: Brought, read: Gathered) -> Brought:
    """What was done with what was read before it."""
    return dataclasses.replace(done, units=read.planned, declared=read.declared, notes=read.notes, other=read.other)


@dataclass(frozen=True, slots=True)
class _Doing:
    """One run of a command, with whom it tells of its progress; ``extra``: tables without persons to seal beside."""

    warehouse: Warehouse
    run: str
    progress: Progress
    named_step: Callable[[str], None]
    extra: Mapping[str, pa.Table]


def _gathered(
    doing: _Doing, folders: Sequence[Path], known: Definitions, choice: RulesChoice, *, replace: bool, bounds: Bounds
) -> Gathered:
    return gather_folders(
        doing.warehouse,
        folders,
        known,
        choice,
        replace=replace,
        run=doing.run,
        progress=doing.progress,
        named_step=doing.named_step,
        bounds=bounds,
    )


def _compacted(
    doing: _Doing,
    known: Definitions,
    choice: RulesChoice,
    vocabulary: Path | None,
    bounds: Bounds = Bounds(),  # noqa: B008
) -> Brought:
    made = compact_units(
        doing.warehouse,
        known,
        choice,
        run=doing.run,
        progress=doing.progress,
        named_step=doing.named_step,
        extra=doing.extra,
        vocabulary=vocabulary,
        pass_rows=bounds.pass_rows,
    )
    return Brought(commit=made.commit, report=made.report, rows=made.rows, content=made.content)


def compact_warehouse(
    warehouse: Warehouse,
    *,
    rules: Path | None,
    progress: Progress,
    named_step: Callable[[str], None] = no_step,
    vocabulary: Path | None = None,
) -> Brought:
    """Make the research tables anew where units or switches changed, or another vocabulary is named.

    Raises Missing ``units-missing``, ``space-missing``."""
    writable(warehouse)
    choice, doing = choose_rules(rules), _Doing(warehouse, new_run("I"), progress, named_step, {})
    with living(warehouse.scratch, warehouse.recorder, doing.run):
        if research_is_current(warehouse, choice) and vocabulary is None:
            return Brought(commit=None, report=None)
        return _compacted(doing, ingest_definitions(), choice, vocabulary)


def _omop(doing: _Doing, source: Path, *, replace: bool) -> Brought:
    """One OMOP source as the next snapshot."""
    from rempart.adapters.omop_reader import load_omop, omop_lineage

    lineage = omop_lineage(source)

    def load(query: Query) -> Loaded:
        report = load_omop(query, source, lambda _, done, total: doing.progress.step("read-files", done, total))
        return Loaded(report=report, lineage=lineage, facts={"form": "omop"}, extra=doing.extra)

    warehouse, query = doing.warehouse, doing.warehouse.new_query(memory="12GB")
    try:
        done = ingest(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            query=query,
            load=load,
            delivery=content_id(list(lineage)),
            layouts=warehouse.layouts,
            shards=warehouse.configuration.shards,
            replace=replace,
            run=doing.run,
            progress=doing.progress,
            named_step=doing.named_step,
        )
    finally:
        query.close()
    return Brought(commit=done.commit, report=done.report, rows=done.rows, content=done.content)
