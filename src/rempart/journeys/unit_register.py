# SPDX-License-Identifier: Apache-2.0
"""The register of units as a manifest keeps it: which units there are, what was read of them, which parts hold none that is live."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rempart.errors import Refused
from rempart.ingest.units import UnitEntry, UnitPart
from rempart.journeys.gross_parts import CARDS, units_of
from rempart.journeys.space import OpenSpace
from rempart.records.canonical import canonical_bytes

UNITS = "units"
"""The manifest's fact that holds the register of units."""
DELIVERIES = "deliveries"
"""The manifest's fact that holds what each delivery declared, by its id."""


def held_units(opened: OpenSpace | None, *, again: bool) -> list[UnitEntry]:
    """The register of a snapshot. Raises Refused ``warehouse-not-empty`` for a warehouse of another form, unless ``again``."""
    if opened is None:
        return []
    if UNITS not in opened.body.facts:
        if not again:
            raise Refused("warehouse-not-empty")
        return []
    return [UnitEntry.from_json(raw) for raw in json.loads(opened.body.facts[UNITS])]


def live_units(facts: Mapping[str, str]) -> list[UnitEntry]:
    """The units of a manifest's facts that were not superseded; none of a warehouse of another form."""
    return [unit for raw in json.loads(facts.get(UNITS, "[]")) if (unit := UnitEntry.from_json(raw)).state == "live"]


def told_of(opened: OpenSpace | None) -> dict[str, dict[str, str]]:
    """What each delivery of a snapshot declared, by its id."""
    told: dict[str, dict[str, str]] = json.loads(opened.body.facts.get(DELIVERIES, "{}")) if opened else {}
    return told


def units_fact(units: Sequence[UnitEntry]) -> str:
    """The register of units as the manifest keeps it."""
    return canonical_bytes([unit.to_json() for unit in units]).decode()


def joined(entry: UnitEntry, part: UnitPart) -> UnitEntry:
    """With what one more partition told."""
    words = dict.fromkeys([*entry.lines, *part.lines])
    lines = {word: entry.lines.get(word, 0) + part.lines.get(word, 0) for word in words}
    kept_out = [_kept_out(*key, number) for key, number in part.quarantine.items()]
    notes = dict.fromkeys([*entry.read, *part.notes, *kept_out])
    return replace(entry, lines=lines, flows=tuple(sorted({*entry.flows, *part.flows})), read=tuple(notes))


def _kept_out(table: str, column: str, kind: str, number: int) -> tuple[str, str, str]:
    """A note of lines that hold an identifier, or of values that are no code of their column's system: of those the lines stay."""
    return (
        ("code-form", table, f"{column} {number}")
        if kind == "form"
        else ("quarantine", table, f"{column} {kind} {number}")
    )


def dead_objects(opened: OpenSpace, gone: set[int]) -> set[str]:
    """Objects of gross parts that hold superseded units alone; of cards none: who objected under a former key is found by them."""
    return {
        part.object for part in opened.body.parts if part.table != CARDS and (units := units_of(part)) and units <= gone
    }
