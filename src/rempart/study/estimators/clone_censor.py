# SPDX-License-Identifier: Apache-2.0
"""Clone, censor, weight: arithmetic on arrays for comparing strategies that cannot be told apart at time zero. It fits no outcome.

Each person is cloned into every strategy with which the data at time zero agree; a clone is censored on the day on which its person's
data cease to agree (the deviation); clones left count more, by the inverse of the chance of having been left. So nobody is classified
by what happened later, and no time is immortal. Whole days after time zero; rows cover (entry, exit]; on one day the event comes
before the deviation, and the deviation before other censoring. Robust errors sum over a person's clones (``unit`` = person).
Sources: Hernán & Robins, Am J Epidemiol 2016;183:758; Cain et al., Int J Biostat 2010;6; Maringe et al., Int J Epidemiol 2020;49:1719.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
NEVER = 2**40  # a day that does not come


def starts_within(start: Ints, grace: int) -> Ints:
    """Deviation days (n,) of "start by day ``grace``": that day, for who has not started by its end (``start`` NEVER: not at all).

    Raises BadInput ``clone-grace`` for a negative grace.
    """
    if grace < 0:
        raise BadInput("clone-grace")
    return np.where(start <= grace, NEVER, grace).astype(np.int64)


def never_starts(start: Ints) -> Ints:
    """Deviation days (n,) of "do not start": the day of the start; 0, at time zero, for who starts then."""
    return start.astype(np.int64)


def keeps_on(start: Ints, stop: Ints) -> Ints:
    """Deviation days (n,) of "start at time zero and stay": 0 for who starts later, else the day of the stop."""
    return np.where(start <= 0, stop, 0).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clones:
    """C clones: ``person`` (place in the arrays given), ``strategy`` (its number), ``exit_`` day, ``event``, ``deviated`` on that day.

    ``left_out`` (K,): persons whose data at time zero agree not with the strategy.
    """

    person: Ints
    strategy: Ints
    exit_: Ints
    event: Bools
    deviated: Bools
    left_out: Ints


def cloned(exit_: Ints, event: Bools, deviation: Ints) -> Clones:
    """Clone persons with end of follow-up ``exit_`` (n,) > 0 and ``event`` (n,) into K strategies with ``deviation`` days (K, n).

    A deviation on day 0 or before: not of the strategy. Raises BadInput ``clone-shape``, ``clone-follow-up``, ``clone-empty-strategy``.
    """
    if deviation.ndim != 2 or deviation.shape[1:] != exit_.shape or event.shape != exit_.shape or not len(deviation):
        raise BadInput("clone-shape")
    if not all(np.issubdtype(days.dtype, np.integer) for days in (exit_, deviation)) or event.dtype != np.bool_:
        raise BadInput("clone-shape")
    if not len(exit_) or exit_.min() <= 0:
        raise BadInput("clone-follow-up")
    agrees = deviation > 0
    empty = np.flatnonzero(~agrees.any(axis=1))
    if len(empty):
        raise BadInput("clone-empty-strategy", strategy=int(empty[0]) + 1)
    strategy, person = np.nonzero(agrees)
    until, of = exit_[person], deviation[strategy, person]
    falls = event[person] & (until <= of)
    return Clones(
        person=person.astype(np.int64),
        strategy=strategy.astype(np.int64),
        exit_=np.minimum(until, of),
        event=falls,
        deviated=(of <= until) & ~falls,
        left_out=(~agrees).sum(axis=1).astype(np.int64),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRows:
    """Rows (R,) of clones cut by time: ``clone`` (place in Clones), ``period`` from 0, days (``entry``, ``exit_``], ``event`` and
    ``deviated`` at the end of the row."""

    clone: Ints
    period: Ints
    entry: Ints
    exit_: Ints
    event: Bools
    deviated: Bools


def cut(clones: Clones, cuts: Ints) -> CloneRows:
    """Cut follow-up after each day of ``cuts`` (T,), rising and above 0: period u covers (cuts[u-1], cuts[u]], the last one the rest.

    Raises BadInput ``clone-cuts``.
    """
    if not np.issubdtype(cuts.dtype, np.integer) or (np.diff(np.r_[0, cuts]) <= 0).any():
        raise BadInput("clone-cuts")
    many = np.searchsorted(cuts, clones.exit_) + 1
    clone = np.repeat(np.arange(len(many)), many)
    period = np.arange(len(clone)) - np.repeat(np.cumsum(many) - many, many)
    begin, end = np.r_[0, cuts], np.r_[cuts, NEVER]
    last = period == many[clone] - 1
    return CloneRows(
        clone=clone,
        period=period,
        entry=begin[period],
        exit_=np.minimum(end[period], clones.exit_[clone]),
        event=clones.event[clone] & last,
        deviated=clones.deviated[clone] & last,
    )


def monthly(last_day: int, *, length: int = 30) -> Ints:
    """Cuts after every ``length`` days before ``last_day``. Raises BadInput ``clone-cuts`` for lengths below a day."""
    if length < 1:
        raise BadInput("clone-cuts")
    return np.arange(length, max(last_day, 1), length, dtype=np.int64)


def deviation_days(clones: Clones) -> Ints:
    """The days on which some clone deviates: cut there, and weights are exact to the day."""
    return np.unique(clones.exit_[clones.deviated]).astype(np.int64)


def staying_weights(clones: Clones, stratum: Ints, day: Ints, of: Ints) -> Floats:
    """1 / chance of not having deviated by the end of ``day`` (R,) in the strategy and ``stratum`` of clone ``of`` (R,): weights of rows.

    The chance is a Kaplan–Meier of deviation by strategy and ``stratum`` (C,) of baseline covariates, in whole days: at risk of
    deviating on a day is who is followed through it without an event by its end. For ``day`` give the entry of a row.
    Raises BadInput ``clone-shape``; ``clone-nobody-stays``: all of a stratum deviate and a later row needs them.
    """
    if stratum.shape != clones.exit_.shape or day.shape != of.shape:
        raise BadInput("clone-shape")
    group = np.unique(np.column_stack([clones.strategy, stratum]), axis=0, return_inverse=True)[1].reshape(-1)
    out = np.ones(len(of))
    for g in range(int(group.max()) + 1):
        mine = group == g
        days, chance = _staying(clones.exit_[mine], clones.event[mine], clones.deviated[mine])
        rows = mine[of]
        left = np.r_[1.0, chance][np.searchsorted(days, day[rows], side="right")]
        if (left <= 0).any():
            raise BadInput("clone-nobody-stays")
        out[rows] = 1 / left
    return out


def _staying(exit_: Ints, event: Bools, deviated: Bools) -> tuple[Ints, Floats]:
    """Days of deviation and the chance of having stayed by the end of each."""
    days, gone = np.unique(exit_[deviated], return_counts=True)
    last, falls = np.sort(exit_), np.sort(exit_[event])
    followed = len(last) - np.searchsorted(last, days)
    falling = np.searchsorted(falls, days, side="right") - np.searchsorted(falls, days)
    risk = followed - falling
    return days.astype(np.int64), np.asarray(np.cumprod(1 - gone / risk), dtype=np.float64)
