# SPDX-License-Identifier: Apache-2.0
"""Distributed lags: a commune's days are weighed by those followed there on that day, so that people who come and go are no effect of what
is measured. Day by day and person by person, without any of the program's code, the same ratio."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from tests.spec.test_environment_design import CUT, ENTRY, FIRST, asked, at, stays, told, value

DAYS = (CUT - FIRST).days + 1


class Life(NamedTuple):
    """One person: days since the first; ``homes``: first day, last day, commune; ``ill``: None without an outcome; ``last`` seen day."""

    entry: int
    last: int
    homes: tuple[tuple[int, int, str], ...]
    ill: int | None


def tables(lives: Sequence[Life], level: Mapping[str, Sequence[float]]) -> dict[str, pa.Table]:
    """The research tables of those persons, and a value by commune and day."""
    ids = pa.array(range(len(lives)), pa.int64())
    homes = [(person, *home) for person, life in enumerate(lives) for home in life.homes]
    grid = [(commune, at(day), float(x)) for commune, own in level.items() for day, x in enumerate(own)]
    dates = pa.date32()
    return {
        "person": pa.table(
            {"person_id": ids, "year_of_birth": [1950] * len(lives), "gender_concept_id": [8507] * len(lives)}
        ),
        "observation_period": pa.table(
            {
                "person_id": ids,
                "observation_period_start_date": pa.array([FIRST] * len(lives), dates),
                "observation_period_end_date": pa.array([at(life.last) for life in lives], dates),
            }
        ),
        "drug_exposure": pa.table(
            {
                "person_id": ids,
                "drug_exposure_start_date": pa.array([at(life.entry) for life in lives], dates),
                "drug_source_value": [ENTRY] * len(lives),
            }
        ),
        "condition_occurrence": stays({p: life.ill for p, life in enumerate(lives) if life.ill is not None}),
        "location_history": pa.table(
            {
                "person_id": pa.array([home[0] for home in homes], pa.int64()),
                "location_history_start_date": pa.array([at(home[1]) for home in homes], dates),
                "location_history_end_date": pa.array([at(home[2]) for home in homes], dates),
                "commune_source_value": [home[3] for home in homes],
            }
        ),
        "environment": pa.table(
            {
                "exposure": ["pm25"] * len(grid),
                "commune": [row[0] for row in grid],
                "first_day": pa.array([row[1] for row in grid], dates),
                "last_day": pa.array([row[1] for row in grid], dates),
                "value": [row[2] for row in grid],
            }
        ),
    }


def study(*lags: int) -> dict[str, Any]:
    """Everybody who enters at any time, lags as given."""
    made = asked("distributed_lag", lags=list(lags))
    made["protocol"]["period"] = [FIRST, CUT]
    return made


def naive(lives: Sequence[Life], level: Mapping[str, Sequence[float]], lag: int) -> float:
    """The log ratio of one lag: who is followed where, counted day by day; then the conditional likelihood, by bisection of its slope."""
    cells: dict[tuple[str, int, int, int], list[list[float]]] = {}
    for commune, own in level.items():
        for day in range(lag, DAYS):
            date = at(day)
            people = cases = 0
            for life in lives:
                if not life.entry < day <= min(life.last, life.last if life.ill is None else life.ill):
                    continue
                if any(first <= day <= last and where == commune for first, last, where in life.homes):
                    people += 1
                    cases += life.ill == day
            if people:
                key = (commune, date.year, date.month, date.weekday())
                cells.setdefault(key, []).append([people, cases, own[day - lag]])
    sets = [np.array(rows) for rows in cells.values() if sum(row[1] for row in rows)]

    def slope(beta: float) -> float:
        total = 0.0
        for people, cases, x in (rows.T for rows in sets):
            weight = people * np.exp(beta * x)
            total += float(cases @ x - cases.sum() * (weight @ x) / weight.sum())
        return total

    low, high = -5.0, 5.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


def coming_and_going(seed: int, persons: int) -> tuple[list[Life], dict[str, list[float]]]:
    """Persons who enter, leave, move and fall ill on any day; two communes."""
    draw = np.random.default_rng(seed)
    communes = ("00011", "00012")
    level = {commune: list(draw.normal(0, 1, DAYS).round(2)) for commune in communes}
    lives = []
    for _ in range(persons):
        entry, last = sorted(int(day) for day in draw.choice(DAYS, 2, replace=False))
        move = int(draw.integers(1, DAYS))
        first, second = draw.permutation(communes)
        gap = int(draw.integers(1, 30)) if draw.random() < 0.3 else 1
        homes = ((0, move - 1, str(first)), (min(move + gap - 1, DAYS - 1), DAYS - 1, str(second)))
        ill = int(draw.integers(entry + 1, last + 1)) if draw.random() < 0.8 else None
        lives.append(Life(entry=entry, last=last, homes=homes, ill=ill))
    return lives, level


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ratio_is_that_of_persons_followed_counted_day_by_day(seed: int) -> None:
    """Entries, exits, moves, days without an address: to the tenth digit."""
    lives, level = coming_and_going(seed, 150)
    for lag in (0, 2):
        found = value(told(tables(lives, level), study(lag)), "ratio", lag=f"{lag:02d}")
        assert found == pytest.approx(np.exp(naive(lives, level, lag)), rel=1e-9)


def test_people_who_enter_through_the_month_are_no_effect_of_what_rises_through_it() -> None:
    """Nobody's rate depends on the value, which rises with the day of the month; members enter on every day of the month and leave at its
    end, so that more are followed late in it."""
    draw = np.random.default_rng(7)
    level = {"00011": [(at(day).day - 15) / 10 for day in range(DAYS)]}
    lives = []
    for _ in range(6_000):
        entry = int(draw.integers(0, DAYS - 31))
        end = (at(entry).replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - datetime.timedelta(days=1)
        last = (end - FIRST).days
        ill = entry + 1 + int(draw.exponential() / 0.03)
        if last > entry:
            home = ((0, DAYS - 1, "00011"),)
            lives.append(Life(entry=entry, last=last, homes=home, ill=ill if ill <= last else None))
    rows = told(tables(lives, level), study(0))
    lower, upper = value(rows, "lower", lag="00"), value(rows, "upper", lag="00")
    assert lower and upper and lower < 1 < upper < 1.4


def test_where_the_same_people_are_followed_on_every_day_their_number_changes_nothing() -> None:
    """Thousands who never fall ill beside the same cases: the ratio of the cases alone, up to the few whom outcomes take away."""
    lives, level = coming_and_going(3, 120)
    cases = [life._replace(entry=0, homes=((0, DAYS - 1, "00011"),)) for life in lives if life.ill is not None]
    well = [Life(entry=0, last=DAYS - 1, homes=((0, DAYS - 1, "00011"),), ill=None)]
    alone, beside = (
        value(told(tables([*cases, *well * many], level), study(1)), "ratio", lag="01") for many in (20_000, 40_000)
    )
    assert alone is not None
    assert beside == pytest.approx(alone, rel=2e-3)
