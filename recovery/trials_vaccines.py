# SPDX-License-Identifier: Apache-2.0
"""Windows of days after a dose of vaccine, within persons and between matched ones, where falling ill cancels doses to come."""

import datetime
from functools import partial

from recovery import session
from recovery.lines import Line, Trial
from recovery.persons import Asked, scene
from recovery.project import project_tables
from recovery.session import Estimates, answer, ratio
from rempart.adapters.duckdb_query import DuckDBQuery

CUT = datetime.date(2021, 12, 31)
_GAP = {"BNT162b2": [21, 49], "mRNA-1273": [28, 49], "ChAdOx1": [70, 90], "Ad26.COV2.S": []}
# Shares chosen so that each product has doses enough at this size.
_PRODUCTS = [{"name": name, "share": [[12, 0.25]], "gap": gap} for name, gap in _GAP.items()]
SERIES = Asked(study="covid_vaccine_sccs", size=40_000, years=(2020, 2021), changes={"products": _PRODUCTS})
_NAMES = {"adenovirus": "ChAdOx1", "single_dose": "Ad26.COV2.S", "mrna": "mRNA"}
_TRUTHS = {"adenovirus": 1.29, "single_dose": 1.75, "mrna": 1.0}


def _series(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of(asked.study), project_tables(scene(asked, seed)), CUT)
    made: Estimates = {}
    for exposure, name in _NAMES.items():
        for analysis, word in (("second_week", ""), ("with_days_before", ", days before")):
            found = [row for row in rows if row.row_key.get("analysis") == analysis]
            made[f"{asked.study}: {name}{word}"] = ratio(tuple(found), found[0].output, exposure=exposure)
    return made


def _myocarditis(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of(asked.study), project_tables(scene(asked, seed)), CUT)
    return {
        f"{asked.study}: {product} dose {rank}": ratio(
            rows, rows[0].output, exposure=exposure, window=f"dose {rank}, days 1 to 7"
        )
        for exposure, product, rank in _DOSES
    }


# Half of all doses of each product, so that each window holds cases enough at this size. The method is of rare events: at the study's own
# k of 500, seven young men in a hundred fall ill within the week after a second dose, and 2 % of its ratio is lost.
_HALVES = [{"name": name, "share": [[12, 0.5]], "gap": [28, 49]} for name in ("BNT162b2", "mRNA-1273")]
MYOCARDITIS = Asked(
    study="mrna_myocarditis", size=75_000, years=(2020, 2021), changes={"products": _HALVES, "boost": 100}
)
_DOSES = tuple(
    (exposure, product, rank)
    for exposure, product in (("comirnaty", "BNT162b2"), ("spikevax", "mRNA-1273"))
    for rank in (1, 2)
)
_RATIOS = {("BNT162b2", 1): 1.8, ("BNT162b2", 2): 8.1, ("mRNA-1273", 1): 3.0, ("mRNA-1273", 2): 30.0}
VACCINES = (
    Trial(
        study=MYOCARDITIS.study,
        lines=tuple(
            Line(
                name=f"{MYOCARDITIS.study}: {product} dose {rank}",
                truth=truth,
                estimand="incidence ratio within persons, days 1 to 7",
            )
            for (product, rank), truth in _RATIOS.items()
        ),
        run=partial(_myocarditis, asked=MYOCARDITIS),
    ),
    Trial(
        study=SERIES.study,
        lines=tuple(
            Line(
                name=f"{SERIES.study}: {_NAMES[exposure]}",
                truth=truth,
                estimand="incidence ratio within persons, days 8 to 14",
                null=truth == 1.0,
                crude=f"{SERIES.study}: {_NAMES[exposure]}, days before",
            )
            for exposure, truth in _TRUTHS.items()
        ),
        run=partial(_series, asked=SERIES),
    ),
)
