# SPDX-License-Identifier: Apache-2.0
"""A case series whose events end observation: deaths that follow the event. Its own small law, since no planted study has one so deadly."""

import numpy as np

from recovery.lines import ARRAYS, Line, Trial
from recovery.session import NONE, Estimate, Estimates, wald
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput
from rempart.study.estimators.sccs import case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Window
from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import Ints

CASES, DAYS, RISK, RATIO, DEADLY, TOLL = 900, 730, 60, 3.0, 0.9, 15.0
_NEVER = 1_000_000


def deadly(seed: int) -> tuple[Cases, tuple[Ints, Ints], Exposure]:
    """Cases over two years, exposed for 60 days with three times the hazard; nine in ten die of the event, after 15 days in the mean."""
    draw = np.random.default_rng([seed, 4])
    start, day = draw.integers(0, DAYS, CASES), np.arange(DAYS)
    inside = (day >= start[:, None]) & (day < start[:, None] + RISK)
    weight = np.cumsum(np.where(inside, RATIO, 1.0), axis=1)
    kept = draw.random(CASES) < weight[:, -1] / weight[:, -1].max()
    event = (weight < (draw.random(CASES) * weight[:, -1])[:, None]).sum(axis=1)
    usual = draw.exponential(8 * YEAR, CASES).astype(np.int64)
    death = np.where(draw.random(CASES) < DEADLY, event + draw.exponential(TOLL, CASES).astype(np.int64), _NEVER)
    kept &= usual >= event
    death = np.minimum(usual, death)[kept]
    person, last = np.arange(len(death)), np.minimum(DAYS - 1, death)
    seen = start[kept] <= last
    first = start[kept][seen]
    window = Window(name="risk", begin=0, end=RISK - 1)
    exposure = Exposure(name="drug", person=person[seen], start=first, stop=first, windows=(window,))
    birth = -draw.integers(60 * 365, 75 * 365, len(death))
    cases = Cases(first=np.zeros_like(last), last=last, birth=birth, early=death < DAYS - 1)
    return cases, (person, event[kept]), exposure


def _estimate(seed: int, ends: str) -> Estimate:
    cases, (person, day), exposure = deadly(seed)
    try:
        found = case_series(cases, person, day, [exposure], events="first", ends=ends).fit()
    except BadInput:
        return NONE
    return wald(float(found.beta[0]), float(found.error[0]))


def _run(_: DuckDBQuery, seed: int) -> Estimates:
    return {
        "event_dependent_ends: incidence ratio": _estimate(seed, "event-dependent"),
        "event_dependent_ends: ends taken for independent": _estimate(seed, "independent"),
    }


ENDS = (
    Trial(
        study="event_dependent_ends",
        lines=(
            Line(
                name="event_dependent_ends: incidence ratio",
                truth=RATIO,
                estimand="incidence ratio within persons",
                way=ARRAYS,
                crude="event_dependent_ends: ends taken for independent",
            ),
        ),
        run=_run,
        most=100,
    ),
)
