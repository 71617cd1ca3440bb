# SPDX-License-Identifier: Apache-2.0
"""Blocks of persons for the planted studies, and estimators written to judge them: Poisson and logistic regression, slices of time."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rempart.adapters import package_data
from rempart.synthetic.fields import particle_field
from rempart.synthetic.plan import NEVER, Calendar, SyntheticPlan
from rempart.synthetic.planting import Block, Environment, Planted
from rempart.synthetic.studies import eligible_people, plant

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
YEAR = 365.25
Estimate = tuple[float, float]
"""Logarithm of a ratio, and its standard error."""


@cache
def _parsed() -> dict[str, Any]:
    return package_data.toml("synthetic/studies.toml")


def tables() -> dict[str, Any]:
    """A fresh copy of the parsed studies, free to be spoiled."""
    return deepcopy(_parsed())


class _Years:
    """What a calendar needs to know of a plan."""

    def __init__(self, first: int, last: int) -> None:
        self.first_year, self.last_year = first, last


@cache
def calendar(first: int = 2012, last: int = 2017) -> Calendar:
    """The days of some years."""
    plan: Any = _Years(first, last)
    assert {"first_year", "last_year"} <= set(SyntheticPlan.__dataclass_fields__)
    return Calendar(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A block, what was planted in it, and its days."""

    block: Block
    planted: Planted
    days: Calendar


def eligible_block(given: dict[str, Any], study: str, mode: str, size: int, seed: int, days: Calendar) -> Block:
    """The eligible population of one study, with natural deaths by a Gompertz law constant within each year."""
    draw = np.random.default_rng([seed, 1])
    who = eligible_people(given, study, mode, size, draw)
    born = days.first - (who.age * YEAR).astype(np.int64)
    starts = year_starts(days)
    middle = (starts[None, :-1] + 183 - born[:, None]) / YEAR
    mortality = 0.0075 * np.exp(0.105 * (middle - 65)) * np.where(who.sex == 1, 2.0, 1.0)[:, None]
    spent = np.concatenate([np.zeros((size, 1)), np.cumsum(mortality * np.diff(starts) / YEAR, axis=1)], axis=1)
    unit, rows = draw.exponential(size=size), np.arange(size)
    year = (spent[:, 1:] <= unit[:, None]).sum(axis=1)
    inside = np.minimum(year, mortality.shape[1] - 1)
    day = starts[inside] + np.floor((unit - spent[rows, inside]) / mortality[rows, inside] * YEAR).astype(np.int64)
    return Block(
        sex=who.sex, born=born, death=np.where(year < mortality.shape[1], day, NEVER), diseases=who.diseases,
        homes=np.repeat(draw.integers(0, 120, size)[:, None], mortality.shape[1], axis=1), mortality=mortality,
        group=who.group,
    )  # fmt: skip


def year_starts(days: Calendar) -> Ints:
    """First day of each year, and the day after the last."""
    years = range(int(days.years[days.first]), int(days.years[days.last]) + 2)
    return np.array([days.day(year, 1) for year in years])


def field(given: dict[str, Any], days: Calendar, seed: int = 5) -> Environment:
    """Fine particles in 120 places from country to town."""
    years = [int(days.years[start]) for start in year_starts(days)[:-1]]
    places = (["075", "059", "02A", "033"] * 30, 10 ** np.linspace(0.8, 4.2, 120))
    return particle_field(given, places, years, np.random.default_rng(seed))


def scene(
    study: str, size: int, *, mode: str = "boost", seed: int = 11, effect: float | None = None,
    given: dict[str, Any] | None = None, years: tuple[int, int] = (2012, 2017),
) -> Scene:  # fmt: skip
    """Plant one study in its eligible population."""
    given, days = given or _parsed(), calendar(*years)
    block = eligible_block(given, study, mode, size, seed, days)
    planted = plant(
        given, [study], block, days, np.random.default_rng([seed, 2]), mode=mode, effect=effect,
        environment=field(given, days) if study == "pm25_mortality" else None,
    )  # fmt: skip
    return Scene(block=block, planted=planted, days=days)


