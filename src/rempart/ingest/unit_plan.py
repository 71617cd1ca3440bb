# SPDX-License-Identifier: Apache-2.0
"""What becomes of each delivered unit, and which flows of which held unit are live. Pure; order of ingest does not matter where
deliveries say when they were produced.

One unit of a name is live, that of the newest delivery; of monthly units of one product that hold the same flow, the newest gives it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rempart.records.canonical import content_id

Fate = Literal["new", "held", "replaces", "older", "former"]
"""``former``: older than the one held, and read for the keys that persons had before; it is superseded at once."""
READ: frozenset[Fate] = frozenset({"new", "replaces", "former"})
"""Fates of units that are read."""
_KEYED = frozenset({"cards"})
"""Products that join a person key to what stays when it changes. Simplified claims name the key alone."""


class HeldUnit(Protocol):
    """A unit in the register of the snapshot."""

    @property
    def name(self) -> str:
        """Such as ``dcir/201503``."""

    @property
    def number(self) -> int:
        """Its number, never used twice."""

    @property
    def produced(self) -> str:
        """ISO day of production; of a delivery that says none, the day of its ingest."""

    @property
    def files(self) -> Sequence[tuple[str, str]]:
        """(name, SHA-256), sorted."""

    @property
    def flows(self) -> Sequence[int]:
        """Flow months; 0 or none where it has none."""

    @property
    def state(self) -> str:
        """``live`` or ``superseded``; without files, too, where a fresh start dropped it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A delivered unit's fate. ``held``: number of the unit of that name that is live now, 0 for none."""

    name: str
    fate: Fate
    held: int


def content_of(files: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What makes two units equal: the hashes of their files, whatever the names."""
    return tuple(sorted(sha256 for _, sha256 in files))


def newness(unit: HeldUnit) -> tuple[str, int]:
    """By what the later of two units wins: production, then ingest."""
    return unit.produced, unit.number


def plan_unit(name: str, files: Iterable[tuple[str, str]], *, produced: str, held: Iterable[HeldUnit]) -> Planned:
    """The fate of one delivered unit beside those held of its name."""
    same = sorted((unit for unit in held if unit.name == name and unit.files), key=newness)
    if not same:
        return Planned(name=name, fate="new", held=0)
    live, content = same[-1], content_of(files)
    if content_of(live.files) == content:
        return Planned(name=name, fate="held", held=live.number)
    fate: Fate = "replaces"
    if produced < live.produced:
        known = any(content_of(unit.files) == content for unit in same)
        fate = "former" if _product(live) in _KEYED and not known else "older"
    return Planned(name=name, fate=fate, held=live.number)


def dead_flows(units: Collection[HeldUnit]) -> dict[int, frozenset[int]]:
    """Unit number → flows of it that a newer unit gives, none named: all of it. Units of which everything is live are not named.

    What was superseded stays so: its parts have left the snapshot.
    """
    newest: dict[str, HeldUnit] = {}
    giver: dict[tuple[str, int], int] = {}
    kept = [unit for unit in units if unit.state == "live"]
    for unit in sorted(kept, key=newness):
        newest[unit.name] = unit
    for unit in sorted(newest.values(), key=newness):
        giver.update({(_product(unit), flow): unit.number for flow in unit.flows if flow})
    dead: dict[int, frozenset[int]] = {unit.number: frozenset() for unit in units if unit.state != "live"}
    for unit in kept:
        gone = frozenset(flow for flow in unit.flows if flow and giver.get((_product(unit), flow)) != unit.number)
        if newest[unit.name].number != unit.number or (gone and gone == frozenset(unit.flows)):
            dead[unit.number] = frozenset()
        elif gone:
            dead[unit.number] = gone
    return dead


def _product(unit: HeldUnit) -> str:
    return unit.name.partition("/")[0]


def live_id(units: Collection[HeldUnit]) -> str:
    """What identifies the live rows, and the superseded ones that tell of former keys: research tables of another set are stale."""
    dead = dead_flows(units)
    whole = [unit.number for unit in units if unit.number not in dead]
    part = [[number, sorted(flows)] for number, flows in dead.items() if flows]
    former = [unit.number for unit in units if dead.get(unit.number) == frozenset() and _product(unit) in _KEYED]
    return content_id({"live": sorted(whole), "without": sorted(part), "former": sorted(former)})
