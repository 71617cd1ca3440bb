# SPDX-License-Identifier: Apache-2.0
"""A worker's journey: one ShardJob → the shard's parts in memory → small additive evidence, sealed.

The worker checks for itself that the study is signed and permitted; it is the same in a local pool or inside a cluster task.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing

from rempart.cohort.compile import compile_study
from rempart.cohort.required import required_columns
from rempart.errors import NotTrusted, Refused
from rempart.journeys.evidence import KEY_PIECE, evidence_context, seal_evidence
from rempart.journeys.parts import one_ahead, with_keys
from rempart.journeys.permits import events, find_permit
from rempart.journeys.space import OpenSpace, Vault, open_space
from rempart.permits.check_study import check_study
from rempart.permits.compile import compile_permit
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Clock, Randomness
from rempart.records.document import SignedDocument
from rempart.records.omop import MAIN, PROJECT_PERSON, TableLayout
from rempart.records.protocol import CohortPlan
from rempart.records.sealed import PartEntry
from rempart.records.shard_job import ShardJob
from rempart.records.study import study_from_dict
from rempart.records.trust import TrustFile
from rempart.study.evidence import compute, encode
from rempart.vault.part import SealedPart

Stored = Mapping[str, Mapping[str, Collection[str]]]


def shard_evidence(
    job: ShardJob,
    *,
    vault: Vault,
    documents: Documents,
    scratch: Scratch,
    trust: TrustFile,
    clock: Clock,
    randomness: Randomness,
    layouts: Mapping[str, TableLayout],
    new_query: Callable[[], Query],
) -> Iterator[tuple[int, bytes]]:
    """(shard, sealed evidence) for each shard of ``job``; raises Refused or NotTrusted before anything is opened."""
    stored, plans = _checked(job, vault, documents, trust, clock, layouts)
    opened = open_space(vault, space=job.space, reference=job.grant, head=job.head)
    wrapped = scratch.get(job.run, KEY_PIECE)
    if wrapped is None:
        raise NotTrusted("evidence-key")
    context = evidence_context(vault.warehouse, job.space, job.run, opened.first_epoch)
    parts = [p for shard in job.shards for p in _needed(opened, stored, shard)]
    items = [(p.key_context(vault.warehouse, opened.commit.epoch), opened.wrapped[p.object]) for p in parts]
    evidence_key, *keys = vault.broker.unwrap(job.grant, [(context, wrapped), *items])
    readers = {part.name: part for part in with_keys(vault, parts, keys)}

    def attach(query: Query, shard: int) -> None:
        _attach(query, opened, stored=stored, shard=shard, readers=readers)

    with closing(one_ahead(job.shards, new_query=new_query, attach=attach)) as shards:
        for shard, query in shards:
            for table, siblings in stored.items():
                query.execute(joined_view(layouts[table], siblings, PROJECT_PERSON))
            evidence = encode(compute(query, plans))
            salt, prefix = randomness.bytes(32), randomness.bytes(7)
            yield (
                shard,
                seal_evidence(evidence, key=evidence_key, context=context, shard=shard, salt=salt, prefix=prefix),
            )


def _checked(
    job: ShardJob,
    vault: Vault,
    documents: Documents,
    trust: TrustFile,
    clock: Clock,
    layouts: Mapping[str, TableLayout],
) -> tuple[Stored, tuple[CohortPlan, ...]]:
    """What may be read and what will be asked, proven from the ledger and the documents, not from the job."""
    signed = SignedDocument.from_bytes(documents.get(job.study), schema="rempart.study/1")
    study = study_from_dict(signed.body)
    today = clock.now().date()
    permit = find_permit(events(vault.ledger), documents, trust, study.permit)
    if permit.id != job.permit or permit.space != job.space:
        raise Refused("job-permit", permit=job.permit)
    permit.check_valid_on(today)
    signer = trust.check(signed.signature, over=signed.over, role="researcher", on=today)
    permit.check_names(signer.actor)
    required = required_columns(study, layouts)
    check_study(study, permit, layouts, required=required)
    return read_of(compile_permit(permit, layouts), required, layouts), compile_study(study, cut=permit.period[1])


def read_of(
    permitted: Mapping[str, Collection[str]],
    required: Mapping[str, Collection[str]],
    layouts: Mapping[str, TableLayout],
) -> Stored:
    """Table → sibling → the columns that a worker opens: what the study reads, the person, and the link where siblings are joined."""
    stored = {}
    for table, columns in required.items():
        by_sibling: dict[str, list[str]] = {}
        for column in sorted(columns):
            by_sibling.setdefault(str(layouts[table].sibling_of(column)), []).append(column)
        named = [sibling for sibling in permitted[table] if sibling == MAIN or sibling in by_sibling]
        fixed = [PROJECT_PERSON, *([layouts[table].link(PROJECT_PERSON)] if len(named) > 1 else [])]
        stored[table] = {sibling: tuple(dict.fromkeys([*fixed, *by_sibling.get(sibling, ())])) for sibling in named}
    return stored


def _needed(opened: OpenSpace, stored: Stored, shard: int) -> list[PartEntry]:
    return [
        p for table, siblings in stored.items() for sibling in siblings for p in opened.parts(table, sibling, shard)
    ]


def _attach(
    query: Query,
    opened: OpenSpace,
    *,
    stored: Stored,
    shard: int,
    readers: Mapping[str, SealedPart],
) -> None:
    """The siblings of each table, under names of their own."""
    for table, siblings in stored.items():
        for sibling, columns in siblings.items():
            parts = [readers[entry.part] for entry in opened.parts(table, sibling, shard)]
            query.attach(f"{table}__{sibling}", parts, columns=columns)


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
