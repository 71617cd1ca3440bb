# SPDX-License-Identifier: Apache-2.0
"""The clocks of projects as rows that hold whatever the day, and what such rows say on a day.

A row tells where a clock stands from an instant on, until the next row of that clock. The last day of a permit is known beforehand, so
that its rows stand there before it comes: no leaf is written by a day that goes by. ADR 0079.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.journeys.projects import ProjectDesk, regime_of, timeline
from rempart.permits.clocks import Clock, Hand, Moment, Running, course, last_day, told
from rempart.records.project import ProjectState

Row = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A clock of a project that runs."""

    permit: str
    state: str
    turn: str
    running: Running


def clock_rows(desk: ProjectDesk, projects: Iterable[ProjectState]) -> list[Row]:
    """Each change of each clock of these projects."""
    return [
        {"permit": now.permit, **row}
        for now in projects
        for row in rows_of(timeline(desk, now), desk.clocks, regime=regime_of(now), holidays=desk.holidays)
    ]


def rows_of(
    line: Sequence[Moment], table: Iterable[Clock], *, regime: str, holidays: frozenset[datetime.date]
) -> list[Row]:
    """Each change of each clock of a timeline. ``due``: the last day of a clock that goes on as it stands then."""
    return [
        {"clock": clock.name, "since": at.isoformat(), **_hand(clock, hand, holidays)}
        for clock in table
        if clock.of(regime)
        for at, hand in _changes(course(clock, line, holidays))
    ]


def due(desk: ProjectDesk, rows: Iterable[Row], projects: Iterable[Row], moment: datetime.datetime) -> list[Due]:
    """Every clock that runs, stands still or is over at an instant, the first due first. ``projects``: rows with each one's state."""
    known = {clock.name: clock for clock in desk.clocks}
    standing = {str(row["permit"]): row for row in projects}
    found = [
        Due(
            permit=permit,
            state=str(standing[permit]["state"]),
            turn=str(standing[permit]["turn"]),
            running=told(known[str(row["clock"])], _read(row), moment.date(), desk.holidays),
        )
        for (permit, _), row in _last(rows, moment).items()
        if row["status"] != "ended" and permit in standing
    ]
    return sorted(found, key=lambda one: (one.running.due, one.permit, one.running.clock.name))


def _changes(
    hands: Sequence[tuple[datetime.datetime, Hand | None]],
) -> Iterator[tuple[datetime.datetime, Hand | None]]:
    """Where a clock begins to stand otherwise; of what happens in one instant, what came last."""
    before: Hand | None = None
    for at, hand in dict(hands).items():
        if hand != before:
            yield at, hand
        before = hand


def _hand(clock: Clock, hand: Hand | None, holidays: frozenset[datetime.date]) -> dict[str, str | int]:
    if hand is None:
        return {"status": "ended", "started": "", "due": "", "paused": "", "stood": 0, "extended": 0}
    return {
        "status": "paused" if hand.paused else "runs",
        "started": hand.started.isoformat(),
        "due": last_day(clock, hand, holidays).isoformat(),
        "paused": hand.paused.isoformat() if hand.paused else "",
        "stood": hand.stood,
        "extended": int(hand.extended),
    }


def _read(row: Row) -> Hand:
    return Hand(
        started=datetime.date.fromisoformat(str(row["started"])),
        stood=int(row["stood"]),
        paused=datetime.date.fromisoformat(str(row["paused"])) if row["paused"] else None,
        extended=bool(row["extended"]),
    )


def _last(rows: Iterable[Row], moment: datetime.datetime) -> dict[tuple[str, str], Row]:
    """Of each clock the row that holds at an instant."""
    past = [row for row in rows if datetime.datetime.fromisoformat(str(row["since"])) <= moment]
    past.sort(key=lambda row: datetime.datetime.fromisoformat(str(row["since"])))
    return {(str(row["permit"]), str(row["clock"])): row for row in past}