def poisson(events: Floats, years: Floats, columns: list[Floats]) -> list[Estimate]:
    """Log rate ratios of the columns and their errors (an intercept is added), by Newton's method."""
    design = np.column_stack([np.ones(len(events)), *columns])
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(events.sum() / years.sum())
    for _ in range(30):
        mean = years * np.exp(design @ beta)
        information = design.T @ (design * mean[:, None])
        beta = beta + np.linalg.solve(information, design.T @ (events - mean))
    return _estimates(beta, information)


def logistic(hit: NDArray[np.bool_], columns: list[Floats]) -> list[Estimate]:
    """Log odds ratios of the columns and their errors (an intercept is added), by Newton's method."""
    design = np.column_stack([np.ones(len(hit)), *columns])
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(hit.mean() / (1 - hit.mean()))
    for _ in range(30):
        mean = 1 / (1 + np.exp(-(design @ beta)))
        information = design.T @ (design * (mean * (1 - mean))[:, None])
        beta = beta + np.clip(np.linalg.solve(information, design.T @ (hit - mean)), -1.0, 1.0)
    return _estimates(beta, information)


def _estimates(beta: Floats, information: Floats) -> list[Estimate]:
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    return list(zip(beta[1:].tolist(), errors[1:].tolist(), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """Time at risk of new users cut into short stretches: person, first day, days, and whether the outcome ends it."""

    person: Ints
    day: Ints
    length: Ints
    event: Floats
    age: Floats
    man: Floats


def slices(of: Scene, arms: tuple[str, ...], width: int = 91) -> Slices:
    """Of the new users of some arms, from the day after the first dispensing to the outcome, death or the end."""
    facts = of.planted.facts[0]
    wanted = [facts.arms.index(arm) for arm in arms]
    free = np.isin(facts.arm, wanted) & facts.fresh & (facts.event > facts.start)
    who, start = facts.person[free], facts.start[free] + 1
    event, death = facts.event[free], of.planted.death[who]
    end = np.minimum(np.minimum(event, death - 1), of.days.last) + 1
    count = np.maximum(-(-(end - start) // width), 0)
    row = np.repeat(np.arange(len(who)), count)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    day = start[row] + turn * width
    last = np.minimum(day + width, end[row])
    age = (((day + last) / 2 - of.block.born[who[row]]) / YEAR) - 65
    return Slices(
        person=who[row], day=day, length=last - day, event=(event[row] == last - 1).astype(float), age=age,
        man=(of.block.sex[who[row]] == 1).astype(float),
    )  # fmt: skip


def arm_of(of: Scene) -> Ints:
    """Arm of each person of the block (0: none)."""
    arm = np.zeros(len(of.block), dtype=np.int64)
    facts = of.planted.facts[0]
    arm[facts.person] = facts.arm
    return arm


def state_by_lines(of: Scene, at: Slices, product: str) -> tuple[Floats, Ints]:
    """From the dispensings alone, at the middle of each slice: milligrams so far, and days since the last one ran out."""
    packs, lines = of.planted.packs, of.planted.dispensings
    mine = np.array([pack.product == product for pack in packs])[lines.pack]
    dose = np.array([pack.dose for pack in packs])[lines.pack[mine]]
    lasts = np.array([pack.days for pack in packs])[lines.pack[mine]]
    person, day = lines.person[mine], lines.day[mine]
    key = person * 10**6 + day
    total = np.concatenate([[0.0], np.cumsum(dose)])
    asked = at.person * 10**6 + at.day + at.length // 2
    until, first = np.searchsorted(key, asked), np.searchsorted(key, at.person * 10**6)
    had = until > first
    last = np.where(had, until - 1, 0)
    since = np.where(had, at.day + at.length // 2 - (day + lasts)[last], -1)
    return np.where(had, total[until] - total[first], 0.0), since


def near(estimate: Estimate, truth: float, *, errors: float = 3.0, slack: float = 0.0) -> None:
    """The truth lies within some standard errors (plus a slack on the logarithm) of the estimate."""
    value, error = estimate
    assert abs(value - np.log(truth)) <= errors * error + slack, (np.exp(value), error, truth)
