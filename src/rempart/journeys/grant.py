# SPDX-License-Identifier: Apache-2.0
"""Grant a permit: warehouse → project dataset, with only what is permitted and nothing that the warehouse's names could join.

Two passes over the warehouse's shards: persons (who is in, with fresh ordinals), then rows, exchanged between shards through
sealed scratch under a key that lives as long as this call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pyarrow as pa

from rempart.errors import Missing, Refused
from rempart.identity.draws import draw_numbers
from rempart.identity.objections import with_former
from rempart.identity.ordinals import project_ordinals
from rempart.identity.pseudonyms import pseudonyms
from rempart.identity.shards import shard_of
from rempart.journeys.exchange import Exchange
from rempart.journeys.ingest import FORMER, OBJECTION
from rempart.journeys.ingest import SPACE as WAREHOUSE
from rempart.journeys.parts import one_ahead, sealed_parts
from rempart.journeys.permits import events
from rempart.journeys.project_rows import (
    fresh_visits_sql,
    permitted_rows_sql,
    project_part_sql,
    provider_columns,
    providers_sql,
)
from rempart.journeys.project_whole import PROVIDER, seal_whole
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.research_state import require_current
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.journeys.usable import USABLE, usable_fact
from rempart.permits.compile import PermittedPart, compile_permit, compile_whole
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.document import SignedDocument
from rempart.records.omop import DRAW, MAIN, TableLayout
from rempart.records.permit import Permit
from rempart.records.sealed import PartEntry, SpaceCommit

Compiled = Mapping[str, Mapping[str, PermittedPart]]
_VISITS = "visit_occurrence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a grant made: persons and rows by table in the project dataset, objections left out."""

    commit: SpaceCommit
    persons: int
    objections: int
    rows: Mapping[str, int]


def grant(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    scratch: Scratch,
    new_query: Callable[[], Query],
    permit: Permit,
    signed: SignedDocument,
    actor: str,
    layouts: Mapping[str, TableLayout],
    whole: Mapping[str, TableLayout],
    shards: int,
    run: str,
    progress: Progress,
    named_step: Callable[[str], None],
) -> Granted:
    """Create the project dataset of ``permit`` (already signed by the committee) as the first snapshot of its space.

    ``layouts``: of tables of persons; ``whole``: of tables without persons.

    Raises Refused ``project-exists``, ``permit-expired``…; Missing ``space-missing`` when nothing was ingested.
    """
    permit.check_valid_on(recorder.clock.now().date())
    compiled, further = compile_permit(permit, layouts), compile_whole(permit, whole)
    source = _source(vault, permit)
    objects = [
        f"run:{run}",
        f"permit:{documents.put(signed.data)}",
        f"project:{permit.project}",
        f"space:{permit.space}",
    ]
    objects.append(f"source-head:{source.head}")
    with recorded(recorder, "permit", basis=f"permit:{permit.id}", objects=objects, actor=actor) as act:
        named_step("intent-logged")
        made = _Extract(
            vault, recorder, scratch, new_query, permit, compiled, layouts, shards, progress, named_step, run, further
        )
        granted = made.extract(act)
        act.say("run", run)
        act.say("head", granted.commit.head)
        act.say("persons", granted.persons)
    return granted


def _source(vault: Vault, permit: Permit) -> SpaceCommit:
    """The warehouse's head, once neither the permit's id nor its project is taken."""
    source = newest_commit(vault.ledger, WAREHOUSE)
    if source is None:
        raise Missing("space-missing", space=WAREHOUSE)
    if newest_commit(vault.ledger, permit.space) is not None:
        raise Refused("project-exists", project=permit.project)
    if any(
        e.kind == "permit" and e.phase == "effect" and e.basis == f"permit:{permit.id}" for e in events(vault.ledger)
    ):
        raise Refused("permit-exists", permit=permit.id)
    return source


