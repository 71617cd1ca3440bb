# SPDX-License-Identifier: Apache-2.0
"""A cohort of a study that an ATLAS definition says, as the statements that make it in one shard. Runs nothing.

The rows are the definition's own, as far as they begin in the study's period and as the data can be used; a landmark moves the first day of
each event before events are joined, so that nothing later than it decides who is in.
"""

import datetime
from dataclasses import dataclass

from rempart.cohort.codes import Reads
from rempart.cohort.cohort_sets import attrition_sql
from rempart.cohort.generate import joined_sql, stages
from rempart.cohort.landmark import atlas_steps
from rempart.cohort.project_domains import DOMAINS, absent
from rempart.cohort.records_sql import Names
from rempart.errors import BadInput
from rempart.records.cohort import CohortDefinition

_ENDED = "event_period"


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """What a study asks of every definition: the ``period`` that time zero, before the ``landmark``, lies in, the last day of data,
    ``until``: SQL of the last usable day or '', how deaths are dated."""

    period: tuple[datetime.date, datetime.date]
    landmark: int
    cut: datetime.date
    until: str
    death: str

    @property
    def ends(self) -> list[str]:
        """SQL of the last days of data."""
        return [f"DATE '{self.cut}'", *([self.until] if self.until else [])]


def atlas_sql(
    name: str, definition: CohortDefinition, within: Within, reads: Reads
) -> tuple[list[str], tuple[str, ...]]:
    """The statements, and the names of the steps of attrition. Raises BadInput ``atlas-not-in-project``, ``cohort-counted``."""
    for domain, attribute in absent(definition):
        raise BadInput("atlas-not-in-project", file=f"cohorts.{name}", word=f"{domain} {attribute}".strip())
    names = Names(domains=DOMAINS, reads=reads, death=within.death)
    made, steps = [_code_sets(definition)], list[str]()
    named = _step_names(definition)
    tables = stages(definition, names)
    for table, select in tables:
        made.append(_make(table, select))
        if table in named:
            steps.append(named[table])
            made.append(_make(f"step_{len(steps)}", f"SELECT DISTINCT person_id FROM {table}"))
    if within.landmark:
        for step, select in atlas_steps(definition, names, _ENDED, within.landmark, within.ends):
            steps.append(step)
            made.append(_make(_ENDED, select))
            made.append(_make(f"step_{len(steps)}", f"SELECT DISTINCT person_id FROM {_ENDED}"))
        made.append(_make(_ENDED, f"SELECT * REPLACE (start_date + {within.landmark} AS start_date) FROM {_ENDED}"))
    made.append(_make(f"cohort_{name}", _rows(definition, within)))
    steps.append(f"begins from {within.period[0]} to {within.period[1]}")
    made.append(_make(f"step_{len(steps)}", f"SELECT DISTINCT person_id FROM cohort_{name}"))
    made += attrition_sql(name, steps)
    gone = [*(table for table, _ in tables), "code_set", *(f"step_{number}" for number, _ in enumerate(steps, 1))]
    return [*made, *(f"DROP TABLE IF EXISTS {table}" for table in gone)], tuple(steps)


def _make(table: str, select: str) -> str:
    return f"CREATE OR REPLACE TEMP TABLE {table} AS {select}"


def _code_sets(definition: CohortDefinition) -> str:
    """Concepts by number of their set: they were resolved when the study was read."""
    sets = {
        number: sorted({concept for concept, *_ in given.include}) for number, given in definition.code_sets.items()
    }
    listed = [
        f"SELECT {n} AS code_set, unnest({concepts}::BIGINT[]) AS concept" for n, concepts in sorted(sets.items())
    ]
    none = "SELECT 0 AS code_set, 0::BIGINT AS concept WHERE false"
    return _make("code_set", " UNION ALL ".join(listed) or none)


def _step_names(definition: CohortDefinition) -> dict[str, str]:
    """Table of events → the step of attrition that it shows; limits leave every person in."""
    found = {"primary_event": "primary criteria"}
    if definition.additional is not None:
        found["qualified_event"] = "additional criteria"
    found |= {f"rule_{number}": rule.name or f"rule {number + 1}" for number, rule in enumerate(definition.rules)}
    return found | {_ENDED: "does not end before it begins"}


def _rows(definition: CohortDefinition, within: Within) -> str:
    first, last = (f"DATE '{day}' + {within.landmark}" for day in within.period)
    ends = ", ".join(["end_date", *within.ends])
    rows = f"SELECT person_id, start_date, least({ends}) AS end_date FROM ({joined_sql(definition, f'SELECT * FROM {_ENDED}')})"
    return f"SELECT * FROM ({rows}) WHERE start_date BETWEEN {first} AND {last} AND end_date >= start_date"
