# SPDX-License-Identifier: Apache-2.0
"""A worker's two steps before evidence where comparators are matched: narrow rows of a shard to buckets; a bucket's pairs back to shards.

Rows of persons leave a worker only sealed, under the run's key. Which rows, and how they are paired, is ``cohort``'s.
"""

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from rempart.cohort.match_buckets import BACK, SENT, by_bucket, paired
from rempart.cohort.match_plan import MatchPlan, match_plan
from rempart.cohort.required import required_columns
from rempart.errors import NotTrusted, Refused
from rempart.journeys.found_codes import check_classes
from rempart.journeys.match_exchange import Crossing
from rempart.journeys.shard_sessions import Surroundings, checked_study, read_of, run_key, shard_sessions
from rempart.permits.check_study import check_study
from rempart.permits.compile import compile_permit
from rempart.ports.query import Query
from rempart.ports.scratch import Scratch
from rempart.records.omop import DRAW
from rempart.records.sealed import KeyContext
from rempart.records.shard_job import EXCHANGE, MATCH, ShardJob

MOST_ROWS = 8_000_000  # of one bucket: cases and candidates; some 2 GB in a worker while they are paired


def exchange_rows(job: ShardJob, around: Surroundings) -> Iterator[tuple[int, bytes]]:
    """(shard, its pieces for every bucket), for each shard of ``job``; raises as ``shard_sessions``."""
    study, permit = checked_study(job, around)
    check_study(study, permit, around.layouts, required=required_columns(study, around.layouts))
    plan = match_plan(study, cut=permit.period[1])
    stored = read_of(compile_permit(permit, around.layouts), plan.columns, around.layouts)
    sessions = shard_sessions(job, around, stored=stored, further=(DRAW,))
    crossing = _sent(job, sessions.context, sessions.key)
    with closing(sessions.each(job.shards, around)) as shards:
        for shard, query in shards:
            if shard == job.shards[0]:
                check_classes(query, study, plan.classes)
            rows = _narrow(query, plan, shard)
            yield shard, crossing.sealed(shard, by_bucket(rows, job.buckets), around.randomness)


def match_buckets(job: ShardJob, around: Surroundings) -> Iterator[tuple[int, bytes]]:
    """(bucket, its pieces for every shard), for each bucket of ``job``.

    Raises Refused ``match-too-large``; NotTrusted ``exchange-piece``, ``sealed-bytes``.
    """
    study, permit = checked_study(job, around)
    plan = match_plan(study, cut=permit.period[1])
    context, key = run_key(job, around)
    come, go = _sent(job, context, key), _back(job, context, key)
    for bucket in job.shards:
        rows = _loaded(come.opened(around.scratch, job.sources, bucket))
        pairs = paired(rows, plan.matchings)
        shard = pairs.column("shard")
        by_shard = [pairs.filter(pc.equal(shard, number)) for number in range(job.sources)]
        if sum(part.num_rows for part in by_shard) != pairs.num_rows:
            raise NotTrusted("exchange-piece", step=EXCHANGE)
        yield bucket, go.sealed(bucket, by_shard, around.randomness)


def matched_rows(job: ShardJob, scratch: Scratch, context: KeyContext, key: bytes, shard: int) -> pa.Table:
    """BACK rows of one shard from every bucket; raises NotTrusted ``exchange-piece``, ``sealed-bytes``."""
    rows = pa.concat_tables(_back(job, context, key).opened(scratch, job.buckets, shard)).combine_chunks()
    if pc.any(pc.not_equal(rows.column("shard"), shard)).as_py():
        raise NotTrusted("exchange-piece", step=MATCH)
    return rows


def _sent(job: ShardJob, context: KeyContext, key: bytes) -> Crossing:
    return Crossing(run=job.run, step=EXCHANGE, targets=job.buckets, key=key, context=context, schema=SENT)


def _back(job: ShardJob, context: KeyContext, key: bytes) -> Crossing:
    return Crossing(run=job.run, step=MATCH, targets=job.sources, key=key, context=context, schema=BACK)


def _narrow(query: Query, plan: MatchPlan, shard: int) -> pa.Table:
    """The rows of every matched cohort, with the group that they are matched in."""
    for statement in plan.prepare:
        query.execute(statement)
    rows = pa.concat_tables([query.table(sql) for sql in plan.selects.values()])
    return rows.append_column("shard", pa.array([shard] * rows.num_rows, pa.int32()))


def _loaded(pieces: Iterator[pa.Table]) -> pa.Table:
    """The rows of a bucket, while they are not too many."""
    found, rows = [SENT.empty_table()], 0
    for piece in pieces:
        rows += piece.num_rows
        if rows > MOST_ROWS:
            raise Refused("match-too-large", limit=MOST_ROWS)
        found.append(piece)
    return pa.concat_tables(found)
