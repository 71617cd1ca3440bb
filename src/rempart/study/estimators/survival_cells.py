# SPDX-License-Identifier: Apache-2.0
"""Counts of persons by arm, entry day, exit day and way of leaving, and the risk sets they make. It estimates nothing.

Time is whole days; a row covers (entry, exit], an event belongs to the exit day and comes before censoring on that day. Memory goes by
arms times the days that have an event, never by persons. Errors name an arm or a column and never a number of persons.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalCells:
    """C cells, whole numbers, each (C,): ``n`` persons of ``arm`` (place in ``arms``) leave on ``exit_`` by ``status``.

    ``status``: 0 censored, k the k-th of ``causes``. ``entry``: the day after which they are at risk, 0 where not given. ``stratum``: any
    numbers. Persons are counted, not weighted. Censored cells without a day (exit = entry) are never at risk. Raises BadInput
    ``survival-shape``, ``survival-negative-follow-up``, ``survival-event-not-at-risk``, ``survival-empty-arm``.
    """

    arms: tuple[str, ...]
    arm: Ints
    exit_: Ints
    status: Ints
    n: Ints
    causes: tuple[str, ...] = ("event",)
    entry: Ints | None = None
    stratum: Ints | None = None

    def __post_init__(self) -> None:
        columns = {name: getattr(self, name) for name in ("arm", "exit_", "status", "n", "entry", "stratum")}
        for name, column in columns.items():
            if column is not None and not (np.issubdtype(column.dtype, np.integer) and column.shape == self.n.shape):
                raise BadInput("survival-shape", term=name.rstrip("_"))
        _check_codes("arm", self.arm, len(self.arms) - 1)
        _check_codes("status", self.status, len(self.causes))
        _check_codes("n", self.n, None)
        begin = self.begin()
        if np.any(self.exit_ < begin) or np.any(begin < 0):
            raise BadInput("survival-negative-follow-up")
        if np.any((self.exit_ == begin) & (self.status > 0) & (self.n > 0)):
            raise BadInput("survival-event-not-at-risk")
        followed = np.bincount(self.arm, self.n * (self.exit_ > begin), minlength=len(self.arms))
        for name, persons in zip(self.arms, followed, strict=True):
            if persons == 0:
                raise BadInput("survival-empty-arm", arm=name)

    def begin(self) -> Ints:
        """The day after which each cell is at risk."""
        return np.zeros_like(self.exit_) if self.entry is None else self.entry

    def cause(self, name: str) -> int:
        """The status of a cause. Raises BadInput ``survival-cause``."""
        if name not in self.causes:
            raise BadInput("survival-cause", cause=name)
        return self.causes.index(name) + 1

    def until(self) -> Ints:
        """The last day on which somebody of each arm is followed, (G,)."""
        last = np.zeros(len(self.arms), dtype=np.int64)
        np.maximum.at(last, self.arm, self.exit_ * (self.n > 0))
        return last


def _check_codes(term: str, values: Ints, highest: int | None) -> None:
    if len(values) and (values.min() < 0 or (highest is not None and values.max() > highest)):
        raise BadInput("survival-shape", term=term)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSets:
    """On the T days with an event of any cause: ``at_risk`` (G, T) persons by arm, ``events`` (K, G, T) by cause and arm."""

    days: Ints
    at_risk: Ints
    events: Ints

    def any_event(self) -> Ints:
        """Events of all causes, (G, T)."""
        return np.asarray(self.events.sum(axis=0), dtype=np.int64)


def risk_sets(cells: SurvivalCells, inside: Ints | None = None) -> RiskSets:
    """Risk sets of all cells, or of those whose places are ``inside``; strata play no part."""
    of = slice(None) if inside is None else inside
    arm, exit_, status, n, begin = cells.arm[of], cells.exit_[of], cells.status[of], cells.n[of], cells.begin()[of]
    event = (status > 0) & (n > 0)
    days = np.unique(exit_[event])
    size, arms = len(days), len(cells.arms)
    # From the first event day after entry, and no longer from the first one after exit.
    joins, leaves = np.searchsorted(days, begin, side="right"), np.searchsorted(days, exit_, side="right")
    step = _table(arm, joins, n, (arms, size + 1)) - _table(arm, leaves, n, (arms, size + 1))
    place = (status[event] - 1) * arms + arm[event]
    events = _table(place, leaves[event] - 1, n[event], (len(cells.causes) * arms, max(size, 1)))[:, :size]
    return RiskSets(
        days=days, at_risk=np.cumsum(step, axis=1)[:, :size], events=events.reshape(len(cells.causes), arms, size)
    )


def _table(row: Ints, column: Ints, n: Ints, shape: tuple[int, int]) -> Ints:
    """Sums of n by row and column, exact below 2**53 persons."""
    flat = np.bincount(row * shape[1] + column, weights=n, minlength=shape[0] * shape[1])
    return np.rint(flat).astype(np.int64).reshape(shape)


def by_stratum(cells: SurvivalCells) -> Iterator[RiskSets]:
    """Risk sets of one stratum after another, in the order of their numbers; of all where strata are not given."""
    if cells.stratum is None:
        yield risk_sets(cells)
        return
    order = np.argsort(cells.stratum, kind="stable")
    cuts = np.flatnonzero(np.diff(cells.stratum[order])) + 1
    for inside in np.split(order, cuts):
        yield risk_sets(cells, inside)


def numbers_at_risk(cells: SurvivalCells, days: Ints) -> Ints:
    """Persons of each arm with entry < day <= exit, (G, m), for the line of numbers under a curve."""
    shape = (len(cells.arms), len(days) + 1)
    order = np.argsort(days, kind="stable")
    joins = np.searchsorted(days[order], cells.begin(), side="right")
    leaves = np.searchsorted(days[order], cells.exit_, side="right")
    step = _table(cells.arm, joins, cells.n, shape) - _table(cells.arm, leaves, cells.n, shape)
    found = np.empty((len(cells.arms), len(days)), dtype=np.int64)
    found[:, order] = np.cumsum(step, axis=1)[:, :-1]
    return found
