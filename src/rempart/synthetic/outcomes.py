# SPDX-License-Identifier: Apache-2.0
"""How a planted outcome comes about: a baseline hazard by age and sex, an effect of a course of a drug, and the first event.

The law, from which both the planted events and the marginal truths are made: on each day, hazard = baseline(age, sex) × k × ratio,
``ratio = g(milligrams dispensed until `latency` days ago, by schedule) ** f(days since the last dispensing ran out)``.
A dispensing acts from the day after it. The schedule is regular; lines may be some days early or late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rempart.synthetic.plan import NEVER, Floats, Ints

YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Yearly hazard ``level * exp(slope * (age - 65)) * men^(man)``."""

    level: float
    slope: float
    men: float

    def rate(self, age: Floats, sex: Ints) -> Floats:
        """Hazard per year."""
        return np.asarray(self.level * np.exp(self.slope * (age - 65)) * np.where(sex == 1, self.men, 1.0))

    def highest(self, ages: tuple[Floats, Floats], sex: Ints) -> Floats:
        """The highest hazard between two ages."""
        return np.maximum(self.rate(ages[0], sex), self.rate(ages[1], sex))


def baseline_of(table: Mapping[str, Any], boost: float) -> Baseline:
    """From a study's ``baseline`` table, times k."""
    return Baseline(level=table["per_100000"] * 1e-5 * boost, slope=table["slope"], men=table["men"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Ratio by cumulative dose (steps, milligrams), and the power it is raised to by days since the last cover ended."""

    dose: Floats
    ratio: Floats
    since: Floats
    power: Floats
    latency: int

    @property
    def highest(self) -> float:
        """The largest ratio this effect can take (at least 1)."""
        return float(max(1.0, *(value**power for value in self.ratio for power in self.power)))

    def at(self, dose: Floats, since: Ints) -> Floats:
        """Ratio at a cumulative dose above 0, ``since`` days after the last cover ended (0 or less: covered)."""
        value = self.ratio[np.searchsorted(self.dose, dose, side="right") - 1]
        if len(self.power) == 1:
            return np.asarray(value ** self.power[0])
        return np.asarray(value ** self.power[np.maximum(np.searchsorted(self.since, since, side="right") - 1, 0)])


def effect_of(table: Mapping[str, Any]) -> Effect:
    """From a study's ``effects.<product>`` table."""
    dose, since = np.array(table["dose"], dtype=float), np.array(table["since"], dtype=float)
    return Effect(
        dose=dose[:, 0], ratio=dose[:, 1], since=since[:, 0], power=since[:, 1], latency=int(table["latency_days"])
    )  # fmt: skip


def constant_effect(ratio: float) -> Effect:
    """One ratio from the day after the first dispensing, for ever."""
    return effect_of({"dose": [[0, ratio]], "since": [[0, 1.0]], "latency_days": 0})


@dataclass(frozen=True, slots=True, kw_only=True)
class Courses:
    """One course a person: first day (NEVER: none), days a dispensing lasts, dispensings, milligrams in each, effect or -1."""

    start: Ints
    step: Ints
    refills: Ints
    dose: Floats
    effect: Ints

    def ratio(self, effects: Sequence[Effect], rows: Ints, day: Ints) -> Floats:
        """Hazard ratio of persons ``rows`` on days ``day``."""
        ratio = np.ones(len(rows))
        for number, effect in enumerate(effects):
            on = self.effect[rows] == number
            ratio[on] = self._ratio(effect, rows[on], day[on])
        return ratio

    def ratio_on(self, effects: Sequence[Effect], day: int) -> Floats:
        """Hazard ratio of every person on one day: as ``ratio``, without picking persons where all of them have one effect, or none."""
        number = int(self.effect[0])
        if not (self.effect == number).all():
            return self.ratio(effects, np.arange(len(self.start)), np.full(len(self.start), day))
        if not 0 <= number < len(effects):
            return np.ones(len(self.start))
        effect = effects[number]
        passed = (day - 1 - effect.latency - self.start).astype(np.int32)
        had = np.minimum(1 + passed // self.step.astype(np.int32), self.refills)
        ratio = effect.at(np.maximum(had, 1) * self.dose, day - (self.start + self.refills * self.step))
        return np.where(passed >= 0, ratio, 1.0)

    def _ratio(self, effect: Effect, rows: Ints, day: Ints) -> Floats:
        start, step, refills = self.start[rows], self.step[rows], self.refills[rows]
        passed = day - 1 - effect.latency - start
        had = np.minimum(1 + passed // step, refills)
        ratio = effect.at(np.maximum(had, 1) * self.dose[rows], day - (start + refills * step))
        return np.where(passed >= 0, ratio, 1.0)


def first_events(
    base: Baseline,
    who: tuple[Ints, Ints],
    courses: tuple[Courses, Sequence[Effect]],
    span: tuple[int, Ints],
    draw: np.random.Generator,
) -> Ints:
    """First event of each person, or NEVER. ``who``: day of birth and sex; ``span``: first day, and the day before which it must fall.

    Exact thinning: candidates at the highest hazard a person can have, each kept with the share that its own day's hazard is of it.
    """
    (born, sex), (first, end) = who, span
    length = np.maximum(end - first, 0)
    tops = np.append([effect.highest for effect in courses[1]], 1.0)
    top = base.highest(((first - born) / YEAR, (end - born) / YEAR), sex) * tops[courses[0].effect]
    rows = np.repeat(np.arange(len(born)), draw.poisson(top * length / YEAR))
    day = first + (draw.random(len(rows)) * length[rows]).astype(np.int64)
    hazard = base.rate((day - born[rows]) / YEAR, sex[rows]) * courses[0].ratio(courses[1], rows, day)
    kept = draw.random(len(rows)) * top[rows] < hazard
    event = np.full(len(born), NEVER)
    np.minimum.at(event, rows[kept], day[kept])
    return event
