# SPDX-License-Identifier: Apache-2.0
"""Units as deliveries bring them, beside those held: the fate of each, and which of those held a fresh start keeps. Reads no file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rempart.ingest.declaration import refuse_future
from rempart.ingest.unit_plan import READ, Planned, content_of, plan_unit
from rempart.ingest.units import Unit, UnitEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredUnits:
    """One delivery. ``id``: its own or its content's; ``produced``: ISO day or ''; ``declared``: population, sampling and source."""

    id: str
    produced: str
    units: Sequence[Unit]
    declared: Mapping[str, str] = field(default_factory=dict)


def plan(
    deliveries: Sequence[DeliveredUnits], held: Sequence[UnitEntry], *, today: str
) -> list[tuple[Unit, Planned, DeliveredUnits]]:
    """Each delivered unit with its fate, deliveries in the order of their production: a unit given twice meets the first as held."""
    found, there = [], list(held)
    for delivery in sorted(deliveries, key=lambda one: one.produced or today):
        refuse_future(delivery.produced, today)
        for unit in delivery.units:
            fate = plan_unit(unit.name, unit.hashes, produced=delivery.produced or today, held=there)
            found.append((unit, fate, delivery))
            if fate.fate in READ:
                there.append(entered(unit, delivery, there, today=today))
    return found


def entered(
    unit: Unit, delivery: DeliveredUnits, held: Iterable[UnitEntry], *, today: str, rules: str = ""
) -> UnitEntry:
    """A unit as the register names it before a line of it is read, numbered after those held."""
    return UnitEntry(
        name=unit.name,
        number=max((entry.number for entry in held), default=0) + 1,
        delivery=delivery.id,
        produced=delivery.produced or today,
        files=unit.hashes,
        lines={},
        flows=(),
        rules=rules,
    )


def staying(held: Sequence[UnitEntry], deliveries: Sequence[DeliveredUnits], rules: str) -> set[int]:
    """Numbers of the held units that a fresh start keeps: given with the same content and rules, and what tells of their former keys."""
    given = {(unit.name, content_of(unit.hashes)) for delivery in deliveries for unit in delivery.units}
    same = [e for e in held if (e.name, content_of(e.files)) in given and e.rules == rules]
    live = {entry.name for entry in same if entry.state == "live"}
    return {entry.number for entry in same if entry.name in live}


def leaving(held: Sequence[UnitEntry], stay: set[int]) -> tuple[UnitEntry, ...]:
    """Live units that a fresh start drops."""
    return tuple(entry for entry in held if entry.state == "live" and entry.number not in stay)


def without(held: Sequence[UnitEntry], stay: set[int]) -> list[UnitEntry]:
    """The register after a fresh start."""
    return [e if e.number in stay else replace(e, state="superseded", files=()) for e in held]


def replacing(
    planned: Sequence[Planned], left: Sequence[UnitEntry]
) -> tuple[tuple[Planned, ...], tuple[UnitEntry, ...]]:
    """Fates as told: what is read in the place of a unit that leaves replaces it; the units that leave without another in their place."""
    gone = {entry.name: entry.number for entry in left}
    told = [
        replace(one, fate="replaces", held=gone[one.name]) if one.fate == "new" and one.name in gone else one
        for one in planned
    ]
    given = {one.name for one in planned}
    return tuple(told), tuple(entry for entry in left if entry.name not in given)
