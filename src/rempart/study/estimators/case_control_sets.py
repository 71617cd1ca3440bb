# SPDX-License-Identifier: Apache-2.0
"""Who is compared with whom: controls drawn from the risk sets of a cohort, and the reference days of a case-crossover. It fits nothing.

Nested case-control (incidence density sampling; Lubin & Gail, Biometrics 1984;40:63): controls of a case are at risk on its day, in
(entry, exit], in its stratum, drawn without replacement within a set and anew for each set; they may become cases later and serve more
than once, but whoever has the event on that very day is no control of it. Odds ratios then estimate hazard ratios. Case-crossover
(Maclure 1991): days are whole numbers since 1970-01-01; time-stratified referents (same month and day of the week; Levy et al.,
Epidemiology 2001;12:186) have no overlap bias, days before and after have.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_ROUNDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Rows of matched sets (R,): ``matched`` the set, ``person`` the place in the cohort, ``case`` whether it is the set's case.

    ``day`` (R,) is the day of the case, on which covariates are read. ``short``: sets with fewer controls than were asked for.
    """

    matched: Ints
    person: Ints
    day: Ints
    case: Flags
    short: int


def nested_controls(
    entry: Ints,
    exit_: Ints,
    event: Flags,
    *,
    controls: int,
    chance: np.random.Generator,
    stratum: Ints | None = None,
) -> Matched:
    """Draw up to ``controls`` controls for each person of a cohort (n,) with an event on the day of ``exit_``.

    Raises BadInput ``nested-follow-up`` for a follow-up that holds no day, ``nested-controls`` for less than one control.
    """
    if controls < 1:
        raise BadInput("nested-controls")
    if np.any(exit_ <= entry):
        raise BadInput("nested-follow-up")
    of = np.zeros(len(entry), dtype=np.int64) if stratum is None else stratum
    order = np.argsort(of, kind="stable")
    cases = np.flatnonzero(event)
    first, beyond = np.searchsorted(of[order], of[cases]), np.searchsorted(of[order], of[cases], side="right")
    cohort = _Cohort(entry=entry, exit_=exit_, event=event)
    drawn = [
        cohort.draw(order[low:high], exit_[case], controls, chance)
        for case, low, high in zip(cases.tolist(), first.tolist(), beyond.tolist(), strict=True)
    ]
    many = np.array([len(chosen) for chosen in drawn], dtype=np.int64)
    person = np.concatenate([cases, *drawn])
    matched = np.r_[np.arange(len(cases)), np.repeat(np.arange(len(cases)), many)]
    return Matched(
        matched=matched,
        person=person,
        day=exit_[cases[matched]],
        case=np.arange(len(person)) < len(cases),
        short=int((many < controls).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cohort:
    entry: Ints
    exit_: Ints
    event: Flags

    def at_risk(self, person: Ints, day: np.int64) -> Flags:
        """Who has the event on the day, the case itself included, is no control of it."""
        falls = self.event[person] & (self.exit_[person] == day)
        return np.asarray((self.entry[person] < day) & (self.exit_[person] >= day) & ~falls)

    def draw(self, pool: Ints, day: np.int64, controls: int, chance: np.random.Generator) -> Ints:
        """Try persons at random, which costs little where many are at risk; look at all only where that fails. Uniform either way."""
        chosen: dict[int, None] = {}
        for _ in range(_ROUNDS):
            tried = pool[chance.integers(0, len(pool), 2 * controls)]
            chosen |= dict.fromkeys(tried[self.at_risk(tried, day)].tolist())
            if len(chosen) >= controls:
                return np.array(list(chosen)[:controls], dtype=np.int64)
        found = np.array(list(chosen), dtype=np.int64)
        left = np.setdiff1d(pool[self.at_risk(pool, day)], found)
        more = min(controls - len(found), len(left))
        return np.r_[found, chance.choice(left, more, replace=False)] if more else found


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceDays:
    """Rows of case-crossover sets (R,): ``case`` the place of the case, its ``day``, and whether that is the ``index`` day."""

    case: Ints
    day: Ints
    index: Flags


def time_stratified(index_day: Ints) -> ReferenceDays:
    """The day of each case (n,) and all other days of its month that fall on the same day of the week."""
    month = index_day.astype("datetime64[D]").astype("datetime64[M]")
    first, beyond = month.astype("datetime64[D]").astype(np.int64), (month + 1).astype("datetime64[D]").astype(np.int64)
    day = index_day[:, None] + 7 * np.arange(-4, 5)[None, :]
    return _kept(index_day, day, (day >= first[:, None]) & (day < beyond[:, None]))


def days_apart(index_day: Ints, apart: Ints, first: Ints, last: Ints) -> ReferenceDays:
    """The day of each case (n,) and those ``apart`` from it (negative: before), as far as in its observation, both ends included."""
    day = index_day[:, None] + np.r_[0, apart][None, :]
    return _kept(index_day, day, (day >= first[:, None]) & (day <= last[:, None]))


def _kept(index_day: Ints, day: Ints, keep: Flags) -> ReferenceDays:
    case = np.broadcast_to(np.arange(len(index_day))[:, None], day.shape)[keep]
    return ReferenceDays(case=case, day=day[keep], index=day[keep] == index_day[case])
