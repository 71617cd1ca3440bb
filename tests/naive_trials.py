# SPDX-License-Identifier: Apache-2.0
"""Target trials in sequence person by person and interval by interval, as docs/designs.md tells them. Slow, plain, without SQL."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from rempart.study.estimators.pooled_logistic import fit_rows
from tests.described_people import DAY, SEXES, Person

Day = datetime.date
Row = tuple[
    int, int, str, int, bool, bool, int, bool
]  # arm, trial, levels, intervals followed, outcome, deviated, died in (0: not), lost


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
    followed, ill, left, dead, lost = 0, False, False, 0, False
    for number in range(1, asked["intervals"] + 1):
        begins = first + number * length
        last = begins + length - DAY
        if last > (seen.data if seen.died else seen.censored):
            lost = last <= seen.data
            break
        if seen.died and asked["death"] == "censors" and begins > seen.died:
            break
        followed = number
        ill = within(seen.ill, begins)
        leaves = seen.stopped if arm else seen.started
        if within(seen.died, begins) and not ill:
            dead = number
        left = asked["effect"] == "per-protocol" and within(leaves, begins) and not ill and not dead
        if ill or left:
            break
    return (arm, trial, _levels(person, first), followed, ill, left, dead, lost) if followed else None


def _levels(person: Person, day: Day) -> str:
    age = None if person.born is None else day.year - person.born
    band = "unknown" if age is None else "0-29" if age < 30 else "30-59" if age < 60 else "60+"
    return f"{band},{SEXES[person.sex]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """One row of a trial: what decides its weights. ``changing``: the levels in each interval of those covariates that change."""

    arm: int
    trial: int
    levels: tuple[str, ...]
    exit: int
    event: bool
    left: bool
    dead: int
    lost: bool
    met: int = 0  # the interval in which treatment began, or the rule was met; 0: not within follow-up
    changing: tuple[tuple[str, ...], ...] = ()

    def stays(self, month: int) -> bool:
        """Whether somebody lives, well and seen, at the end of an interval."""
        inside = month <= self.exit and not (self.event and month == self.exit)
        return inside and not (self.dead and month >= self.dead)

    def may_leave(self, month: int) -> bool:
        """Whether somebody lives, well and seen, and could be made to leave: not who has met the rule in an interval before."""
        return self.stays(month) and not 0 < self.met < month

    def told(self, month: int) -> tuple[str, ...]:
        """All levels in an interval."""
        return (*self.levels, *(self.changing[month - 1] if self.changing else ()))


def naive_weights(rows: Sequence[Follow], months: int) -> list[list[float]]:
    """The weight of each row in each of its intervals: 1 / the chance of having stayed, times the arm's own chance; what was true at
    their death of the dead, times how many of the arm have stayed, and have been seen, since."""
    made = [[1.0] * row.exit for row in rows]
    for arm in (0, 1):
        mine = [at for at, row in enumerate(rows) if row.arm == arm]
        stay, left, lost = [0.0] * (months + 1), [0.0] * (months + 1), [0.0] * (months + 1)
        for row in (rows[at] for at in mine):
            for month in range(1, row.exit + 1):
                stay[month] += row.stays(month)
            left[row.exit] += row.left
            lost[row.exit] += row.lost
        some = [
            month for month in range(1, months + 1) if 0 < left[month] < sum(rows[at].may_leave(month) for at in mine)
        ]
        chance = _leaving([rows[at] for at in mine], some, months)
        arms, seen = [1.0] * (months + 2), [1.0] * (months + 2)
        for month in range(1, months + 1):
            arms[month + 1] = arms[month] * (1 - left[month] / stay[month] if stay[month] else 1)
            left_over = stay[month] - left[month]
            seen[month + 1] = seen[month] * (1 - lost[month] / left_over if left_over else 1)
        for at in mine:
            row, stayed = rows[at], 1.0
            for month in range(1, row.exit + 1):
                made[at][month - 1] = arms[month] / stayed
                if row.dead and month > row.dead:
                    made[at][month - 1] *= seen[month] / seen[row.dead]
                if row.may_leave(month):
                    stayed *= 1 - chance(row, month)
    return made


def _leaving(rows: Sequence[Follow], some: Sequence[int], months: int) -> Callable[[Follow, int], float]:
    """The chance of leaving at the end of an interval, from a pooled logistic model of the person-intervals of an arm."""
    at_risk = [(row, month) for row in rows for month in some if row.may_leave(month)]
    if not at_risk:
        return lambda row, month: 0.0
    gone = [row.left and month == row.exit for row, month in at_risk]
    levels: list[list[str]] = []
    for place in range(len(at_risk[0][0].told(some[0]))):
        with_one = {row.told(month)[place] for (row, month), left in zip(at_risk, gone, strict=True) if left}
        assert with_one == {row.told(month)[place] for row, month in at_risk}, (
            "choose persons with leavers in each level"
        )
        levels.append(sorted(with_one))
    last = max(row.trial for row in rows) or 1

    def columns(row: Follow, month: int) -> list[float]:
        time, trial, told = month / months, row.trial / last, row.told(month)
        dummies = [float(told[at] == level) for at, known in enumerate(levels) for level in known[1:]]
        return [1.0, time, time**2, trial, trial**2, *dummies]

    whole = np.array([columns(row, month) for row, month in at_risk])
    used: list[int] = []
    for at in range(whole.shape[1]):
        if np.linalg.matrix_rank(whole[:, [*used, at]]) > len(used):
            used.append(at)
    x = whole[:, used]
    terms = [f"column {at}" for at in range(x.shape[1])]
    fit = fit_rows(x, terms, np.arange(len(x)), np.array(gone), np.ones(len(x)))
    return lambda row, month: float(expit(np.array(columns(row, month))[used] @ fit.beta)) if month in some else 0.0
