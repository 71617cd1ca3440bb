# SPDX-License-Identifier: Apache-2.0
"""Hospital stays as whole numbers: those of the small population, and for every population the ends, deaths, dirt and numbers.

Every stay to set aside is an extra one, some with the outcome's diagnosis: a reader that keeps it counts false outcomes.
"""

from collections.abc import Sequence

import numpy as np

from rempart.synthetic.claims import Lines, chosen, joined
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import NEVER, Flags, Ints, SyntheticPlan, Texts
from rempart.synthetic.planting import StayForm
from rempart.synthetic.population import People
from rempart.synthetic.setting import Setting

# What is wrong with a stay: bits, so that one stay can break two rules.
CLEAN, DUPLICATE, UNGROUPED, INTER, BAD_RETURN, BAD_NIR, GENERATED, LATE = 0, 1, 2, 4, 8, 16, 32, 64
DEFECTS = {
    "duplicate_facility": DUPLICATE, "ungrouped": UNGROUPED, "inter_facility": INTER, "bad_return": BAD_RETURN,
    "invalid_nir": BAD_NIR, "generated": GENERATED, "late": LATE,
}  # fmt: skip
_OF_FIELD = {
    "mco": ("duplicate_facility", "ungrouped", "inter_facility", "bad_return", "invalid_nir", "generated"),
    "ssr": ("ungrouped", "bad_return", "invalid_nir", "generated", "late"),
    "had": ("ungrouped", "bad_return", "invalid_nir"),
    "rip": ("bad_return", "invalid_nir"),
    "ace": ("duplicate_facility", "bad_return", "invalid_nir"),
}  # fmt: skip
_GENERATED_SINCE = 2015
# Record numbers of a block of persons start here, so that no two blocks share one in a facility.
RECORDS = 100_000
_OUTCOME_DIAGNOSES, _OUTCOME_GROUPS = 5, 3


class Forms:
    """What stays are coded with, by number. ``tariffs``: GHS number by number of form, where one matters."""

    def __init__(self, forms: Sequence[StayForm] = ()) -> None:
        self.all: list[StayForm] = list(forms)
        self.tariffs: dict[int, str] = {}
        self.outcomes: list[int] = []

    def add(self, form: StayForm, tariff: str = "") -> int:
        """The number of a new form."""
        self.all.append(form)
        if tariff:
            self.tariffs[len(self.all) - 1] = tariff
        return len(self.all) - 1

    def texts(self, word: str) -> Texts:
        """One of the texts of every form."""
        return np.array([getattr(form, word) for form in self.all])


def stay_lines(
    draw: np.random.Generator, who: Ints, entry: Ints, form: Ints | int, nights: Ints | float, **more: Ints
) -> Lines:
    """Stays without dirt; a number for ``nights`` is their mean, an array their exact count."""
    size = len(who)
    zero = np.zeros(size, dtype=np.int64)
    drawn = nights if isinstance(nights, np.ndarray) else (draw.poisson(nights, size) if nights else 0)
    made = {
        "who": np.asarray(who, dtype=np.int64), "entry": np.asarray(entry, dtype=np.int64),
        "exit": np.asarray(entry + drawn, dtype=np.int64), "form": zero + form, "dirt": zero.copy(),
        "died": zero.copy(), "associated": draw.poisson(1.4, size).astype(np.int64), "baby": zero - 1,
        "mortal": zero + 1, "facility": draw.integers(0, 16, size), "choice": draw.integers(0, 1 << 30, size),
    }  # fmt: skip
    return made | more


def study_forms(plan: SyntheticPlan) -> Forms:
    """Forms of the small population: every diagnosis, group and act of the outcome, its later treatment, other stays."""
    codes, forms = plan.tables["codes"], Forms()
    outcome = codes["outcome"]
    for diagnosis in outcome["diagnoses"]:
        for group in outcome["groups"]:
            for act in ((), *((act,) for act in outcome["acts"])):
                forms.outcomes.append(forms.add(StayForm(principal=diagnosis, group=group, acts=act)))
    later = outcome["later"]
    forms.add(StayForm(principal=later["principal"], related=later["related"], group=later["group"]))
    for kind in codes["stays"]:
        acts = (kind["act"],) if "act" in kind else ()
        forms.add(StayForm(principal=kind["principal"], group=kind["group"], acts=acts))
    return forms


