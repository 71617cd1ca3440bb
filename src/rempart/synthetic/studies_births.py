# SPDX-License-Identifier: Apache-2.0
"""Studies of a drug taken in pregnancy: mothers, what they take and when, births, and malformations of the child."""

from dataclasses import dataclass, replace

import numpy as np

from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import NEVER, Calendar, Flags, Floats, Ints
from rempart.synthetic.planting import Births, Block, Dispensings, Facts, Planted, empty_planted
from rempart.synthetic.studies_cohort import Rules, packs_of

_CYCLE = 14
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Pregnancies:
    """One entry a pregnancy: mother, first day, weeks of amenorrhoea at birth, mother's age, drug (-1: none), former use alone."""

    mother: Ints
    begun: Ints
    weeks: Ints
    age: Floats
    drug: Ints
    former: Flags

    @property
    def birth(self) -> Ints:
        """Day of birth: weeks count from two weeks before the pregnancy began."""
        return np.asarray(self.begun + 7 * self.weeks - _CYCLE)


def odds_of(rules: Rules, kind: int, age: Floats, drug: Ints) -> Floats:
    """Odds of a kind of malformation, by the mother's age and the drug taken (-1: none)."""
    rule = rules.table["malformations"][kind]
    base = rules.boost * rule["risk"] / (1 - rule["risk"])
    ratios = np.array([rule["odds"].get(item["product"], 1.0) for item in rules.table["drugs"]] + [1.0])
    return np.asarray(base * np.exp(rule["slope"] * (age - 30)) * ratios[drug])


def drug_shares(rules: Rules, age: Floats) -> Floats:
    """Pregnancies × drugs: share that takes each drug, by the mother's age."""
    word = "boost" if rules.mode == "boost" else "cohort"
    shares = np.array([item[word] for item in rules.table["drugs"]])
    return np.asarray(shares[None, :] * np.exp(rules.table["age_slope"] * (age - 30))[:, None])


def plant_births(rules: Rules, block: Block, calendar: Calendar, draw: np.random.Generator) -> Planted:
    """Pregnancies that end in a live birth within the years delivered, and what was taken before and in them."""
    table = rules.table
    found = _pregnancies(rules, block, calendar, draw)
    kinds = table["malformations"]
    codes = [(kind, code) for kind, item in enumerate(kinds) for code in item["codes"]]
    malformation, primary = np.full(len(found.mother), -1), np.zeros(len(found.mother), dtype=bool)
    exposed = np.where(found.former, -1, found.drug)
    for kind in reversed(range(len(kinds))):
        odds = odds_of(rules, kind, found.age, exposed)
        hit = draw.random(len(odds)) < odds / (1 + odds)
        places = [place for place, (of, _) in enumerate(codes) if of == kind]
        malformation = np.where(hit, draw.choice(places, len(odds)), malformation)
        primary = hit if kind == 0 else primary
    late = draw.random(len(malformation)) >= table["at_birth"]
    births = block.births or Births(
        mother=found.mother, conceived=found.begun, day=found.birth, sex=1 + (draw.random(len(late)) < 0.488),
        weeks=found.weeks, weight=_weights(found.weeks, draw), malformation=malformation, found=malformation,
    )  # fmt: skip
    told = np.where((malformation >= 0) & late, draw.integers(5, _LONGEST, len(late)), 0)
    births = replace(births, malformation=malformation, found=told)
    facts = Facts(
        study=rules.name, arms=("none", *(item["product"] for item in table["drugs"])), person=found.mother,
        arm=exposed + 1, fresh=exposed >= 0, start=found.begun, stop=births.day,
        event=np.where(primary, births.day, NEVER), treated=np.zeros(len(late), dtype=bool),
    )  # fmt: skip
    return replace(
        empty_planted(block.death), packs=packs_of(table), malformations=tuple(code for _, code in codes),
        births=births, dispensings=_dispensings(rules, found, block, calendar, draw), facts=(facts,),
    )  # fmt: skip


def _pregnancies(rules: Rules, block: Block, calendar: Calendar, draw: np.random.Generator) -> Pregnancies:
    """Those given with the block, or drawn here: one for each woman in the modes ``cohort`` and ``boost``, else by age and year."""
    if block.births is not None:
        # Children born on one day share their mother's pregnancy: what is told of the first of them.
        one = block.births
        _, first, of = np.unique(one.mother * 10**7 + one.day, return_index=True, return_inverse=True)
        mother, begun, weeks = one.mother, one.conceived[first][of], one.weeks[first][of]
    else:
        mother, begun, weeks = _own(rules, block, calendar, draw)
        of = np.arange(len(mother))
    age = (begun - block.born[mother]) / YEAR
    shares = drug_shares(rules, age)
    known = np.cumsum(np.concatenate([shares, shares * rules.table["former"]], axis=1), axis=1)
    pick = (draw.random(len(mother))[of][:, None] >= known).sum(axis=1)
    drugs = shares.shape[1]
    pick = np.where(begun < calendar.first - rules.table["window"][0] + 10, 2 * drugs, pick)  # too early to be seen
    return Pregnancies(
        mother=mother, begun=begun, weeks=weeks, age=age, drug=np.where(pick == 2 * drugs, -1, pick % drugs),
        former=(pick >= drugs) & (pick < 2 * drugs),
    )  # fmt: skip


