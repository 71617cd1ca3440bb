# SPDX-License-Identifier: Apache-2.0
"""The true persons: age, sex, group, start of a drug, outcome, death. No pseudonym and no claim is made here.

Outcome: proportional hazards, ``level * exp(slope * (age - 65)) * men^(man) * effect^(after the target's start)``, age running.
Death: Gompertz, and a further constant hazard after the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rempart.synthetic.plan import NEVER, Calendar, Flags, Floats, Ints
from rempart.synthetic.setting import Setting

NO_ARM, TARGET, COMPARATOR = 0, 1, 2
ARM_NAMES = ("none", "target", "comparator")
_ARM_OF = {"new_target": TARGET, "old_target": TARGET, "new_comparator": COMPARATOR, "old_comparator": COMPARATOR}
_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """One entry a person. Days as in ``Calendar``; NEVER where nothing happens before death or the end.

    ``since`` and ``until``: first day, and day after the last, on which care can reach the tables. ``home`` until ``moved``, then
    ``next_home``. ``leave``: day of emigration. ``mother``: place in the block, -1 unknown. ``ill``: first day by disease.
    """

    sex: Ints
    age: Floats
    birth_year: Ints
    birth_month: Ints
    born: Ints
    home: Ints
    moved: Ints
    next_home: Ints
    scheme: Ints
    since: Ints
    until: Ints
    leave: Ints
    consumer: Flags
    mother: Ints
    ill: Mapping[str, Ints]
    diabetic: Flags
    arm: Ints
    fresh: Flags
    start: Ints
    stop: Ints
    added: Ints
    event: Ints
    act: Flags
    death: Ints
    twin: Ints

    def __len__(self) -> int:
        return len(self.sex)

    def home_on(self, person: Ints, day: Ints) -> Ints:
        """The commune a person lives in on a day, before merges."""
        return np.where(day >= self.moved[person], self.next_home[person], self.home[person])


def make_people(setting: Setting) -> People:
    """Draw everybody of the small population. Deterministic in the plan."""
    plan, calendar = setting.plan, setting.calendar
    model, draw = plan.tables["model"], plan.stream("people")
    names = list(model["groups"])
    group = draw.choice(len(names), size=plan.persons, p=[model["groups"][name]["share"] for name in names])
    twin = _twins(plan.persons, float(model["persons"]["twin"]), group)
    sex, age = _sex_and_age(draw, model["groups"], names, group)
    for values in (sex, age):
        values[twin >= 0] = values[np.minimum(np.arange(plan.persons), twin)[twin >= 0]]
    born = calendar.first / _YEAR + (plan.first_year - 20) - age
    arm = np.array([_ARM_OF.get(name, NO_ARM) for name in names])[group]
    fresh = np.array([name.startswith("new") for name in names])[group]
    diabetic = np.array([name != "other" for name in names])[group]
    natural = _natural_death(draw, model["death"], (age, sex, diabetic), calendar)
    start, stop, added = _use(draw, model["use"], (arm, fresh, natural), calendar)
    event = _outcome(draw, (model["outcome"], plan.effect), (age, sex, np.where(arm == TARGET, start, NEVER)), calendar)
    event = np.where((event <= natural) & (event <= calendar.last), event, NEVER)
    after = event + 3 + (draw.exponential(_YEAR / model["outcome"]["death_after"], plan.persons)).astype(np.int64)
    death = np.minimum(natural, np.where(event == NEVER, NEVER, after))
    death = np.where(death <= calendar.last, death, NEVER)
    arm = np.where(start < death, arm, NO_ARM)
    start, stop = (np.where(arm == NO_ARM, NEVER, days) for days in (start, np.minimum(stop, death)))
    year = np.floor(born).astype(np.int64)
    return People(
        sex=sex, age=age, birth_year=year, birth_month=1 + np.floor((born - year) * 12).astype(np.int64),
        born=np.floor((born - plan.first_year + 20) * _YEAR).astype(np.int64), **_settled(setting, death),
        diabetic=diabetic, arm=arm, fresh=fresh & (arm != NO_ARM), start=start, stop=stop,
        added=np.where((arm != NO_ARM) & (added < stop), added, NEVER), event=event,
        act=(event != NEVER) & (draw.random(plan.persons) < model["outcome"]["act"]), death=death, twin=twin,
    )  # fmt: skip


def _settled(setting: Setting, death: Ints) -> dict[str, Any]:
    """People of the small population stay where they are, in the general scheme, known from the first day."""
    size, draw = len(death), setting.plan.stream("homes")
    home, never = draw.choice(len(setting.places), size, p=setting.places.share), np.full(size, NEVER)
    first = np.full(size, setting.calendar.first)
    return {
        "home": home, "moved": never, "next_home": home, "scheme": np.zeros(size, dtype=np.int64), "since": first,
        "until": np.minimum(death, setting.calendar.last + 1), "leave": never,
        "consumer": np.ones(size, dtype=bool), "mother": np.full(size, -1), "ill": {},
    }  # fmt: skip


def _twins(persons: int, share: float, group: Ints) -> Ints:
    """Pair the first persons two by two, within one group; -1 for all others."""
    twin = np.full(persons, -1)
    count = 2 * max(1, round(persons * share / 2))
    twin[:count] = np.arange(count) ^ 1
    group[1:count:2] = group[0:count:2]
    return twin


def _sex_and_age(
    draw: np.random.Generator, groups: dict[str, Any], names: list[str], group: Ints
) -> tuple[Ints, Floats]:
    ages = np.array([groups[name]["age"] for name in names])[group]
    men = np.array([groups[name]["men"] for name in names])[group]
    age = np.clip(draw.normal(ages[:, 0], ages[:, 1]), ages[:, 2], ages[:, 3])
    return np.where(draw.random(len(group)) < men, 1, 2), age


def _natural_death(
    draw: np.random.Generator, model: dict[str, float], who: tuple[Floats, Ints, Flags], calendar: Calendar
) -> Ints:
    age, sex, diabetic = who
    level = model["level"] * np.where(sex == 1, model["men"], 1.0) * np.where(diabetic, model["diabetes"], 1.0)
    years = _invert(draw.exponential(size=len(age)), level * np.exp(model["slope"] * (age - 65)), model["slope"])
    return np.asarray(np.minimum(calendar.first + np.ceil(years * _YEAR), NEVER).astype(np.int64))


def _invert(cumulative: Floats, level: Floats, slope: float) -> Floats:
    """Years until a hazard ``level * exp(slope * t)`` has added up to ``cumulative``."""
    return np.asarray(np.log1p(cumulative * slope / level) / slope)


def _use(
    draw: np.random.Generator, model: dict[str, float], who: tuple[Ints, Flags, Ints], calendar: Calendar
) -> tuple[Ints, Ints, Ints]:
    """Start, stop, and day a target user adds the comparator. New users start from the second year to half a year from the end."""
    arm, fresh, death = who
    size, second = len(arm), calendar.first_of(calendar.months[[calendar.first]] + 12)[0]
    new = draw.integers(second, max(second + 30, calendar.last - 183), size)
    old = calendar.first + draw.integers(0, 60, size)
    start = np.where(arm == NO_ARM, NEVER, np.where(fresh, new, old))
    start = np.where(start < death, start, NEVER)
    length = model["floor_days"] + (draw.exponential(model["mean_years"] * _YEAR, size)).astype(np.int64)
    adds = (arm == TARGET) & (start != NEVER) & (draw.random(size) < model["add_comparator"])
    added = np.where(adds, start + int(model["add_after_days"]) + draw.integers(0, 400, size), NEVER)
    return start, np.where(start == NEVER, NEVER, start + length), added


def _outcome(
    draw: np.random.Generator, rule: tuple[dict[str, float], float], who: tuple[Floats, Ints, Ints], calendar: Calendar
) -> Ints:
    """Day of the outcome, had nobody died: two stretches of hazard, before and after the target's start."""
    (model, effect), (age, sex, start) = rule, who
    slope = model["slope"]
    level = model["level"] * np.exp(slope * (age - 65)) * np.where(sex == 1, model["men"], 1.0)
    wait = draw.exponential(size=len(age))
    years = np.where(start == NEVER, 1e3, (start - calendar.first) / _YEAR)
    before = level * np.expm1(slope * np.minimum(years, 200)) / slope
    total = np.where(wait <= before, wait, before + (wait - before) / effect)
    day = calendar.first + np.ceil(_invert(total, level, slope) * _YEAR).astype(np.int64)
    late = (wait > before) & (day <= start)
    return np.asarray(np.minimum(np.where(late, start + 1, day), NEVER))