def study_stays(setting: Setting, people: People) -> tuple[Lines, Forms]:
    """All stays of the small population, as they were."""
    plan, forms = setting.plan, study_forms(setting.plan)
    draw, later = plan.stream("stays"), len(forms.outcomes)
    blocks = [_outcomes(draw, plan, people), _later(draw, plan, people, later)]
    return joined([*blocks, _others(draw, setting, people, later + 1), _last(draw, setting, people, later + 1)]), forms


def _outcomes(draw: np.random.Generator, plan: SyntheticPlan, people: People) -> Lines:
    who = np.flatnonzero(people.event != NEVER)
    acts = len(plan.tables["codes"]["outcome"]["acts"])
    act = np.where(people.act[who], 1 + draw.integers(0, acts, len(who)), 0)
    diagnosis, group = (draw.integers(0, n, len(who)) for n in (_OUTCOME_DIAGNOSES, _OUTCOME_GROUPS))
    form = (diagnosis * _OUTCOME_GROUPS + group) * (acts + 1) + act
    return stay_lines(draw, who, people.event[who], form, 6.0)


def _later(draw: np.random.Generator, plan: SyntheticPlan, people: People, form: int) -> Lines:
    """Day treatments after the outcome, in those who live."""
    had = np.flatnonzero(people.event != NEVER)
    who = np.repeat(had, draw.poisson(plan.tables["model"]["outcome"]["later_stays"], len(had)))
    day = people.event[who] + 20 + draw.integers(0, 300, len(who))
    made = stay_lines(draw, who, day, form, 0.0)
    made["mortal"][:] = 0
    return chosen(made, day < people.death[who])


def _others(draw: np.random.Generator, setting: Setting, people: People, first: int) -> Lines:
    care, calendar = setting.plan.tables["model"]["care"], setting.calendar
    length = np.maximum(people.until - calendar.first, 0)
    rate = care["stays"] * np.exp(care["stays_slope"] * (people.age - 65)) * length / 365.25
    who = np.repeat(np.arange(len(people)), draw.poisson(rate))
    day = calendar.first + (draw.random(len(who)) * length[who]).astype(np.int64)
    return stay_lines(draw, who, day, first + _kinds(draw, setting.plan, len(who)), 4.0)


def _kinds(draw: np.random.Generator, plan: SyntheticPlan, size: int, most: int | None = None) -> Ints:
    weights = np.array([kind["weight"] for kind in plan.tables["codes"]["stays"][:most]], dtype=float)
    return np.asarray(draw.choice(len(weights), size, p=weights / weights.sum()))


def _last(draw: np.random.Generator, setting: Setting, people: People, first: int) -> Lines:
    """The stay some persons die in."""
    form = first + _kinds(draw, setting.plan, len(people), 2)
    return last_stays(draw, setting, people, form)


def last_stays(draw: np.random.Generator, setting: Setting, people: People, form: Ints) -> Lines:
    """The stay some persons die in; ``form`` one a person."""
    share = setting.plan.tables["model"]["death"]["in_hospital"]
    here = (people.death != NEVER) & (people.death < people.leave) & (people.death <= people.until) & people.consumer
    who = np.flatnonzero(here & (draw.random(len(people)) < share))
    entry = np.maximum(people.death[who] - draw.integers(0, 20, len(who)), people.since[who])
    return stay_lines(draw, who, entry, form[who], people.death[who] - entry)


