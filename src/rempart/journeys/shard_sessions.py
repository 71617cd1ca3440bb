# SPDX-License-Identifier: Apache-2.0
"""What every step of a worker begins with: the proof that the job may run, the run's key, and each shard's tables in a session.

Computes nothing of a study.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from rempart.cohort.parts import StudyPart, chosen, study_parts
from rempart.cohort.required import required_columns
from rempart.errors import Missing, NotTrusted, Refused
from rempart.journeys.chain import snapshot_of
from rempart.journeys.evidence import KEY_PIECE, evidence_context
from rempart.journeys.parts import one_ahead, with_keys
from rempart.journeys.permits import events, find_permit
from rempart.journeys.space import OpenSpace, Vault, open_space
from rempart.journeys.usable import USABLE, usable_table
from rempart.permits.check_study import check_study
from rempart.permits.compile import WHOLE
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Clock, Randomness
from rempart.records.document import SignedDocument
from rempart.records.omop import DRAW, MAIN, PROJECT_PERSON, TableLayout
from rempart.records.permit import Permit
from rempart.records.sealed import KeyContext, PartEntry
from rempart.records.shard_job import ShardJob
from rempart.records.study import Study, study_from_dict
from rempart.records.trust import TrustFile
from rempart.vault.part import SealedPart

Stored = Mapping[str, Mapping[str, Collection[str]]]
DRAWS = "person_draw"  # the name of the draw numbers in a session
INDEX = "release_index"
INDEXES = (
    "person_release_index"  # and of the index that all projects share, which the register of released sets is made of
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a worker is given beside its job."""

    vault: Vault
    documents: Documents
    scratch: Scratch
    trust: TrustFile
    clock: Clock
    randomness: Randomness
    layouts: Mapping[str, TableLayout]
    new_query: Callable[[], Query]


def checked_study(job: ShardJob, around: Surroundings) -> tuple[Study, Permit]:
    """What was asked and by which permit, proven from the ledger and the documents, not from the job; raises Refused, NotTrusted."""
    signed = SignedDocument.from_bytes(around.documents.get(job.study), schema="rempart.study/1")
    study = study_from_dict(signed.body)
    today = around.clock.now().date()
    permit = find_permit(events(around.vault.ledger), around.documents, around.trust, study.permit)
    if permit.id != job.permit or permit.space != job.space:
        raise Refused("job-permit", permit=job.permit)
    permit.check_valid_on(today)
    signer = around.trust.check(signed.signature, over=signed.over, role="researcher", on=today)
    permit.check_names(signer.actor)
    return study, permit


def checked_parts(job: ShardJob, around: Surroundings) -> tuple[Study, Permit, tuple[StudyPart, ...]]:
    """What will be asked: the parts that the job names, of a study that must be permitted as a whole; raises NotTrusted ``job-parts``."""
    study, permit = checked_study(job, around)
    check_study(study, permit, around.layouts, required=required_columns(study, around.layouts))
    parts = chosen(study_parts(study, cut=permit.period[1]), job.parts)
    if job.parts and len(parts) != len(set(job.parts)):
        raise NotTrusted("job-parts")
    return study, permit, parts


def run_key(job: ShardJob, around: Surroundings) -> tuple[KeyContext, bytes]:
    """The run's evidence key and its context, for a step that opens no part; raises NotTrusted ``evidence-key``."""
    epoch = snapshot_of(around.vault.ledger, job.space, job.head).origin.epoch
    context = evidence_context(around.vault.warehouse, job.space, job.run, epoch)
    (key,) = around.vault.broker.unwrap(job.grant, [(context, _wrapped_key(job, around))])
    return context, key


def _wrapped_key(job: ShardJob, around: Surroundings) -> bytes:
    wrapped = around.scratch.get(job.run, KEY_PIECE)
    if wrapped is None:
        raise NotTrusted("evidence-key")
    return wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSessions:
    """The shards of a job, their keys at hand. ``key``: the run's, under ``context``; ``further``: siblings of persons beside the study's
    tables, as ``person_<sibling>``."""

    context: KeyContext
    key: bytes
    opened: OpenSpace
    stored: Stored
    readers: Mapping[str, SealedPart]
    further: tuple[str, ...]

    def each(self, shards: Sequence[int], around: Surroundings) -> Generator[tuple[int, Query]]:
        """(shard, a session with the study's tables as views); the next shard is fetched meanwhile. To be closed."""

        def attach(query: Query, shard: int) -> None:
            self._attach(query, shard)

        with closing(one_ahead(shards, new_query=around.new_query, attach=attach)) as sessions:
            for shard, query in sessions:
                for table, siblings in self.stored.items():
                    query.execute(joined_view(around.layouts[table], siblings, PROJECT_PERSON))
                if USABLE not in self.stored:
                    query.register(USABLE, usable_table(self.opened.body.facts))
                yield shard, query

    def _attach(self, query: Query, shard: int) -> None:
        """The siblings of each table, under names of their own."""
        for table, siblings in self.stored.items():
            for sibling, columns in siblings.items():
                entries = self.opened.parts(table, sibling, shard_of_table(table, shard))
                parts = [self.readers[entry.part] for entry in entries]
                query.attach(f"{table}__{sibling}", parts, columns=columns)
        for sibling in self.further:
            entries = self.opened.parts("person", sibling, shard)
            query.attach(f"person_{sibling}", [self.readers[entry.part] for entry in entries])


