# SPDX-License-Identifier: Apache-2.0
"""Target trials in sequence person by person and interval by interval, as docs/designs.md tells them. Slow, plain, without SQL."""

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.described_people import DAY, SEXES, Person

Day = datetime.date
Row = tuple[int, int, str, int, bool, bool]  # arm, trial, levels, intervals followed, outcome, deviated


@dataclass(frozen=True, slots=True)
class _Seen:
    """What matters of a person: entry, day 0 of the clock, last day seen, last day of data, and the days of what happens."""

    zero: Day
    day_0: Day
    censored: Day
    data: Day
    died: Day | None
    ill: Day | None
    started: Day | None
    stopped: Day | None


def naive_trials(persons: Iterable[Person], cut: Day, begins: Day, asked: Mapping[str, Any]) -> Counter[Row]:
    """Rows of all trials, counted; ``asked``: the parameters of the analysis; ``begins``: the protocol's first day."""
    found: Counter[Row] = Counter()
    for person in persons:
        seen = _seen(person, cut, begins, asked)
        if seen is not None:
            for trial in range(asked["trials"]):
                row = _row(person, seen, trial, asked)
                if row is not None:
                    found[row] += 1
    return found


def _seen(person: Person, cut: Day, begins: Day, asked: Mapping[str, Any]) -> _Seen | None:
    if not person.cohort:
        return None
    zero = min(start for start, _ in person.cohort)
    if not person.observed[0] <= zero <= person.observed[1]:
        return None
    censored = min(person.observed[1], cut)
    died = person.died if person.died is not None and person.died <= censored else None
    ill = min((day for day in person.events if day > zero), default=None)
    if ill is not None and ill > min(died or censored, censored):
        ill = None
    fills = [day for day, *_ in person.fills if day >= zero - asked["washout_days"] * DAY]
    if fills and min(fills) < zero:
        return None
    ends = min(day for day in (ill, died, censored) if day is not None)
    started = min(fills, default=None)
    if started is not None and started > ends:
        started = None
    stopped = None
    if started is not None and asked["effect"] == "per-protocol":
        inside = [end for start, end in person.exposures["alpha"] if start <= started <= end]
        stopped = max(inside, default=started) + DAY
        stopped = stopped if stopped <= ends else None
    day_0 = begins if asked["clock"] == "calendar" else zero
    return _Seen(zero, day_0, censored, cut, died, ill, started, stopped)


def _row(person: Person, seen: _Seen, trial: int, asked: Mapping[str, Any]) -> Row | None:
    length = asked["every_days"] * DAY
    first = seen.day_0 + trial * length
    end = first + length - DAY  # time zero

    def within(day: Day | None, begins: Day) -> bool:
        return day is not None and begins <= day < begins + length

    eligible = any(a <= first <= b for a, b in person.cohort) and (seen.started is None or seen.started >= first)
    if not eligible or any(day is not None and day <= end for day in (seen.ill, seen.died)):
        return None
    arm = int(within(seen.started, first))
    if asked["effect"] == "per-protocol" and arm and within(seen.stopped, first):
        return None  # left before it began
    followed, ill, left = 0, False, False
    for number in range(1, asked["intervals"] + 1):
        begins = first + number * length
        last = begins + length - DAY
        if last > (seen.data if seen.died else seen.censored):
            break
        if seen.died and asked["death"] == "censors" and begins > seen.died:
            break
        followed = number
        ill = within(seen.ill, begins)
        leaves = seen.stopped if arm else seen.started
        left = asked["effect"] == "per-protocol" and within(leaves, begins) and not ill
        if ill or left:
            break
    return (arm, trial, _levels(person, first), followed, ill, left) if followed else None


def _levels(person: Person, day: Day) -> str:
    age = None if person.born is None else day.year - person.born
    band = "unknown" if age is None else "0-29" if age < 30 else "30-59" if age < 60 else "60+"
    return f"{band},{SEXES[person.sex]}"
