# SPDX-License-Identifier: Apache-2.0
"""What becomes of each delivered unit, and which flows of which held unit are live. Pure, and a function of the set of units: the order
of ingest does not matter where deliveries say when they were produced.

One unit of a name is live, that of the newest delivery, and what it replaced never comes back; of units of one product that give the same
flow, the newest gives it, and the others do again once it gives it no more. A yearly archive gives March of its year to February of the
next: of its lines of another flow rule D7 decides, and they take no other unit's place.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rempart.errors import BadInput
from rempart.records.canonical import content_id

Fate = Literal["new", "held", "replaces", "older", "former"]
"""``former``: older than the one held, and read for the keys that persons had before; it is superseded at once."""
READ: frozenset[Fate] = frozenset({"new", "replaces", "former"})
"""Fates of units that are read."""
_CARDS, ARCHIVE = "cards", "archived_cards"
_KEYED = frozenset({_CARDS, ARCHIVE})
"""Products that join a person key to what stays when it changes. Simplified claims name the key alone."""
_ARCHIVED = frozenset({"dcir"})
"""Products whose yearly archives hold March to February (rule D7)."""
_EPOCH, _MONTHS, _MARCH = 2000, 12, 2
_YEAR = 4


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
        """Flow months met, since January 2000; 0 or none where it has none."""

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


def newness(unit: HeldUnit) -> tuple[str, str, tuple[str, ...], int]:
    """By what the later of two units wins: production; of one day a month before its year's archive, then content; the number last,
    between units alike in all."""
    return unit.produced, unit.name, content_of(unit.files), unit.number


def given_flows(unit: HeldUnit) -> frozenset[int]:
    """Flow months that the unit gives: those met, of a yearly archive those that belong to it."""
    product, _, period = unit.name.partition("/")
    met = frozenset(flow for flow in unit.flows if flow)
    if product not in _ARCHIVED or len(period) != _YEAR:
        return met
    first = (int(period) - _EPOCH) * _MONTHS + _MARCH
    return met & frozenset(range(first, first + _MONTHS))


def plan_unit(name: str, files: Iterable[tuple[str, str]], *, produced: str, held: Iterable[HeldUnit]) -> Planned:
    """The fate of one delivered unit beside those held of its name.

    Raises BadInput ``delivery-tie`` where the newest of these holds something else and was produced on the same day: the order in which
    they came would decide.
    """
    same = sorted((unit for unit in held if unit.name == name and unit.files), key=newness)
    if not same:
        return Planned(name=name, fate="new", held=0)
    live, content = same[-1], content_of(files)
    if content_of(live.files) == content:
        return Planned(name=name, fate="held", held=live.number)
    if produced == live.produced:
        raise BadInput("delivery-tie", unit=name, produced=produced)
    fate: Fate = "replaces"
    if produced < live.produced:
        known = any(content_of(unit.files) == content for unit in same)
        fate = "former" if _product(live) in _KEYED and not known else "older"
    return Planned(name=name, fate=fate, held=live.number)


def archive_stays(planned: Iterable[Planned], held: Iterable[HeldUnit]) -> bool:
    """Whether a reference file comes without its archive while an archive is held: what that holds stays."""
    fates = {one.name: one.fate for one in planned}
    live = any(unit.name == ARCHIVE and unit.state == "live" for unit in held)
    return live and fates.get(_CARDS) in READ and ARCHIVE not in fates


def outlived(units: Iterable[HeldUnit]) -> set[int]:
    """Units that never come back: a newer one has their name. What lost its flows to units of other names alone is not among them."""
    held = list(units)
    newest = _newest(held)
    return {unit.number for unit in held if unit.state != "live" or newest[unit.name].number != unit.number}


def dead_flows(units: Collection[HeldUnit], *, every_line: bool = False) -> dict[int, frozenset[int]]:
    """Unit number → flows of it that a newer unit gives, none named: all of it. Units of which everything is live are not named.

    ``every_line``: rule D7 is switched off, so that an archive's lines of flows beyond its own stand, too; but not beside a unit that
    gives the flow.
    """
    newest, gone_for_good = _newest(units), outlived(units)
    giver: dict[tuple[str, int], int] = {}
    for unit in sorted(newest.values(), key=newness):
        giver.update({(_product(unit), flow): unit.number for flow in given_flows(unit)})
    dead: dict[int, frozenset[int]] = {number: frozenset() for number in gone_for_good}
    for unit in newest.values():
        judged = unit.flows if every_line else given_flows(unit)
        gone = frozenset(
            flow for flow in judged if flow and giver.get((_product(unit), flow), unit.number) != unit.number
        )
        if gone:
            dead[unit.number] = frozenset() if gone == frozenset(unit.flows) else gone
    return dead


def _newest(units: Iterable[HeldUnit]) -> dict[str, HeldUnit]:
    return {unit.name: unit for unit in sorted(units, key=newness) if unit.state == "live"}


def _product(unit: HeldUnit) -> str:
    return unit.name.partition("/")[0]


def live_id(units: Collection[HeldUnit]) -> str:
    """What identifies the live rows, and the superseded ones that tell of former keys: research tables of another set are stale."""
    dead = dead_flows(units)
    whole = [unit.number for unit in units if unit.number not in dead]
    part = [[number, sorted(flows)] for number, flows in dead.items() if flows]
    former = [unit.number for unit in units if dead.get(unit.number) == frozenset() and _product(unit) in _KEYED]
    return content_id({"live": sorted(whole), "without": sorted(part), "former": sorted(former)})
