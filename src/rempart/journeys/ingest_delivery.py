# SPDX-License-Identifier: Apache-2.0
"""Ingest, first half: units of deliveries → gross parts → commits. Names die here; nothing is judged across units (``compaction`` does).

A unit is in the warehouse once a commit names it: whoever is killed before finds it new again, and that is all there is to resuming.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from rempart.errors import Refused
from rempart.ingest.deliveries import redeclared
from rempart.ingest.unit_plan import READ, Planned, outlived
from rempart.ingest.units import Note, Unit, UnitEntry, UnitPart
from rempart.journeys.delivered_units import DeliveredUnits, entered, leaving, plan, staying, without
from rempart.journeys.gross_parts import CORRESPONDENCE, NAME, REMAP, GrossParts
from rempart.journeys.gross_shape import GrossShape
from rempart.journeys.gross_writer import GrossWriter
from rempart.journeys.ingest import SPACE
from rempart.journeys.names import Names
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.journeys.unit_register import DELIVERIES, UNITS, dead_objects, held_units, joined, told_of, units_fact
from rempart.journeys.unit_scratch import UnitScratch
from rempart.ports.background import Background
from rempart.ports.broker import GrantRequest
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.canonical import canonical_bytes
from rempart.records.omop import MAIN
from rempart.records.sealed import SpaceCommit

_BYTES_A_ROW = 150
NATIVE = "native"
"""The manifest's fact that names the documents under which native tables were sealed beside."""


