# SPDX-License-Identifier: Apache-2.0
"""The large population: ages, families, homes, schemes, births and deaths like those of France. No care and no table here."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from rempart.synthetic.plan import NEVER, Flags, Floats, Ints
from rempart.synthetic.planting import Births, Planted
from rempart.synthetic.population import NO_ARM, People
from rempart.synthetic.setting import Setting

_YEAR = 365.25
_BAND = 5
_OLDEST = 130.0


class Mortality:
    """Yearly hazards of death by sex and age."""

    def __init__(self, setting: Setting) -> None:
        table = setting.plan.tables["demography"]["mortality"]
        self.edges: Floats = np.array([0.0, 1.0, *range(_BAND, 105, _BAND)], dtype=float)
        self.hazards: Floats = np.array([table["men"], table["women"]], dtype=float)
        widths = np.diff(np.append(self.edges, _OLDEST))
        self.total: Floats = np.concatenate([np.zeros((2, 1)), np.cumsum(self.hazards * widths, axis=1)], axis=1)

    def at(self, sex: Ints, age: Floats) -> Floats:
        """Hazard at an age."""
        band = np.clip(np.searchsorted(self.edges, age, side="right") - 1, 0, self.hazards.shape[1] - 1)
        return np.asarray(self.hazards[sex - 1, band])

    def ages(self, draw: np.random.Generator, sex: Ints, age: Floats) -> Floats:
        """Age at death of those alive at ``age``."""
        ages, points = np.append(self.edges, _OLDEST), draw.exponential(size=len(age))
        died = np.empty(len(age))
        for number in (1, 2):
            mine = sex == number
            total = self.total[number - 1]
            died[mine] = np.interp(np.interp(age[mine], ages, total) + points[mine], total, ages)
        return died


def draw_people(setting: Setting, given: tuple[Ints, Floats] | None = None) -> People:
    """Everybody alive on the first day, or arriving later. ``given``: sex and age of people already chosen."""
    plan, calendar = setting.plan, setting.calendar
    draw, told, size = plan.stream("people"), plan.tables["demography"]["persons"], plan.persons
    sex, age = given or _pyramid(setting, draw, size)
    twin = _pairs(size, float(plan.tables["model"]["persons"]["twin"]) if given is None else 0.0)
    for values in (sex, age):
        values[twin >= 0] = values[np.minimum(np.arange(size), twin)[twin >= 0]]
    mother = _mothers(draw, sex, age) if given is None else np.full(size, -1)
    home = draw.choice(len(setting.places), size, p=setting.places.share)
    home = np.where(mother >= 0, home[mother], home)
    scheme = draw.choice(len(setting.places.schemes), size, p=[s["share"] for s in setting.places.schemes])
    died = np.ceil((Mortality(setting).ages(draw, sex, age) - age) * _YEAR) + calendar.first
    death = np.where(died <= calendar.last, died, NEVER).astype(np.int64)
    since = np.array([calendar.day(max(s["from"], plan.first_year), 1) for s in setting.places.schemes])[scheme]
    arrives = draw.random(size) < told["arrives"]
    since = np.where(arrives, np.maximum(since, draw.integers(calendar.first, calendar.last, size)), since)
    since = np.where(since < death, since, calendar.first)
    return whole_people(setting, {
        "sex": sex, "age": age, "born": np.floor(calendar.first - age * _YEAR).astype(np.int64), "twin": twin,
        "mother": mother, "home": home, "scheme": scheme, "death": death, "since": since,
    })  # fmt: skip


def whole_people(setting: Setting, given: Mapping[str, Any]) -> People:
    """People from what is particular to them: their moves, emigration, habits, and no study."""
    plan, calendar, size = setting.plan, setting.calendar, len(given["sex"])
    draw, told = plan.stream("lives", str(size)), plan.tables["demography"]["persons"]
    years = calendar.last - calendar.first
    moved = given["since"] + (draw.exponential(_YEAR / told["moves"], size)).astype(np.int64)
    leave = given["since"] + (draw.exponential(_YEAR / told["leaves"], size)).astype(np.int64)
    never, none = np.full(size, NEVER), np.zeros(size, dtype=bool)
    born = given["born"] / _YEAR + plan.first_year - 20
    year = np.floor(born).astype(np.int64)
    people = People(
        **given, birth_year=year, birth_month=1 + np.floor((born - year) * 12).astype(np.int64) % 12,
        moved=np.where(moved <= calendar.first + years, moved, NEVER),
        next_home=draw.choice(len(setting.places), size, p=setting.places.share),
        leave=np.where(leave <= calendar.last, leave, NEVER), consumer=draw.random(size) >= told["never_consumes"],
        until=never, ill={}, diabetic=none, arm=np.full(size, NO_ARM), fresh=none, start=never, stop=never,
        added=never, event=never, act=none,
    )  # fmt: skip
    return with_ends(setting, people)


def with_ends(setting: Setting, people: People) -> People:
    """``until`` from death, emigration and habits: those who never consume leave no trace."""
    until = np.minimum(np.minimum(people.death, people.leave), setting.calendar.last + 1)
    until = np.where(people.consumer, np.maximum(until, people.since), people.since)
    return replace(people, until=until)


def protected(setting: Setting, people: People, planted: Planted) -> People:
    """Those a study gives drugs, doses or stays stay in sight, so that its truth is one about the tables; and they die as it says."""
    seen = np.zeros(len(people), dtype=bool)
    given = planted.dispensings.person, planted.doses.person, planted.stays.person, planted.births.mother
    for rows in given:
        seen[rows] = True
    first = np.minimum(people.since, setting.calendar.first)
    return with_ends(setting, replace(
        people, consumer=people.consumer | seen, leave=np.where(seen, NEVER, people.leave),
        since=np.where(seen, first, people.since),
        death=np.where(planted.death <= setting.calendar.last, planted.death, NEVER),
    ))  # fmt: skip


def draw_births(setting: Setting, people: People) -> Births:
    """Live births by the age of the mother, at most one a year, some of them of twins. Sorted by mother and day."""
    plan, calendar, rule = setting.plan, setting.calendar, setting.plan.tables["demography"]["births"]
    draw, mothers, days = plan.stream("births"), [], []
    rates = np.array([0.0, *rule["rates"], 0.0])
    for year in range(plan.first_year, plan.last_year + 1):
        first = calendar.day(year, 1)
        band = np.clip(((first + 183 - people.born) / _YEAR).astype(np.int64) // _BAND - 2, 0, len(rates) - 1)
        who = np.flatnonzero(draw.random(len(people)) < np.where(people.sex == 2, rates[band], 0.0))
        mothers.append(who)
        days.append(first + draw.integers(0, 365, len(who)))
    mother, day = np.concatenate(mothers), np.concatenate(days)
    order = np.lexsort((day, mother))
    mother, day = mother[order], day[order]
    apart = np.append(np.full(min(len(mother), 1), True), (np.diff(mother) != 0) | (np.diff(day) > 300))
    here = apart & (day > people.since[mother]) & (day < np.minimum(people.until[mother], calendar.last - 10))
    row = np.repeat(np.flatnonzero(here), 1 + (draw.random(int(here.sum())) < rule["twins"]))
    size = len(row)
    weeks = np.clip(draw.normal(rule["weeks"][0], rule["weeks"][1], size), 24, 42).astype(np.int64)
    weight = np.clip(draw.normal(rule["grams"][0], rule["grams"][1], size) - 190 * (39 - weeks), 500, 5500).astype(
        np.int64
    )
    return Births(
        mother=mother[row], conceived=day[row] - 7 * weeks + 14, day=day[row], sex=1 + (draw.random(size) < 0.488),
        weeks=weeks, weight=weight, malformation=np.full(size, -1), found=np.zeros(size, dtype=np.int64),
    )  # fmt: skip


def with_children(setting: Setting, people: People, births: Births) -> People:
    """The people and, after them, those who are born to them: at their mother's home, in her scheme."""
    draw, calendar, first = setting.plan.stream("children"), setting.calendar, len(people)
    number = first + np.arange(len(births.mother))
    same = np.zeros(len(number), dtype=bool)
    same[1:] = (np.diff(births.mother) == 0) & (np.diff(births.day) == 0) & (np.diff(births.sex) == 0)
    twin = np.where(same, number - 1, np.where(np.append(same[1:], False)[: len(same)], number + 1, -1))
    age = Mortality(setting).ages(draw, births.sex, np.zeros(len(number)))
    died = births.day + np.ceil(age * _YEAR).astype(np.int64)
    home = people.home_on(births.mother, births.day)
    children = whole_people(setting, {
        "sex": births.sex, "age": (calendar.first - births.day) / _YEAR, "born": births.day, "twin": twin,
        "mother": births.mother, "home": home, "scheme": people.scheme[births.mother], "since": births.day,
        "death": np.where(died <= calendar.last, died, NEVER),
    })  # fmt: skip
    children = with_ends(setting, replace(children, consumer=np.ones(len(number), dtype=bool)))
    joined = {
        word: np.concatenate([getattr(people, word), getattr(children, word)])
        for word in People.__slots__
        if word != "ill"
    }
    never = np.full(len(number), NEVER)
    return People(**joined, ill={word: np.concatenate([days, never]) for word, days in people.ill.items()})


