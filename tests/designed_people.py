# SPDX-License-Identifier: Apache-2.0
"""Evidence and rows of analyses of designs over persons in memory: the plans run on a plain session, shard by shard. Draws nobody."""

import datetime
from collections.abc import Mapping, Sequence

import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.codes import Reads
from rempart.cohort.designs import design_plan
from rempart.records.result import ResultRow
from rempart.records.study import Study
from rempart.study.designed import Designed
from rempart.study.evidence import Evidence, compute, merge
from rempart.study.results import results

Tables = Mapping[str, pa.Table]


def evidence_of(study: Study, shards: Sequence[Tables], *, cut: datetime.date) -> Evidence:
    """The merged evidence of shards with these tables, cohorts and exposures among them."""
    found = []
    for tables in shards:
        query = DuckDBQuery(threads=1)
        for name, table in tables.items():
            query.register(name, table)
        plans = [design_plan(study, item, cut=cut, reads=Reads()) for item in study.designs]
        found.append(compute(query, (), plans))
        query.close()
    return merge(found)


def rows_of(study: Study, shards: Sequence[Tables], *, cut: datetime.date) -> tuple[ResultRow, ...]:
    """Their result rows."""
    return results(study, evidence_of(study, shards, cut=cut), run="run")


def told_of(study: Study, shards: Sequence[Tables], *, cut: datetime.date, place: int = 0) -> Designed:
    """One analysis as its writer reads it."""
    found = evidence_of(study, shards, cut=cut)
    return Designed(study=study, analysis=study.designs[place], tallies=found["tallies"], counted=found["patterns"])


def value(rows: Sequence[ResultRow], statistic: str, **where: str) -> float | None:
    """The value of the one row of a statistic whose keys hold ``where``."""
    found = [
        row.value
        for row in rows
        if row.statistic == statistic
        and all({**row.row_key, **row.column_key, "output": row.output}.get(key) == said for key, said in where.items())
    ]
    (one,) = found
    return one
