# SPDX-License-Identifier: Apache-2.0
"""Hospital stays as whole numbers: outcomes, their later treatment, other stays, last stays, and the stays to set aside.

Every stay to set aside is an extra one, some with the outcome's diagnosis: a reader that keeps it counts false outcomes.
"""

from typing import Any

import numpy as np

from rempart.synthetic.claims import Lines, chosen, joined
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import NEVER, Calendar, Flags, Ints, SyntheticPlan
from rempart.synthetic.population import People

# What a stay is for: the outcome, its later treatment, or one of the other kinds of the code list.
OUTCOME, LATER, OTHER = -2, -1, 0
CLEAN, DUPLICATE, UNGROUPED, INTER, BAD_RETURN, BAD_NIR, GENERATED = range(7)
_DEFECTS = {
    "stays_duplicate_facility": DUPLICATE, "stays_ungrouped": UNGROUPED, "stays_inter_facility": INTER,
    "stays_bad_return": BAD_RETURN, "stays_invalid_nir": BAD_NIR, "stays_generated": GENERATED,
}  # fmt: skip
_SHARES = {
    DUPLICATE: "duplicate_facility", UNGROUPED: "ungrouped", INTER: "inter_facility", BAD_RETURN: "bad_return",
    BAD_NIR: "invalid_nir", GENERATED: "generated",
}  # fmt: skip
_GENERATED_SINCE = 2015
# Record numbers of a block of persons start here, so that no two blocks share one in a facility.
_RECORDS = 100_000


def make_stays(plan: SyntheticPlan, calendar: Calendar, people: People, cards: Cards) -> tuple[Lines, dict[str, int]]:
    """All stays that ended in the years delivered, sorted by year of discharge, and the count of each planted defect."""
    draw, codes = plan.stream("stays"), plan.tables["codes"]
    blocks = [_outcomes(draw, people, codes), _later(draw, plan, people), _others(draw, plan, calendar, people)]
    true = joined([*blocks, _last_stays(draw, plan, calendar, people)])
    true["exit"] = np.minimum(true["exit"], people.death[true["who"]])
    true["entry"] = np.minimum(true["entry"], true["exit"])
    true["died"] = ((true["exit"] == people.death[true["who"]]) & (true["kind"] != LATER)).astype(np.int64)
    true["died"] = _one_death(true)
    open_at_cut = true["exit"] > calendar.last
    counts = {"stays_open_at_cut": int(open_at_cut.sum())}
    counts["outcomes_open_at_cut"] = int((open_at_cut & (true["kind"] == OUTCOME)).sum())
    true = chosen(true, ~open_at_cut)
    true["card"] = cards.at(true["who"], true["entry"])
    whole = joined([true, *_set_aside(draw, plan, calendar, true)])
    counts |= {name: int((whole["dirt"] == dirt).sum()) for name, dirt in _DEFECTS.items()}
    whole["year"] = calendar.years[whole["exit"]]
    whole = chosen(whole, np.lexsort((draw.random(len(whole["year"])), whole["year"])))
    whole["record"] = _records(whole) + plan.block * _RECORDS
    return whole, counts


def _stays(draw: np.random.Generator, who: Ints, entry: Ints, kind: Ints | int, nights: float) -> Lines:
    size = len(who)
    exit_day = entry + (draw.poisson(nights, size) if nights else 0)
    zero = np.zeros(size, dtype=np.int64)
    return {
        "who": np.asarray(who, dtype=np.int64), "entry": np.asarray(entry, dtype=np.int64),
        "exit": np.asarray(exit_day, dtype=np.int64), "kind": zero + kind, "dirt": zero.copy(), "died": zero.copy(),
        "act": zero - 1, "diagnosis": zero.copy(), "associated": draw.poisson(1.4, size).astype(np.int64),
        "facility": draw.integers(0, 16, size), "choice": draw.integers(0, 1 << 30, size),
    }  # fmt: skip


def _outcomes(draw: np.random.Generator, people: People, codes: dict[str, Any]) -> Lines:
    who = np.flatnonzero(people.event != NEVER)
    made = _stays(draw, who, people.event[who], OUTCOME, 6.0)
    made["act"] = np.where(people.act[who], draw.integers(0, len(codes["outcome"]["acts"]), len(who)), -1)
    made["diagnosis"] = draw.integers(0, len(codes["outcome"]["diagnoses"]), len(who))
    return made


