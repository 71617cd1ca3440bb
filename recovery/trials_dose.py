# SPDX-License-Identifier: Apache-2.0
"""Cumulative dose and time since the last dispensing ran out, on arrays: follow-up cut at each dispensing, Cox given age and sex."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from recovery.lines import ARRAYS, Line, Trial
from recovery.persons import Asked, Scene, scene
from recovery.project import Tables, columns, project_tables
from recovery.session import NONE, Estimate, Estimates, wald
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.study.estimators.cox_input import CoxRows
from rempart.study.estimators.cox_rows import fit_rows
from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import Flags, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """``product`` whose milligrams are added up; ``other``: products whose users are compared; ``outcome`` codes; terms: name →
    (from, below) milligrams while covered or within a year after; ``stopped``: name → the same after that year."""

    asked: Asked
    product: str
    other: str
    outcome: tuple[str, ...]
    recent: dict[str, tuple[float, ...]]
    stopped: dict[str, tuple[float, ...]]


# Dispensings of a day act from the day after it: rows are (day, next day]; a year after the last one ran out begins another state.
_SQL = """
WITH fills AS (
  SELECT d.person_id, d.drug_exposure_start_date AS day, p.product = '{product}' AS own, CASE WHEN own THEN p.dose ELSE 0 END AS dose,
    d.drug_exposure_start_date + CAST(d.days_supply AS INTEGER) AS runs_out
  FROM drug_exposure AS d JOIN pack AS p ON p.code = d.drug_source_value WHERE p.product IN ('{product}', '{other}')
), entered AS (
  SELECT person_id, min(day) AS t0 FROM fills GROUP BY person_id HAVING min(day) >= DATE '{first}'
), outcome AS (
  SELECT person_id, min(condition_start_date) AS day FROM condition_occurrence
  WHERE condition_status_source_value = 'DP' AND ({codes}) GROUP BY person_id
), followed AS (
  SELECT e.person_id, e.t0, least(o.observation_period_end_date, coalesce(x.day, DATE '9999-12-31')) AS last, x.day AS event
  FROM entered AS e JOIN observation_period AS o USING (person_id) LEFT JOIN outcome AS x USING (person_id)
  WHERE coalesce(x.day > e.t0, true)
), days AS (
  SELECT person_id, day, sum(dose) AS dose, max(runs_out) FILTER (WHERE own) AS runs_out FROM fills GROUP BY ALL
), states AS (
  SELECT f.*, d.day, sum(d.dose) OVER w AS dose, max(d.runs_out) OVER w AS runs_out,
    coalesce(lead(d.day) OVER w, DATE '9999-12-31') AS next_day
  FROM followed AS f JOIN days AS d USING (person_id) WINDOW w AS (PARTITION BY f.person_id ORDER BY d.day)
), cut AS (
  SELECT *, day AS a, least(next_day, coalesce(runs_out + {year}, next_day)) AS b, true AS recent FROM states
  UNION ALL SELECT *, greatest(day, runs_out + {year}), next_day, false FROM states WHERE runs_out + {year} < next_day
)
SELECT person_id, CAST(a - t0 AS BIGINT) AS entry, CAST(least(b, last) - t0 AS BIGINT) AS exit, recent, dose,
  coalesce(event = least(b, last), false) AS event, t0 - DATE '{base}' AS zero
