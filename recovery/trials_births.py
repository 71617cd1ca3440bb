# SPDX-License-Identifier: Apache-2.0
"""Drugs dispensed around the beginning of a pregnancy and malformations of the child, on arrays: odds ratios given the mother's age."""

from functools import partial

import numpy as np
import pyarrow as pa

from recovery.lines import ARRAYS, Line, Trial
from recovery.persons import Asked, Scene, scene
from recovery.project import Tables, date, project_tables, words
from recovery.session import NONE, Estimate, Estimates, wald
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.study.estimators.logistic import fit
from rempart.synthetic.outcomes import YEAR

_DRUGS = {"valproate": "3400933018023", "lamotrigine": "3400933898663", "topiramate": "3400935634139"}
_WINDOW = (-30, 60)
_CHILDREN = 1_000_000  # numbers of children follow those of mothers


def birth_tables(drawn: Scene) -> Tables:
    """Pregnancies, their children, and what children's stays say."""
    births, kinds = drawn.planted.births, list(drawn.planted.malformations)
    child = _CHILDREN + np.arange(len(births.mother))
    ill = np.flatnonzero(births.malformation >= 0)
    return {
        "pregnancy": pa.table(
            {
                "person_id": births.mother + 1,
                "pregnancy_start_date": date(drawn, births.conceived),
                "child_person_id": child,
                "age": (births.conceived - drawn.block.born[births.mother]) / YEAR - 30,
            }
        ),
        "child_condition": pa.table(
            {"person_id": child[ill], "condition_source_value": words(kinds, births.malformation[ill])}
        ),
    }


def _rows(query: DuckDBQuery, tables: Tables) -> pa.Table:
    for name in ("pregnancy", "child_condition", "drug_exposure"):
        query.register(name, tables[name])
    low, high = _WINDOW
    held = ", ".join(
        f"coalesce(bool_or(d.drug_source_value = '{code}'), false) AS {drug}" for drug, code in _DRUGS.items()
    )
    return query.table(
        f"SELECT p.child_person_id, any_value(p.age) AS age, {held}, "
        "coalesce(any_value(c.condition_source_value), '') AS found FROM pregnancy AS p "
        "LEFT JOIN child_condition AS c ON c.person_id = p.child_person_id "
        "LEFT JOIN drug_exposure AS d ON d.person_id = p.person_id "
        f"AND d.drug_exposure_start_date - p.pregnancy_start_date BETWEEN {low} AND {high} GROUP BY p.child_person_id"
    )


def _run(query: DuckDBQuery, seed: int, *, asked: Asked) -> Estimates:
    drawn = scene(asked, seed)
    rows = _rows(query, project_tables(drawn) | birth_tables(drawn))
    x = np.stack([rows[name].to_numpy().astype(np.float64) for name in (*_DRUGS, "age")], axis=1)
    code = np.array(rows["found"].to_pylist())
    made: Estimates = {}
    for name, begins in (("spina bifida", "Q05"), ("cleft lip", "Q36")):
        ill = np.char.startswith(code, begins)
        for drug, one in _fitted(x, ill).items():
            made[f"{asked.study}: {drug}, {name}"] = one
    return made


def _fitted(x: np.ndarray, ill: np.ndarray) -> dict[str, Estimate]:
    try:
        found = fit(x, ill, (*_DRUGS, "age"))
    except BadInput:
        return dict.fromkeys(_DRUGS, NONE)
    return {drug: wald(float(found.beta[at]), float(found.error[at])) for at, drug in enumerate(_DRUGS, 1)}


ASKED = Asked(study="valproate_malformations", size=60_000)
_TRUE = {
    "valproate, spina bifida": 19.4,
    "lamotrigine, spina bifida": 1.0,
    "topiramate, cleft lip": 6.8,
    "lamotrigine, cleft lip": 1.0,
}
BIRTHS = (
    Trial(
        study=ASKED.study,
        lines=tuple(
            Line(
                name=f"{ASKED.study}: {name}",
                truth=truth,
                estimand="odds ratio given the mother's age",
                way=ARRAYS,
                null=truth == 1.0,
            )
            for name, truth in _TRUE.items()
        ),
        run=partial(_run, asked=ASKED),
    ),
)
