# SPDX-License-Identifier: Apache-2.0
"""The clocks of a project's life: when each began, whether it stands still, the day on which it is due. Reads no clock of its own.

Periods are counted as in Regulation (EEC, Euratom) 1182/71, article 3. Days are days in UTC, as everywhere in the ledger.
"""

import calendar
import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rempart.errors import BadInput
from rempart.records.project import START, ProjectState

EXTEND = "extend"
LAPSE = "lapse"
_PERIOD = re.compile(r"P(\d{1,3})([DWMY])", re.ASCII)
_MONTHS = {"M": 1, "Y": 12}
_DAYS = {"D": 1, "W": 7}
_SATURDAY = 5

Moment = tuple[str, datetime.datetime]
"""(what began: a state's name, ``extend``, ``granted``, ``expired``, ``published``; its instant, UTC)."""


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar months, then days."""

    months: int = 0
    days: int = 0

    def __add__(self, other: "Period") -> "Period":
        return Period(self.months + other.months, self.days + other.days)

    def after(self, day: datetime.date) -> datetime.date:
        """The last day of the period that runs from an event on ``day``: that day is not counted, a day that its month has not is the
        last of the month (art. 3(1), 3(2)(c))."""
        years, month = divmod(day.year * 12 + day.month - 1 + self.months, 12)
        last = calendar.monthrange(years, month + 1)[1]
        return datetime.date(years, month + 1, min(day.day, last)) + datetime.timedelta(days=self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One row of ``clocks.toml``."""

    name: str
    regimes: tuple[str, ...]
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    period: Period
    pauses: tuple[str, ...] = ()
    counts_from: str = ""
    extension: Period | None = None
    working: bool = False
    then: str = "overdue"
    repeats: bool = False

    def of(self, regime: str) -> bool:
        """Whether it runs for applications of a regime; '' is a permit that was granted without one."""
        return not self.regimes or regime in self.regimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A clock that has begun and not ended. ``due``: its last day, by what is known now; ``left``: days until then, below 0 when it is
    over; ``extended``: whether its one extension was used."""

    clock: Clock
    started: datetime.date
    due: datetime.date
    left: int
    status: Literal["runs", "paused", "overdue"]
    extended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A clock in the middle of its timeline: when it began, how many days it stood still, since when it does."""

    started: datetime.date
    stood: int = 0
    paused: datetime.date | None = None
    extended: bool = False


def clocks(table: Mapping[str, Any]) -> tuple[Clock, ...]:
    """The clocks of a parsed ``clocks.toml``; raises BadInput ``clock-table`` for a period that cannot be read."""
    return tuple(
        Clock(
            name=name,
            regimes=tuple(row["regimes"]),
            starts=tuple(row["starts"]),
            ends=tuple(row["ends"]),
            period=period(row["period"], clock=name),
            pauses=tuple(row.get("pauses", ())),
            counts_from=str(row.get("from", "")),
            extension=period(row["extension"], clock=name) if "extension" in row else None,
            working=bool(row.get("working", False)),
            then=str(row.get("then", "overdue")),
            repeats=bool(row.get("repeats", False)),
        )
        for name, row in table["clocks"].items()
    )


def period(text: str, *, clock: str = "") -> Period:
    """``P7D``, ``P4W``, ``P2M`` or ``P1Y``; raises BadInput ``clock-table``."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise BadInput("clock-table", clock=clock, given=text)
    number, unit = int(found[1]), found[2]
    return Period(months=number * _MONTHS.get(unit, 0), days=number * _DAYS.get(unit, 0))


def working_day(day: datetime.date, holidays: frozenset[datetime.date]) -> datetime.date:
    """``day``, or the next that is no Saturday, Sunday or public holiday (art. 3(4))."""
    while day.weekday() >= _SATURDAY or day in holidays:
        day += datetime.timedelta(days=1)
    return day


def moments(now: ProjectState, more: Iterable[Moment] = ()) -> list[Moment]:
    """What the clocks see of a project: each entry into a state, each extension, and ``more``; oldest first."""
    found: list[Moment] = []
    state = START
    for act, entered, at in now.passages:
        if act == EXTEND:
            found.append((EXTEND, at))
        elif entered != state:
            found.append((entered, at))
        state = entered
    return sorted([*found, *more], key=lambda moment: moment[1])


def running(
    timeline: Sequence[Moment],
    table: Iterable[Clock],
    now: datetime.datetime,
    *,
    regime: str,
    holidays: frozenset[datetime.date] = frozenset(),
) -> tuple[Running, ...]:
    """The clocks that run, stand still or are over at ``now``, the first due first. What lies after ``now`` has not happened."""
    found = [
        told(clock, hand, now.date(), holidays)
        for clock in table
        if clock.of(regime)
        for hand in [hand for at, hand in course(clock, timeline, holidays) if at <= now][-1:]
        if hand is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.due, one.clock.name)))


def course(
    clock: Clock, timeline: Sequence[Moment], holidays: frozenset[datetime.date]
) -> list[tuple[datetime.datetime, Hand | None]]:
    """Where a clock stands from each moment of its timeline on, those to come too; None: it has not begun, or has ended."""
    hand: Hand | None = None
    counted: datetime.date | None = None
    found: list[tuple[datetime.datetime, Hand | None]] = []
    for name, at in timeline:
        day = at.date()
        if name == clock.counts_from:
            counted = day
        if hand is None:
            hand = Hand(started=counted or day) if name in clock.starts else None
        elif name in clock.ends:
            hand = None
        elif name in clock.pauses:
            hand = replace(hand, paused=hand.paused or day)
        elif name == EXTEND:
            hand = _extended(clock, hand, day, holidays)
        elif name in clock.starts and hand.paused is not None:
            hand = replace(hand, stood=hand.stood + (day - hand.paused).days, paused=None)
        found.append((at, hand))
    return found


def _extended(clock: Clock, hand: Hand, day: datetime.date, holidays: frozenset[datetime.date]) -> Hand:
    """An extension counts once, while the clock runs, not after its last day."""
    in_time = hand.paused is None and day <= last_day(clock, hand, holidays)
    return replace(hand, extended=hand.extended or (clock.extension is not None and in_time))


def last_day(clock: Clock, hand: Hand, holidays: frozenset[datetime.date], *, times: int = 1) -> datetime.date:
    """The last day of a clock that goes on: of the whole period from the beginning, later by as many days as the clock stood still."""
    whole = Period(clock.period.months * times, clock.period.days * times)
    if hand.extended and clock.extension is not None:
        whole = whole + clock.extension
    day = whole.after(hand.started) + datetime.timedelta(days=hand.stood)
    return working_day(day, holidays) if clock.working else day


def told(clock: Clock, hand: Hand, today: datetime.date, holidays: frozenset[datetime.date]) -> Running:
    """As it is said: a clock that stands still is due as if it went on today; one that repeats is due at its next end."""
    if hand.paused is not None:
        stood = hand.stood + (today - hand.paused).days
        due = last_day(clock, replace(hand, stood=stood), holidays)
    else:
        due = last_day(clock, hand, holidays)
    times = 1
    while clock.repeats and due < today:
        times += 1
        due = last_day(clock, hand, holidays, times=times)
    left = (due - today).days
    status: Literal["runs", "paused", "overdue"] = "paused" if hand.paused else "overdue" if left < 0 else "runs"
    return Running(clock=clock, started=hand.started, due=due, left=left, status=status, extended=hand.extended)
