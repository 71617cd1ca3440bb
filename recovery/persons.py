# SPDX-License-Identifier: Apache-2.0
"""Persons of one seed: the eligible population of a study with natural deaths and homes, and what the study plants in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from rempart.adapters import package_data
from rempart.synthetic.fields import particle_field
from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import NEVER, Calendar, Floats, Ints, SyntheticPlan
from rempart.synthetic.planting import Block, Environment, Facts, Planted
from rempart.synthetic.studies import eligible_people, plant

PLACES = 120
FIELD_SEED = 5  # the field of particles is the same in every seed: what varies is who lives where


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """``size`` persons of ``study`` in ``mode`` in the years. ``effect``: a constant ratio of its target instead of the study's own;
    ``moving``: share that changes home at each turn of the year; ``changes``: keys put in place of those of the study's
    table, ``products`` of those of the vaccination."""

    study: str
    size: int
    mode: str = "boost"
    years: tuple[int, int] = (2012, 2017)
    effect: float | None = None
    moving: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One seed: who there is, what was planted in them, the days, and the particles of each place and year where asked for."""

    block: Block
    planted: Planted
    days: Calendar
    field: Environment | None = None

    @property
    def facts(self) -> Facts:
        """What is true of each person of the study."""
        return self.planted.facts[0]


@cache
def tables() -> dict[str, Any]:
    """The parsed studies. Not to be changed."""
    return package_data.toml("synthetic/studies.toml")


@cache
def calendar(first: int, last: int) -> Calendar:
    """The days of some years."""
    return Calendar(cast(SyntheticPlan, SimpleNamespace(first_year=first, last_year=last)))


def scene(asked: Asked, seed: int) -> Scene:
    """Draw and plant: the same for the same seed."""
    days, given = calendar(*asked.years), _given(asked)
    block = _block(given, asked, seed, days)
    air = _field(given, days) if given["studies"][asked.study]["design"] == "place" else None
    draw = np.random.default_rng([seed, 2])
    planted = plant(
        given, [asked.study], block, days, draw, mode=asked.mode, effect=asked.effect, environment=air
    )  # fmt: skip
    return Scene(block=block, planted=planted, days=days, field=air)


def _given(asked: Asked) -> dict[str, Any]:
    given, changes = tables(), dict(asked.changes)
    if "products" in changes:
        given = given | {"vaccination": given["vaccination"] | {"products": changes.pop("products")}}
    return given | {"studies": given["studies"] | {asked.study: given["studies"][asked.study] | changes}}


def _block(given: dict[str, Any], asked: Asked, seed: int, days: Calendar) -> Block:
    """The eligible, with natural deaths by the law of the marginal truths, held constant within each calendar year."""
    draw = np.random.default_rng([seed, 1])
    who = eligible_people(given, asked.study, asked.mode, asked.size, draw)
    born = days.first - (who.age * YEAR).astype(np.int64)
    starts, law = year_starts(days), given["death"]
    middle = (starts[None, :-1] + 183 - born[:, None]) / YEAR
    men = np.asarray(np.where(who.sex == 1, law["men"], 1.0), dtype=np.float64)
    mortality = law["level"] * np.exp(law["slope"] * (middle - 65)) * men[:, None]
    return Block(
        sex=who.sex, born=born, death=_natural(mortality, starts, draw), diseases=who.diseases,
        homes=_homes(asked, mortality.shape, draw), mortality=mortality, group=who.group,
    )  # fmt: skip


def _natural(mortality: Floats, starts: Ints, draw: np.random.Generator) -> Ints:
    """Day of the natural death of each person, or NEVER within the years."""
    size, years = mortality.shape
    spent = np.concatenate([np.zeros((size, 1)), np.cumsum(mortality * np.diff(starts) / YEAR, axis=1)], axis=1)
    unit, rows = np.asarray(draw.exponential(size=size)), np.arange(size)
    year = (spent[:, 1:] <= unit[:, None]).sum(axis=1)
    inside = np.minimum(year, years - 1)
    day = starts[inside] + np.floor((unit - spent[rows, inside]) / mortality[rows, inside] * YEAR).astype(np.int64)
    return np.where(year < years, day, NEVER)


def _homes(asked: Asked, shape: tuple[int, int], draw: np.random.Generator) -> Ints:
    """Place of residence in each year; who moves goes to the country, where the air is better."""
    size, years = shape
    homes = np.repeat(draw.integers(0, PLACES, size)[:, None], years, axis=1)
    for year in range(1, years):
        moves = draw.random(size) < asked.moving
        homes[:, year] = np.where(moves, draw.integers(0, PLACES // 2, size), homes[:, year - 1])
    return homes


def year_starts(days: Calendar) -> Ints:
    """First day of each year, and the day after the last."""
    years = range(int(days.years[days.first]), int(days.years[days.last]) + 2)
    return np.array([days.day(year, 1) for year in years])


def _field(given: dict[str, Any], days: Calendar) -> Environment:
    """Fine particles in places from country to town."""
    years = [int(days.years[start]) for start in year_starts(days)[:-1]]
    places = (["075", "059", "02A", "033"] * (PLACES // 4), 10 ** np.linspace(0.8, 4.2, PLACES))
    return particle_field(given, places, years, np.random.default_rng(FIELD_SEED))
