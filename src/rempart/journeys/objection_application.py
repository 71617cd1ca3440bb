# SPDX-License-Identifier: Apache-2.0
"""Take who objects out of a dataset that was granted before: a new snapshot of the project, only the shards concerned rewritten.

Persons are found by the release index, which the project shares with the snapshot of the warehouse that it was made from. Ids stay
as they are, so that what was computed before still compares; a study at work ends on the head that it pinned. Grants nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from rempart.errors import Missing, NotTrusted, Refused
from rempart.identity.objections import Regime, reaching, with_former
from rempart.journeys.chain import erased_spaces
from rempart.journeys.ingest import FORMER, OBJECTION
from rempart.journeys.ingest import SPACE as WAREHOUSE
from rempart.journeys.objections import standing
from rempart.journeys.parts import sealed_parts
from rempart.journeys.permits import events, find_permit
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.permits.compile import compile_permit
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.document import SignedDocument
from rempart.records.omop import DRAW, MAIN, PROJECT_PERSON, WAREHOUSE_PERSON, TableLayout
from rempart.records.permit import Permit
from rempart.records.sealed import PartEntry
from rempart.records.trust import TrustFile
from rempart.vault.part import SealedPart

SCHEMA = "rempart.objection-application/1"
KIND = "objection-application"
INDEX = "release_index"
_SOURCE = "source-head:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an application did to one project. ``head``: its newest snapshot, '' when nobody had to leave."""

    project: str
    permit: str
    persons: int
    shards: int
    head: str


def running_permits(ledger: Ledger, recorder: Recorder, documents: Documents, trust: TrustFile) -> list[Permit]:
    """Permits whose datasets run: granted, valid today, their space not erased."""
    log = events(ledger)
    names = [event.basis.removeprefix("permit:") for event in log if (event.kind, event.phase) == ("permit", "effect")]
    found, gone = [], erased_spaces(ledger.leaves())
    for name in dict.fromkeys(names):
        permit = find_permit(log, documents, trust, name)
        try:
            permit.check_valid_on(recorder.clock.now().date())
            if newest_commit(ledger, permit.space) is not None and permit.space not in gone:
                found.append(permit)
        except (Refused, Missing):  # expired or not begun: nobody reads it
            continue
    return found


def application_body(permit: Permit) -> dict[str, str]:
    """What an officer signs for one project."""
    return {"schema": SCHEMA, "permit": permit.id, "space": permit.space}


def apply_objections(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    new_query: Callable[[], Query],
    permit: Permit,
    signed: SignedDocument,
    actor: str,
    layouts: Mapping[str, TableLayout],
    among: Mapping[str, Regime],
    progress: Progress,
    named_step: Callable[[str], None],
) -> Applied:
    """Apply what stands to the dataset of ``permit``; again and again, it changes nothing more.

    Raises Unavailable ``commit-lost`` when another snapshot came meanwhile; nothing is then changed.
    """
    objects = [f"document:{documents.put(signed.data)}", f"project:{permit.project}", f"space:{permit.space}"]
    with recorded(recorder, KIND, basis=f"permit:{permit.id}", objects=objects, actor=actor) as act:
        work = _Application(vault, recorder, new_query, permit, layouts, among, progress, named_step)
        applied = work.apply(act)
        act.say("persons", applied.persons)
        if applied.head:
            act.say("head", applied.head)
    return applied


