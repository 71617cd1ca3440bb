# SPDX-License-Identifier: Apache-2.0
"""Prevalent new users: who switches to a second drug against who continues with the first, matched by time on it or by dispensings of it.

Its own small law, since no planted study has anybody switch: the hazard falls with what was taken (months, or dispensings), and who has
taken more switches more often, so that users of the same day who are not matched on it make the second drug look good. Months without a
dispensing fall by chance, whatever was taken before.
"""

import datetime
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pyarrow as pa

from recovery import session
from recovery.lines import Line, Trial
from recovery.project import Tables
from recovery.session import Estimates, answer, ratio
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.records.study import Study
from rempart.synthetic.plan import NEVER, Floats, Ints

USERS, MONTH, MONTHS, SKIPPED = 2500, 30, 36, 0.3
DAYS, LAST_START = MONTH * MONTHS, 660
HAZARD, FALL, AGEING = 0.0016, 0.1, 0.05  # a day; less a month or a dispensing, more a year of age over 65
SWITCH, TO_SWITCH, OLDER = 0.0002, 0.12, 0.03
FIRST, CUT = np.datetime64("2012-01-02"), datetime.date(2014, 12, 16)
_MATCHINGS = {"time": "as_long", "number": "as_often"}
_ALONE = "same_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """Persons (n,): ``born`` (year), ``start`` (day since the first), ``given`` (n, months; whether each month has a dispensing),
    ``switch`` and ``event``: days since the first, or NEVER."""

    born: Ints
    start: Ints
    given: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    switch: Ints
    event: Ints


def switching(seed: int, *, effect: float, by: str) -> Switching:
    """One seed. ``by``: what lowers the hazard and leads to a switch, months on treatment or dispensings before the day."""
    draw = np.random.default_rng([seed, 6])
    start, born = draw.integers(0, LAST_START, USERS), draw.integers(1932, 1962, USERS)
    given = draw.random((USERS, MONTHS)) >= SKIPPED
    given[:, 0] = True
    taken = np.cumsum(given, axis=1) if by == "number" else np.broadcast_to(np.arange(1, MONTHS + 1), given.shape)
    taken = np.repeat(taken - 1.0, MONTH, axis=1)  # of the days after each month's first one
    older = (1947.0 - born)[:, None]
    switch = _day(draw, SWITCH * np.exp(TO_SWITCH * taken + OLDER * older))
    hazard = HAZARD * np.exp(-FALL * taken + AGEING * older)
    day = np.arange(1, DAYS + 1)
    event = _day(draw, hazard * np.where(day > switch[:, None], effect, 1.0))
    last = DAYS - 1 - start
    event = np.where(event <= last, event + start, NEVER)
    switch = np.where((switch <= last) & (switch + start < event), switch + start, NEVER)
    return Switching(born=born, start=start, given=given, switch=switch, event=event)


def _day(draw: np.random.Generator, hazard: Floats) -> Ints:
    """Days from the start to what comes with that hazard (n, days): 1 for the day after it."""
    spent = np.cumsum(hazard, axis=1)
    unit = np.asarray(draw.exponential(size=len(hazard)))
    return np.where(unit < spent[:, -1], 1 + (spent <= unit[:, None]).sum(axis=1), NEVER)


def switching_tables(told: Switching) -> Tables:
    """The tables of a project. Who switches is dispensed nothing more of the first drug."""
    person = np.arange(1, USERS + 1)
    day = told.start[:, None] + MONTH * np.arange(MONTHS)
    seen = told.given & (day < np.minimum(told.switch, DAYS)[:, None])
    switched, ill = told.switch < NEVER, told.event < NEVER
    who, second = np.nonzero(seen)[0] + 1, person[switched]
    return {
        "person": pa.table({"person_id": person, "year_of_birth": told.born}),
        "observation_period": pa.table(
            {
                "person_id": person,
                "observation_period_start_date": _date(np.zeros(USERS, dtype=np.int64)),
                "observation_period_end_date": _date(np.full(USERS, DAYS - 1)),
            }
        ),
        "drug_exposure": pa.table(
            {
                "person_id": np.concatenate([who, second]),
                "drug_exposure_start_date": _date(np.concatenate([day[seen], told.switch[switched]])),
                "drug_source_value": ["3400900000001"] * len(who) + ["3400900000002"] * len(second),
            }
        ),
        "condition_occurrence": pa.table(
            {
                "person_id": person[ill],
                "condition_start_date": _date(told.event[ill]),
                "condition_source_value": ["I60"] * int(ill.sum()),
            }
        ),
    }


def _date(day: Ints) -> pa.Array:
    return pa.array(FIRST + day, pa.date32())


def _run(query: DuckDBQuery, seed: int, *, name: str, effect: float, by: str) -> Estimates:
    rows = answer(query, _study(by), switching_tables(switching(seed, effect=effect, by=by)), CUT)
    made: Estimates = {}
    for line, matching in {"hazard ratio": _MATCHINGS[by], "matched on the day alone": _ALONE}.items():
        own = tuple(row for row in rows if row.row_key.get("analysis") == matching)
        made[f"{name}: {line}"] = ratio(own, own[0].output)
    return made


@cache
def _study(by: str) -> Study:
    """The study file without the matching, and its analysis, that this law does not ask for."""
    study, asked = session.study_of("prevalent_new_users"), (_MATCHINGS[by], _ALONE)
    return replace(
        study,
        matchings={name: study.matchings[name] for name in asked},
        designs=tuple(item for item in study.designs if item.id in asked),
    )


def _trial(name: str, effect: float, by: str) -> Trial:
    given = "on treatment as long" if by == "time" else "dispensed as often"
    line = Line(
        name=f"{name}: hazard ratio",
        truth=effect,
        estimand=f"conditional on age and being {given}",
        crude=f"{name}: matched on the day alone",
        null=effect == 1.0,
    )
    return Trial(study=name, lines=(line,), run=partial(_run, name=name, effect=effect, by=by))


PREVALENT = (
    _trial("prevalent_by_time", 1.5, "time"),
    _trial("prevalent_by_number", 1.5, "number"),
    _trial("prevalent_null", 1.0, "number"),
)