@dataclass(frozen=True, slots=True)
class _Extract:
    """One grant's work; the fields are what every step needs."""

    vault: Vault
    recorder: Recorder
    scratch: Scratch
    new_query: Callable[[], Query]
    permit: Permit
    compiled: Compiled
    layouts: Mapping[str, TableLayout]
    shards: int
    progress: Progress
    named_step: Callable[[str], None]
    run: str
    whole: Mapping[str, tuple[str, ...]]
    providers: set[int] = field(default_factory=set)

    def extract(self, act: Act) -> Granted:
        """Persons, rows, then the sealed project."""
        request = self._request(act)
        first, second = self.vault.broker.grant(request, uses=2)
        project_key, shard_key = self.vault.broker.secrets(first, request.secrets)
        source = open_space(self.vault, space=WAREHOUSE, reference=first)
        require_current(source.body.facts)
        people, objections = self._people(source, first, project_key, shard_key)
        self.named_step("persons-chosen")
        exchange = Exchange(self.scratch, self.run, self.recorder.randomness)
        self._exchange(source, second, people, exchange)
        self.named_step("rows-exchanged")
        writer = SpaceWriter(
            self.vault,
            self.recorder,
            act,
            space=self.permit.space,
            shards=self.shards,
            parent=None,
            reference=first,
            named_step=self.named_step,
        )
        fresh = self._fresh_providers(project_key)
        rows = self._seal(writer, people, exchange, fresh)
        rows |= seal_whole(
            writer, self.vault, source, reference=first, whole=self.whole, providers=fresh, new_query=self.new_query
        )
        lineage = (f"source-head:{source.commit.head}", f"permit:{self.permit.content_id}")
        commit = writer.commit(lineage=lineage, facts=usable_fact(self._whole(source, USABLE, MAIN, first)))
        return Granted(commit=commit, persons=people.num_rows, objections=objections, rows=rows)

    def _request(self, act: Act) -> GrantRequest:
        named = [(table, sibling) for table, siblings in self.compiled.items() for sibling in siblings]
        named += [(table, MAIN) for table in self.whole]
        sources = [
            *named,
            ("person", MAIN),
            ("person", "release_index"),
            (OBJECTION, MAIN),
            (FORMER, MAIN),
            (USABLE, MAIN),
            ("manifest", MAIN),
        ]
        targets = [*named, ("person", "release_index"), ("person", DRAW), ("manifest", MAIN)]
        read = [(WAREHOUSE, table, sibling, "read") for table, sibling in dict.fromkeys(sources)]
        write = [(self.permit.space, table, sibling, "write") for table, sibling in targets]
        secrets = (f"{self.permit.space}/pseudonym", f"{self.permit.space}/shard")
        return GrantRequest(intent=act.index, tables=(*read, *write), secrets=secrets)

    def _people(self, source: OpenSpace, reference: str, project_key: bytes, shard_key: bytes) -> tuple[pa.Table, int]:
        """pseudonym, person_id, target (shard), release_index, draw of everyone who does not object; how many object."""
        index = self._whole(source, "person", "release_index", reference)
        objecting = self._whole(source, OBJECTION, MAIN, reference)
        out = frozenset(objecting.column("pseudonym").to_pylist()) if objecting.num_rows else frozenset()
        former = self._whole(source, FORMER, MAIN, reference)
        out = with_former(out, [(row["former"], row["pseudonym"]) for row in former.to_pylist()])
        keep = pa.array([name not in out for name in index.column("pseudonym").to_pylist()], pa.bool_())
        kept = index.filter(keep)
        names = kept.column("pseudonym").to_pylist()
        fresh = pseudonyms(names, project_key)
        people = kept.append_column("person_id", pa.array(project_ordinals(fresh, project_key), pa.int64()))
        people = people.append_column(DRAW, pa.array(draw_numbers(fresh, project_key), pa.int64()))
        people = people.append_column("target", pa.array(shard_of(fresh, shard_key, self.shards), pa.int32()))
        return people, index.num_rows - kept.num_rows

    def _whole(self, source: OpenSpace, table: str, sibling: str, reference: str) -> pa.Table:
        """All shards of a narrow table, gathered in memory."""
        parts = [p for shard in range(source.body.shards) for p in source.parts(table, sibling, shard)]
        if not parts:
            return pa.table({})
        query = self.new_query()
        try:
            query.attach("whole", sealed_parts(self.vault, source, parts, reference=reference))
            return query.table("SELECT * FROM whole")
        finally:
            query.close()

    def _exchange(self, source: OpenSpace, reference: str, people: pa.Table, exchange: Exchange) -> None:
        """Permitted rows of every source shard, put into sealed scratch by target shard."""
        parts = [p for shard in range(source.body.shards) for p in self._needed(source, shard)]
        readers = {part.name: part for part in sealed_parts(self.vault, source, parts, reference=reference)}

        def attach(query: Query, shard: int) -> None:
            for table, siblings in self.compiled.items():
                for sibling in siblings:
                    named = [readers[entry.part] for entry in source.parts(table, sibling, shard)]
                    query.attach(f"{table}__{sibling}", named)

        with closing(one_ahead(range(source.body.shards), new_query=self.new_query, attach=attach)) as shards:
            for shard, query in shards:
                self.progress.step("extract-shards", shard, source.body.shards)
                query.register("people", people)
                for table, siblings in self.compiled.items():
                    rows = query.table(permitted_rows_sql(self.layouts[table], siblings))
                    self._note_providers(query, rows, provider_columns(siblings))
                    exchange.put(table, shard, rows)
        self.progress.step("extract-shards", source.body.shards, source.body.shards)

    def _note_providers(self, query: Query, rows: pa.Table, columns: Sequence[str]) -> None:
        """Keep in mind the professionals of some rows."""
        if columns and rows.num_rows:
            query.register("permitted_rows", rows)
            self.providers.update(query.table(providers_sql("permitted_rows", columns)).column("source").to_pylist())
            query.unregister("permitted_rows")

    def _fresh_providers(self, key: bytes) -> pa.Table:
        """source, fresh: a random dense number of each professional that the project's rows name."""
        known = sorted(self.providers)
        fresh = project_ordinals([f"{PROVIDER}:{number}" for number in known], key)
        return pa.table({"source": pa.array(known, pa.int64()), "fresh": pa.array(fresh, pa.int64())})

    def _needed(self, source: OpenSpace, shard: int) -> list[PartEntry]:
        return [
            p
            for table, siblings in self.compiled.items()
            for sibling in siblings
            for p in source.parts(table, sibling, shard)
        ]

    def _seal(self, writer: SpaceWriter, people: pa.Table, exchange: Exchange, providers: pa.Table) -> dict[str, int]:
        """Each target shard: fresh ids and order, then one part a table and sibling."""
        rows = dict.fromkeys(self.compiled, 0)
        for shard in range(self.shards):
            self.progress.step("seal-shards", shard, self.shards)
            query = self.new_query()
            try:
                for table in self.compiled:
                    query.register(f"moved_{table}", exchange.get(table, shard))
                query.register("people", people)
                query.register("fresh_provider", providers)
                query.execute(fresh_visits_sql(self.compiled.get(_VISITS, {}).get(MAIN), shard))
                for table, sibling, sealed in self._parts(query, shard):
                    writer.add(table, sibling, shard, sealed)
                    if sibling == MAIN:  # reserved siblings of persons lie there, named by a permit or not
                        rows[table] += sealed.num_rows
            finally:
                query.close()
        self.progress.step("seal-shards", self.shards, self.shards)
        return rows

    def _parts(self, query: Query, shard: int) -> Iterator[tuple[str, str, pa.Table]]:
        for table, siblings in self.compiled.items():
            for sibling in siblings:
                yield table, sibling, query.table(project_part_sql(self.layouts[table], siblings, sibling, shard))
        for sibling in ("release_index", DRAW):
            own = f"SELECT person_id, {sibling} FROM people WHERE target = {shard} ORDER BY person_id"
            yield "person", sibling, query.table(own)
