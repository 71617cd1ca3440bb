# SPDX-License-Identifier: Apache-2.0
"""The windows of a case-crossover as SQL of one shard: what each case, and each control, took in each of them. Runs nothing.

Of a person who is not observed throughout a reference window it does not count; who is not throughout the risk window, or in no reference
window, is not compared. Reference windows have no order: equal rows are counted.
"""

import datetime

from rempart.cohort.codes import Reads
from rempart.cohort.describe_slices import drop, make
from rempart.cohort.design_doses import occurrences
from rempart.cohort.sources import usable_days
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_case_crossover import shifts
from rempart.records.design_windows import COVERED
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

CASE, CONTROL = "case", "control"
RISK, REFERENCE, ALIKE = "risk", "reference", "alike"
_TABLES = ("crossover_index", "crossover_windows", "crossover_rows")


def case_crossover(
    study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str
) -> TallyPlan:
    """Patterns ``rows``: role, the exposures (0 or 1 each, one after another) in the risk window, and those in each reference window,
    joined by commas. Tallies ``roles`` by ``role`` and ``exposure/<name>`` by ``role`` and ``level`` (value: how often the person stands
    there): exposed in the risk window and not in every other, in another alone, or alike in all."""
    prepare = (
        make("crossover_index", _index(analysis, until)),
        make("crossover_windows", _windows(study, analysis, cut, reads, until)),
        make("crossover_rows", _rows(analysis)),
    )
    key = "role || '|' || risk || '|' || refs"
    times = "SELECT person_id, role{0}, count(*) AS times FROM crossover_rows GROUP BY ALL"
    selects = {
        "patterns:rows": f"SELECT {key} AS key, count(*) AS n FROM crossover_rows GROUP BY 1",
        "roles": tally(times.format(""), keys=("role",), value="times"),
    }
    for name in analysis.exposures:
        rows = times.format(f", l_{name} AS level")
        selects[f"exposure/{name}"] = tally(rows, keys=("role", "level"), value="times")
    return TallyPlan(analysis=analysis.id, prepare=prepare, selects=selects, clear=drop(*_TABLES))


def _index(analysis: DesignAnalysis, until: str) -> str:
    """(id, person_id, day, role); a control of several sets stands in each."""
    entered = usable_days(f"cohort_{analysis.inputs['cohort']}", until)
    cases = f"SELECT DISTINCT person_id, start_date AS day, '{CASE}' AS role FROM {entered}"
    both = [cases]
    if "controls" in analysis.inputs:
        drawn = usable_days(f"cohort_{analysis.inputs['controls']}", until)
        both.append(f"SELECT person_id, start_date AS day, '{CONTROL}' AS role FROM {drawn}")
    return f"SELECT row_number() OVER () AS id, * FROM ({' UNION ALL '.join(both)})"


def _windows(study: Study, analysis: DesignAnalysis, cut: datetime.date, reads: Reads, until: str) -> str:
    """(id, person_id, role, apart, e_<exposure>): the windows of each that are observed from end to end."""
    first, last = analysis.parameters["risk_window"]
    begins, ends = (reads.column("observation_period", f"observation_period_{side}_date") for side in ("start", "end"))
    known = f"least(DATE '{cut}', {until})" if until else f"DATE '{cut}'"
    seen = (
        f"SELECT 1 FROM observation_period AS v WHERE v.person_id = i.person_id AND i.day BETWEEN v.{begins} AND v.{ends} "
        f"AND v.{begins} <= i.day + s.apart + ({first}) AND least(v.{ends}, {known}) >= i.day + s.apart + ({last})"
    )
    month = ""
    if analysis.parameters["time_stratified"]:
        month = " AND date_trunc('month', i.day) = date_trunc('month', i.day + s.apart)"
    values = ", ".join(f"({shift})" for shift in (0, *shifts(analysis)))
    covered = analysis.parameters["exposed"] == COVERED
    exposed = "".join(
        f", CASE WHEN EXISTS (SELECT 1 FROM ({occurrences(study, name, reads, periods=covered)}) AS o WHERE o.person_id = w.person_id "
        f"AND o.first <= w.day + w.apart + ({last}) AND o.last >= w.day + w.apart + ({first})) THEN 1 ELSE 0 END AS e_{name}"
        for name in analysis.exposures
    )
    windows = f"SELECT i.*, s.apart FROM crossover_index AS i CROSS JOIN (VALUES {values}) AS s(apart) WHERE EXISTS ({seen}){month}"
    return f"SELECT w.*{exposed} FROM ({windows}) AS w"


def _rows(analysis: DesignAnalysis) -> str:
    """(id, person_id, role, risk, refs, l_<exposure>): who has a risk window and another."""
    bits = " || ".join(f"CAST(e_{name} AS VARCHAR)" for name in analysis.exposures)
    others = "FILTER (apart <> 0)"
    levels = "".join(
        f", CASE WHEN max(e_{name}) FILTER (apart = 0) = 1 AND min(e_{name}) {others} = 0 THEN '{RISK}' "
        f"WHEN max(e_{name}) FILTER (apart = 0) = 0 AND max(e_{name}) {others} = 1 THEN '{REFERENCE}' ELSE '{ALIKE}' END AS l_{name}"
        for name in analysis.exposures
    )
    return (
        "SELECT id, person_id, role, max(bits) FILTER (apart = 0) AS risk, "
        f"array_to_string(list_sort(list(bits) {others}), ',') AS refs{levels} "
        f"FROM (SELECT *, {bits} AS bits FROM crossover_windows) GROUP BY id, person_id, role "
        "HAVING count(*) FILTER (apart = 0) > 0 AND count(*) FILTER (apart <> 0) > 0"
    )
