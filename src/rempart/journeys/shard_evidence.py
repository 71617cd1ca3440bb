# SPDX-License-Identifier: Apache-2.0
"""A worker's journey: one ShardJob → the shard's parts in memory → small additive evidence, sealed.

The worker checks for itself that the study is signed and permitted; it is the same in a local pool or inside a cluster task.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

from rempart.cohort.match_sql import BACK
from rempart.cohort.parts import StudyPart, columns_of
from rempart.cohort.study_tables import once
from rempart.journeys.evidence import held_parts, seal_evidence
from rempart.journeys.found_codes import check_classes
from rempart.journeys.match_steps import exchange_rows, match_buckets, matched_rows
from rempart.journeys.sets_step import shard_sets
from rempart.journeys.shard_sessions import Surroundings, checked_parts, shard_sessions
from rempart.journeys.shard_sessions import read_of as read_of
from rempart.journeys.space import Vault
from rempart.permits.compile import compile_permit
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Clock, Randomness
from rempart.records.omop import TableLayout
from rempart.records.protocol import CohortPlan, TallyPlan
from rempart.records.shard_job import EXCHANGE, MATCH, SETS, ShardJob
from rempart.records.trust import TrustFile
from rempart.study.evidence import Evidence, compute, encode


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
    """(shard, sealed evidence) for each shard of ``job``, or its step's pieces; raises Refused, NotTrusted before anything is opened."""
    around = Surroundings(
        vault=vault,
        documents=documents,
        scratch=scratch,
        trust=trust,
        clock=clock,
        randomness=randomness,
        layouts=layouts,
        new_query=new_query,
    )
    yield from _STEPS.get(job.step, _evidence)(job, around)


def _evidence(job: ShardJob, around: Surroundings) -> Iterator[tuple[int, bytes]]:
    study, permit, parts = checked_parts(job, around)
    stored = read_of(compile_permit(permit, around.layouts), columns_of(parts), around.layouts)
    sessions = shard_sessions(job, around, stored=stored)
    with closing(sessions.each(job.shards, around)) as shards:
        for shard, query in shards:
            if shard == job.shards[0]:
                check_classes(query, study, {codes for part in parts for codes in part.classes})
            if job.buckets:
                query.register(BACK, matched_rows(job, around.scratch, sessions.context, sessions.key, shard))
            evidence = encode(computed(query, parts))
            salt, prefix = around.randomness.bytes(32), around.randomness.bytes(7)
            key, context = sessions.key, sessions.context
            held = held_parts(job.parts)
            yield (
                shard,
                seal_evidence(evidence, key=key, context=context, shard=shard, salt=salt, prefix=prefix, held=held),
            )


_STEPS = {EXCHANGE: exchange_rows, MATCH: match_buckets, SETS: shard_sets}


def computed(query: Query, parts: Sequence[StudyPart]) -> Evidence:
    """The evidence of the parts: cohorts and exposures are made once, whoever asks for them."""
    made = list(once([part.made for part in parts]))
    return compute(
        query,
        [part.plan for part in parts if isinstance(part.plan, CohortPlan)],
        [part.plan for part in parts if isinstance(part.plan, TallyPlan)],
        prepare=[statement for item in made for statement in item.statements],
        clear=[statement for item in made for statement in item.clear],
    )
