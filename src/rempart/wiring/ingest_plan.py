# SPDX-License-Identifier: Apache-2.0
"""``rempart ingest --plan``: what would become of each delivered unit and of each held one. Writes nothing but the trace of its look."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.header_look import header_notes, lines_about
from rempart.ingest.definitions import Definitions
from rempart.ingest.survey import schema_notes
from rempart.ingest.unit_plan import ARCHIVE, READ, Planned, archive_stays
from rempart.ingest.units import Note, Unit, UnitEntry
from rempart.journeys.delivered_units import DeliveredUnits, leaving, plan, replacing, staying, without
from rempart.journeys.ingest_delivery import Bounds
from rempart.journeys.unit_register import held_units
from rempart.wiring.deliveries import Delivered, read_folders, refuse_without_cards
from rempart.wiring.standing import Told, choose, look
from rempart.wiring.warehouse import Warehouse


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
    ``notes``: (code, table, year); ``left``: live units that leave and that no delivered one replaces."""

    units: tuple[PlannedUnit, ...]
    known: bool
    other: tuple[str, ...]
    minutes: int
    commits: int
    notes: tuple[Note, ...]
    deliveries: tuple[DeliveredUnits, ...]
    left: tuple[UnitEntry, ...]
    told: Told


def plan_folders(
    warehouse: Warehouse,
    folders: Sequence[Path],
    definitions: Definitions,
    *,
    replace: bool = False,
    later: bool = False,
    rules: Path | None = None,
    vocabulary: Path | None = None,
) -> IngestPlan:
    """What would become of each unit. Where there is a snapshot its list of units is read, which leaves a trace in the ledger.

    Raises what the ingest itself would refuse before it writes."""
    standing = look(warehouse)
    chosen = choose(warehouse, standing, rules=rules, vocabulary=vocabulary, later=later)
    given = read_folders(folders, definitions)
    if (warehouse.directory / "rempart.toml").exists():
        refuse_without_cards(standing, folders, given, replace=replace, later=later)
    today = warehouse.recorder.clock.now().date().isoformat() if standing.opened else ""
    before = held_units(standing.opened, again=replace)
    stay = staying(before, given.units, chosen.choice.marks_hash) if replace else {unit.number for unit in before}
    gone = leaving(before, stay)
    held = without(before, stay)
    found = plan(given.units, held, today=today)
    notes = [note for one in given.units for unit in one.units for note in _noticed(unit, given)]
    if archive_stays([fate for _, fate, _ in found], held):
        notes += [("archive-stays", one.name, "") for one in definitions.tables.values() if one.product == ARCHIVE]
    fates, left = replacing([fate for _, fate, _ in found], gone)
    units = _lines([unit for unit, _, _ in found], fates, before)
    seconds = sum(one.lines for one in units if one.plan.fate in READ) / _rates()["lines_a_second"]
    gross = bool(gone) or any(one.plan.fate in READ for one in units)
    made = not later and (gross or not standing.made_with(chosen))
    return IngestPlan(
        units=units,
        known=standing.opened is not None,
        other=given.other,
        notes=tuple(dict.fromkeys(notes)),
        deliveries=given.units,
        minutes=math.ceil(seconds / 60),
        commits=(1 + int(seconds / Bounds().seconds) if gross else 0) + made,
        left=left,
        told=chosen.told,
    )


def _noticed(unit: Unit, given: Delivered) -> Iterator[Note]:
    """What names and the beginnings of a unit's files tell."""
    yield from schema_notes(unit)
    said = given.declared[unit.files[0].file.path]
    for found in unit.files:
        yield from header_notes(found, said)


def _rates() -> dict[str, Any]:
    return package_data.toml("ingest/ingest_plan.toml")


def _lines(units: Sequence[Unit], fates: Sequence[Planned], held: Sequence[UnitEntry]) -> tuple[PlannedUnit, ...]:
    """A line a unit. What a unit replaces is one held, or one given before it in this very plan, whose lines are estimated too."""
    gone, latest = {one.number: sum(one.lines.values()) for one in held}, dict[str, int]()
    made = []
    for unit, fate in zip(units, fates, strict=True):
        lines = sum(lines_about(found) for found in unit.files)
        replaced = latest.get(unit.name, gone.get(fate.held, 0)) if fate.fate == "replaces" else 0
        made.append(PlannedUnit(plan=fate, files=len(unit.files), size=unit.size, lines=lines, replaced=replaced))
        if fate.fate in ("new", "replaces"):
            latest[unit.name] = lines
    return tuple(made)
