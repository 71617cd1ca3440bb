# SPDX-License-Identifier: Apache-2.0
"""Exposures that change while people are followed, by study files: a drug begun under way, and what is measured at the residence."""

import datetime
from dataclasses import replace
from functools import partial

from recovery import project, session
from recovery.lines import Line, Trial
from recovery.persons import Asked, scene
from recovery.session import Estimates, answer, ratio
from rempart.adapters.duckdb_query import DuckDBQuery

CUT = datetime.date(2017, 12, 31)
_GIVEN = "conditional on age and sex"


def _drug(query: DuckDBQuery, seed: int, *, asked: Asked, name: str) -> Estimates:
    rows = answer(query, session.study_of("pioglitazone_in_time"), project.project_tables(scene(asked, seed)), CUT)
    return {
        f"{name}: hazard ratio": ratio(rows, "hazard_ratio", model="adjusted"),
        f"{name}: crude": ratio(rows, "hazard_ratio", model="crude"),
    }


def _particles(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of(asked.study), project.project_tables(scene(asked, seed)), CUT)
    return {
        "pm25_mortality: hazard ratio for 5.9 µg/m³": ratio(rows, "hazard_ratio", model="adjusted"),
    }


DRUG = Asked(study="pioglitazone_bladder", size=5000, effect=1.22)
PARTICLES = Asked(study="pm25_mortality", size=3000, moving=0.25)
IN_TIME = (
    Trial(
        study="pioglitazone_in_time",
        lines=(
            Line(
                name="pioglitazone_in_time: hazard ratio",
                truth=1.22,
                estimand=_GIVEN,
                crude="pioglitazone_in_time: crude",
            ),
        ),
        run=partial(_drug, asked=DRUG, name="pioglitazone_in_time"),
    ),
    Trial(
        study="pioglitazone_in_time_null",
        lines=(Line(name="pioglitazone_in_time_null: hazard ratio", truth=1.0, estimand=_GIVEN, null=True),),
        run=partial(_drug, asked=replace(DRUG, effect=1.0), name="pioglitazone_in_time_null"),
    ),
    Trial(
        study="pm25_mortality",
        lines=(Line(name="pm25_mortality: hazard ratio for 5.9 µg/m³", truth=1.09, estimand=_GIVEN),),
        run=partial(_particles, asked=PARTICLES),
    ),
)
