# SPDX-License-Identifier: Apache-2.0
"""Marginal estimands by study files: ratios and risks by weights and by matching, and the share with an outcome when death competes."""

import datetime
import tomllib
from functools import partial
from typing import Any

from recovery import session
from recovery.lines import PLAIN, Line, Trial
from recovery.persons import Asked, scene
from recovery.project import project_tables
from recovery.session import NONE, Estimate, Estimates, answer, ratio
from recovery.truths import FILE, MATCHED, RISK, RISK_DAYS, SCORES, SCORES_DAYS, TRIAL_DAYS
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.records.result import ResultRow

CUT = datetime.date(2017, 12, 31)
_TRUTHS: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
_USES = {"everybody": "weights", "treated": "treated-weights", "matched": "matching"}
_WHOM = {
    "everybody": ("everybody", "everybody"),
    "treated": ("the treated", "treated"),
    "matched": ("the matched treated", "treated"),
}


def truth(of: str, name: str) -> float:
    """A kept truth; ratios as ratios."""
    value = float(_TRUTHS[of][name]["value"])
    return float(2.718281828459045**value) if name.startswith("log_") else value


def _scores(query: DuckDBQuery, seed: int, *, asked: Asked, file: str) -> Estimates:
    study = session.study_of(file)
    rows = answer(query, study, project_tables(scene(asked, seed)), CUT)
    made: Estimates = {}
    for analysis in (item.id for item in study.analyses):
        model, name = _USES[analysis], f"{file}: {analysis}"
        own = [row for row in rows if row.row_key.get("analysis") == analysis]
        ratios = tuple(row for row in own if row.output.startswith("score_ratio"))
        made[f"{name}, hazard ratio"] = ratio(ratios, ratios[0].output, model=model)
        made[f"{name}, crude"] = ratio(ratios, ratios[0].output, model="crude")
        found = [row for row in own if row.row_key.get("measure") == "difference"]
        made[f"{name}, risk difference"] = interval(found, "risk_difference")
    return made


def interval(rows: list[ResultRow], statistic: str) -> Estimate:
    """A value with its interval on its own scale."""
    values = {row.statistic: row.value for row in rows}
    value, lower, upper = (values.get(name) for name in (statistic, "lower", "upper"))
    if value is None or lower is None or upper is None:
        return NONE
    return Estimate(value=value, lower=lower, upper=upper)


def _trial(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of("pioglitazone_trial"), project_tables(scene(asked, seed)), CUT)
    found = [row for row in rows if row.row_key.get("measure") == "difference"]
    return {"pioglitazone_trial: risk difference": interval(found, "risk_difference")}


def _share(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of("doac_risk"), project_tables(scene(asked, seed)), CUT)
    made: Estimates = {}
    for arm in ("target", "comparator"):
        own = [row for row in rows if row.column_key.get("arm") == arm and row.row_key.get("day") == f"{RISK_DAYS:05d}"]
        made[f"doac_risk: {arm}, share within {RISK_DAYS} days"] = interval(own, "cumulative_incidence")
    return made


def _score_trial(file: str, asked: Asked, *analyses: str) -> Trial:
    lines = []
    for analysis in analyses:
        name, (whom, law) = f"{file}: {analysis}", _WHOM[analysis]
        lines += [
            Line(
                name=f"{name}, hazard ratio",
                truth=truth(law, "log_hazard_ratio"),
                estimand=f"marginal, {whom}, {SCORES_DAYS} days",
                crude=f"{name}, crude",
            ),
            Line(
                name=f"{name}, risk difference",
                truth=truth(law, "risk_difference"),
                estimand=f"marginal, {whom}, by day {SCORES_DAYS}",
                scale=PLAIN,
            ),
        ]
    return Trial(study=file, lines=tuple(lines), run=partial(_scores, asked=asked, file=file))


RISKS = (
    _score_trial("pioglitazone_scores", SCORES, "everybody", "treated"),
    _score_trial("pioglitazone_matched", MATCHED, "matched"),
    Trial(
        study="pioglitazone_trial",
        lines=(
            Line(
                name="pioglitazone_trial: risk difference",
                truth=truth("trial", "risk_difference"),
                estimand=f"marginal, everybody, {TRIAL_DAYS} days",
                scale=PLAIN,
            ),
        ),
        run=partial(_trial, asked=SCORES),
    ),
    Trial(
        study="doac_risk",
        lines=tuple(
            Line(
                name=f"doac_risk: {arm}, share within {RISK_DAYS} days",
                truth=truth("anticoagulants", f"risk_{arm}"),
                estimand="share of those who start, death competing",
                scale=PLAIN,
            )
            for arm in ("target", "comparator")
        ),
        run=partial(_share, asked=RISK),
    ),
)