def _own(rules: Rules, block: Block, calendar: Calendar, draw: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    if block.group is not None:
        mother = np.flatnonzero(block.sex == 2)
        begun = calendar.first + 40 + draw.integers(0, max(calendar.last - calendar.first - 340, 1), len(mother))
    else:
        mother, begun = _by_age(rules, block, calendar, draw)
    weeks = np.clip(41 - draw.geometric(0.42, len(mother)) + draw.integers(0, 2, len(mother)), 24, 42)
    kept = begun + 7 * weeks - _CYCLE < np.minimum(block.death[mother], calendar.last + 1)
    return mother[kept], begun[kept], weeks[kept]


def _by_age(rules: Rules, block: Block, calendar: Calendar, draw: np.random.Generator) -> tuple[Ints, Ints]:
    steps = np.array(rules.table["births"], dtype=float)
    years = int(calendar.years[calendar.last] - calendar.years[calendar.first]) + 1
    mothers, days = [], []
    for year in range(years):
        first = calendar.day(int(calendar.years[calendar.first]) + year, 1)
        age = block.age(first + 183)
        place = np.searchsorted(steps[:, 0], age, side="right") - 1
        rate = np.where((place >= 0) & (block.sex == 2), steps[np.maximum(place, 0), 1], 0.0)
        who = np.flatnonzero(draw.random(len(block)) < rate)
        mothers.append(who)
        days.append(first + draw.integers(0, 365, len(who)))
    mother, begun = np.concatenate(mothers), np.concatenate(days)
    order = np.lexsort((begun, mother))
    mother, begun = mother[order], begun[order]
    apart = np.append(np.full(min(len(mother), 1), True), (np.diff(mother) != 0) | (np.diff(begun) > 420))
    return mother[apart], begun[apart]


def _weights(weeks: Ints, draw: np.random.Generator) -> Ints:
    """Grams at birth, by weeks."""
    mean = 3350 - 190.0 * (40 - weeks)
    return np.clip(mean + draw.normal(0, 420, len(weeks)), 520, 5200).astype(np.int64)


def _dispensings(
    rules: Rules, found: Pregnancies, block: Block, calendar: Calendar, draw: np.random.Generator
) -> Dispensings:
    """Monthly from a year and more before; users go on through the window, former ones stop before it opens."""
    packs, (opens, closes) = packs_of(rules.table), rules.table["window"]
    alone = np.unique(found.mother * 10**7 + found.begun, return_index=True)[1]
    after, before = _neighbours(found, alone)
    taken = found.drug[alone] >= 0
    row, after, before = alone[taken], after[taken], before[taken]
    begun, former, size = found.begun[row], found.former[row], len(row)
    stopped, going = begun + opens - draw.integers(15, 200, size), begun + closes + 1 + draw.integers(0, 150, size)
    stop = np.minimum(np.where(former, stopped, going), np.maximum(before + opens, begun + closes + 1))
    start = np.maximum(begun - draw.integers(330, 700, size), calendar.first + draw.integers(0, 30, size))
    start = np.maximum(start, after + closes + 1)
    names = [item.product for item in packs]
    pack = np.array([names.index(item["product"]) for item in rules.table["drugs"]])[found.drug[row]]
    step = np.array([item.days for item in packs])[pack]
    refills = np.maximum(1 + (stop - start - 1) // step, 0)
    line = np.repeat(np.arange(len(row)), refills)
    turn = np.arange(len(line)) - np.repeat(np.cumsum(refills) - refills, refills)
    day = start[line] + turn * step[line]
    person = found.mother[row][line]
    kept = day < np.minimum(block.death[person], calendar.last + 1)
    order = np.lexsort((day[kept], person[kept]))
    return Dispensings(person=person[kept][order], day=day[kept][order], pack=pack[line][kept][order])


def _neighbours(found: Pregnancies, alone: Ints) -> tuple[Ints, Ints]:
    """First days of the mother's pregnancies before and after each of those listed (sorted by mother and day)."""
    mother, begun = found.mother[alone], found.begun[alone]
    same = np.diff(mother) == 0
    earlier, later = np.full(len(alone), -NEVER), np.full(len(alone), NEVER)
    earlier[1:][same] = begun[:-1][same]
    later[:-1][same] = begun[1:][same]
    return earlier, later