def yearly_mortality(setting: Setting, people: People) -> Floats:
    """Persons × years delivered: hazard of natural death at the age reached in the middle of each year."""
    rule, plan = Mortality(setting), setting.plan
    middle = [setting.calendar.day(year, 7) for year in range(plan.first_year, plan.last_year + 1)]
    ages = [np.maximum((day - people.born) / _YEAR, 0.0) for day in middle]
    return np.stack([rule.at(people.sex, age) for age in ages], axis=1)


def yearly_homes(setting: Setting, people: People) -> Ints:
    """Persons × years delivered: the commune on the first of July."""
    plan, who = setting.plan, np.arange(len(people))
    days = [setting.calendar.day(year, 7) for year in range(plan.first_year, plan.last_year + 1)]
    return np.stack([people.home_on(who, np.full(len(who), day)) for day in days], axis=1)


def _pyramid(setting: Setting, draw: np.random.Generator, size: int) -> tuple[Ints, Floats]:
    table = setting.plan.tables["demography"]["pyramid"]
    weights = np.array([table["men"], table["women"]], dtype=float)
    bands = weights.shape[1]
    cell = draw.choice(weights.size, size, p=weights.ravel() / weights.sum())
    return 1 + cell // bands, cell % bands * _BAND + draw.random(size) * _BAND


def _pairs(size: int, share: float) -> Ints:
    """The first persons two by two; -1 for all others."""
    twin = np.full(size, -1)
    count = 2 * round(size * share / 2)
    twin[:count] = np.arange(count) ^ 1
    return twin


def _mothers(draw: np.random.Generator, sex: Ints, age: Floats) -> Ints:
    """A woman of the block about 18 to 42 years older, for every child."""
    women: Ints = np.flatnonzero((sex == 2) & (age >= 18))
    child: Flags = age < 18
    mother = np.full(len(sex), -1)
    if len(women):
        order = women[np.argsort(age[women])]
        place = np.searchsorted(age[order], age[child] + draw.uniform(18, 42, int(child.sum())))
        mother[child] = order[np.minimum(place, len(order) - 1)]
    return mother