FROM cut WHERE a < least(b, last) ORDER BY person_id, entry
"""


def _rows(query: DuckDBQuery, tables: Tables, drawn: Scene, of: Doses) -> dict[str, np.ndarray]:
    packs = [{"code": pack.cip13, "product": pack.product, "dose": pack.dose} for pack in drawn.planted.packs]
    query.register("pack", pa.Table.from_pylist(packs))
    for name in ("drug_exposure", "condition_occurrence", "observation_period"):
        query.register(name, tables[name])
    codes = " OR ".join(f"starts_with(condition_source_value, '{code}')" for code in of.outcome)
    first = drawn.days.base + drawn.days.day(of.asked.years[0] + 1, 1)
    sql = _SQL.format(product=of.product, other=of.other, codes=codes, first=first, base=drawn.days.base, year=364)
    return columns(query.table(sql))


def _within(dose: Floats, bounds: tuple[float, ...]) -> Flags:
    """Between the first two bounds, or the next two."""
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return np.asarray(np.logical_or.reduce([(dose >= low) & (dose < high) for low, high in pairs]))


def _run(query: DuckDBQuery, seed: int, *, of: Doses) -> Estimates:
    drawn = scene(of.asked, seed)
    rows = _rows(query, project_tables(drawn), drawn, of)
    person, zero = rows["person_id"] - 1, rows["zero"].astype(np.int64)
    covered = rows["recent"] | (not of.stopped)
    terms = {name: _within(rows["dose"], bounds) & covered for name, bounds in of.recent.items()}
    terms |= {name: _within(rows["dose"], bounds) & ~rows["recent"] for name, bounds in of.stopped.items()}
    born, sex = drawn.block.born[person], drawn.block.sex[person]
    given = {"age": (zero - born) / YEAR - 65, "men": np.where(sex == 1, 1.0, 0.0)}
    given = {name: value for name, value in given.items() if value.min() < value.max()}
    made: Estimates = {}
    for word, more in (("", given), (", crude", {})):
        names = (*terms, *more)
        x = np.stack([np.asarray(value, dtype=np.float64) for value in (*terms.values(), *more.values())], axis=1)
        made |= {f"{of.asked.study}: {name}{word}": one for name, one in _fitted(rows, x, names, len(terms)).items()}
    return made


def _fitted(rows: dict[str, np.ndarray], x: Floats, names: tuple[str, ...], wanted: int) -> dict[str, Estimate]:
    try:
        told = CoxRows(
            x=x, terms=names, entry=rows["entry"], exit_=rows["exit"], event=rows["event"], person=rows["person_id"]
        )
        found = fit_rows(told)
    except BadInput:
        return dict.fromkeys(names[:wanted], NONE)
    return {name: wald(float(found.beta[at]), float(found.error[at])) for at, name in enumerate(names[:wanted])}


_FAR = 1e12
CYPROTERONE = Doses(
    asked=Asked(study="cyproterone_meningioma", size=12_000),
    product="cyproterone_long",
    other="cyproterone_short",
    outcome=("D32", "D42", "C70"),
    recent={
        "3 to 12 g": (3e3, 12e3),
        "12 to 36 g": (12e3, 36e3),
        "36 to 60 g": (36e3, 60e3),
        "60 g and more": (6e4, _FAR),
    },
    stopped={
        "12 to 36 g, stopped a year ago": (12e3, 36e3),
        "other doses, stopped a year ago": (3e3, 12e3, 36e3, _FAR),
    },
)
PIOGLITAZONE = Doses(
    asked=Asked(study="pioglitazone_bladder", size=12_000),
    product="pioglitazone",
    other="sulfonylurea",
    outcome=("C67",),
    recent={"below 10.5 g": (1, 10_500), "10.5 to 28 g": (10_500, 28_000), "28 g and more": (28_000, _FAR)},
    stopped={},
)
_TRUE = {
    CYPROTERONE.asked.study: {
        "3 to 12 g": 1.5,
        "12 to 36 g": 6.4,
        "36 to 60 g": 11.3,
        "60 g and more": 21.7,
        "12 to 36 g, stopped a year ago": 6.4**0.31,
    },
    PIOGLITAZONE.asked.study: {"below 10.5 g": 1.08, "10.5 to 28 g": 1.34, "28 g and more": 1.75},
}
_CONFOUNDED = {"12 to 36 g", "below 10.5 g", "10.5 to 28 g", "28 g and more"}


def _trial(of: Doses, name: str) -> Trial:
    study = of.asked.study
    lines = tuple(
        Line(
            name=f"{study}: {term}",
            truth=truth,
            estimand="conditional on age and sex",
            way=ARRAYS,
            crude=f"{study}: {term}, crude" if term in _CONFOUNDED else "",
        )
        for term, truth in _TRUE[study].items()
    )
    return Trial(study=name, lines=lines, run=partial(_run, of=of))


DOSES = (_trial(CYPROTERONE, "cyproterone_meningioma"), _trial(PIOGLITAZONE, "pioglitazone_dose"))