def delivered_stays(
    setting: Setting, world: tuple[People, Cards], true: Lines, field: str, outcomes: Sequence[int]
) -> tuple[Lines, dict[str, int]]:
    """The stays of a field that ended in the years delivered, with their dirt, sorted by year of discharge; each defect counted.

    ``outcomes``: forms that stays to set aside falsely show.
    """
    (people, cards), calendar = world, setting.calendar
    draw, prefix = setting.plan.stream("stay dirt", field), "" if field == "mco" else f"{field}_"
    true["exit"] = np.minimum(true["exit"], people.death[true["who"]])
    true["entry"] = np.minimum(true["entry"], true["exit"])
    if field == "mco":
        true["died"] = ((true["exit"] == people.death[true["who"]]) & (true["mortal"] == 1)).astype(np.int64)
        true["died"] = _one_death(true)
    open_at_cut = true["exit"] > calendar.last
    counts = {f"{prefix}stays_open_at_cut": int(open_at_cut.sum())}
    if field == "mco":
        counts["outcomes_open_at_cut"] = int((open_at_cut & np.isin(true["form"], outcomes)).sum())
    true = chosen(true, ~open_at_cut)
    true["card"] = cards.at(true["who"], true["entry"])
    whole = joined([true, *_set_aside(draw, setting, field, true, outcomes)]) if len(true["who"]) else true
    names = {name: DEFECTS[name] for name in _OF_FIELD[field]}
    counts |= {f"{prefix}stays_{name}": int((whole["dirt"] & bit > 0).sum()) for name, bit in names.items()}
    whole["year"] = calendar.years[whole["exit"]]
    whole = chosen(whole, np.lexsort((draw.random(len(whole["year"])), whole["year"])))
    whole["record"] = _records(whole) + setting.plan.block * RECORDS
    return whole, counts


def _one_death(true: Lines) -> Ints:
    """Of stays that end on the day of death, the last one listed is the one died in."""
    rows = np.flatnonzero(true["died"])
    last = {int(who): int(row) for who, row in zip(true["who"][rows], rows, strict=True)}
    died = np.zeros(len(true["died"]), dtype=np.int64)
    died[list(last.values())] = 1
    return died


def _set_aside(
    draw: np.random.Generator, setting: Setting, field: str, true: Lines, outcomes: Sequence[int]
) -> list[Lines]:
    """Copies of stays, each spoiled in one way, a few in two; a duplicate differs by its facility only."""
    model, size = setting.plan.tables["model"]["stay_dirt"], len(true["who"])
    until = setting.plan.tables["codes"]["hidden"]["facilities_until"]
    extra, names = [], _OF_FIELD[field]
    for name in names:
        dirt = DEFECTS[name]
        rows = draw.integers(0, size, max(3, round(size * model[name])))
        years = setting.calendar.years[true["exit"][rows]]
        rows = rows[_possible(dirt, years, until)]
        copy = chosen(true, rows)
        copy["dirt"][:] = dirt
        if dirt != DUPLICATE:
            copy["died"][:] = 0
            second = DEFECTS[names[int(draw.integers(0, len(names)))]]
            twice = (draw.random(len(rows)) < model["two_defects"]) & setting.plan.whole
            able = twice & _possible(second, setting.calendar.years[copy["exit"]], until)
            copy["dirt"] |= np.where(able, second, 0)
            if outcomes:
                false = draw.random(len(rows)) < model["outcome_share"]
                copy["form"] = np.where(false, draw.choice(outcomes, len(rows)), copy["form"])
        extra.append(copy)
    return extra


def _possible(dirt: int, years: Ints, until: int) -> Flags:
    """Duplicate facilities end in a year; generated records are marked since a year."""
    if dirt == DUPLICATE:
        return np.asarray(years <= until)
    return np.asarray(years >= _GENERATED_SINCE) if dirt == GENERATED else np.ones(len(years), dtype=bool)


def _records(whole: Lines) -> Ints:
    """Record number of each stay: 1, 2, … within a facility and a year; duplicates count apart, they lie elsewhere."""
    twice = whole["dirt"] & DUPLICATE > 0
    place = whole["year"] * 1000 + np.where(twice, 500 + whole["choice"] % 46, whole["facility"])
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    record = np.empty(len(order), dtype=np.int64)
    record[order] = rank + 1
    return record