def _later(draw: np.random.Generator, plan: SyntheticPlan, people: People) -> Lines:
    """Day treatments after the outcome, in those who live."""
    had = np.flatnonzero(people.event != NEVER)
    who = np.repeat(had, draw.poisson(plan.tables["model"]["outcome"]["later_stays"], len(had)))
    day = people.event[who] + 20 + draw.integers(0, 300, len(who))
    return chosen(_stays(draw, who, day, LATER, 0), day < people.death[who])


def _others(draw: np.random.Generator, plan: SyntheticPlan, calendar: Calendar, people: People) -> Lines:
    care, kinds = plan.tables["model"]["care"], plan.tables["codes"]["stays"]
    length = np.maximum(np.minimum(people.death, calendar.last + 1) - calendar.first, 0)
    rate = care["stays"] * np.exp(care["stays_slope"] * (people.age - 65)) * length / 365.25
    who = np.repeat(np.arange(len(people)), draw.poisson(rate))
    day = calendar.first + (draw.random(len(who)) * length[who]).astype(np.int64)
    return _stays(draw, who, day, OTHER + _kinds(draw, kinds, len(who)), 4.0)


def _kinds(draw: np.random.Generator, kinds: list[dict[str, Any]], size: int) -> Ints:
    weights = np.array([kind["weight"] for kind in kinds], dtype=float)
    return np.asarray(draw.choice(len(kinds), size, p=weights / weights.sum()))


def _last_stays(draw: np.random.Generator, plan: SyntheticPlan, calendar: Calendar, people: People) -> Lines:
    """The stay some persons die in."""
    model = plan.tables["model"]["death"]
    who = np.flatnonzero((people.death != NEVER) & (draw.random(len(people)) < model["in_hospital"]))
    entry = np.maximum(people.death[who] - draw.integers(0, 20, len(who)), calendar.first)
    made = _stays(draw, who, entry, OTHER + _kinds(draw, plan.tables["codes"]["stays"][:2], len(who)), 0)
    made["exit"] = people.death[who]
    return made


def _one_death(true: Lines) -> Ints:
    """Of stays that end on the day of death, the last one listed is the one died in."""
    rows = np.flatnonzero(true["died"])
    last = {int(who): int(row) for who, row in zip(true["who"][rows], rows, strict=True)}
    died = np.zeros(len(true["died"]), dtype=np.int64)
    died[list(last.values())] = 1
    return died


def _set_aside(draw: np.random.Generator, plan: SyntheticPlan, calendar: Calendar, true: Lines) -> list[Lines]:
    """Copies of stays, each spoiled in one way; a duplicate differs by its facility only."""
    model, size = plan.tables["model"]["stay_dirt"], len(true["who"])
    until = plan.tables["codes"]["hidden"]["facilities_until"]
    extra = []
    for dirt, word in _SHARES.items():
        rows = draw.integers(0, size, max(3, round(size * model[word])))
        years = calendar.years[true["exit"][rows]]
        rows = rows[_possible(dirt, years, until)]
        copy = chosen(true, rows)
        copy["dirt"][:] = dirt
        if dirt != DUPLICATE:
            copy["died"][:] = 0
            false = draw.random(len(rows)) < model["outcome_share"]
            copy["kind"] = np.where(false, OUTCOME, copy["kind"])
            copy["diagnosis"] = np.where(false, 0, copy["diagnosis"])
            copy["act"] = np.where(false, 0, np.where(copy["kind"] == OUTCOME, copy["act"], -1))
        extra.append(copy)
    return extra


def _possible(dirt: int, years: Ints, until: int) -> Flags:
    """Duplicate facilities end in a year; generated records are marked since a year."""
    if dirt == DUPLICATE:
        return np.asarray(years <= until)
    return np.asarray(years >= _GENERATED_SINCE) if dirt == GENERATED else np.ones(len(years), dtype=bool)


def _records(whole: Lines) -> Ints:
    """Record number of each stay: 1, 2, … within a facility and a year; duplicates count apart, they lie elsewhere."""
    place = whole["year"] * 1000 + np.where(whole["dirt"] == DUPLICATE, 500 + whole["choice"] % 46, whole["facility"])
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    record = np.empty(len(order), dtype=np.int64)
    record[order] = rank + 1
    return record
