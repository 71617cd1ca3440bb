# SPDX-License-Identifier: Apache-2.0
"""``rempart ingest`` and ``rempart vault compact``: deliveries of the SNDS unit by unit, or one OMOP source whole."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa

from rempart.adapters.delivery_reader import ingest_definitions
from rempart.adapters.gross_definitions import known_rules
from rempart.errors import BadInput, Missing, Refused
from rempart.ingest.definitions import Definitions
from rempart.ingest.report import IngestReport
from rempart.ingest.rules_file import RulesChoice
from rempart.ingest.unit_plan import Planned
from rempart.ingest.units import Note, UnitEntry
from rempart.journeys.delivered_units import replacing
from rempart.journeys.ingest import SPACE, Loaded, ingest
from rempart.journeys.ingest_delivery import Bounds, Gathered
from rempart.journeys.living import living
from rempart.journeys.unit_register import UNITS
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.canonical import content_id
from rempart.records.sealed import SpaceCommit
from rempart.wiring.acts import forget_ended, new_run, no_step
from rempart.wiring.deliveries import Delivered, compact_units, gather_folders, read_folders, refuse_without_cards
from rempart.wiring.host_register import writable
from rempart.wiring.standing import Chosen, Standing, Told, choose, look
from rempart.wiring.warehouse import Warehouse

Form = Literal["snds", "omop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What an ingest did. ``commit``: the last one, None where nothing was new; ``report``: None where no research table was made;
    ``units``: what became of each delivered unit; ``rows``, ``content``: of each research table made; ``declared``: what each
    delivery said of its population, by its id; ``notes``: drift in the units read now; ``other``: names of files left alone;
    ``left``: units that a fresh start dropped; ``stood``: whether research tables stood before; ``mapped``: code system, its name at
    Athena, codes met, and those given a standard concept, where there is a vocabulary."""

    commit: SpaceCommit | None
    report: IngestReport | None
    rows: Mapping[str, int] = field(default_factory=dict)
    content: Mapping[str, str] = field(default_factory=dict)
    units: tuple[Planned, ...] = ()
    declared: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    other: tuple[str, ...] = ()
    left: tuple[UnitEntry, ...] = ()
    stood: bool = False
    told: Told = Told(kept=False)  # noqa: RUF009
    mapped: tuple[tuple[str, str, int, int], ...] = ()


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
    forget_ended(warehouse)
    folders = [delivery] if isinstance(delivery, Path) else list(delivery)
    doing = _Doing(warehouse, new_run("I"), progress, named_step, extra or {})
    with living(warehouse.scratch, warehouse.recorder, doing.run):
        if form == "omop":
            if len(folders) != 1 or later or rules or schema:
                raise BadInput("one-omop-source")
            return _omop(doing, folders[0], replace=replace)
        standing = look(warehouse)
        chosen = choose(warehouse, standing, rules=rules, vocabulary=vocabulary, later=later)
        known = ingest_definitions(schema)
        given = read_folders(folders, known)
        refuse_without_cards(standing, folders, given, replace=replace, later=later)
        gathered = _gathered(doing, given, known, chosen.choice, replace=replace, bounds=bounds)
        if later or (gathered.commit is None and standing.made_with(chosen)):
            done = Brought(commit=gathered.commit, report=None, told=chosen.told)
        else:
            with _Committed(gathered, standing):
                done = _compacted(doing, known, chosen, bounds)
        return _with(done, gathered, standing)


def _with(done: Brought, read: Gathered, standing: Standing) -> Brought:
    """What was done with what was read before it."""
    units, left = replacing(read.planned, read.left)
    stood = standing.research
    return dataclasses.replace(
        done, units=units, declared=read.declared, notes=read.notes, other=read.other, left=left, stood=stood
    )


@dataclass(frozen=True, slots=True)
class _Committed:
    """Whatever ends a compaction after the units were committed tells that they were (a note of the exception, by its word)."""

    read: Gathered
    standing: Standing

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Notes what stands; stops nothing."""
        if error is not None and self.read.commit is not None:
            error.add_note("units-committed" if self.standing.research else "units-committed-first")


@dataclass(frozen=True, slots=True)
class _Doing:
    """One run of a command, with whom it tells of its progress; ``extra``: tables without persons to seal beside."""

    warehouse: Warehouse
    run: str
    progress: Progress
    named_step: Callable[[str], None]
    extra: Mapping[str, pa.Table]


def _gathered(
    doing: _Doing, given: Delivered, known: Definitions, choice: RulesChoice, *, replace: bool, bounds: Bounds
) -> Gathered:
    return gather_folders(
        doing.warehouse,
        given,
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
    chosen: Chosen,
    bounds: Bounds = Bounds(),  # noqa: B008
) -> Brought:
    made = compact_units(
        doing.warehouse,
        known,
        chosen,
        run=doing.run,
        progress=doing.progress,
        named_step=doing.named_step,
        extra=doing.extra,
        pass_rows=bounds.pass_rows,
    )
    systems = chosen.context.codes.systems
    mapped = tuple(
        (system, systems[system].athena, codes, found)
        for system, (codes, found) in (made.mapped if chosen.vocabulary else {}).items()
        if system in systems
    )
    return Brought(
        commit=made.commit, report=made.report, rows=made.rows, content=made.content, told=chosen.told, mapped=mapped
    )


def compact_warehouse(
    warehouse: Warehouse,
    *,
    rules: Path | None,
    progress: Progress,
    named_step: Callable[[str], None] = no_step,
    vocabulary: Path | None = None,
) -> Brought:
    """Make the research tables anew where units, switches or the vocabulary changed.

    Raises Missing ``units-missing``, ``space-missing``, Refused ``rules-mixed``, ``vocabulary-unnamed``."""
    writable(warehouse)
    forget_ended(warehouse)
    doing = _Doing(warehouse, new_run("I"), progress, named_step, {})
    with living(warehouse.scratch, warehouse.recorder, doing.run):
        standing = look(warehouse)
        _compactable(standing)
        chosen = choose(warehouse, standing, rules=rules, vocabulary=vocabulary)
        marks = chosen.choice.marks_hash
        if marks != known_rules().marks_hash and any(unit.rules != marks for unit in standing.live):
            raise Refused("rules-mixed")
        if standing.made_with(chosen):
            return Brought(commit=None, report=None, told=chosen.told, stood=True)
        return _compacted(doing, ingest_definitions(), chosen)


def _compactable(standing: Standing) -> None:
    if standing.opened is None:
        raise Missing("space-missing", space=SPACE)
    if UNITS not in standing.facts:
        raise Missing("units-missing")


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
