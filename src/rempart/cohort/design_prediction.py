# SPDX-License-Identifier: Apache-2.0
"""A prediction as SQL of one shard: a row a person without any id, with features, what became of the person, and who trains. Runs nothing.

Who trains and who judges is drawn from the person's number and the seed, so that it is the same in every run; the draw does not leave.
Split in time, who entered less than the horizon before the day is ``BETWEEN``: on that day it is not known yet what becomes of them.
"""

import datetime

from rempart.cohort.codes import Reads
from rempart.cohort.describe_slices import described, drop, make
from rempart.cohort.design_follow import FOLLOWED, follow_sql, index_sql
from rempart.cohort.features_sql import feature_clear, feature_statements, feature_text
from rempart.cohort.tally_sql import tally
from rempart.records.design import DesignAnalysis
from rempart.records.design_prediction import PERSON, PLACE, TIME
from rempart.records.protocol import TallyPlan
from rempart.records.study import Study

TRAINS, JUDGES, BETWEEN = "train", "test", "between"
_ROWS = "design_rows"


def prediction(study: Study, analysis: DesignAnalysis, *, cut: datetime.date, reads: Reads, until: str) -> TallyPlan:
    """Patterns ``rows``: features (joined by commas), status (1 outcome, 2 death, 0 otherwise, by the horizon), day, set, fold, place,
    then the covariates' levels, of those who train or judge. Tallies ``persons`` by ``set`` and ``ended``, ``level/<group>`` by ``level``
    too."""
    (cohort,), (outcome,) = analysis.cohorts, analysis.outcomes
    names = tuple(analysis.inputs["features"])
    prepare = [
        index_sql(study, cohort, analysis.covariates, reads=reads, until=until),
        follow_sql(study, outcome, cut=cut, reads=reads),
    ]
    for name in names:
        prepare += feature_statements(study, name, "design_follow", reads)
    prepare.append(make(_ROWS, _rows(analysis, names, reads)))
    columns = ["features", "status", "day", "set_", "fold", "place", *(["pattern"] if analysis.covariates else [])]
    key = " || '|' || ".join(columns)
    rows = f"SELECT {key} AS key, count(*) AS n FROM {_ROWS} WHERE set_ <> '{BETWEEN}' GROUP BY 1"
    clear = [statement for name in names for statement in feature_clear(name)]
    return TallyPlan(
        analysis=analysis.id,
        prepare=tuple(prepare),
        selects={"patterns:rows": rows, **_tallies(analysis)},
        clear=(*drop(*FOLLOWED, _ROWS), *clear),
    )


def _rows(analysis: DesignAnalysis, names: tuple[str, ...], reads: Reads) -> str:
    told = analysis.parameters
    horizon = told["horizon_days"]
    features = feature_text(names, "design_follow") if names else "SELECT person_id, '' AS features FROM design_follow"
    ended = f"exit_day <= {horizon} AND status > 0"
    followed = (
        f"SELECT person_id, t0, t0 AS day0, pattern, least(exit_day, {horizon}) AS day, "
        f"CASE WHEN {ended} THEN least(status, 2) ELSE 0 END AS status FROM design_follow"
    )
    placed = _placed(analysis, followed, reads)
    folds, seed = told["folds"], told["seed"]
    return (
        f"SELECT r.person_id, f.features, r.status, r.day, {_set(analysis)} AS set_, "
        f"{_drawn(f'fold {seed}')} % {folds} AS fold, r.place, r.pattern, "
        f"CASE r.status WHEN 1 THEN 'outcome' WHEN 2 THEN 'death' ELSE CASE WHEN r.day >= {horizon} THEN 'horizon' ELSE 'censored' END "
        f"END AS ended FROM ({placed}) AS r JOIN ({features}) AS f ON f.person_id = r.person_id"
    )


def _placed(analysis: DesignAnalysis, followed: str, reads: Reads) -> str:
    """With the place of residence at time zero, where it is asked for."""
    told = analysis.parameters
    if told["split"] != PLACE and PLACE not in told["groups"]:
        return f"SELECT *, '' AS place FROM ({followed})"
    lived = described("SELECT person_id, t0 AS day FROM design_follow", frozenset({"place"}), reads)
    return f"SELECT o.*, l.place FROM ({followed}) AS o JOIN ({lived}) AS l ON l.person_id = o.person_id"


def _set(analysis: DesignAnalysis) -> str:
    told = analysis.parameters
    if told["split"] == PERSON:
        trains = f"{_drawn('set {}'.format(told['seed']))} % 100 < {told['training_percent']}"
    elif told["split"] == TIME:
        day = f"DATE '{told['before']}'"
        known = f"r.t0 + {told['horizon_days']} < {day}"
        return f"CASE WHEN r.t0 >= {day} THEN '{JUDGES}' WHEN {known} THEN '{TRAINS}' ELSE '{BETWEEN}' END"
    else:
        places = ", ".join("'" + place.replace("'", "''") + "'" for place in told["places"])
        trains = f"r.place NOT IN ({places})"
    return f"CASE WHEN {trains} THEN '{TRAINS}' ELSE '{JUDGES}' END"


def _drawn(what: str) -> str:
    """A number drawn for the person, the same in every run."""
    return f"(md5_number(CAST(r.person_id AS VARCHAR) || ' {what}') >> 64)"


def _tallies(analysis: DesignAnalysis) -> dict[str, str]:
    found = {"persons": tally(f"SELECT person_id, set_ AS set, ended FROM {_ROWS}", keys=("set", "ended"))}
    for name in analysis.parameters["groups"]:
        at = analysis.covariates.index(name) + 1 if name != PLACE else 0
        level = f"split_part(pattern, '|', {at})" if at else "place"
        rows = f"SELECT person_id, set_ AS set, ended, {level} AS level FROM {_ROWS}"
        found[f"level/{name}"] = tally(rows, keys=("set", "ended", "level"))
    return found
