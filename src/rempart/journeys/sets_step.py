# SPDX-License-Identifier: Apache-2.0
"""A worker's step that tells the sets of persons behind a study's cells: packed places in its shard, and the index that projects share.

Under an intent of kind ``fingerprint`` alone (docs/adr/0044). What it answers is sealed under the run's key.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rempart.cohort.match_sql import BACK
from rempart.cohort.parts import StudyPart, columns_of
from rempart.cohort.study_tables import once
from rempart.cohort.tally_sql import with_members
from rempart.journeys.evidence import held_parts, seal_evidence
from rempart.journeys.found_codes import check_classes
from rempart.journeys.match_steps import matched_rows
from rempart.journeys.shard_sessions import (
    INDEX,
    INDEXES,
    ShardSessions,
    Surroundings,
    checked_parts,
    read_of,
    shard_sessions,
)
from rempart.permits.compile import compile_permit
from rempart.ports.query import Query
from rempart.records.person_sets import Numbers, packed, unpacked
from rempart.records.protocol import CohortPlan, TallyPlan
from rempart.records.shard_job import ShardJob
from rempart.study.set_rows import member_cells

_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("analysis", "part", "key")),
        *((name, pa.int64()) for name in ("print_a", "print_b")),
        ("members", pa.binary()),
    ]
)
_INDEX = pa.schema([("release_index", pa.int64())])


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSets:
    """What one shard holds. ``index``: the shared number of each person, by place; ``cells``: (analysis, part, key) → prints and bitmap of
    places."""

    index: Numbers
    cells: dict[tuple[str, str, str], tuple[tuple[int, int], bytes]]


def shard_sets(job: ShardJob, around: Surroundings) -> Iterator[tuple[int, bytes]]:
    """(shard, its sets, sealed) for each shard of ``job``; raises as ``shard_sessions``, Missing ``fingerprint-index-missing``."""
    study, permit, parts = checked_parts(job, around)
    stored = read_of(compile_permit(permit, around.layouts), columns_of(parts), around.layouts)
    sessions = shard_sessions(job, around, stored=stored, further=(INDEX,))
    with closing(sessions.each(job.shards, around)) as shards:
        for shard, query in shards:
            if shard == job.shards[0]:
                check_classes(query, study, {codes for part in parts for codes in part.classes})
            if job.buckets:
                query.register(BACK, matched_rows(job, around.scratch, sessions.context, sessions.key, shard))
            yield shard, _sealed(encoded(query, parts), job, sessions, around, shard)


def _sealed(data: bytes, job: ShardJob, sessions: ShardSessions, around: Surroundings, shard: int) -> bytes:
    salt, prefix = around.randomness.bytes(32), around.randomness.bytes(7)
    key, context = sessions.key, sessions.context
    return seal_evidence(
        data, key=key, context=context, shard=shard, salt=salt, prefix=prefix, held=held_parts(job.parts)
    )


def encoded(query: Query, parts: Sequence[StudyPart]) -> bytes:
    """The sets of the shard whose tables are views of ``query``; ``decoded`` reads it."""
    people = query.table(f"SELECT person_id, {INDEX} FROM {INDEXES} ORDER BY person_id")
    ids = np.asarray(people["person_id"].to_numpy(), dtype=np.int64)
    made = list(once([part.made for part in parts]))
    prepare = [with_members(statement) for item in made for statement in item.statements]
    clear = [statement for item in made for statement in item.clear]
    rows: list[tuple[str | int | bytes, ...]] = []
    for cell in member_cells(query, [_telling(part.plan) for part in parts], prepare=prepare, clear=clear):
        at = _places(ids, cell.members)
        if at is not None:
            rows.append((*cell.name, *cell.prints, packed(at)))
    columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
    cells = pa.table([pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA)
    index = pa.table([people[INDEX].combine_chunks().cast(pa.int64())], _INDEX)
    first, second = _stream(cells), _stream(index)
    return len(first).to_bytes(8, "big") + first + second


def _telling(plan: CohortPlan | TallyPlan) -> CohortPlan | TallyPlan:
    """The plan whose statements tell members too."""
    prepare = tuple(map(with_members, plan.prepare))
    return replace(plan, prepare=prepare, selects={name: with_members(sql) for name, sql in plan.selects.items()})


def _places(ids: Numbers, members: Numbers) -> NDArray[np.int64] | None:
    """Where persons stand among all of the shard; None for a cell of something else than persons, or that counts one of them twice."""
    found = np.unique(members)
    at = np.searchsorted(ids, found)
    known = not len(found) or (at[-1] < len(ids) and np.array_equal(ids[at], found))
    return at if known and len(found) == len(members) else None


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def decoded(data: bytes) -> ShardSets:
    """What ``shard_sets`` told of one shard, once opened."""
    size = int.from_bytes(data[:8], "big")
    cells, index = (pa.ipc.open_stream(part).read_all() for part in (data[8 : 8 + size], data[8 + size :]))
    return ShardSets(
        index=np.asarray(index["release_index"].to_numpy(), dtype=np.int64),
        cells={
            (row["analysis"], row["part"], row["key"]): ((row["print_a"], row["print_b"]), row["members"])
            for row in cells.to_pylist()
        },
    )


def members_of(shards: Sequence[ShardSets], cells: Sequence[tuple[str, str, str]]) -> Numbers:
    """The shared numbers of everybody in one of ``cells``, over all shards, ascending."""
    found = [shard.index[unpacked(shard.cells[cell][1])] for shard in shards for cell in cells if cell in shard.cells]
    return np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
