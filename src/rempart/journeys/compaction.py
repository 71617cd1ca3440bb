# SPDX-License-Identifier: Apache-2.0
"""Compaction: all gross rows of a snapshot → research tables, shard by shard → the next snapshot. The order of deliveries leaves no trace.

Who is one person, what a rule drops and what OMOP gets is ``ingest``'s work; this file is the way. It adds nothing to the gross rows.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

import pyarrow as pa

from rempart.errors import BadInput, Missing
from rempart.ingest.balance import Books, last_known, window
from rempart.ingest.collected import Collected
from rempart.ingest.context import Context, Prepared, collect_context, finish_context, gather_context, prepare_context
from rempart.ingest.context_codes import mapped_codes
from rempart.ingest.definitions import Definitions
from rempart.ingest.deliveries import TABLE as DELIVERY
from rempart.ingest.deliveries import delivery_table, unlike
from rempart.ingest.persons import CARD_DIGEST, resolve_persons
from rempart.ingest.report import IngestReport
from rempart.ingest.shard import MOST_PASSES, make_shard, pass_words, rule_words
from rempart.ingest.unit_plan import dead_flows, live_id
from rempart.ingest.units import UnitEntry
from rempart.journeys.exchange import Exchange
from rempart.journeys.former_keys import FOLLOWED, following, former_keys
from rempart.journeys.gross_parts import CARDS, CORRESPONDENCE, NAME, REMAP, GrossParts, Shards
from rempart.journeys.gross_shape import GrossShape
from rempart.journeys.ingest import FORMER, OBJECTION, SPACE
from rempart.journeys.ingest_delivery import Bounds
from rempart.journeys.objecting_names import waiting_pairs
from rempart.journeys.parts import one_ahead, sealed_parts
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.remaps import settle
from rempart.journeys.research_parts import INDEX, PERSON, ResearchParts, known_before
from rempart.journeys.research_state import RESEARCH, RULES, VOCABULARY, chosen_text
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.journeys.unit_register import held_units, told_of
from rempart.ports.background import Background
from rempart.ports.broker import GrantRequest
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.omop import MAIN, TableLayout
from rempart.records.sealed import SpaceCommit
from rempart.vault.part import SealedPart

_ARCHIVE_RULE = "D7"
"""Drops lines of a yearly archive whose flow is not of its months."""
_CARD = ("psa", "card", "person", "archived", "certified", "updated", "seen", "hits")
_WITHOUT_PERSONS = (
    "gross_commune_change", "gross_population", "gross_environment", "gross_drug_code", "gross_condition_code",
)  # fmt: skip
_SUPERSEDED = {"gross_claim": "superseded", "gross_consulted": "superseded_consulted"}
_PIECES = ("person", "card_person", "psa_person", "key_person")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What a compaction did: the reconciliation, the commit, rows and content hash by table; ``mapped``: code system → codes met, and
    those with a standard concept."""

    report: IngestReport
    commit: SpaceCommit
    rows: Mapping[str, int]
    content: Mapping[str, str]
    mapped: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """One run's means; ``compact`` is the act. ``switches``: rule id → on, over the rules' defaults; ``names``: word → delivered table;
    ``pass_rows``: gross rows that one session takes, of several shards or in several passes; ``extra``: tables without persons to
    seal beside; ``vocabulary``: what the manifest says of the one in ``context``."""

    vault: Vault
    recorder: Recorder
    scratch: Scratch
    new_query: Callable[[], Query]
    background: Background
    shapes: Mapping[str, GrossShape]
    definitions: Definitions
    context: Context
    names: Mapping[str, str]
    run: str
    progress: Progress
    named_step: Callable[[str], None]
    switches: Mapping[str, bool] = field(default_factory=dict)
    pass_rows: int = Bounds().pass_rows
    extra: Mapping[str, pa.Table] = field(default_factory=dict)
    vocabulary: str = ""

    def compact(self) -> Compacted:
        """Make the research tables of the newest snapshot's live gross rows and commit them as the next.

        Raises Missing ``space-missing``, BadInput ``no-person``, Unavailable ``commit-lost``; nothing is half-committed.
        """
        before = newest_commit(self.vault.ledger, SPACE)
        if before is None:
            raise Missing("space-missing", space=SPACE)
        objects = [f"run:{self.run}", f"space:{SPACE}", "work:compaction"]
        with recorded(self.recorder, "ingest", basis="operation:ingest", objects=objects) as act:
            (reference,) = self.vault.broker.grant(self._request(act))
            opened = open_space(self.vault, space=SPACE, reference=reference, head=before.head)
            done = _Compacting(self, act, reference, opened).go()
            act.say("run", self.run)
            act.say("head", done.commit.head)
            act.said.extend(f"content:{table}={value}" for table, value in done.content.items())
        return done

    @property
    def layouts(self) -> dict[str, TableLayout]:
        """Of every table with persons that is made here, the reserved one too."""
        decided = self.definitions.decided
        return {**self.definitions.research, decided.name: decided}

    def _request(self, act: Act) -> GrantRequest:
        """Read gross rows, names and the release index; write what is made of them."""
        read = [(table, MAIN) for table in (*self.shapes, NAME, REMAP, CORRESPONDENCE, OBJECTION, "manifest")]
        write = [(table.name, sibling) for table in self.layouts.values() for sibling in table.siblings]
        write += [(table, MAIN) for table in (REMAP, FORMER, "manifest", *WHOLE, *self.extra)]
        both = (PERSON, INDEX)
        tables = [(SPACE, *place, "read") for place in (*read, both)]
        tables += [(SPACE, *place, "write") for place in (*write, both)]
        return GrantRequest(intent=act.index, tables=tuple(tables), secrets=())


