# SPDX-License-Identifier: Apache-2.0
"""Rows of persons on their way to be matched and back: which bucket a row goes to, and the pairs of a whole bucket.

Strata that one person can be in lie in one bucket, so each bucket is matched by itself; how many buckets there are changes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from rempart.cohort.match_sql import GROUP
from rempart.cohort.matching import PAIRS, ROWS, matched
from rempart.records.matching import Matching

_COHORT = pa.field("cohort", pa.string())
SENT = pa.schema([_COHORT, *ROWS])
BACK = pa.schema([_COHORT, *PAIRS])


def by_bucket(rows: pa.Table, buckets: int) -> Sequence[pa.Table]:
    """``rows``: SENT and the group (``match_sql.match_rows_sql``); SENT rows by bucket."""
    groups = rows.column(GROUP).combine_chunks().dictionary_encode()
    of_group = pa.array([bucket_of(text, buckets) for text in groups.dictionary.to_pylist()], pa.int32())
    bucket = of_group.take(groups.indices)
    plain = rows.select(SENT.names).cast(SENT)
    return [plain.filter(pc.equal(bucket, number)) for number in range(buckets)]


def bucket_of(group: str, buckets: int) -> int:
    """The bucket of a group of strata: a hash of its text, on which no result depends."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") % buckets


def paired(rows: pa.Table, matchings: Mapping[str, Matching]) -> pa.Table:
    """BACK rows of the SENT rows of a bucket."""
    found = [BACK.empty_table()]
    for name, rule in matchings.items():
        mine = rows.filter(pc.equal(rows.column("cohort"), name)).drop_columns(["cohort"])
        near = {"age_years": rule.age_years, "treated_apart": rule.treated_apart}
        pairs = matched(mine, ratio=rule.ratio, replace=rule.replace, by_day=rule.of_risk_set, **near)
        found.append(pairs.add_column(0, _COHORT, pa.array([name] * pairs.num_rows, pa.string())))
    return pa.concat_tables(found)
