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
from rempart.identity.ordinals import project_ordinals
from rempart.journeys.exchange import Exchange
from rempart.journeys.formula import Formula, formula_document
from rempart.journeys.ingest import FORMER, OBJECTION
from rempart.journeys.ingest import SPACE as WAREHOUSE
from rempart.journeys.parts import one_ahead, sealed_parts
from rempart.journeys.permits import events
from rempart.journeys.project_people import gathered, project_people
from rempart.journeys.project_rows import (
    fresh_visits_sql,
    order_salt,
    permitted_rows_sql,
    project_part_sql,
    provider_columns,
    providers_sql,
)
from rempart.journeys.project_whole import PROVIDER, seal_whole
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.research_state import require_current
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.journeys.subset_proof import SubsetProof
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
    """What a grant made: persons and rows by table in the project dataset, objections left out; ``formula``: how to make it again."""

    commit: SpaceCommit
    persons: int
    objections: int
    rows: Mapping[str, int]
    formula: str


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
    formula: Formula | None = None,
) -> Granted:
    """Create the project dataset of ``permit`` (already signed by the committee) as the first snapshot of its space.

    ``layouts``: of tables of persons; ``whole``: of tables without persons; ``formula``: of the dataset to be made again.
    Raises Refused ``project-exists``, ``permit-expired``, ``subset-…``, ``formula-…``; Missing ``space-missing`` when nothing was ingested.
    """
    permit.check_valid_on(recorder.clock.now().date())
    compiled, further = compile_permit(permit, layouts), compile_whole(permit, whole)
    source = _source(vault, permit, formula)
    objects = _told(run, permit, documents.put(signed.data), source)
    with recorded(recorder, "permit", basis=f"permit:{permit.id}", objects=objects, actor=actor) as act:
        named_step("intent-logged")
        made = _Extract(
            vault, recorder, scratch, new_query, permit, compiled, layouts, shards, progress, named_step, run, further,
            SubsetProof(permit=permit, layouts={n: layouts[n] for n in compiled}, expected=formula.tables if formula else None),
            source.head,
        )  # fmt: skip
        granted = made.extract(act, documents)
        act.say("run", run)
        act.say("head", granted.commit.head)
        act.say("persons", granted.persons)
    return granted


def _told(run: str, permit: Permit, document: str, source: SpaceCommit) -> list[str]:
    """What the intent of a grant says."""
    named = [f"run:{run}", f"permit:{document}", f"project:{permit.project}", f"space:{permit.space}"]
    return [*named, f"source-head:{source.head}"]


def _source(vault: Vault, permit: Permit, formula: Formula | None) -> SpaceCommit:
    """The warehouse's head, or the one of a formula that the permit asks for, once neither the permit's id nor its project is taken."""
    source = newest_commit(vault.ledger, WAREHOUSE)
    if formula is not None:
        formula.check_asked(permit)
        source = formula.source(vault.ledger, WAREHOUSE)
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
    proof: SubsetProof
    head: str
    providers: set[int] = field(default_factory=set)

    def extract(self, act: Act, documents: Documents) -> Granted:
        """Persons, rows, then the sealed project, once it is proven to be what was permitted."""
        request = self._request(act)
        first, second = self.vault.broker.grant(request, uses=2)
        project_key, shard_key = self.vault.broker.secrets(first, request.secrets)
        source = open_space(self.vault, space=WAREHOUSE, reference=first, head=self.head)
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
        rows = self._seal(writer, people, exchange, fresh, order_salt(project_key))
        rows |= seal_whole(
            writer, self.vault, source, reference=first, whole=self.whole, providers=fresh, new_query=self.new_query
        )
        told = self.proof.document(source_head=source.commit.head, whole=self.whole)
        proof = documents.put(told)
        act.say("proof", proof)
        formula = documents.put(formula_document(self.permit, source_head=self.head, proof=proof))
        act.say("formula", formula)
        lineage = (f"source-head:{source.commit.head}", f"permit:{self.permit.content_id}")
        commit = writer.commit(lineage=lineage, facts=usable_fact(self._whole(source, USABLE, MAIN, first)))
        return Granted(commit=commit, persons=people.num_rows, objections=objections, rows=rows, formula=formula)

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
        """As ``project_people``; who may be in is told to the proof too."""
        index = self._whole(source, "person", "release_index", reference)
        newest = newest_commit(self.vault.ledger, WAREHOUSE)
        moved = (
            newest is not None and newest.head != self.head
        )  # whoever objected since stays out of what is made again
        latest = open_space(self.vault, space=WAREHOUSE, reference=reference) if moved else source
        objecting = self._whole(latest, OBJECTION, MAIN, reference)
        former = self._whole(latest, FORMER, MAIN, reference)
        query = self.new_query()
        try:
            self.proof.know(query, persons=index, objecting=objecting, former=former)
        finally:
            query.close()
        keys = {"project_key": project_key, "shard_key": shard_key}
        return project_people(index, objecting, former, **keys, shards=self.shards)

    def _whole(self, source: OpenSpace, table: str, sibling: str, reference: str) -> pa.Table:
        return gathered(self.vault, source, table, sibling, reference=reference, new_query=self.new_query)

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
                self.proof.permitted(query)
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

    def _seal(
        self, writer: SpaceWriter, people: pa.Table, exchange: Exchange, providers: pa.Table, salt: str
    ) -> dict[str, int]:
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
                query.execute(fresh_visits_sql(self.compiled.get(_VISITS, {}).get(MAIN), shard, salt))
                for table, sealed in self._parts(query, shard, salt):
                    for sibling, part in sealed.items():
                        writer.add(table, sibling, shard, part)
                    if MAIN in sealed:  # reserved siblings of persons lie there, named by a permit or not
                        rows[table] += sealed[MAIN].num_rows
            finally:
                query.close()
        self.progress.step("seal-shards", self.shards, self.shards)
        return rows

    def _parts(self, query: Query, shard: int, salt: str) -> Iterator[tuple[str, dict[str, pa.Table]]]:
        """Each table with its siblings, then the siblings of persons that no permit names."""
        for table, siblings in self.compiled.items():
            parts = {s: query.table(project_part_sql(self.layouts[table], siblings, s, shard, salt)) for s in siblings}
            self.proof.delivered(query, table, parts)
            yield table, parts
        for sibling in ("release_index", DRAW):
            own = f"SELECT person_id, {sibling} FROM people WHERE target = {shard} ORDER BY person_id"
            yield "person", {sibling: query.table(own)}
