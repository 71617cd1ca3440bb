# SPDX-License-Identifier: Apache-2.0
"""Treatment pathways in a rule cohort, as SQL: the order in which a person's exposures begin. Runs nothing.

From a person's first entry on, within the period of the cohort (and ``days``): exposures that begin on one day are one step (``a + b``), a
step like the one before is the same step, and the path ends after ``steps``. An exposure that runs on the day of entry begins that day.
"""

from rempart.cohort.codes import Reads
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.sources import usable_days
from rempart.cohort.tally_sql import tally
from rempart.records.describing import CohortAnalysis
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

_TABLES = ("describe_starts", "describe_paths")
AND, THEN, NONE = " + ", " → ", "none"


def pathways(study: Study, analysis: CohortAnalysis, reads: Reads, until: str = "") -> TallyPlan:
    """Part ``paths`` by ``path``: each person of the cohort in one. Nothing begins after ``until`` (describe_rates.py)."""
    first = entries(analysis.cohorts[0], until)
    prepare = (make("describe_starts", _starts(analysis, first)), make("describe_paths", _paths(analysis, first)))
    rows = tally("SELECT person_id, path FROM describe_paths", keys=("path",))
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects={"paths": rows}, clear=drop(*_TABLES))


def entries(cohort: str, until: str = "") -> str:
    """A person's first period in a cohort, until that day at most."""
    first = "min(start_date) AS start_date, arg_min(end_date, start_date) AS end_date"
    return f"SELECT person_id, {first} FROM {usable_days(f'cohort_{cohort}', until)} GROUP BY person_id"


def _starts(analysis: CohortAnalysis, entered: str) -> str:
    """Days on which exposures begin, told in one text by day."""
    eras = " UNION ALL ".join(
        f"SELECT person_id, start_date, end_date, '{n}' AS name FROM exposure_{n}" for n in analysis.exposures
    )
    last = f"least(i.end_date, i.start_date + {analysis.days})" if analysis.days else "i.end_date"
    return (
        f"SELECT person_id, day, string_agg(DISTINCT name, '{AND}' ORDER BY name) AS step FROM ("
        f"SELECT i.person_id, greatest(e.start_date, i.start_date) AS day, e.name FROM ({entered}) AS i "
        f"JOIN ({eras}) AS e ON e.person_id = i.person_id AND e.end_date >= i.start_date AND e.start_date <= {last}) "
        "GROUP BY person_id, day"
    )


def _paths(analysis: CohortAnalysis, entered: str) -> str:
    changed = "SELECT *, lag(step) OVER (PARTITION BY person_id ORDER BY day) AS before FROM describe_starts"
    rank = "row_number() OVER (PARTITION BY person_id ORDER BY day) AS rank"
    ranked = f"SELECT *, {rank} FROM ({changed}) WHERE step IS DISTINCT FROM before"
    joined = (
        f"SELECT person_id, string_agg(step, '{THEN}' ORDER BY day) AS path FROM ({ranked}) "
        f"WHERE rank <= {analysis.steps} GROUP BY person_id"
    )
    return (
        f"SELECT i.person_id, coalesce(p.path, '{NONE}') AS path FROM ({entered}) AS i "
        f"LEFT JOIN ({joined}) AS p ON p.person_id = i.person_id"
    )
