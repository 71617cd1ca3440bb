# SPDX-License-Identifier: Apache-2.0
"""A case series whose events end observation: deaths that follow the event. Its own small law, since no planted study has one so deadly."""

import datetime

import numpy as np
import pyarrow as pa

from recovery import session
from recovery.lines import Line, Trial
from recovery.project import Tables
from recovery.session import Estimates, answer, ratio
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import Ints

CASES, DAYS, RISK, RATIO, DEADLY, TOLL = 900, 730, 60, 3.0, 0.9, 15.0
FIRST, CUT = np.datetime64("2012-01-02"), datetime.date(2013, 12, 31)
_NEVER = 1_000_000
_ANALYSES = {"incidence ratio": "allowed_for", "ends taken for independent": "taken_for_independent"}


def deadly(seed: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Cases over two years, exposed for 60 days with three times the hazard; nine in ten die of the event, after 15 days in the mean.
    Day of birth, of the exposure, of the event and of death (a million: after the end), each from the first day followed on."""
    draw = np.random.default_rng([seed, 4])
    start, day = draw.integers(0, DAYS, CASES), np.arange(DAYS)
    inside = (day >= start[:, None]) & (day < start[:, None] + RISK)
    weight = np.cumsum(np.where(inside, RATIO, 1.0), axis=1)
    kept = draw.random(CASES) < weight[:, -1] / weight[:, -1].max()
    event = (weight < (draw.random(CASES) * weight[:, -1])[:, None]).sum(axis=1)
    usual = draw.exponential(8 * YEAR, CASES).astype(np.int64)
    death = np.where(draw.random(CASES) < DEADLY, event + draw.exponential(TOLL, CASES).astype(np.int64), _NEVER)
    kept &= usual >= event
    birth = -draw.integers(60 * 365, 75 * 365, CASES)
    return birth[kept], start[kept], event[kept], np.minimum(usual, death)[kept]


def ends_tables(birth: Ints, start: Ints, event: Ints, death: Ints) -> Tables:
    """The tables of a project: one dispensing and one stay a person; observed from the day before the first one followed."""
    person, last = np.arange(1, len(birth) + 1), np.minimum(death, DAYS - 1)
    seen, dead = start <= last, death < DAYS
    return {
        "person": pa.table(
            {"person_id": person, "year_of_birth": 1970 + (FIRST + birth).astype("datetime64[Y]").astype(np.int64)}
        ),
        "observation_period": pa.table(
            {
                "person_id": person,
                "observation_period_start_date": _date(np.full(len(person), -1)),
                "observation_period_end_date": _date(last),
            }
        ),
        "death": pa.table({"person_id": person[dead], "death_date": _date(death[dead])}),
        "drug_exposure": pa.table(
            {
                "person_id": person[seen],
                "drug_exposure_start_date": _date(start[seen]),
                "drug_source_value": np.full(int(seen.sum()), "3400900000001"),
            }
        ),
        "condition_occurrence": pa.table(
            {
                "person_id": person,
                "condition_start_date": _date(event),
                "condition_source_value": np.full(len(person), "I60"),
                "condition_status_source_value": np.full(len(person), "DP"),
            }
        ),
    }


def _date(day: Ints) -> pa.Array:
    return pa.array(FIRST + day, pa.date32())


def _run(query: DuckDBQuery, seed: int) -> Estimates:
    rows = answer(query, session.study_of("event_dependent_ends"), ends_tables(*deadly(seed)), CUT)
    made: Estimates = {}
    for name, analysis in _ANALYSES.items():
        own = tuple(row for row in rows if row.row_key.get("analysis") == analysis)
        made[f"event_dependent_ends: {name}"] = ratio(own, own[0].output, exposure="drug")
    return made


ENDS = (
    Trial(
        study="event_dependent_ends",
        lines=(
            Line(
                name="event_dependent_ends: incidence ratio",
                truth=RATIO,
                estimand="incidence ratio within persons",
                crude="event_dependent_ends: ends taken for independent",
            ),
        ),
        run=_run,
    ),
)
