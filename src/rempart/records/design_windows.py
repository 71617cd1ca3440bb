# SPDX-License-Identifier: Apache-2.0
"""Windows of days around dispensings or before an index day, as the designs within persons and the nested case-control name them.

Days are whole numbers; day 0 is the day of the dispensing, the first day of a period of exposure, or the index day. Reads no row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.records.design import DesignAnalysis
from rempart.records.forms import Choice, OneOf, Pair, Table, Text, Whole, key

LONGEST = 3660
DURING = "during"
START, STOP = "start", "end"
PRE, WASHOUT = "pre-exposure", "washout"
DISPENSED, COVERED = "dispensed", "covered"
DAYS_BACK = Pair(-LONGEST, 0)

RISK_WINDOW = Table(
    name="risk_window",
    about="Days after a dispensing, or after a side of a period of exposure, in which the event may be more frequent.",
    keys={
        "days": key(
            OneOf((Pair(-LONGEST, LONGEST), Choice((DURING,)))),
            "first and last day, both included, day 0 being that of the dispensing; or during: every day of the period of exposure",
            required=True,
        ),
        "exposure": key(Text(), "the exposure that it is of; absent: each of them"),
        "of": key(
            Choice((START, STOP)), "days count from this side of the dispensing or period of exposure", default=START
        ),
        "dose": key(Whole(1, 20), "of a person's dispensing of this number alone; absent: of every one"),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskWindow:
    """Days ``begin`` to ``end`` (None: the last day of the period of exposure) from the ``side`` of an exposure's ``dose`` (0: any)."""

    exposure: str
    name: str
    begin: int
    end: int | None
    side: str = START
    dose: int = 0


def risk_windows(analysis: DesignAnalysis) -> tuple[RiskWindow, ...]:
    """Every window of every exposure, those of one exposure in the order in which an earlier one keeps a day: risk windows as listed,
    the washout, the days before."""
    asked = analysis.parameters
    found: list[RiskWindow] = []
    for name in analysis.exposures:
        own = [_window(name, told) for told in asked["windows"] if told.get("exposure", name) == name]
        found += own
        if asked["washout_days"]:
            found.append(_washout(name, own, int(asked["washout_days"])))
        if asked["pre_exposure_days"]:
            found.append(RiskWindow(exposure=name, name=PRE, begin=-int(asked["pre_exposure_days"]), end=-1))
    return tuple(found)


def _window(exposure: str, told: Mapping[str, Any]) -> RiskWindow:
    side, dose = str(told["of"]), int(told.get("dose", 0))
    begin, end = (0, None) if told["days"] == DURING else told["days"]
    days = DURING if end is None else f"day {begin}" if begin == end else f"days {begin} to {end}"
    after = " after the end" if side == STOP else ""
    return RiskWindow(
        exposure=exposure,
        name=(f"dose {dose}, " if dose else "") + days + after,
        begin=int(begin),
        end=None if end is None else int(end),
        side=side,
        dose=dose,
    )


def _washout(exposure: str, windows: Iterable[RiskWindow], days: int) -> RiskWindow:
    """After the last day that any risk window of the exposure holds: of its end where one reaches there, else of its start."""
    ends = [window.end if window.side == STOP else 0 for window in windows if window.side == STOP or window.end is None]
    if ends:
        last = max(end or 0 for end in ends)
        return RiskWindow(exposure=exposure, name=WASHOUT, begin=last + 1, end=last + days, side=STOP)
    last = max(window.end or 0 for window in windows)
    return RiskWindow(exposure=exposure, name=WASHOUT, begin=last + 1, end=last + days)


def window_reach(windows: Iterable[RiskWindow]) -> int:
    """How many days before an observation a dispensing may lie whose window still meets it."""
    return max((window.end or 0 for window in windows), default=0)