def shard_sessions(
    job: ShardJob, around: Surroundings, *, stored: Stored, further: tuple[str, ...] = ()
) -> ShardSessions:
    """Open the space and the keys of the job's shards in one call to the broker.

    ``further``: as the field, DRAW or INDEX. Raises Refused, NotTrusted; Missing ``draw-missing``, ``fingerprint-index-missing`` for a
    dataset that was granted before persons had one.
    """
    opened = open_space(around.vault, space=job.space, reference=job.grant, head=job.head)
    context = evidence_context(around.vault.warehouse, job.space, job.run, opened.first_epoch)
    wrapped = _wrapped_key(job, around)
    needed = [part for shard in job.shards for part in _needed(opened, stored, shard, further)]
    parts = list(dict.fromkeys(needed))  # a table without persons is needed by every shard
    items = [(p.key_context(around.vault.warehouse, opened.commit.epoch), opened.wrapped[p.object]) for p in parts]
    key, *keys = around.vault.broker.unwrap(job.grant, [(context, wrapped), *items])
    readers = {part.name: part for part in with_keys(around.vault, parts, keys)}
    return ShardSessions(context=context, key=key, opened=opened, stored=stored, readers=readers, further=further)


def _needed(opened: OpenSpace, stored: Stored, shard: int, further: Sequence[str]) -> list[PartEntry]:
    named = [(table, sibling) for table, siblings in stored.items() for sibling in siblings]
    there = opened.body.tables.get("person", {})
    if DRAW in further and DRAW not in there:
        raise Missing("draw-missing", space=opened.commit.space)
    if INDEX in further and INDEX not in there:
        raise Missing("fingerprint-index-missing", space=opened.commit.space)
    named += [("person", sibling) for sibling in further]
    return [part for table, sibling in named for part in opened.parts(table, sibling, shard_of_table(table, shard))]


def shard_of_table(table: str, shard: int) -> int:
    """Where a shard finds a table: one without persons has one place for all."""
    return 0 if table in WHOLE else shard


def read_of(
    permitted: Mapping[str, Collection[str]],
    required: Mapping[str, Collection[str]],
    layouts: Mapping[str, TableLayout],
) -> Stored:
    """Table → sibling → the columns that a worker opens: what the study reads, the person, and the link where siblings are joined."""
    stored: dict[str, dict[str, tuple[str, ...]]] = {}
    for table, columns in required.items():
        if table in WHOLE:
            stored[table] = {MAIN: tuple(sorted(columns))}
            continue
        by_sibling: dict[str, list[str]] = {}
        for column in sorted(columns):
            by_sibling.setdefault(str(layouts[table].sibling_of(column)), []).append(column)
        named = [sibling for sibling in permitted[table] if sibling == MAIN or sibling in by_sibling]
        fixed = [PROJECT_PERSON, *([layouts[table].link(PROJECT_PERSON)] if len(named) > 1 else [])]
        stored[table] = {sibling: tuple(dict.fromkeys([*fixed, *by_sibling.get(sibling, ())])) for sibling in named}
    return stored


def joined_view(layout: TableLayout, siblings: Collection[str], person: str) -> str:
    """SQL of a table's view under its OMOP name: the siblings at hand, joined by the row's own key.

    A table without its main part is its first sibling.
    """
    first, *others = [MAIN, *(s for s in siblings if s != MAIN)] if MAIN in siblings else list(siblings)
    link = layout.link(person)
    joins = "".join(
        f" LEFT JOIN (SELECT * EXCLUDE ({person}) FROM {layout.name}__{other}) USING ({link})"
        if link != person
        else f" LEFT JOIN {layout.name}__{other} USING ({link})"
        for other in others
    )
    return f"CREATE VIEW {layout.name} AS SELECT * FROM {layout.name}__{first}{joins}"
