# SPDX-License-Identifier: Apache-2.0
"""Deliveries of the SNDS on their way in: folders → units, what would become of each, gross parts, research tables."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from rempart.adapters import package_data
from rempart.adapters.background_threads import background
from rempart.adapters.delivery_reader import Delivery, list_delivery, unit_parts
from rempart.adapters.gross_definitions import gross_definitions, known_rules, rules_file, with_native_tables
from rempart.adapters.header_look import header_notes
from rempart.adapters.vocabulary_reader import context_definitions
from rempart.errors import BadInput, Missing, Refused
from rempart.ingest.declaration import Declaration
from rempart.ingest.definitions import Definitions
from rempart.ingest.deliveries import declared
from rempart.ingest.gross import GrossPlan, add_unit, begin
from rempart.ingest.rules_file import RulesChoice
from rempart.ingest.survey import schema_notes, survey
from rempart.ingest.unit_plan import READ, Planned
from rempart.ingest.units import Note, Unit, UnitEntry, UnitPart
from rempart.journeys.compaction import Compacted, Compaction, chosen_text
from rempart.journeys.ingest import SPACE
from rempart.journeys.ingest_delivery import Bounds, DeliveredUnits, Gather, Gathered, plan
from rempart.journeys.recorded import recorded
from rempart.journeys.research_state import is_current
from rempart.journeys.space import OpenSpace, newest_commit, open_space
from rempart.journeys.unit_register import UNITS, held_units, live_units
from rempart.journeys.unit_scratch import UnitScratch
from rempart.ports.broker import GrantRequest
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.omop import MAIN
from rempart.wiring.native import native_in_force
from rempart.wiring.warehouse import Warehouse

UNIT_TEXT = 1 << 30
"""Bytes of delivered text beyond which a unit is read in shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Folders as units. ``other``: names of files that are no table; ``declared``: path of a unit's first file → its declaration."""

    units: tuple[DeliveredUnits, ...]
    other: tuple[str, ...]
    declared: Mapping[str, Declaration]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedUnit:
    """One line of a plan: sizes in bytes as delivered, lines estimated; ``replaced``: lines, as read, of the unit that goes."""

    plan: Planned
    files: int
    size: int
    lines: int
    replaced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPlan:
    """``known``: whether there was a snapshot to compare with; ``other``: names of files that are no table;
    ``notes``: (code, table, year)."""

    units: tuple[PlannedUnit, ...]
    known: bool
    other: tuple[str, ...]
    minutes: int
    commits: int
    notes: tuple[Note, ...]
    deliveries: tuple[DeliveredUnits, ...]


@dataclass(frozen=True, slots=True)
class UnitReader:
    """Implements ``journeys.ingest_delivery.Reader`` on the adapters that read files."""

    definitions: Definitions
    gross: GrossPlan
    declared: Mapping[str, Declaration]
    limit: int = UNIT_TEXT

    def begin(self, query: Query) -> None:
        """See the protocol."""
        begin(query, self.gross)

    def parts(self, query: Query, unit: Unit, spill: UnitScratch) -> Iterator[UnitPart]:
        """See the protocol; raises BadInput naming file, line, column and what was expected."""
        said = self.declared.get(unit.files[0].file.path)
        return unit_parts(query, unit, self.definitions, spill=spill, limit=self.limit, declaration=said)

    def add(self, query: Query, unit: Unit, number: int) -> None:
        """See the protocol."""
        add_unit(query, self.gross, product=unit.product, period=unit.period, number=number)


def choose_rules(file: Path | None) -> RulesChoice:
    """The cleaning rules with what an operator's file switches; raises BadInput for what it may not say."""
    return known_rules(rules_file(file) if file else None)


def read_folders(folders: Sequence[Path], definitions: Definitions) -> Delivered:
    """The units of several deliveries; raises BadInput naming what is missing, unknown or there twice."""
    found = [(list_delivery(folder), folder) for folder in folders]
    surveyed = [(delivery, survey(delivery.files, definitions.tables)) for delivery, _ in found]
    for (delivery, folder), (_, held) in zip(found, surveyed, strict=True):
        if delivery.files and not held.units:
            raise BadInput("delivery-empty", file=folder.name)
    return Delivered(
        units=tuple(_delivered(delivery, held.units) for delivery, held in surveyed),
        other=tuple(name for _, held in surveyed for name in held.other),
        declared={unit.files[0].file.path: d.declaration for d, held in surveyed for unit in held.units},
    )


def _delivered(delivery: Delivery, units: Sequence[Unit]) -> DeliveredUnits:
    said = delivery.declaration
    return DeliveredUnits(
        id=delivery.id,
        produced=said.produced.isoformat() if said.produced else "",
        units=units,
        declared=declared(said),
    )


def plan_folders(warehouse: Warehouse, folders: Sequence[Path], definitions: Definitions) -> IngestPlan:
    """What would become of each unit. Where there is a snapshot its list of units is read, which leaves a trace in the ledger."""
    given = read_folders(folders, definitions)
    known = (warehouse.directory / "rempart.toml").exists() and newest_commit(warehouse.ledger, SPACE) is not None
    held = _held(warehouse) if known else []
    today = warehouse.recorder.clock.now().date().isoformat() if known else ""
    rates = package_data.toml("ingest/ingest_plan.toml")
    units = tuple(_planned(unit, fate, rates, held) for unit, fate, _ in plan(given.units, held, today=today))
    lines = sum(unit.lines for unit in units if unit.plan.fate in READ)
    seconds = lines / rates["lines_a_second"]
    return IngestPlan(
        units=units,
        known=known,
        other=given.other,
        notes=tuple(dict.fromkeys(note for one in given.units for unit in one.units for note in _noticed(unit, given))),
        deliveries=given.units,
        minutes=math.ceil(seconds / 60),
        commits=2 + int(seconds / Bounds().seconds) if lines else 0,
    )


