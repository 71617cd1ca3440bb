# SPDX-License-Identifier: Apache-2.0
"""The day index of a Cox model: which event days each row is at risk on, found without sorting the rows. No likelihood here.

Only days with an event matter. They are numbered once over all strata; a row's time at risk (entry, exit] becomes a range
(before, last] of those numbers. Source: reference statistics 2.2. Memory: 4 whole numbers and a mass a row, p + 1 sums a day.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.cox_input import CoxCells, CoxRows, over_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_TABLE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The E event days: ``key`` (E,) sorted; a key is stratum · ``span`` + day - ``origin``; ``first`` (E,) begins a stratum."""

    key: Ints
    first: Bools
    origin: int
    span: int
    strata: int

    def day(self) -> Ints:
        """Day of each event day."""
        return np.asarray(self.key % self.span + self.origin, dtype=np.int64)

    def stratum(self) -> Ints:
        """Stratum number (0 …) of each event day."""
        return np.asarray(self.key // self.span, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """N stretches at risk: covariates ``x[pattern]``, days (``before``, ``last``], ``mass`` = count · weight, ``owner`` for residuals.

    ``factor`` (E,) multiplies every mass on each event day (Fine–Gray); None: 1.
    """

    owner: Ints
    pattern: Ints
    last: Ints
    before: Ints
    mass: Floats
    factor: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The rows with an event: their owner, pattern, event day, ``mass`` and count ``n``; ``tied`` (E,) counts, ``dead`` (E,) masses."""

    owner: Ints
    pattern: Ints
    at: Ints
    mass: Floats
    n: Ints
    tied: Ints
    dead: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDays:
    """All that the likelihood sees: ``x`` (P, p), its ``centre`` (p,) and ``reach`` (p,) (largest less smallest), windows, outcomes."""

    x: Floats
    centre: Floats
    reach: Floats
    terms: tuple[str, ...]
    days: Days
    windows: tuple[Window, ...]
    outcomes: Outcomes
    owners: int
    cluster: Ints | None  # owner → cluster of the robust variance; None: each owner alone
    copies: Ints | None  # owner → persons that it stands for; None: one
    idle_strata: int  # strata with rows and no event


def risk_days(rows: CoxRows) -> RiskDays:
    """The day index of rows. Raises BadInput ``cox-no-events``."""
    size = len(rows.x)
    every = np.arange(size)
    mass = np.ones(size) if rows.weight is None else np.asarray(rows.weight, dtype=np.float64)
    stratum, strata = numbered(rows.strata, size)
    days = event_days(stratum, strata, rows.entry, rows.exit_, rows.event)
    last, before = at_risk(days, stratum, rows.entry, rows.exit_)
    happened = np.flatnonzero(rows.event)
    return assembled(
        x=rows.x,
        terms=rows.terms,
        days=days,
        windows=(Window(owner=every, pattern=every, last=last, before=before, mass=mass),),
        outcomes=outcomes(days, happened, happened, last[happened], mass[happened], np.ones(len(happened), np.int64)),
        owners=size,
        cluster=None if rows.person is None else numbered(rows.person, size)[0],
    )


def risk_days_of_cells(cells: CoxCells) -> RiskDays:
    """The day index of counts: the same, a cell weighing as many rows. Raises BadInput ``cox-no-events``."""
    size = len(cells.pattern)
    weight = np.ones(size) if cells.weight is None else np.asarray(cells.weight, dtype=np.float64)
    stratum, strata = numbered(cells.strata, size)
    happens = cells.event & (cells.n > 0)
    days = event_days(stratum, strata, cells.entry, cells.exit_, happens)
    last, before = at_risk(days, stratum, cells.entry, cells.exit_)
    every, mass, at = np.arange(size), weight * cells.n, np.flatnonzero(happens)
    return assembled(
        x=cells.x,
        terms=cells.terms,
        days=days,
        windows=(Window(owner=every, pattern=cells.pattern, last=last, before=before, mass=mass),),
        outcomes=outcomes(days, at, cells.pattern[at], last[at], mass[at], cells.n[at]),
        owners=size,
        copies=cells.n,
    )


def assembled(
    *,
    x: Floats,
    terms: tuple[str, ...],
    days: Days,
    windows: tuple[Window, ...],
    outcomes: Outcomes,
    owners: int,
    cluster: Ints | None = None,
    copies: Ints | None = None,
) -> RiskDays:
    """A day index of its parts, with centre and reach of the covariates."""
    values = np.ascontiguousarray(x, dtype=np.float64)
    return RiskDays(
        x=values,
        centre=over_rows(np.add, values) / len(values),
        reach=over_rows(np.maximum, values) - over_rows(np.minimum, values),
        terms=terms,
        days=days,
        windows=windows,
        outcomes=outcomes,
        owners=owners,
        cluster=cluster,
        copies=copies,
        idle_strata=days.strata - int(days.first.sum()),
    )


def numbered(labels: Ints | None, size: int) -> tuple[Ints, int]:
    """Labels as numbers 0 … k-1 (all 0 where there are none), and k."""
    if labels is None:
        return np.zeros(size, dtype=np.int64), 1
    found, number = np.unique(labels, return_inverse=True)
    return np.asarray(number.reshape(-1), dtype=np.int64), len(found)


def event_days(stratum: Ints, strata: int, entry: Ints | None, exit_: Ints, event: Bools) -> Days:
    """The distinct (stratum, day) with an event. Raises BadInput ``cox-no-events``."""
    if not event.any():
        raise BadInput("cox-no-events")
    origin = int(exit_.min() if entry is None else min(exit_.min(), entry.min()))
    span = int(exit_.max()) - origin + 1
    key = np.unique(stratum[event] * span + (exit_[event].astype(np.int64) - origin))
    first = np.ones(len(key), dtype=bool)
    first[1:] = np.diff(key // span) > 0
    return Days(key=key, first=first, origin=origin, span=span, strata=strata)


def at_risk(days: Days, stratum: Ints, entry: Ints | None, exit_: Ints) -> tuple[Ints, Ints]:
    """(last, before) of each row: the last event day up to its exit, and the last up to its entry; -1 for none."""
    last = event_day_up_to(days, stratum, exit_)
    if entry is None:
        return last, np.full(len(last), -1, dtype=np.int64)
    return never_apart(last, event_day_up_to(days, stratum, entry))


def never_apart(last: Ints, before: Ints) -> tuple[Ints, Ints]:
    """(last, before) with both -1 where they are one day: a row without an event day in between is never at risk."""
    never = last == before
    return np.where(never, -1, last), np.where(never, -1, before)


def event_day_up_to(days: Days, stratum: Ints, day: Ints) -> Ints:
    """Number of the last event day of the stratum on or before ``day``; -1 for none."""
    key = stratum * days.span + (day.astype(np.int64, copy=False) - days.origin)
    size = days.strata * days.span
    if size <= 4 * len(key) + _TABLE:
        table = np.cumsum(np.bincount(days.key, minlength=size)) - 1
        found = table[key]
    else:
        found = np.searchsorted(days.key, key, side="right") - 1
    if days.strata == 1:
        return np.asarray(found, dtype=np.int64)
    begins = np.searchsorted(days.key, np.arange(days.strata) * days.span)
    return np.asarray(np.where(found < begins[stratum], -1, found), dtype=np.int64)


def outcomes(days: Days, owner: Ints, pattern: Ints, at: Ints, mass: Floats, n: Ints) -> Outcomes:
    """The events, with the number and the mass of those that are tied on each event day."""
    size = len(days.key)
    tied = np.bincount(at, weights=n, minlength=size).astype(np.int64)
    dead = np.bincount(at, weights=mass, minlength=size).astype(np.float64)
    return Outcomes(owner=owner, pattern=pattern, at=at, mass=mass, n=n, tied=tied, dead=dead)
