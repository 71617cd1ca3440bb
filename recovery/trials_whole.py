# SPDX-License-Identifier: Apache-2.0
"""One seed of a study by the whole way in, with all the dirt of a delivery: who enters, when, and what they have, beside what was planted.

A few stays are lost on purpose (two persons under one pseudonym: rule R2), so that counts are near and not equal.
"""

import datetime
import tempfile
from collections import Counter
from functools import cache, partial
from pathlib import Path
from typing import Any

from recovery import session
from recovery.lines import NEAR, WHOLE, Line, Trial
from recovery.persons import Asked, tables
from recovery.session import Estimate, Estimates, answer, counts
from recovery.whole import Whole, brought, delivered
from rempart.adapters.duckdb_query import DuckDBQuery

_ARMS = ("target", "comparator")
CUT = datetime.date(2017, 12, 31)
_LAST_START = "2017-07-01"
_SLACK = {
    "persons": 0.002,
    "dispensings": 0.002,
    "stays": 0.01,
    "moves": 0.15,
    "persons who enter": 0.015,
    "outcomes": 0.05,
    "person-years": 0.015,
    "time zero on the planted day": 0.01,
}


def near(value: float) -> Estimate:
    """A count over the planted one."""
    return Estimate(value=value, lower=value, upper=value)


def _planted(whole: Whole) -> list[dict[str, Any]]:
    """New users of both arms who start in time, free of the outcome."""
    rows = whole.persons.to_pylist()
    mine = [row for row in rows if row["arm"] in {"target", "comparator"} and row["new_user"] == "1"]
    return [row for row in mine if row["start"] <= _LAST_START and (not row["event"] or row["event"] > row["start"])]


def _day_zero(query: DuckDBQuery, whole: Whole, study: str) -> Counter[tuple[str, str]]:
    """Product and first day of dispensing of each person who takes one of the study's products."""
    packs = tables()["studies"][study]["packs"]
    arms = {"target": tables()["studies"][study]["target"], "comparator": tables()["studies"][study]["comparator"]}
    listed = {
        arm: ", ".join(f"'{pack['cip13']}'" for pack in packs if pack["product"] == product)
        for arm, product in arms.items()
    }
    query.register("drug_exposure", whole.tables["drug_exposure"])
    found = query.table(
        f"SELECT CASE WHEN drug_source_value IN ({listed['target']}) THEN 'target' ELSE 'comparator' END AS arm, "
        "CAST(drug_exposure_start_date AS VARCHAR) AS day FROM drug_exposure "
        f"WHERE drug_source_value IN ({listed['target']}, {listed['comparator']}) "
        "QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY drug_exposure_start_date) = 1"
    )
    return Counter(zip(found["arm"].to_pylist(), found["day"].to_pylist(), strict=True))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Deliveries of this process: a mutant of the ingest is brought the same one."""
    return tempfile.TemporaryDirectory(prefix="recovery-")


def _run(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    folder = Path(_folder().name) / f"{asked.study}-{seed}"
    if not folder.exists():
        delivered(asked, seed, folder)
    with brought(folder) as whole:
        return {f"{asked.study}, whole way: {name}": one for name, one in _found(query, whole, asked).items()}


def _found(query: DuckDBQuery, whole: Whole, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of(f"{asked.study}"), whole.tables, CUT)
    true, told = _planted(whole), whole.truth["studies"][asked.study]["planted"]
    zero = _day_zero(query, whole, asked.study)
    days = Counter((row["arm"], row["start"]) for row in true)
    years = sum(told[arm]["person_years_of_new_users"] for arm in _ARMS)
    lived = counts(rows, "incidence", "person_years")
    return {
        **_counted(query, whole),
        "persons who enter": near(sum(counts(rows, "hazard_ratio", "persons").values()) / len(true)),
        "outcomes": near(sum(counts(rows, "hazard_ratio", "events").values()) / sum(1 for row in true if row["event"])),
        "person-years": near(sum(lived[arm] for arm in _ARMS) / years),
        "time zero on the planted day": near((zero & days).total() / days.total()),
    }


def _counted(query: DuckDBQuery, whole: Whole) -> Estimates:
    """The whole warehouse beside the whole population: persons that keys can tell apart, net dispensings, stays no rule drops, moves."""
    tables, truth = whole.tables, whole.truth
    query.register("visit_occurrence", tables["visit_occurrence"])
    stays = query.table(
        "SELECT count(*) AS n FROM visit_occurrence WHERE lower(split_part(visit_source_value, ' ', 1)) = 'mco'"
    )["n"][0].as_py()
    kept = sum(1 for row in whole.stays.to_pylist() if not row["rules"] and row["field"] == "mco")
    query.register("drug_exposure", tables["drug_exposure"])
    packs = query.table(
        "SELECT count(*) AS n FROM (SELECT DISTINCT person_id, drug_exposure_start_date, drug_source_value FROM drug_exposure "
        "WHERE drug_source_vocabulary IN ('CIP13', 'CIP7'))"
    )["n"][0].as_py()
    homes = tables["location_history"]
    moves = homes.num_rows - len(set(homes["person_id"].to_pylist()))
    return {
        "persons": near(tables["person"].num_rows / truth["identities"]["best_resolution"]["persons"]),
        "dispensings": near(packs / truth["net"]["drug"]["rows"]),
        "stays": near(stays / kept),
        "moves": near(moves / truth["defects"]["moves"]),
    }


def _trial(asked: Asked) -> Trial:
    lines = tuple(
        Line(
            name=f"{asked.study}, whole way: {name}",
            truth=1,
            estimand="found over planted",
            way=WHOLE,
            scale=NEAR,
            slack=slack,
        )
        for name, slack in _SLACK.items()
    )
    return Trial(study=f"{asked.study}_whole", lines=lines, run=partial(_run, asked=asked), most=1)


WHOLES = (
    _trial(Asked(study="pioglitazone_bladder", size=700, effect=1.22)),
    _trial(Asked(study="doac_vka", size=700)),
)
