# SPDX-License-Identifier: Apache-2.0
"""Quality of the warehouse: a few aggregates a table and shard, then thousands of checks answered from their sums.

What leaves here is what may be shown. Rows are read where they lie, in memory, under an act of its own; nothing is written.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from rempart.errors import Missing
from rempart.ingest.quality import Finding, Measured, Settings, judged, rounded
from rempart.ingest.quality_battery import VOCABULARY, Battery, read_vocabulary
from rempart.journeys.ingest import SPACE
from rempart.journeys.parts import one_ahead, sealed_parts
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.research_state import VOCABULARY as MADE_WITH
from rempart.journeys.research_state import is_current, require_tables
from rempart.journeys.shard_sessions import joined_view
from rempart.journeys.space import OpenSpace, Vault, newest_commit, open_space
from rempart.ports.broker import GrantRequest
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.omop import MAIN, WAREHOUSE_PERSON, TableLayout
from rempart.vault.part import SealedPart

KIND = "quality"
Place = tuple[str, str]
"""Table and sibling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Findings, failed ones first; ``scans``: aggregates run over stored tables; ``head``: the snapshot they are of.

    ``rows``: rounded as counts are; ``behind``: the research tables are not those of the live units.
    """

    findings: tuple[Finding, ...]
    scans: int
    shards: int
    rows: int
    head: str
    behind: bool = False


class Beyond:
    """Checks beyond the research tables: what they read of the snapshot, shard by shard. This one asks nothing."""

    places: tuple[Place, ...] = ()

    def scan(self, query: Query, opened: OpenSpace, shard: int) -> int:
        """Look at one shard, whose ``places`` are views ``<table>``; how many aggregates that took."""
        return 0

    def answers(self, opened: OpenSpace) -> Iterable[Measured]:
        """What was counted."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A snapshot as it is read: readers of its parts by object."""

    opened: OpenSpace
    layouts: Mapping[str, TableLayout]
    readers: Mapping[str, SealedPart]
    beyond: Beyond

    def attach(self, query: Query, shard: int) -> None:
        """The shard's tables: siblings under ``<table>__<sibling>``, others under their own names."""
        for name, layout in self.layouts.items():
            for sibling in siblings(self.opened, layout):
                if not self._attach(query, f"{name}__{sibling}", (name, sibling), shard):
                    query.execute(_empty(layout, sibling))
        for place in self.beyond.places:
            self._attach(query, place[0], place, shard)

    def _attach(self, query: Query, view: str, place: Place, shard: int) -> bool:
        parts = [self.readers[part.object] for part in self.opened.parts(*place, shard)]
        if parts:
            query.attach(view, parts)
        return bool(parts)

    def attach_vocabulary(self, query: Query) -> bool:
        """The table ``concept``, when one was loaded."""
        return self._attach(query, VOCABULARY, (VOCABULARY, MAIN), 0)


def check_quality(
    *,
    vault: Vault,
    recorder: Recorder,
    new_query: Callable[[], Query],
    layouts: Mapping[str, TableLayout],
    rules: Settings,
    beyond: Beyond,
    progress: Progress,
) -> Report:
    """Check the newest snapshot of the warehouse. Raises Missing ``space-missing``, ``research-missing``."""
    if newest_commit(vault.ledger, SPACE) is None:
        raise Missing("space-missing", space=SPACE)
    objects = [f"space:{SPACE}"]
    with recorded(recorder, KIND, basis=f"operation:{KIND}", objects=objects, event_class="trace") as act:
        wanted = [(table.name, sibling) for table in layouts.values() for sibling in table.siblings]
        tables = dict.fromkeys([*wanted, *beyond.places, (VOCABULARY, MAIN), ("manifest", MAIN)])
        asked = tuple((SPACE, *place, "read") for place in tables)
        (reference,) = vault.broker.grant(GrantRequest(intent=act.index, tables=asked))
        opened = open_space(vault, space=SPACE, reference=reference)
        held = {name: layout for name, layout in layouts.items() if siblings(opened, layout)}
        parts = [p for p in opened.body.parts if (p.table, p.sibling) in tables and p.table != "manifest"]
        readers = sealed_parts(vault, opened, parts, reference=reference)
        found = dict(zip([part.object for part in parts], readers, strict=True))
        reading = Reading(opened=opened, layouts=held, readers=found, beyond=beyond)
        require_tables(opened.body.tables, layouts)
        facts = opened.body.facts
        rules = replace(rules, french=facts.get("form") == "snds", mapped=bool(facts.get(MADE_WITH)))
        battery = Battery(layouts=layouts, held=tuple(held), rules=rules)
        _scan(reading, battery, new_query, progress)
        measured = [*_answers(reading, battery, new_query()), *beyond.answers(opened)]
        act.say("head", opened.commit.head)
        act.say("checks", len(measured))
    return Report(
        findings=tuple(judged(measured, rules)),
        scans=battery.scans,
        shards=opened.body.shards,
        rows=rounded(battery.rows, rules),
        head=opened.commit.head,
        behind=not is_current(facts),
    )


def siblings(opened: OpenSpace, layout: TableLayout) -> list[str]:
    """Siblings of the layout that the snapshot has."""
    return [sibling for sibling in layout.siblings if sibling in opened.body.tables.get(layout.name, {})]


def _scan(reading: Reading, battery: Battery, new_query: Callable[[], Query], progress: Progress) -> None:
    shards = reading.opened.body.shards
    with closing(one_ahead(range(shards), new_query=new_query, attach=reading.attach)) as sessions:
        for shard, query in sessions:
            progress.step("quality-shards", shard, shards)
            for layout in reading.layouts.values():
                query.execute(joined_view(layout, siblings(reading.opened, layout), WAREHOUSE_PERSON))
            battery.scan(query)
            battery.scans += reading.beyond.scan(query, reading.opened, shard)
    progress.step("quality-shards", shards, shards)


def _answers(reading: Reading, battery: Battery, query: Query) -> list[Measured]:
    """Every check of the research tables; closes ``query``."""
    try:
        counts = battery.counts(query)
        vocabulary = read_vocabulary(query, counts) if reading.attach_vocabulary(query) else None
        return list(battery.answers(counts, vocabulary))
    finally:
        query.close()


def _empty(layout: TableLayout, sibling: str) -> str:
    """A table without rows in the place of a sibling of which the shard has no part."""
    named = dict.fromkeys(layout.stored(sibling, WAREHOUSE_PERSON), "VARCHAR") | dict(layout.siblings[sibling])
    if layout.key in named:
        named[layout.key] = layout.type_of(layout.key)
    columns = ", ".join(f"{column} {type_}" for column, type_ in named.items())
    return f"CREATE TABLE {layout.name}__{sibling} ({columns})"
