# SPDX-License-Identifier: Apache-2.0
"""Weighted cumulative incidence of two arms where death competes, its difference and ratio, with robust variance.

Model: Aalen–Johansen of each arm on weighted counts, F(t) = Σ_{u ≤ t} S(u−)·dN₁(u)/R(u), S free of every cause; without competing events
it is 1 − Kaplan–Meier. Influence of a row, its weight times the derivative of F(t) by it (the infinitesimal jackknife):

    w·{ Σ_u S(u−)(dN₁ − Y dA₁)/R − Σ_u (F(t) − F(u))(dN. − Y dA.)/(R − dN.) }

summed by ``unit`` before squaring, as in ``weighted_contrast``; with weights of 1 it is the error of R survival's ``survfit`` for several
states. Weights count as known here (``score_influence`` adds what their estimation brings). Days are whole, a row covers (entry, exit].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.score_input import check_arms, check_weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
EVENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Rows of follow-up (N,): ``entry``, ``exit_`` in days, ``status`` 0 censored, 1 the event, 2 and above what competes with it.

    Raises BadInput ``contrast-follow-up`` for a row that ends before it begins, or leaves by an event on no day.
    """

    entry: Ints
    exit_: Ints
    status: Ints

    def __post_init__(self) -> None:
        if not self.entry.shape == self.exit_.shape == self.status.shape:
            raise BadInput("score-shape", term="follow-up")
        early = (self.entry < 0) | (self.exit_ < self.entry) | ((self.status > 0) & (self.exit_ == self.entry))
        if early.any():
            raise BadInput("contrast-follow-up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidence:
    """Risks of (treated, comparator) by the end of ``day``, and the influence of each row on each of them, (2, N)."""

    day: int
    risk: tuple[float, float]
    moves: Floats


def incidences(leaving: Leaving, treated: Bools, weight: Floats, days: tuple[int, ...]) -> tuple[Incidence, ...]:
    """The weighted risks by the end of each of ``days``. A row of weight 0 plays no part.

    Raises BadInput ``contrast-day-beyond-follow-up`` (names the arm) where nobody of an arm is followed so long, and those of
    ``check_arms`` and ``check_weights``.
    """
    check_arms(treated, len(leaving.exit_))
    check_weights(weight, treated)
    arms = [_Curve.of(leaving, arm, weight) for arm in (treated, ~treated)]
    found = []
    for day in days:
        for curve, name in zip(arms, ("treated", "comparator"), strict=True):
            if day > curve.last and curve.survival[-1] > 0:
                raise BadInput("contrast-day-beyond-follow-up", arm=name)
        told = [curve.at(leaving, min(day, len(curve.survival) - 1)) for curve in arms]
        found.append(Incidence(day=day, risk=(told[0][0], told[1][0]), moves=np.stack([told[0][1], told[1][1]])))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """One arm on days 0…D: survival before and after each day, incidence, and what a person of mass 1 meets on each day."""

    mass: Floats
    survival: Floats
    incidence: Floats
    first: Floats  # S(u−)/R(u)
    second: Floats  # 1/(R(u) − dN(u)), 0 where all leave
    own: Floats  # dA₁
    every: Floats  # dA.
    last: int

    @classmethod
    def of(cls, leaving: Leaving, arm: Bools, weight: Floats) -> "_Curve":
        begin, end = leaving.entry, leaving.exit_
        mass = np.where(arm & (end > begin), weight, 0.0)
        size = int(end.max()) + 2
        left = np.bincount(end + 1, weights=mass, minlength=size) - np.bincount(begin + 1, weights=mass, minlength=size)
        risk = np.maximum(-np.cumsum(left), 0.0)[: size - 1]
        events = _by_day(end, np.where(leaving.status == EVENT, mass, 0.0), size)
        both = _by_day(end, np.where(leaving.status > 0, mass, 0.0), size)
        happens = both > 0
        own = np.divide(events, risk, out=np.zeros(size - 1), where=happens)
        every = np.divide(both, risk, out=np.zeros(size - 1), where=happens)
        every[every > 1 - 1e-12] = 1.0
        survival = np.cumprod(1 - every)
        before = np.concatenate([[1.0], survival[:-1]])
        stays = happens & (every < 1)
        return cls(
            mass=mass,
            survival=survival,
            incidence=np.cumsum(before * own),
            first=np.divide(before, risk, out=np.zeros(size - 1), where=happens),
            second=np.divide(1.0, risk * (1 - every), out=np.zeros(size - 1), where=stays),
            own=own,
            every=every,
            last=int(end[mass > 0].max(initial=0)),
        )

    def at(self, leaving: Leaving, day: int) -> tuple[float, Floats]:
        """Risk by the end of a day, and the influence of each row on it, (N,)."""
        value = float(self.incidence[day])
        rest = value - self.incidence
        drift = np.cumsum(self.first * self.own - rest * self.second * self.every)
        begin, end = np.minimum(leaving.entry, day), np.minimum(leaving.exit_, day)
        falls = (leaving.status > 0) & (leaving.exit_ <= day)
        jump = np.where(leaving.status == EVENT, self.first[end], 0.0) - rest[end] * self.second[end]
        return value, self.mass * (np.where(falls, jump, 0.0) - (drift[end] - drift[begin]))


def _by_day(end: Ints, mass: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(end, weights=mass, minlength=size)[: size - 1], dtype=np.float64)