class Reader(Protocol):
    """Files of units as rows of the tables ``new_<gross table>``."""

    def begin(self, query: Query) -> None:
        """Make the empty tables."""

    def parts(self, query: Query, unit: Unit, spill: UnitScratch) -> Iterator[UnitPart]:
        """Stage the unit, a partition at a time."""

    def add(self, query: Query, unit: Unit, number: int) -> None:
        """Append the staged partition to ``new_<gross table>`` under the unit's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When rows go to the host and when a commit is worth its while. ``rows``: gross rows in memory; ``seconds`` between commits;
    ``pass_rows``: gross rows that compaction takes at once."""

    rows: int = 2_000_000
    seconds: int = 300
    pass_rows: int = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What became of each delivered unit, in order; ``commit``: the last one, None where nothing was new; ``rows`` added by table word;
    ``declared``: what each delivery said of its population, by its id; ``notes``: drift in the units read now; ``other``: names of files
    that are no table; ``left``: live units that a fresh start dropped."""

    planned: tuple[Planned, ...]
    commit: SpaceCommit | None
    lines: Mapping[str, int]
    declared: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    other: tuple[str, ...] = ()
    left: tuple[UnitEntry, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Span:
    """From one commit to the next."""

    opened: OpenSpace | None
    writer: SpaceWriter
    begun: datetime
    done: list[UnitEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """One run's means; ``gather`` is the act. ``rules``: hash of the parameters that change the bits of a line;
    ``native``: the signed document that lets native tables be sealed beside, '' = none are."""

    vault: Vault
    recorder: Recorder
    scratch: Scratch
    query: Query
    reader: Reader
    background: Background
    shapes: Mapping[str, GrossShape]
    shards: int
    rules: str
    run: str
    progress: Progress
    named_step: Callable[[str], None]
    bounds: Bounds = Bounds()
    native: str = ""

    def gather(self, deliveries: Sequence[DeliveredUnits], *, again: bool = False) -> Gathered:
        """Add the gross parts of every unit that is new or newer. ``again``: of what was there before, only the units that these
        deliveries hold too stay.

        Raises BadInput from the reader, Refused ``warehouse-not-empty`` (a warehouse of another form, without ``again``) or
        ``rules-mixed``, Unavailable ``commit-lost``; units committed before stay.
        """
        before = newest_commit(self.vault.ledger, SPACE)
        objects = [f"run:{self.run}", f"space:{SPACE}", *(f"delivery:{delivery.id}" for delivery in deliveries)]
        with recorded(self.recorder, "ingest", basis="operation:ingest", objects=objects) as act:
            self.named_step("intent-logged")
            reference, opened = self._open(act, before)
            return _Gathering(self, act, reference, opened, held_units(opened, again=again)).go(deliveries, again=again)

    def _open(self, act: Act, before: SpaceCommit | None) -> tuple[str, OpenSpace | None]:
        (reference,) = self.vault.broker.grant(request(act, self.shapes))
        if before is None:
            return reference, None
        return reference, open_space(self.vault, space=SPACE, reference=reference, head=before.head)


class _Gathering:
    """One act under way."""

    def __init__(self, run: Gather, act: Act, reference: str, opened: OpenSpace | None, held: list[UnitEntry]) -> None:
        self._run, self._act, self._reference = run, act, reference
        self._held, self._opened = held, opened
        self._today = run.recorder.clock.now().date().isoformat()
        self._lines: dict[str, int] = {}
        self._notes: dict[Note, None] = {}
        self._told: dict[str, dict[str, str]] = {}
        self._waiting: set[int] = set()
        self._commit: SpaceCommit | None = None
        self._left: tuple[UnitEntry, ...] = ()

    def go(self, deliveries: Sequence[DeliveredUnits], *, again: bool) -> Gathered:
        """Every unit, then the last commit."""
        dropped = self._drop(deliveries) if again else False
        self._told = {delivery.id: dict(delivery.declared) for delivery in deliveries}
        work = plan(deliveries, self._held, today=self._today)
        todo = [(unit, plan, delivery) for unit, plan, delivery in work if plan.fate in READ]
        self._check_rules()
        if todo or dropped:
            writer = self._names()
            span = self._span()
            for done, (unit, _, delivery) in enumerate(todo):
                self._run.progress.step("read-units", done, len(todo))
                self._add(unit, delivery, writer, span)
                self._run.named_step("unit-read")
                if self._due(span) and done + 1 < len(todo):
                    span = self._store(writer, span)
            self._run.progress.step("read-units", len(todo), len(todo))
            self._store(writer, span)
        plans = tuple(plan for _, plan, _ in work)
        self._act.say("run", self._run.run)
        self._act.say("units", len(todo))
        if self._commit is not None:
            self._act.say("head", self._commit.head)
        return Gathered(
            planned=plans, commit=self._commit, lines=self._lines, declared=self._told, notes=tuple(self._notes),
            left=self._left,
        )  # fmt: skip

    def _drop(self, deliveries: Sequence[DeliveredUnits]) -> bool:
        """Drop every held unit that the deliveries do not hold with the same content and rules; whether there was one."""
        before = self._held
        stay = staying(before, deliveries, self._run.rules)
        self._left, self._held = leaving(before, stay), without(before, stay)
        return self._held != before

    def _check_rules(self) -> None:
        """Even where nothing is new: who gives other parameters must not believe that they took effect."""
        if {entry.rules for entry in self._held if entry.state == "live"} - {self._run.rules}:
            raise Refused("rules-mixed")

    def _names(self) -> GrossWriter:
        run = self._run
        kinds = tuple(dict.fromkeys(kind for shape in run.shapes.values() for kind in shape.names.values()))
        identity, shard = run.vault.broker.secrets(self._reference, ("identity", f"{SPACE}/shard"))
        names = Names(run.query, kinds, identity, shard, run.shards)
        names.begin()
        if self._opened is not None:
            names.load(GrossParts(run.vault, self._opened, reference=self._reference, shapes={}, dead={}))
        run.reader.begin(run.query)
        return GrossWriter(run.query, names, run.shapes, run.background)

    def _span(self) -> _Span:
        run = self._run
        writer = SpaceWriter(
            run.vault,
            run.recorder,
            self._act,
            space=SPACE,
            shards=run.shards,
            parent=self._opened.commit if self._opened else None,
            reference=self._reference,
            named_step=run.named_step,
        )
        return _Span(opened=self._opened, writer=writer, begun=run.recorder.clock.now())

    def _due(self, span: _Span) -> bool:
        return self._run.recorder.clock.now() - span.begun >= timedelta(seconds=self._run.bounds.seconds)

    def _add(self, unit: Unit, delivery: DeliveredUnits, writer: GrossWriter, span: _Span) -> None:
        """One unit's rows; what exceeds the bound goes to the host at once, listed only when the unit is whole.

        Rows that wait and a staged unit are not both large: what waits is written first, and the unit's own once it is staged no more.
        """
        run, entry = self._run, self._entry(unit, delivery)
        if self._waiting and writer.waiting() + unit.size // _BYTES_A_ROW > run.bounds.rows:
            self._flush(writer, span)
        spill = UnitScratch(run.scratch, run.run, run.recorder.randomness)
        for part in run.reader.parts(run.query, unit, spill):
            run.reader.add(run.query, unit, entry.number)
            self._waiting.add(entry.number)
            entry = joined(entry, part)
            if part.number + 1 < part.parts and writer.waiting() >= run.bounds.rows:
                self._flush(writer, span)
        if writer.waiting() >= run.bounds.rows:
            self._flush(writer, span)
        span.done.append(entry)
        self._held.append(entry)
        self._notes |= dict.fromkeys(entry.read)
        for word, count in entry.lines.items():
            self._lines[word] = self._lines.get(word, 0) + count

    def _entry(self, unit: Unit, delivery: DeliveredUnits) -> UnitEntry:
        read = redeclared(delivery.id, delivery.declared, told_of(self._opened), self._told)
        return replace(entered(unit, delivery, self._held, today=self._today, rules=self._run.rules), read=read)

    def _flush(self, writer: GrossWriter, span: _Span) -> None:
        writer.flush(span.writer, self._waiting)
        self._waiting.clear()

    def _store(self, writer: GrossWriter, span: _Span) -> _Span:
        """Flush, list, commit: from here on these units need not be read again."""
        self._flush(writer, span)
        gone = outlived(self._held)
        self._held = [replace(entry, state="superseded") if entry.number in gone else entry for entry in self._held]
        if span.opened is not None:
            span.writer.keep(span.opened, but=dead_objects(span.opened, gone))
        writer.take(span.writer)
        before = span.opened.body.facts if span.opened else {}
        told = {**told_of(span.opened), **self._told}
        live = {entry.delivery for entry in self._held if entry.state == "live"}
        kept = canonical_bytes({name: said for name, said in told.items() if name in live}).decode()
        facts = {**before, "form": "snds", UNITS: units_fact(self._held), DELIVERIES: kept}
        if self._run.native:
            facts[NATIVE] = " ".join(sorted({*before.get(NATIVE, "").split(), self._run.native}))
        self._commit = span.writer.commit(lineage=tuple(f"delivery:{name}" for name in sorted(live)), facts=facts)
        self._run.named_step("units-committed")
        self._opened = open_space(self._run.vault, space=SPACE, reference=self._reference, head=self._commit.head)
        return self._span()


def request(act: Act, shapes: Mapping[str, GrossShape]) -> GrantRequest:
    """Write gross parts and the register of names, read the register and the manifest."""
    write = [*shapes, NAME, CORRESPONDENCE, "manifest"]
    read = [NAME, REMAP, CORRESPONDENCE, "manifest"]
    tables = [(SPACE, table, MAIN, mode) for mode, names in (("write", write), ("read", read)) for table in names]
    return GrantRequest(intent=act.index, tables=tuple(tables), secrets=("identity", f"{SPACE}/shard"))
