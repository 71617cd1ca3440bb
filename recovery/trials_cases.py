# SPDX-License-Identifier: Apache-2.0
"""Matched case-control studies nested in a cohort, on arrays: progestogens, whose siblings are no reference, and doses of vaccine."""

import datetime
from functools import partial

from recovery import session
from recovery.arrays import Exposure, birth_year, exposed, first_outcome, matched_sets, odds
from recovery.lines import ARRAYS, Line, Trial
from recovery.persons import Asked, scene
from recovery.project import project_tables
from recovery.session import Estimates, answer, ratio
from rempart.adapters.duckdb_query import DuckDBQuery

CUT = datetime.date(2017, 12, 31)
# A dispensing lasts 28 days and acts until a year after it ran out.
_ACTS = (1, 392)
_PROGESTOGENS: tuple[Exposure, ...] = (
    ("medrogestone", ("3400931308614",), _ACTS),
    ("promegestone", ("3400933133146",), _ACTS),
    ("dydrogesterone", ("3400932192946",), _ACTS),
)
_ODDS = "conditional on year of birth and day: the hazard ratio"


def siblings(names: tuple[Exposure, ...]) -> tuple[Exposure, ...]:
    """The exposures that have a term of their own, so that nobody exposed to one of them is in the reference."""
    return names


def _progestogens(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    drawn = scene(asked, seed)
    tables = project_tables(drawn)
    event = first_outcome(query, tables, ("D32", "D42", "C70"), drawn)
    made: Estimates = {}
    first, terms = drawn.days.day(asked.years[0] + 1, 1) + 31, siblings(_PROGESTOGENS)
    for word, stratum in (("", birth_year(drawn)), (", crude", birth_year(drawn) * 0)):
        sets = matched_sets(drawn, event, stratum=stratum, first=first, controls=5, seed=seed)
        found = odds(sets, exposed(query, tables, sets, drawn, terms), [name for name, *_ in terms])
        made |= {f"{asked.study}: {name}{word}": one for name, one in found.items()}
    return made


def _nested(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    rows = answer(query, session.study_of("progestogen_nested"), project_tables(scene(asked, seed)), CUT)
    made: Estimates = {}
    for word, analysis in (("", "matched"), (", crude", "crude")):
        for name in _TRUE:
            own = tuple(row for row in rows if row.row_key.get("analysis") == analysis)
            made[f"progestogen_nested: {name}{word}"] = ratio(own, own[0].output, model="crude", term=name)
    return made


_DOSES = tuple(
    (f"dose_{rank}_{place}", product, rank)
    for place, product in enumerate(("BNT162b2", "mRNA-1273"))
    for rank in (1, 2)
)
_RATIOS = {("BNT162b2", 1): 1.8, ("BNT162b2", 2): 8.1, ("mRNA-1273", 1): 3.0, ("mRNA-1273", 2): 30.0}


def _myocarditis(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    drawn = scene(asked, seed)
    tables = project_tables(drawn)
    query.register("all_drugs", tables["drug_exposure"])
    ranked = query.table(
        "SELECT person_id, drug_exposure_start_date, drug_source_value || ' ' || "
        "row_number() OVER (PARTITION BY person_id ORDER BY drug_exposure_start_date) AS drug_source_value FROM all_drugs"
    )
    event = first_outcome(query, tables, ("I40",), drawn)
    stratum = birth_year(drawn) * 2 + drawn.block.sex
    first = drawn.days.day(2021, 1) - 1
    sets = matched_sets(drawn, event, stratum=stratum, first=first, controls=10, seed=seed)
    terms: list[Exposure] = [(name, (f"{product} {rank}",), (1, 7)) for name, product, rank in _DOSES]
    found = odds(sets, exposed(query, {"drug_exposure": ranked}, sets, drawn, terms), [name for name, *_ in terms])
    return {f"{asked.study}: {product} dose {rank}": found[name] for name, product, rank in _DOSES}


PROGESTOGENS = Asked(study="progestogen_meningioma", size=15_000)
# Half of all doses of each product, so that each window holds cases enough at this size.
_PRODUCTS = [{"name": name, "share": [[12, 0.5]], "gap": [28, 49]} for name in ("BNT162b2", "mRNA-1273")]
MYOCARDITIS = Asked(study="mrna_myocarditis", size=15_000, years=(2020, 2021), changes={"products": _PRODUCTS})
_TRUE = {"medrogestone": 3.49, "promegestone": 2.39, "dydrogesterone": 1.0}
CASES = (
    Trial(
        study="progestogen_nested",
        lines=tuple(
            Line(
                name=f"progestogen_nested: {name}",
                truth=truth,
                estimand=_ODDS,
                null=truth == 1.0,
                crude=f"progestogen_nested: {name}, crude",
            )
            for name, truth in _TRUE.items()
        ),
        run=partial(_nested, asked=PROGESTOGENS),
    ),
    Trial(
        study=PROGESTOGENS.study,
        lines=tuple(
            Line(
                name=f"{PROGESTOGENS.study}: {name}",
                truth=truth,
                estimand=_ODDS,
                way=ARRAYS,
                null=truth == 1.0,
                crude=f"{PROGESTOGENS.study}: {name}, crude",
            )
            for name, truth in _TRUE.items()
        ),
        run=partial(_progestogens, asked=PROGESTOGENS),
    ),
    Trial(
        study=MYOCARDITIS.study,
        lines=tuple(
            Line(name=f"{MYOCARDITIS.study}: {product} dose {rank}", truth=truth, estimand=_ODDS, way=ARRAYS)
            for (product, rank), truth in _RATIOS.items()
        ),
        run=partial(_myocarditis, asked=MYOCARDITIS),
    ),
)