def _noticed(unit: Unit, given: Delivered) -> Iterator[Note]:
    """What names and the beginnings of a unit's files tell."""
    yield from schema_notes(unit)
    said = given.declared[unit.files[0].file.path]
    for found in unit.files:
        yield from header_notes(found, said)


def _held(warehouse: Warehouse) -> list[UnitEntry]:
    return held_units(_look(warehouse), again=True)


def _look(warehouse: Warehouse) -> OpenSpace:
    """The newest snapshot's manifest; the ledger keeps a trace that it was read."""
    objects = [f"space:{SPACE}"]
    with recorded(
        warehouse.recorder, "ingest-plan", basis="operation:ingest-plan", objects=objects, event_class="trace"
    ) as act:
        tables = ((SPACE, "manifest", MAIN, "read"),)
        (reference,) = warehouse.vault.broker.grant(GrantRequest(intent=act.index, tables=tables))
        return open_space(warehouse.vault, space=SPACE, reference=reference)


def research_is_current(warehouse: Warehouse, choice: RulesChoice) -> bool:
    """Whether the research tables are those of the live units under these switches. Raises Missing ``units-missing``, Refused
    ``rules-mixed`` for parameters that the live units were not read under."""
    if newest_commit(warehouse.ledger, SPACE) is None:
        raise Missing("space-missing", space=SPACE)
    facts = _look(warehouse).body.facts
    if UNITS not in facts:
        raise Missing("units-missing")
    chosen = choice.marks_hash != choose_rules(None).marks_hash
    if chosen and any(unit.rules != choice.marks_hash for unit in live_units(facts)):
        raise Refused("rules-mixed")
    return is_current(facts) and facts.get("rules") == chosen_text(choice.switches, choice.observation)


def compact_units(
    warehouse: Warehouse,
    definitions: Definitions,
    choice: RulesChoice,
    *,
    run: str,
    progress: Progress,
    named_step: Callable[[str], None],
    extra: Mapping[str, pa.Table] | None = None,
    vocabulary: Path | None = None,
    pass_rows: int = Bounds().pass_rows,
) -> Compacted:
    """Make the research tables of every live unit and commit them; raises as ``Compaction.compact`` does. The caller owns ``run``."""
    around = context_definitions(choice.observation, vocabulary or warehouse.configuration.vocabulary_folder)
    with background() as threads, warehouse.queries() as new_query:
        return Compaction(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            scratch=warehouse.scratch,
            new_query=new_query,
            background=threads,
            shapes=gross_definitions(choice).layouts,
            definitions=definitions,
            context=around,
            # Of a table in two forms, the fuller one's name.
            names={table.word: table.name for table in reversed(list(definitions.tables.values()))},
            run=run,
            progress=progress,
            named_step=named_step,
            switches=choice.switches,
            pass_rows=pass_rows,
            extra=extra or {},
        ).compact()


def _planned(unit: Unit, fate: Planned, rates: Mapping[str, Any], held: Sequence[UnitEntry]) -> PlannedUnit:
    text = sum(found.file.size * _shrunk(found.file.name, rates) for found in unit.files)
    lines = int(text / rates["bytes_a_line"])
    gone = [sum(one.lines.values()) for one in held if fate.fate == "replaces" and one.number == fate.held]
    return PlannedUnit(plan=fate, files=len(unit.files), size=unit.size, lines=lines, replaced=sum(gone))


def _shrunk(name: str, rates: Mapping[str, Any]) -> int:
    """How many times longer the text is than the file."""
    ending = name.lower().rpartition(".")[2]
    return int({"gz": rates["gzip"], "parquet": rates["parquet"]}.get(ending, 1))


def gather_folders(
    warehouse: Warehouse,
    folders: Sequence[Path],
    definitions: Definitions,
    choice: RulesChoice,
    *,
    replace: bool,
    run: str,
    progress: Progress,
    named_step: Callable[[str], None],
    bounds: Bounds,
) -> Gathered:
    """Read, number, seal and commit every unit that is new; raises as ``Gather.gather`` does. The caller owns ``run``."""
    given = read_folders(folders, definitions)
    native = native_in_force(warehouse)
    words = native.words(warehouse.recorder.clock.now().date())
    gross = with_native_tables(gross_definitions(choice), definitions, words)
    query = warehouse.new_query()
    try:
        with background() as threads:
            done = Gather(
                vault=warehouse.vault,
                recorder=warehouse.recorder,
                scratch=warehouse.scratch,
                query=query,
                reader=UnitReader(definitions, gross, given.declared),
                background=threads,
                shapes=gross.layouts,
                shards=warehouse.configuration.shards,
                rules=choice.marks_hash,
                native=native.document if words else "",
                run=run,
                progress=progress,
                named_step=named_step,
                bounds=bounds,
            ).gather(given.units, again=replace)
            return dataclasses.replace(done, other=given.other)
    finally:
        query.close()
