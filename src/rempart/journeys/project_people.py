# SPDX-License-Identifier: Apache-2.0
"""Who is in a project, under which fresh numbers, and narrow tables of a space gathered in memory."""

from collections.abc import Callable

import pyarrow as pa

from rempart.identity.draws import draw_numbers
from rempart.identity.objections import with_former
from rempart.identity.ordinals import project_ordinals
from rempart.identity.pseudonyms import pseudonyms
from rempart.identity.shards import shard_of
from rempart.journeys.parts import sealed_parts
from rempart.journeys.space import OpenSpace, Vault
from rempart.ports.query import Query
from rempart.records.omop import DRAW


def gathered(
    vault: Vault, source: OpenSpace, table: str, sibling: str, *, reference: str, new_query: Callable[[], Query]
) -> pa.Table:
    """All shards of a narrow table, gathered in memory."""
    parts = [p for shard in range(source.body.shards) for p in source.parts(table, sibling, shard)]
    if not parts:
        return pa.table({})
    query = new_query()
    try:
        query.attach("whole", sealed_parts(vault, source, parts, reference=reference))
        return query.table("SELECT * FROM whole")
    finally:
        query.close()


def project_people(
    index: pa.Table, objecting: pa.Table, former: pa.Table, *, project_key: bytes, shard_key: bytes, shards: int
) -> tuple[pa.Table, int]:
    """The columns of ``index``, then person_id, draw, target (shard) of everyone who does not object; how many object."""
    out = frozenset(objecting.column("pseudonym").to_pylist()) if objecting.num_rows else frozenset()
    out = with_former(out, [(row["former"], row["pseudonym"]) for row in former.to_pylist()])
    keep = pa.array([name not in out for name in index.column("pseudonym").to_pylist()], pa.bool_())
    kept = index.filter(keep)
    names = kept.column("pseudonym").to_pylist()
    fresh = pseudonyms(names, project_key)
    people = kept.append_column("person_id", pa.array(project_ordinals(fresh, project_key), pa.int64()))
    people = people.append_column(DRAW, pa.array(draw_numbers(fresh, project_key), pa.int64()))
    people = people.append_column("target", pa.array(shard_of(fresh, shard_key, shards), pa.int32()))
    return people, index.num_rows - kept.num_rows
