# SPDX-License-Identifier: Apache-2.0
"""Ordinary care of everybody: who falls ill, what they take, what services they use, by age, sex, season and region."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from rempart.synthetic.catalogue import DRUG, KINDS, NONE
from rempart.synthetic.claims import Lines, course, joined, lines, sporadic
from rempart.synthetic.plan import NEVER, Floats, Ints
from rempart.synthetic.planting import Planted
from rempart.synthetic.population import People
from rempart.synthetic.setting import Setting

_YEAR = 365.25
# Of lines of specialists: seen in a private facility, whose line says that no public hospital billed directly.
_IN_FACILITY = 10


def with_diseases(setting: Setting, people: People) -> People:
    """First day of each disease: before the first day delivered, or after it by the slope of prevalence on age."""
    care, calendar, size = setting.plan.tables["care"], setting.calendar, len(people)
    ill = {}
    for name, rule in care["diseases"].items():
        draw = setting.plan.stream("disease", name)
        share = at_age(setting, rule["prevalence"], people.age) * setting.places.slope(rule["slope"])[people.home]
        share = np.minimum(share * np.where(people.sex == 1, rule["men"], 1.0) * 2 / (1 + rule["men"]), 0.95)
        gained = (at_age(setting, rule["prevalence"], people.age + 10) - share) / 10
        before = calendar.first - draw.integers(30, 3500, size)
        after = calendar.first + (draw.exponential(size=size) * _YEAR / np.maximum(gained, 2e-4)).astype(np.int64)
        ill[name] = np.where(draw.random(size) < share, before, np.where(after <= calendar.last, after, NEVER))
    if people.diabetic.any():
        ill["diabetes"] = np.where(people.diabetic, calendar.first - 400, NEVER)
    return replace(people, ill=ill, diabetic=people.diabetic | (ill["diabetes"] <= calendar.first))


def at_age(setting: Setting, rate: list[float], age: Floats) -> Floats:
    """A rate by age, read between the ages of the file."""
    return np.asarray(np.interp(age, setting.plan.tables["care"]["ages"], rate))


def rates(setting: Setting, people: People, rule: Mapping[str, Any]) -> Floats:
    """Events a year of a service or a kind of stay, for each person."""
    middle = people.age + np.maximum(people.until - setting.calendar.first, 0) / (2 * _YEAR)
    rate = at_age(setting, rule["rate"], np.maximum(middle, 0.0)) * np.where(people.sex == 1, rule.get("men", 1.0), 1.0)
    for disease, factor in rule.get("ill", {}).items():
        rate = rate * np.where(people.ill[disease] <= people.until, factor, 1.0)
    return np.asarray(rate * setting.places.slope(rule.get("slope", 1.0))[people.home] * setting.plan.density)


def happening(
    setting: Setting, people: People, rule: Mapping[str, Any], draw: np.random.Generator
) -> tuple[Ints, Ints]:
    """Who and when: Poisson by rate, thinned by season, not before the year the service exists."""
    swing, peak = rule.get("season", [0.0, 1])
    who, day = sporadic(draw, rates(setting, people, rule) * (1 + swing), (people.since, people.until))
    phase = (day - setting.calendar.first) / _YEAR - (peak - 0.5) / 12
    kept = draw.random(len(day)) * (1 + swing) < 1 + swing * np.cos(2 * np.pi * phase)
    kept &= setting.calendar.years[day] >= rule.get("since", 0)
    return who[kept], day[kept]


def ordinary_care(setting: Setting, people: People) -> Lines:
    """Lines of chronic courses and of every service, by person. A drug that a planted study dispenses is left to the study."""
    care, plan, goods = setting.plan.tables["care"], setting.plan, setting.catalogue
    planted = {item.atc for item in goods.items[goods.planted : goods.canary]}
    happened = []
    for name, disease in care["diseases"].items():
        for drug, share in disease["courses"].items():
            if planted & {goods.items[number].atc for number in goods.of(drug).tolist()}:
                continue
            draw = plan.stream("course", name, drug)
            who = np.flatnonzero((people.ill[name] < people.until) & (draw.random(len(people)) < share * plan.density))
            start = np.maximum(people.ill[name][who], people.since[who]) + draw.integers(0, 80, len(who))
            stop = start + 30 + (draw.exponential(6 * _YEAR, len(who))).astype(np.int64)
            happened.append(course(draw, setting, drug, (who, start, np.minimum(stop, people.until[who]))))
    happened += [_service(setting, people, rule) for rule in care["services"]]
    return joined(happened)


def _service(setting: Setting, people: People, rule: Mapping[str, Any]) -> Lines:
    draw, goods = setting.plan.stream("service", rule["word"]), setting.catalogue
    who, day = happening(setting, people, rule, draw)
    kind = KINDS[rule.get("detail", "none")]
    made = lines(who=who, day=day, nature=goods.nature(rule["word"]), kind=kind)
    if kind == DRUG:
        items = np.concatenate([goods.of(drug) for drug in rule["drugs"]])
        made["item"] = draw.choice(items, len(who))
        made["quantity"] = goods.boxes[made["item"]]
    elif kind != NONE:
        made["item"] = draw.choice(goods.of(rule["word"]), len(who))
    if rule["word"] == "specialist":
        here = draw.integers(0, _IN_FACILITY, len(who)) == 0
        facilities = len(setting.plan.tables["codes"]["places"]["facilities"])
        made["facility"] = np.where(here, draw.integers(0, facilities, len(who)), -1)
        made["direct"] = here.astype(np.int64)
    return made


def planted_care(setting: Setting, people: People, planted: Planted) -> Lines:
    """The dispensings of the planted studies, as long as the person lives."""
    goods, given = setting.catalogue, planted.dispensings
    kept = (given.day < people.until[given.person]) & (given.day >= setting.calendar.first)
    item = goods.planted + given.pack[kept]
    return lines(
        who=given.person[kept], day=given.day[kept], item=item, kind=DRUG, quantity=goods.boxes[item],
        nature=goods.nature("pharmacy"),
    )  # fmt: skip