@dataclass(frozen=True, slots=True)
class _Application:
    """One project's application; the fields are what every step needs."""

    vault: Vault
    recorder: Recorder
    new_query: Callable[[], Query]
    permit: Permit
    layouts: Mapping[str, TableLayout]
    among: Mapping[str, Regime]
    progress: Progress
    named_step: Callable[[str], None]
    readers: dict[str, SealedPart] = field(default_factory=dict)

    def apply(self, act: Act) -> Applied:
        """Who must leave, then the shards where they are."""
        (reference,) = self.vault.broker.grant(self._request(act))
        opened = open_space(self.vault, space=self.permit.space, reference=reference)
        leaving = self._leaving(opened, reference)
        head = self._rewrite(act, opened, leaving, reference) if leaving else ""
        persons = sum(len(ids) for ids in leaving.values())
        return Applied(
            project=self.permit.project, permit=self.permit.id, persons=persons, shards=len(leaving), head=head
        )

    def _request(self, act: Act) -> GrantRequest:
        space, compiled = self.permit.space, compile_permit(self.permit, self.layouts)
        named = [(table, sibling) for table, siblings in compiled.items() for sibling in siblings]
        own = dict.fromkeys([*named, *(("person", sibling) for sibling in (MAIN, INDEX, DRAW)), ("manifest", MAIN)])
        sources = [("person", INDEX), (OBJECTION, MAIN), (FORMER, MAIN), ("manifest", MAIN)]
        read = [(WAREHOUSE, *place, "read") for place in sources]
        return GrantRequest(
            intent=act.index,
            tables=(*read, *((space, *place, mode) for place in own for mode in ("read", "write"))),
        )

    def _leaving(self, opened: OpenSpace, reference: str) -> dict[int, list[int]]:
        """Project shard → person ids that must leave it."""
        now = open_space(self.vault, space=WAREHOUSE, reference=reference)
        out = reaching(standing(self.vault, now, reference, self.new_query()), self.among, running=True)
        if not out:
            return {}
        former = self._rows(now, now.parts(FORMER, MAIN, 0), reference, "SELECT * FROM rows")
        out = with_former(out, [(row["former"], row["pseudonym"]) for row in former.to_pylist()] if former else [])
        head = _source_head(opened)
        source = (
            now if head == now.commit.head else open_space(self.vault, space=WAREHOUSE, reference=reference, head=head)
        )
        indexed = self._index(source, reference).select([WAREHOUSE_PERSON, INDEX])
        mine = self._index(opened, reference).select([PROJECT_PERSON, INDEX, "shard"])
        query = self.new_query()
        try:
            query.register("out", pa.table({WAREHOUSE_PERSON: pa.array(sorted(out), pa.string())}))
            query.register("indexed", indexed)
            query.register("mine", mine)
            found = query.table(
                f"SELECT shard, {PROJECT_PERSON} FROM out JOIN indexed USING ({WAREHOUSE_PERSON}) "
                f"JOIN mine USING ({INDEX}) ORDER BY ALL"
            )
        finally:
            query.close()
        leaving: dict[int, list[int]] = {}
        for row in found.to_pylist():
            leaving.setdefault(int(row["shard"]), []).append(int(row[PROJECT_PERSON]))
        return leaving

    def _index(self, opened: OpenSpace, reference: str) -> pa.Table:
        """The release index of a space, with the shard of each row."""
        pieces = []
        for shard in range(opened.body.shards):
            rows = self._rows(opened, opened.parts("person", INDEX, shard), reference, "SELECT * FROM rows")
            if rows is not None:
                pieces.append(rows.append_column("shard", pa.array([shard] * rows.num_rows, pa.int32())))
        return pa.concat_tables(pieces)

    def _rows(self, opened: OpenSpace, parts: Sequence[PartEntry], reference: str, sql: str) -> pa.Table | None:
        if not parts:
            return None
        query = self.new_query()
        try:
            query.attach("rows", self._opened(opened, parts, reference))
            return query.table(sql)
        finally:
            query.close()

    def _opened(self, opened: OpenSpace, parts: Sequence[PartEntry], reference: str) -> list[SealedPart]:
        """Readers of ``parts``; the broker gives a key once, so they are kept."""
        fresh = [part for part in parts if part.object not in self.readers]
        readers = sealed_parts(self.vault, opened, fresh, reference=reference)
        self.readers.update(zip([part.object for part in fresh], readers, strict=True))
        return [self.readers[part.object] for part in parts]

    def _rewrite(self, act: Act, opened: OpenSpace, leaving: Mapping[int, list[int]], reference: str) -> str:
        """The project's next snapshot; its head."""
        writer = SpaceWriter(
            self.vault,
            self.recorder,
            act,
            space=self.permit.space,
            shards=opened.body.shards,
            parent=opened.commit,
            reference=reference,
            named_step=self.named_step,
        )
        everyone = [number for ids in leaving.values() for number in ids]
        gone = [part for part in opened.body.parts if self._tells_of(opened, part, leaving)]
        writer.keep(opened, but={part.object for part in gone})
        for done, part in enumerate(gone):
            self.progress.step("apply-objections", done, len(gone))
            rows = self._rows(opened, [part], reference, self._without(opened, part, everyone))
            if rows is not None:
                writer.add(part.table, part.sibling, part.shard, rows, lineage=part.lineage)
        self.progress.step("apply-objections", len(gone), len(gone))
        return writer.commit(lineage=opened.body.lineage, facts=opened.body.facts).head

    def _tells_of(self, opened: OpenSpace, part: PartEntry, leaving: Collection[int]) -> bool:
        """Whether the part may hold rows of who leaves, or rows that name one as their second person, in whatever shard."""
        columns = opened.body.tables[part.table][part.sibling]
        return (part.shard in leaving and PROJECT_PERSON in columns) or bool(self._others(part.table, columns))

    def _others(self, table: str, columns: Collection[str]) -> list[str]:
        return [name for name in (self.layouts[table].others if table in self.layouts else ()) if name in columns]

    def _without(self, opened: OpenSpace, part: PartEntry, ids: Sequence[int]) -> str:
        """The part's rows of everyone else, second persons among them left empty, in the order of a project's parts."""
        columns = opened.body.tables[part.table][part.sibling]
        key = self.layouts[part.table].key if part.table in self.layouts else ""
        order = key if key in columns else PROJECT_PERSON
        listed = ", ".join(str(number) for number in ids)
        emptied = [f"CASE WHEN {n} NOT IN ({listed}) THEN {n} END AS {n}" for n in self._others(part.table, columns)]
        picked = f"* REPLACE ({', '.join(emptied)})" if emptied else "*"
        return f"SELECT {picked} FROM rows WHERE {PROJECT_PERSON} NOT IN ({listed}) ORDER BY {order}"


def _source_head(opened: OpenSpace) -> str:
    """The snapshot of the warehouse that the dataset was made from; raises NotTrusted ``manifest`` when it names none."""
    heads: Iterator[str] = (line.removeprefix(_SOURCE) for line in opened.body.lineage if line.startswith(_SOURCE))
    head = next(heads, "")
    if not head:
        raise NotTrusted("manifest")
    return head
