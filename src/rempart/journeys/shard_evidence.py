# SPDX-License-Identifier: Apache-2.0
"""A worker's journey: one ShardJob → the shard's parts in memory → small additive evidence, sealed.

The worker checks for itself that the study is signed and permitted; it is the same in a local pool or inside a cluster task.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from rempart.cohort.compile import compile_study
from rempart.cohort.required import required_columns
from rempart.errors import NotTrusted, Refused
from rempart.journeys.evidence import KEY_PIECE, evidence_context, seal_evidence
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
from rempart.vault.read import fetch, open_part

Stored = Mapping[str, Collection[str]]


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
    by_part = dict(zip((p.part for p in parts), keys, strict=True))
    for shard in job.shards:
        query = new_query()
        try:
            _attach(query, vault, opened, stored=stored, layouts=layouts, shard=shard, keys=by_part)
            evidence = encode(compute(query, plans))
        finally:
            query.close()
        salt, prefix = randomness.bytes(32), randomness.bytes(7)
        yield shard, seal_evidence(evidence, key=evidence_key, context=context, shard=shard, salt=salt, prefix=prefix)


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
    check_study(study, permit, layouts, required=required_columns(study, layouts))
    return compile_permit(permit, layouts), compile_study(study, cut=permit.period[1])


def _needed(opened: OpenSpace, stored: Stored, shard: int) -> list[PartEntry]:
    return [
        p for table, siblings in stored.items() for sibling in siblings for p in opened.parts(table, sibling, shard)
    ]


def _attach(
    query: Query,
    vault: Vault,
    opened: OpenSpace,
    *,
    stored: Stored,
    layouts: Mapping[str, TableLayout],
    shard: int,
    keys: Mapping[str, bytes],
) -> None:
    """Each permitted table as a view under its OMOP name: main joined to its siblings by the row's own key."""
    for table, siblings in stored.items():
        for sibling in siblings:
            parts = opened.parts(table, sibling, shard)
            data = [
                open_part(fetch(vault.host, p.object), p, warehouse=vault.warehouse, key=keys[p.part]) for p in parts
            ]
            query.attach_parquet(f"{table}__{sibling}", data)
        query.execute(joined_view(layouts[table], siblings, PROJECT_PERSON))


def joined_view(layout: TableLayout, siblings: Collection[str], person: str) -> str:
    """SQL of the view that joins the siblings at hand; a table without its main part is its first sibling."""
    first, *others = [MAIN, *(s for s in siblings if s != MAIN)] if MAIN in siblings else list(siblings)
    link = layout.link(person)
    joins = "".join(
        f" LEFT JOIN (SELECT * EXCLUDE ({person}) FROM {layout.name}__{other}) USING ({link})"
        if link != person
        else f" LEFT JOIN {layout.name}__{other} USING ({link})"
        for other in others
    )
    return f"CREATE VIEW {layout.name} AS SELECT * FROM {layout.name}__{first}{joins}"
