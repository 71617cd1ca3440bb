# SPDX-License-Identifier: Apache-2.0
"""Cases and matched controls as SQL of one shard: what each took before the index day, and their covariates. Runs nothing.

The persons of a set live in several shards, so a row leaves with a mark of its set: a print of the set's number, which is no person's
and joins nothing but rows of one set. Equal rows of a set are counted together.
"""

import datetime
from itertools import chain

from rempart.cohort.codes import Reads
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.design_doses import occurrences
from rempart.cohort.patterns import level_sql
from rempart.cohort.sources import usable_days
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_nested_case_control import EXCLUDED, look_of
from rempart.records.design_windows import COVERED
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

CASE, CONTROL = "case", "control"
EXPOSED, UNEXPOSED, SIBLING = "exposed", "unexposed", "other exposure"
_TABLES = ("nested_index", "nested_rows")
_PRINT = "md5_number_lower('rempart.set/1 ' || match_set)"


def nested_case_control(
    study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str
) -> TallyPlan:
    """Patterns ``rows``: set, role, 0 or 1 for each exposure, the level of each covariate. Tallies ``roles`` by ``role`` and
    ``exposure/<name>`` by ``role`` and ``level`` (value: how often a person stands there)."""
    prepare = (
        make("nested_index", _index(study, analysis, reads, until)),
        make("nested_rows", _rows(study, analysis, reads)),
    )
    columns = [
        _PRINT,
        "role",
        *(f"e_{name}" for name in analysis.exposures),
        *(f"c_{name}" for name in analysis.covariates),
    ]
    key = " || '|' || ".join(columns)
    selects = {"patterns:rows": f"SELECT {key} AS key, count(*) AS n FROM nested_rows GROUP BY 1"}
    selects["roles"] = tally(
        "SELECT person_id, role, count(*) AS times FROM nested_rows GROUP BY ALL", keys=("role",), value="times"
    )
    for name in analysis.exposures:
        level = _level(analysis, name)
        rows = f"SELECT person_id, role, {level} AS level, count(*) AS times FROM nested_rows GROUP BY ALL"
        selects[f"exposure/{name}"] = tally(rows, keys=("role", "level"), value="times")
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects=selects, clear=drop(*_TABLES))


def _index(study: Study, analysis: DesignAnalysis, reads: Reads, until: str) -> str:
    """(person_id, t0, match_set, role, age, sex), one row for each time that a person stands in a set."""
    controls = str(analysis.inputs["controls"])
    kinds = {study.covariates[name].type for name in analysis.covariates}
    born = f"p.{reads.column('person', 'year_of_birth')}" if "age" in kinds else "NULL::INTEGER"
    sex = f"p.{reads.column('person', 'gender_concept_id')}" if "sex" in kinds else "NULL::INTEGER"
    person = " LEFT JOIN person AS p ON p.person_id = m.person_id" if kinds & {"age", "sex"} else ""
    both = " UNION ALL ".join(
        f"SELECT person_id, start_date AS t0, match_set, '{role}' AS role FROM {usable_days(f'cohort_{name}', until)}"
        for name, role in ((f"{controls}_cases", CASE), (controls, CONTROL))
    )
    return f"SELECT m.*, CAST(year(m.t0) - {born} AS BIGINT) AS age, {sex} AS sex FROM ({both}) AS m{person}"


def _rows(study: Study, analysis: DesignAnalysis, reads: Reads) -> str:
    """The index rows with ``e_<exposure>`` (0, 1) and ``c_<covariate>``."""
    exposures = (f"{_exposed(study, analysis, name, reads)} AS e_{name}" for name in analysis.exposures)
    covariates = (f"{level_sql(study.covariates[name], study, reads)} AS c_{name}" for name in analysis.covariates)
    return f"SELECT {', '.join(chain(('i.person_id', 'i.match_set', 'i.role'), exposures, covariates))} FROM nested_index AS i"


def _exposed(study: Study, analysis: DesignAnalysis, name: str, reads: Reads) -> str:
    first, last = look_of(analysis, name)
    covered = analysis.parameters["exposed"] == COVERED
    given = occurrences(study, name, reads, periods=covered)
    within = f"o.person_id = i.person_id AND o.first <= i.t0 + ({last}) AND o.last >= i.t0 + ({first})"
    found = f"(SELECT count(*) FROM ({given}) AS o WHERE {within})"
    return f"CASE WHEN {found} >= {analysis.parameters['dispensings']} THEN 1 ELSE 0 END"


def _level(analysis: DesignAnalysis, name: str) -> str:
    """Whether a row is exposed to this one; else, where those are apart, to another; else to none."""
    others = [f"e_{other} = 1" for other in analysis.exposures if other != name]
    apart = (
        f" WHEN {' OR '.join(others)} THEN '{SIBLING}'"
        if others and analysis.parameters["siblings"] == EXCLUDED
        else ""
    )
    return f"CASE WHEN e_{name} = 1 THEN '{EXPOSED}'{apart} ELSE '{UNEXPOSED}' END"
