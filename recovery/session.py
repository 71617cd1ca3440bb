# SPDX-License-Identifier: Apache-2.0
"""A study file answered over one seed by what a worker runs: its parts compiled, evidence of one shard, results.

Nothing is sealed, signed or permitted here, and no process is started: the whole way does that.
"""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from recovery.project import Tables
from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.match_buckets import by_bucket, paired
from rempart.cohort.match_plan import match_plan
from rempart.cohort.match_sql import BACK, DRAWS
from rempart.cohort.parts import columns_of, study_parts
from rempart.journeys.shard_evidence import computed
from rempart.records.result import ResultRow
from rempart.records.study import Study
from rempart.study.results import results
from rempart.wiring.study_files import one_study

STUDIES = Path(__file__).parent / "studies"
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """``value`` and ``error`` on the scale that the line is judged on (a logarithm, or a risk); the interval as told; events behind it."""

    value: float
    lower: float
    upper: float
    events: float = float("nan")

    @property
    def error(self) -> float:
        """Half of the interval, in standard errors of a normal law."""
        return (self.upper - self.lower) / (2 * _Z)


Estimates = dict[str, Estimate]
NONE = Estimate(value=float("nan"), lower=float("nan"), upper=float("nan"))


def wald(value: float, error: float, events: float = float("nan")) -> Estimate:
    """An estimate with its 95 % interval."""
    return Estimate(value=value, lower=value - _Z * error, upper=value + _Z * error, events=events)


@contextmanager
def session() -> Iterator[DuckDBQuery]:
    """An engine for one seed after another."""
    query = DuckDBQuery(threads=1, memory_limit="1GB")
    try:
        yield query
    finally:
        query.close()


@cache
def study_of(name: str, variant: str | None = None) -> Study:
    """A study file of this folder."""
    return one_study(STUDIES / f"{name}.toml", variant)


def answer(query: DuckDBQuery, study: Study, tables: Tables, cut: datetime.date) -> tuple[ResultRow, ...]:
    """The result of a study over the tables of a project; only the columns that a permit would be asked for are there."""
    parts = study_parts(study, cut=cut)
    for table, names in columns_of(parts).items():
        query.register(table, tables[table].select(["person_id", *sorted(names)]))
    query.register("usable_interval", _intervals())
    _matched(query, study, tables, cut)
    if "code_hierarchy" in tables:
        query.register("code_hierarchy", tables["code_hierarchy"])
    return results(study, computed(query, parts), run="recovery", standards=package_data.toml("study/standards.toml"))


def _matched(query: DuckDBQuery, study: Study, tables: Tables, cut: datetime.date) -> None:
    """Sets of matched cohorts, drawn as over one shard: a worker's two steps before evidence, without what seals rows between them."""
    if not study.matchings:
        return
    plan, persons = match_plan(study, cut=cut), tables["person"]["person_id"]
    for table, names in plan.columns.items():
        query.register(table, tables[table].select(["person_id", *sorted(names)]))
    draws = np.random.default_rng(persons.to_numpy()).integers(0, 1 << 62, len(persons))
    query.register(DRAWS, pa.table({"person_id": persons, "draw": draws}))
    for statement in plan.prepare:
        query.execute(statement)
    rows = pa.concat_tables([query.table(sql) for sql in plan.selects.values()])
    rows = rows.append_column("shard", pa.array(np.zeros(rows.num_rows, dtype=np.int32)))
    query.register(BACK, paired(by_bucket(rows, 1)[0], plan.matchings))


def _intervals() -> pa.Table:
    """Every source can be used to the end of the data."""
    return pa.table(
        {
            "source": pa.array([], pa.string()),
            "scheme": pa.array([], pa.string()),
            "last_day": pa.array([], pa.date32()),
        }
    )


def told(rows: tuple[ResultRow, ...], output: str, **row: str) -> list[ResultRow]:
    """Rows of an output with those row keys."""
    return [one for one in rows if one.output == output and row.items() <= one.row_key.items()]


def ratio(rows: tuple[ResultRow, ...], output: str, **row: str) -> Estimate:
    """Logarithm of a ratio told with its interval."""
    found = told(rows, output, **row)
    values = {one.statistic: one.value for one in found if not one.column_key}
    events = [one.value or 0.0 for one in found if one.statistic == "events"]
    value = values.get("hazard_ratio", values.get("ratio"))
    limits = [values.get("lower"), values.get("upper")]
    if value is None or None in limits:
        return NONE
    low, high = (float(np.log(limit)) for limit in limits if limit is not None)
    return Estimate(value=float(np.log(value)), lower=low, upper=high, events=sum(events))


def counts(rows: tuple[ResultRow, ...], output: str, statistic: str) -> Mapping[str, float]:
    """A count by arm."""
    return {
        one.column_key["arm"]: one.value or 0.0
        for one in rows
        if one.output == output and one.statistic == statistic and "arm" in one.column_key
    }
