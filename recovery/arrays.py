# SPDX-License-Identifier: Apache-2.0
"""Arrays of a seed's tables for estimators that no study file asks for yet. Each says in the table of results that it went this way."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recovery.persons import Scene
from recovery.project import Tables, columns
from recovery.session import NONE, Estimate, wald
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.study.estimators.case_control import fit
from rempart.study.estimators.case_control_sets import Matched, nested_controls
from rempart.study.estimators.conditional import ConditionalFit
from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import Floats, Ints

Flags = NDArray[np.bool_]
Exposure = tuple[str, Sequence[str], tuple[int, int]]
"""Name, codes, and first and last day before the index day on which a record exposes."""


def age_on(scene: Scene, day: Ints | int) -> Floats:
    """Age in years less 65 on a day, of each person of the block."""
    return np.asarray((day - scene.block.born) / YEAR - 65)


def men(scene: Scene) -> Floats:
    """1 for men."""
    return np.where(scene.block.sex == 1, 1.0, 0.0)


def birth_year(scene: Scene) -> Ints:
    """Year of birth."""
    return 1970 + (scene.days.base + scene.block.born).astype("datetime64[Y]").astype(np.int64)


def first_outcome(query: DuckDBQuery, tables: Tables, codes: Sequence[str], scene: Scene) -> Ints:
    """Day of the first stay whose principal diagnosis begins with one of the codes, a million where there is none."""
    query.register("condition_occurrence", tables["condition_occurrence"])
    begins = " OR ".join(f"starts_with(condition_source_value, '{code}')" for code in codes)
    found = columns(
        query.table(
            f"SELECT person_id, min(condition_start_date) - DATE '{scene.days.base}' AS day FROM condition_occurrence "
            f"WHERE condition_status_source_value = 'DP' AND ({begins}) GROUP BY person_id"
        )
    )
    day = np.full(len(scene.block), 1_000_000)
    day[found["person_id"] - 1] = found["day"]
    return day


def matched_sets(scene: Scene, event: Ints, *, stratum: Ints, first: int, controls: int, seed: int) -> Matched:
    """Cases from the day after ``first`` on, each with controls at risk on its day in its stratum; ``person`` are places in the block."""
    exit_ = np.minimum(np.minimum(event, scene.planted.death), scene.days.last)
    inside = np.flatnonzero(exit_ > first)
    found = nested_controls(
        np.full(len(inside), first), exit_[inside], (event == exit_)[inside], controls=controls,
        stratum=stratum[inside], chance=np.random.default_rng([seed, 3]),
    )  # fmt: skip
    return Matched(
        matched=found.matched, person=inside[found.person], day=found.day, case=found.case, short=found.short
    )  # fmt: skip


def exposed(query: DuckDBQuery, tables: Tables, sets: Matched, scene: Scene, asked: Sequence[Exposure]) -> Floats:
    """Rows × exposures: 1 where a record with the codes lies so many days before the index day."""
    base = np.datetime64(str(scene.days.base))
    days = pa.array((base + sets.day).astype("datetime64[D]"), pa.date32())
    rows = {"row": np.arange(len(sets.day)), "person_id": sets.person + 1, "day": days}
    query.register("matched_rows", pa.table(rows))
    query.register("drug_exposure", tables["drug_exposure"])
    held = ", ".join(
        f"coalesce(bool_or(d.drug_source_value IN ({', '.join(repr(code) for code in codes)}) "
        f"AND m.day - d.drug_exposure_start_date BETWEEN {low} AND {high}), false) AS {name}"
        for name, codes, (low, high) in asked
    )
    found = query.table(
        f"SELECT m.row, {held} FROM matched_rows AS m LEFT JOIN drug_exposure AS d USING (person_id) GROUP BY m.row ORDER BY m.row"
    )
    return np.stack([found[name].to_numpy() for name, *_ in asked], axis=1).astype(np.float64)


def odds(sets: Matched, x: Floats, names: Sequence[str]) -> dict[str, Estimate]:
    """Conditional logistic regression: an estimate by name."""
    try:
        found: ConditionalFit = fit(sets.matched, sets.case, x, names)
    except BadInput:
        return dict.fromkeys(names, NONE)
    cases = sets.case @ x
    return {
        name: wald(float(found.beta[at]), float(found.error[at]), float(cases[at])) for at, name in enumerate(names)
    }
