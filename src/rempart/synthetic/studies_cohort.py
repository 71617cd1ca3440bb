# SPDX-License-Identifier: Apache-2.0
"""Studies of a drug among its users: who takes what (so that age and sex confound), courses, the first outcome, what follows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from rempart.synthetic.outcomes import YEAR, Courses, Effect, baseline_of, constant_effect, effect_of, first_events
from rempart.synthetic.plan import NEVER, Calendar, Flags, Floats, Ints
from rempart.synthetic.planting import (
    Block,
    Dispensings,
    Eligible,
    Facts,
    Pack,
    Planted,
    StayForm,
    Stays,
    empty_planted,
)

Table = Mapping[str, Any]
_EARLY, _LATE = -3, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A study's table in one mode. ``effect`` overrides that of the target."""

    name: str
    table: Table
    mode: str
    effect: float | None = None

    @property
    def boost(self) -> float:
        """k of the baseline hazard."""
        return float(self.table["boost"]) if self.mode == "boost" else 1.0

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The mode's groups: the eligible of a whole population are made up as those of the mode ``cohort``."""
        return list(self.table["groups"]["boost" if self.mode == "boost" else "cohort"])

    @property
    def arms(self) -> tuple[str, ...]:
        """Words of the arms: none, target, comparator, then other products by name."""
        known = (self.table["target"], self.table["comparator"])
        others = sorted({group["product"] for group in self.groups} - {"", *known})
        return ("none", "target", "comparator", *others)

    def products(self) -> tuple[str, ...]:
        """Product of each arm."""
        return ("", self.table["target"], self.table["comparator"], *self.arms[3:])

    def effects(self) -> tuple[list[str], list[Effect]]:
        """Products with an effect, and their effects."""
        made = {product: effect_of(table) for product, table in self.table.get("effects", {}).items()}
        if self.effect is not None:
            made[self.table["target"]] = constant_effect(self.effect)
        return list(made), list(made.values())


def packs_of(table: Table) -> tuple[Pack, ...]:
    """The packs of a study, with the milligrams of one dispensing."""
    packs = []
    for given in table["packs"]:
        words = {word: value for word, value in given.items() if word != "milligrams"}
        packs.append(Pack(**words, dose=float(given["milligrams"] * given["units"] * given["boxes"])))
    return tuple(packs)


def draw_groups(rules: Rules, size: int, draw: np.random.Generator) -> Eligible:
    """The eligible population: group by share, age from a normal law cut to the group's bounds, sex by the group's share of men."""
    groups = rules.groups
    shares = np.array([group["share"] for group in groups])
    group = draw.choice(len(groups), size=size, p=shares / shares.sum())
    mean, spread, low, high = np.array([g["age"] for g in groups], dtype=float)[group].T
    bottom, top = ndtr((low - mean) / spread), ndtr((high - mean) / spread)
    age = mean + spread * ndtri(bottom + draw.random(size) * (top - bottom))
    sex = np.where(draw.random(size) < np.array([g["men"] for g in groups])[group], 1, 2)
    ill = ~np.array([bool(g.get("healthy", False)) for g in groups])[group]
    diseases = {rules.table["disease"]: ill} if "disease" in rules.table else {}
    return Eligible(sex=sex, age=np.clip(age, low, high), group=group, diseases=diseases)


def _groups_by_traits(rules: Rules, block: Block, calendar: Calendar, draw: np.random.Generator) -> Ints:
    """Group of each person of a whole population (-1: not eligible): Bayes' rule on the groups' ages and sexes."""
    table, age = rules.table, block.age(calendar.first)
    ill = block.diseases.get(table["disease"])
    if ill is None:
        ill = draw.random(len(block)) < table["prevalence"]
    low, high = table["eligible"]["age"]
    fit = ill & (age >= low) & (age < high) & np.isin(block.sex, table["eligible"]["sex"])
    odds = np.stack([_density(group, age, block.sex) for group in rules.groups], axis=1)
    total = np.cumsum(odds, axis=1)
    pick = (draw.random(len(block))[:, None] * total[:, -1:] >= total).sum(axis=1)
    return np.where(fit & (total[:, -1] > 0), np.minimum(pick, len(rules.groups) - 1), -1)


