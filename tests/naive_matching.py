# SPDX-License-Identifier: Apache-2.0
"""Matching again, naively, as an oracle: every pair looked at, whole numbers of Python, and a checker that knows persons and days alone."""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
_MASK = (1 << 64) - 1
_EPOCH = datetime.date(1970, 1, 1)


def mixed(number: int) -> int:
    """splitmix64's finisher."""
    z = (number + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def naive_matched(
    rows: Sequence[Row],
    *,
    ratio: int,
    age_years: int | None,
    replace: bool,
    treated_apart: int | None = None,
    by_day: bool = False,
) -> list[tuple[Any, ...]]:
    """What ``cohort.matching.matched`` must give, sorted."""
    cases, pool = [r for r in rows if r["role"] == 0], [r for r in rows if r["role"] == 1]
    keys = {id(c): mixed(c["draw"] ^ mixed(c["first"] & _MASK)) for c in cases}

    def can(c: Row, p: Row) -> bool:
        near = age_years is None or abs(c["age"] - p["age"]) <= age_years
        near = near and (treated_apart is None or abs(c["since"] - p["since"]) <= treated_apart)
        known = c["stratum"] and c["stratum"] == p["stratum"]
        return bool(known and near and p["first"] <= c["first"] <= p["last"] and c["person"] != p["person"])

    def order(c: Row, p: Row) -> tuple[int, ...]:
        day = p["day"] if p["day"] is not None else -(1 << 31)
        return mixed(p["draw"] ^ keys[id(c)]), p["person"], day, p["first"], p["last"], p["until"]

    chosen: dict[int, list[Row]] = {id(c): [] for c in cases}
    used: set[int] = set()
    turn = sorted(cases, key=lambda c: (keys[id(c)], c["person"], c["first"]))
    rounds = [(d, each) for d in sorted({c["first"] if by_day else 0 for c in cases}) for each in range(ratio)]
    for today, _ in rounds:
        for c in [c for c in turn if not by_day or c["first"] == today]:
            taken = {p["person"] for p in chosen[id(c)]} if replace else used
            free = [p for p in pool if can(c, p) and p["person"] not in taken]
            if free:
                best = min(free, key=lambda p: order(c, p))
                chosen[id(c)].append(best)
                used.add(best["person"])
    found: list[tuple[Any, ...]] = []
    for c in cases:
        number, n = (c["person"] << 16) | ((c["first"] + 25_567) % 65_536), len(chosen[id(c)])
        found.append((0, number, c["person"], c["shard"], c["first"], c["until"], n))
        for p in chosen[id(c)]:
            start = c["first"] if p["day"] is None else p["day"]
            found.append((1, number, p["person"], p["shard"], start, p["until"], n))
    return sorted(found)


@dataclass(slots=True)
class People:
    """A population as a doctor knows it: sex and year of birth of each person (None: unknown), homes, periods of cases and of the pool."""

    sex: dict[int, int | None] = field(default_factory=dict)
    born: dict[int, int | None] = field(default_factory=dict)
    homes: dict[int, list[tuple[datetime.date, datetime.date | None, str]]] = field(default_factory=dict)
    drugs: dict[int, list[datetime.date]] = field(default_factory=dict)
    cases: list[tuple[int, datetime.date, datetime.date]] = field(default_factory=list)
    pool: list[tuple[int, datetime.date, datetime.date]] = field(default_factory=list)

    def taken(self, person: int, since: datetime.date, before: datetime.date) -> int:
        """On how many days the person was dispensed the drug, from a day on and before another."""
        return len({given for given in self.drugs.get(person, []) if since <= given < before})

    def home(self, person: int, day: datetime.date) -> str | None:
        """Where the person lived."""
        found = [(s, p) for s, e, p in self.homes.get(person, []) if s <= day and (e is None or day <= e)]
        return max(found)[1] if found else None


def may_serve(
    people: People, rule: Any, case: tuple[int, datetime.date, datetime.date], control: tuple[int, datetime.date]
) -> bool:
    """Whether every rule holds of a control with that index day."""
    (who, day, _), (other, index) = case, control
    before = [start for person, start, _ in people.cases if person == other and start <= index]
    there = [
        s
        for person, s, e in people.pool
        if person == other and (s <= index <= e if rule.kind == "risk-set" else s == index)
    ]
    right_day = index == day if rule.kind == "risk-set" else True
    if rule.calendar_days is not None:
        right_day = right_day and abs((index - day).days) <= rule.calendar_days
    if rule.duration_days is not None:
        begun = [s for person, s, e in people.pool if person == who and s <= day <= e]
        there = [s for s in there if begun and abs((s - max(begun)).days) <= rule.duration_days]
    if rule.dispensings_apart is not None:
        begun = [s for person, s, e in people.pool if person == who and s <= day <= e]
        own = people.taken(who, max(begun), day) if begun else 0
        there = [s for s in there if begun and abs(people.taken(other, s, index) - own) <= rule.dispensings_apart]
    return (
        who != other and not before and bool(there) and right_day and _alike(people, rule, (who, day), (other, index))
    )


def _alike(people: People, rule: Any, one: tuple[int, datetime.date], other: tuple[int, datetime.date]) -> bool:
    (who, day), (whom, index) = one, other
    if "sex" in rule.on and (not people.sex[who] or people.sex[who] != people.sex[whom]):
        return False
    if "age" in rule.on:
        first, second = people.born[who], people.born[whom]
        if first is None or second is None or abs((day.year - first) - (index.year - second)) > rule.age_years:
            return False
    home = people.home(who, day)
    return "place" not in rule.on or (home is not None and home == people.home(whom, index))


def wrongs(
    people: People, rule: Any, controls: Sequence[tuple[int, datetime.date, int]], cases: Mapping[int, Any]
) -> list[str]:
    """What is wrong with the controls (person, index day, set) of the sets ``cases`` (set → case); [] when every rule holds."""
    found, sets, served = [], defaultdict(list), defaultdict(int)
    for person, index, number in controls:
        sets[number].append(person)
        served[person] += 1
        if number not in cases or not may_serve(people, rule, cases[number], (person, index)):
            found.append(f"{person} on {index} may not serve in {number}")
    found += [
        f"set {number}: {members}"
        for number, members in sets.items()
        if len(set(members)) != len(members) or len(members) > rule.ratio
    ]
    found += [] if rule.replace else [f"{person} serves {n} times" for person, n in served.items() if n > 1]
    return found + _left_out(people, rule, sets, served, cases)


def _left_out(
    people: People, rule: Any, sets: Mapping[int, list[int]], served: Mapping[int, int], cases: Mapping[int, Any]
) -> list[str]:
    """Sets that are not full although somebody was free."""
    found = []
    for number, case in cases.items():
        if len(sets.get(number, [])) < rule.ratio:
            index = {case[1]} if rule.kind == "risk-set" else {start for _, start, _ in people.pool}
            free = [p for p in people.sex if p not in sets.get(number, []) and (rule.replace or not served.get(p))]
            found += [
                f"set {number} lacks {p}" for p in free if any(may_serve(people, rule, case, (p, day)) for day in index)
            ]
    return found


def day(number: int) -> datetime.date:
    """A day from its number."""
    return _EPOCH + datetime.timedelta(days=number)
