# SPDX-License-Identifier: Apache-2.0
"""A case-control study nested in a cohort, by a study file: progestogens, whose siblings are no reference."""

import datetime
from functools import partial

from recovery import session
from recovery.lines import Line, Trial
from recovery.persons import Asked, scene
from recovery.project import project_tables
from recovery.session import Estimates, answer, ratio
from rempart.adapters.duckdb_query import DuckDBQuery

CUT = datetime.date(2017, 12, 31)


def _nested(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of("progestogen_nested"), project_tables(scene(asked, seed)), CUT)
    made: Estimates = {}
    for word, analysis in (("", "matched"), (", crude", "crude")):
        for name in _TRUE:
            own = tuple(row for row in rows if row.row_key.get("analysis") == analysis)
            made[f"progestogen_nested: {name}{word}"] = ratio(own, own[0].output, model="crude", term=name)
    return made


PROGESTOGENS = Asked(study="progestogen_meningioma", size=15_000)
_TRUE = {"medrogestone": 3.49, "promegestone": 2.39, "dydrogesterone": 1.0}
CASES = (
    Trial(
        study="progestogen_nested",
        lines=tuple(
            Line(
                name=f"progestogen_nested: {name}",
                truth=truth,
                estimand="conditional on year of birth and day: the hazard ratio",
                null=truth == 1.0,
                crude=f"progestogen_nested: {name}, crude",
            )
            for name, truth in _TRUE.items()
        ),
        run=partial(_nested, asked=PROGESTOGENS),
    ),
)