def _density(group: Table, age: Floats, sex: Ints) -> Floats:
    mean, spread, low, high = group["age"]
    inside = (age >= low) & (age <= high)
    height = np.exp(-0.5 * ((age - mean) / spread) ** 2) / spread
    return np.asarray(group["share"] * height * inside * np.where(sex == 1, group["men"], 1 - group["men"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Who takes the study's drugs: arm, new or not, first and last day, pack, and the course as the outcome sees it."""

    arm: Ints
    fresh: Flags
    start: Ints
    stop: Ints
    pack: Ints
    courses: Courses


def course_of(rules: Rules, group: Ints, draw: np.random.Generator) -> tuple[Ints, Ints]:
    """Length in days and pack of a course of each person's group (0 and -1 where the group takes nothing)."""
    packs = packs_of(rules.table)
    length, pack = np.zeros(len(group), dtype=np.int64), np.full(len(group), -1)
    for number, words in enumerate(rules.groups):
        rows = np.flatnonzero(group == number)
        if not words["product"] or not len(rows):
            continue
        rule = words["course"] if "course" in words else rules.table["course"]
        days = rule["floor_days"] + draw.exponential(rule["mean_years"] * YEAR, len(rows)).astype(np.int64)
        length[rows] = np.minimum(days, rule.get("longest_days", NEVER))
        ways = [place for place, item in enumerate(packs) if item.product == words["product"]]
        pack[rows] = draw.choice(ways, len(rows))
    return length, pack


def courses_of(rules: Rules, span: tuple[Ints, Ints], pack: Ints) -> Courses:
    """Courses from start to before stop, by schedule."""
    packs, (known, _) = packs_of(rules.table), rules.effects()
    start, stop = span
    step = np.array([item.days for item in packs])[pack]
    effect = np.array([known.index(item.product) if item.product in known else -1 for item in packs])[pack]
    taken = start != NEVER
    return Courses(
        start=start, step=step, refills=np.where(taken, np.maximum(1 + (stop - start - 1) // step, 1), 0),
        dose=np.array([item.dose for item in packs])[pack], effect=np.where(taken, effect, -1),
    )  # fmt: skip


def _use(rules: Rules, block: Block, calendar: Calendar, group: Ints, draw: np.random.Generator) -> Use:
    """New users start from the second year to half a year before the end; old ones in the first sixty days."""
    size, groups = len(block), rules.groups
    products, timing = [g["product"] for g in groups] + [""], [g["timing"] for g in groups] + ["never"]
    second = calendar.first_of(calendar.months[[calendar.first]] + 12)[0]
    new = draw.integers(second, max(second + 30, calendar.last - 183), size)
    old = calendar.first + draw.integers(0, 60, size)
    fresh = np.array([word == "new" for word in timing])[group]
    start = np.where(np.array([bool(p) for p in products])[group], np.where(fresh, new, old), NEVER)
    length, pack = course_of(rules, group, draw)
    start = np.where(start < block.death, start, NEVER)
    stop = np.where(start == NEVER, NEVER, np.minimum(start + length, block.death))
    arm = np.array([rules.products().index(p) for p in products])[group]
    return Use(
        arm=np.where(start == NEVER, 0, arm), fresh=fresh & (start != NEVER), start=start, stop=stop, pack=pack,
        courses=courses_of(rules, (start, stop), pack),
    )  # fmt: skip


def plant_cohort(rules: Rules, block: Block, calendar: Calendar, draw: np.random.Generator) -> Planted:
    """One drug study in a block."""
    group = block.group if block.group is not None else _groups_by_traits(rules, block, calendar, draw)
    use = _use(rules, block, calendar, group, draw)
    base = baseline_of(rules.table["baseline"], rules.boost)
    person = np.arange(len(block)) if rules.table["everyone"] else np.flatnonzero(group >= 0)
    until = np.full(len(block), calendar.first)
    until[person] = np.minimum(block.death, calendar.last + 1)[person]
    courses = (use.courses, rules.effects()[1])
    event = first_events(base, (block.born, block.sex), courses, (calendar.first, until), draw)
    had = event != NEVER
    wait = 3 + draw.exponential(YEAR * rules.boost / rules.table["fatality"], len(block)).astype(np.int64)
    death = np.minimum(block.death, np.where(had, event + wait, NEVER))
    treated = had & (draw.random(len(block)) < rules.table["treated"])
    stays, forms = _stays(rules.table, (event, treated, death), draw)
    made = empty_planted(death)
    facts = Facts(
        study=rules.name, arms=rules.arms, person=person, arm=use.arm[person], fresh=use.fresh[person],
        start=use.start[person], stop=use.stop[person], event=event[person], treated=treated[person],
    )  # fmt: skip
    return Planted(
        death=death, packs=packs_of(rules.table), forms=forms, stays=stays, doses=made.doses, births=made.births,
        dispensings=_dispensings(rules, use, calendar, death, draw), facts=(facts,),
    )  # fmt: skip


def _dispensings(rules: Rules, use: Use, calendar: Calendar, death: Ints, draw: np.random.Generator) -> Dispensings:
    """Each course's dispensings: the first on its day, the others some days early or late, none from death or the end on."""
    person, day, pack = [], [], []
    steps = np.array([item.days for item in packs_of(rules.table)])
    spans = [(np.flatnonzero(use.start != NEVER), use.start, use.stop, use.pack)]
    if rules.table.get("added"):
        spans.append(_added(rules, use, draw))
    for who, start, stop, ways in spans:
        step = steps[ways[who]]
        refills = np.maximum(1 + (stop[who] - start[who] - 1) // step, 1)
        row = np.repeat(np.arange(len(who)), refills)
        turn = np.arange(len(row)) - np.repeat(np.cumsum(refills) - refills, refills)
        late = np.where(turn == 0, 0, draw.integers(_EARLY, _LATE, len(row)))
        when = start[who][row] + turn * step[row] + late
        kept = when < np.minimum(death[who][row], calendar.last + 1)
        person.append(who[row][kept])
        day.append(when[kept])
        pack.append(ways[who][row][kept])
    whole = [np.concatenate(part) for part in (person, day, pack)]
    order = np.lexsort((whole[1], whole[0]))
    return Dispensings(person=whole[0][order], day=whole[1][order], pack=whole[2][order])


def _added(rules: Rules, use: Use, draw: np.random.Generator) -> tuple[Ints, Ints, Ints, Ints]:
    """Target users who also take another product later: who, and start, stop, pack of everybody."""
    rule, size = rules.table["added"], len(use.start)
    ways = [place for place, item in enumerate(packs_of(rules.table)) if item.product == rule["product"]]
    start = np.where(use.start == NEVER, NEVER, use.start + rule["after_days"] + draw.integers(0, 400, size))
    adds = (use.arm == 1) & (draw.random(size) < rule["share"]) & (start < use.stop)
    return np.flatnonzero(adds), start, use.stop, draw.choice(ways, size)


def _stays(
    table: Table, outcome: tuple[Ints, Flags, Ints], draw: np.random.Generator
) -> tuple[Stays, tuple[StayForm, ...]]:
    """The stay of each outcome, with an act where treated, and later day treatments of those who live."""
    (event, treated, death), acts = outcome, list(table["acts"])
    forms = [form_of(words, act) for words in table["forms"] for act in ["", *acts]]
    who = np.flatnonzero(event != NEVER)
    act = np.where(treated[who], 1 + draw.integers(0, max(len(acts), 1), len(who)), 0) if acts else np.zeros_like(who)
    form = draw.integers(0, len(table["forms"]), len(who)) * (1 + len(acts)) + act
    again = np.repeat(who, draw.poisson(table["later"], len(who)))
    after = event[again] + 20 + draw.integers(0, 300, len(again))
    again, after = again[after < death[again]], after[after < death[again]]
    if table["later"]:
        forms.append(form_of(table["later_form"]))
    stays = Stays(
        person=np.concatenate([who, again]), day=np.concatenate([event[who], after]),
        form=np.concatenate([form, np.full(len(again), len(forms) - 1)]),
    )  # fmt: skip
    return stays, tuple(forms)


def form_of(words: Table, act: str = "") -> StayForm:
    """A form of stay from its table, with one act more if there is one."""
    lists = {word: tuple(words.get(word, ())) for word in ("associated", "acts")}
    rest = {word: value for word, value in words.items() if word not in lists}
    return StayForm(**rest, associated=lists["associated"], acts=lists["acts"] + ((act,) if act else ()))