WHOLE = (
    "delivery", "usable_interval", "location", "commune_conversion", "environment", "provider", "care_site", "code_hierarchy",
)  # fmt: skip
"""Tables without persons."""


class _Compacting:
    """One act under way."""

    def __init__(self, run: Compaction, act: Act, reference: str, opened: OpenSpace) -> None:
        self._run, self._reference, self._opened = run, reference, opened
        self._units = held_units(opened, again=False)
        self._dead = dead_flows(self._units, every_line=not run.switches.get(_ARCHIVE_RULE, True))
        self._live: list[UnitEntry] = [unit for unit in self._units if self._dead.get(unit.number, unit) != frozenset()]
        self._gross = GrossParts(run.vault, opened, reference=reference, shapes=run.shapes, dead=self._dead)
        self._writer = SpaceWriter(
            run.vault, run.recorder, act, space=SPACE, shards=opened.body.shards, parent=opened.commit, reference=reference,
            named_step=run.named_step,
        )  # fmt: skip
        made = {*run.layouts, FORMER, *WHOLE, *run.extra}
        self._writer.keep(opened, but={part.object for part in opened.body.parts if part.table in made})
        self._words = {**rule_words(run.definitions, run.switches), **run.context.words}
        self._books = Books()
        self._former, self._followed = pa.table({}), 0
        self._parts = ResearchParts(self._writer, run.background, run.recorder.randomness, run.layouts)
        self._pairs = known_before(run.vault, opened, reference=reference)

    def go(self) -> Compacted:
        """Persons, context, shards, commit."""
        people = self._run.new_query()
        try:
            prepared = self._people(people)
            self._run.named_step("persons-resolved")
            collected = self._shards(people, prepared)
            whole = {**prepared.whole, **finish_context(people, self._run.definitions, collected), **self._run.extra}
            whole |= {FORMER: self._former, DELIVERY: delivery_table(told := told_of(self._opened), self._live)}
        finally:
            people.close()
        for name, table in whole.items():
            self._writer.add(name, MAIN, 0, table)
        self._books.rows.update(self._parts.finish())
        further = [*prepared.counts, *([(FOLLOWED, self._followed)] if self._followed else [])]
        report = self._books.report(self._run.definitions, self._live, names=self._run.names, further=further)
        report = replace(report, notes=(*report.notes, *unlike(told, self._live)))
        facts = {**self._opened.body.facts, "first": report.first_day, "last": report.last_day}
        facts[RESEARCH] = live_id(self._units)
        facts[RULES] = chosen_text(self._run.switches, self._run.context.options)
        facts[VOCABULARY] = self._run.vocabulary
        commit = self._writer.commit(lineage=self._opened.body.lineage, facts=facts)
        content = {
            name: total for name, total in self._parts.content().items() if name in self._run.definitions.research
        }
        mapped = mapped_codes(prepared.shared["concept_map"])
        return Compacted(report=report, commit=commit, rows=report.rows, content=content, mapped=mapped)

    def _people(self, query: Query) -> Prepared:
        """Who is who over all cards, rows brought to where their persons are, and what context needs of all shards before any is made."""
        run, gross = self._run, self._gross
        gross.register_names(query, shown=("person",))
        gross.gather(query, CARDS, columns=(*_CARD, CARD_DIGEST))
        resolve_persons(query, run.definitions, self._words)
        if not _count(query, "person"):
            raise BadInput("no-person")
        self._former = former_keys(query, gross, run.definitions, self._words, self._units)
        opened = self._opened
        objecting = sealed_parts(run.vault, opened, opened.parts(OBJECTION, MAIN, 0), reference=self._reference)
        self._followed = following(query, self._former, objecting)
        self._former = pa.concat_tables([self._former, waiting_pairs(query, gross, objecting)])
        self._words |= self._days(query)
        moved = settle(query)
        if moved.num_rows:
            self._writer.add(REMAP, MAIN, 0, moved)
        exchange = Exchange(run.scratch, run.run, run.recorder.randomness)
        gross.move([*gross.moves(query), moved], exchange=exchange, new_query=run.new_query, progress=run.progress)
        for table in (NAME, CARDS):
            query.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
        for table in _WITHOUT_PERSONS:
            gross.gather(query, table)
        prepared = prepare_context(query, run.definitions, run.context, self._gathered())
        self._words.update(prepared.words)
        return prepared

    def _days(self, query: Query) -> dict[str, str]:
        seen = (
            query.table("SELECT CAST(max(greatest(updated, seen)) AS VARCHAR) AS day FROM gross_card")
            .column("day")[0]
            .as_py()
        )
        first, last = window(self._live)
        return {"first_day": first, "last_day": last, "last_known": last_known(self._live, seen or "")}

    def _gathered(self) -> dict[str, list[pa.Table]]:
        """What context gathers, by name, shard after shard."""
        run, found = self._run, dict[str, list[pa.Table]]()
        groups = self._gross.together(run.pass_rows)
        with closing(one_ahead(groups, new_query=run.new_query, attach=self._gross.attach)) as sessions:
            for shards, query in sessions:
                run.progress.step("gather-shards", shards[0], self._gross.shards)
                self._gross.show(query, shards)
                for name, table in gather_context(query, run.definitions, self._words).items():
                    found.setdefault(name, []).append(table)
        return found

    def _shards(self, people: Query, prepared: Prepared) -> dict[str, list[pa.Table]]:
        """Every shard's research tables, sealed, small shards in one session; what context collects of them, by name."""
        run, count, collected = self._run, self._gross.shards, Collected()

        def attach(query: Query, shards: Shards) -> None:
            self._gross.attach(query, shards)
            for name, parts in self._known(shards).items():
                query.attach(name, parts)

        groups = self._gross.together(run.pass_rows)
        with closing(one_ahead(groups, new_query=run.new_query, attach=attach)) as sessions:
            for shards, query in sessions:
                run.progress.step("compact-shards", shards[0], count)
                self._gross.show(query, shards)
                self._show_people(query, people, shards)
                for name, table in prepared.shared.items():
                    query.register(name, table)
                self._make(query, shards)
                collected.add(collect_context(query, run.definitions, self._words))
                for _ in shards:
                    run.named_step("shard-compacted")
        run.progress.step("compact-shards", count, count)
        return collected.tables

    def _known(self, shards: Shards) -> dict[str, list[SealedPart]]:
        found: dict[str, list[SealedPart]] = {}
        for shard in shards:
            for name, parts in self._pairs[shard].items():
                found.setdefault(name, []).extend(parts)
        return found

    def _show_people(self, query: Query, people: Query, shards: Shards) -> None:
        """The maps of persons of some shards; of cards delivered with several person keys, all: only one of their rows is kept."""
        for name in _PIECES:
            more = " OR person_keys > 1" if name == "card_person" else ""
            where = f"shard BETWEEN {shards[0]} AND {shards[-1]}{more}"
            query.register(f"{name}_piece", people.table(f"SELECT * FROM {name} WHERE {where}"))
            query.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {name}_piece")
            query.unregister(f"{name}_piece")
        self._parts.show_people(query, shards, known=self._known(shards).keys())

    def _make(self, query: Query, shards: Shards) -> None:
        """Shards together, or one in as many passes as its rows ask for; each pass sealed."""
        rows = self._gross.rows()
        passes = min(MOST_PASSES, -(-max(1, sum(rows[shard] for shard in shards)) // self._run.pass_rows))
        self._count_superseded(query, shards)
        for number in range(passes):
            given = {**self._words, **pass_words(shards[0], number, passes)}
            self._books.add(make_shard(query, self._run.definitions, given))
            self._parts.seal(query)

    def _count_superseded(self, query: Query, shards: Shards) -> None:
        """Lines of live units whose flow another unit gives: they are in the units' counts and in no view."""
        partly = [(unit, sorted(flows)) for unit, flows in self._dead.items() if flows]
        where = " OR ".join(f"unit = {unit} AND flow IN ({', '.join(map(str, flows))})" for unit, flows in partly)
        for table, sql in _SUPERSEDED.items():
            lines = self._gross.delivered(table, shards)
            if not partly or not lines:
                continue
            filled = self._run.definitions.filled(self._run.definitions.sql[sql], {"where": where, "lines": lines})
            counted = query.table(filled)
            for word, count in zip(*(column.to_pylist() for column in counted.columns), strict=True):
                self._books.superseded[word] = self._books.superseded.get(word, 0) + count


def _count(query: Query, table: str) -> int:
    return int(query.table(f"SELECT count(*) AS n FROM {table}").column("n")[0].as_py())
