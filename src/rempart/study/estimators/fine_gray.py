# SPDX-License-Identifier: Apache-2.0
"""Fine–Gray: proportional subdistribution hazards of one cause while others compete, as a weighted Cox model without the long table.

Model: -d/dt log(1 - F1(t | x)) = h(t)·exp(xβ), F1 the cumulative incidence of cause 1. Who had a competing event on day T stays at
risk with weight G(d-)/G(T-) on each later day d, G the Kaplan–Meier of staying uncensored. The weight is a product of a day's and a
person's part, so that the usual expansion into a row a censoring day is one more window of the day-indexed scan: same digits, memory
as for Cox. Source: Fine & Gray 1999; Geskus 2011; the conventions of R survival::finegray 3.5.

Conventions. On a day, events (of any cause) come before censoring: who has an event on day d is not at risk of being censored on d,
and a censoring on day T touches the weight of a competing event on day T. G is not weighted; by ``group`` where one is given. Ties
by Efron (default) or Breslow. (R cmprsk::crr: Breslow, and censored persons' risk sets that count the day's events: the two differ
where events and censorings share days.) Variance: sandwich over persons; G is taken as known. Left truncation is not offered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.cox_days import (
    Days,
    RiskDays,
    Window,
    assembled,
    at_risk,
    event_day_up_to,
    event_days,
    never_apart,
    numbered,
    outcomes,
)
from rempart.study.estimators.cox_input import check_columns, check_days, check_lengths, check_weights
from rempart.study.estimators.cox_rows import CoxRowsFit, fit_days

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompetingRows:
    """One row a person: ``x`` (N, p), ``exit_`` (N,) days, ``cause`` (N,): 0 censored, 1 the outcome, 2 … competing.

    ``strata`` a baseline each; ``weight`` > 0; ``group`` (N,) whole numbers: a censoring distribution each; ``cluster`` (N,) whole
    numbers: whom the sandwich sums (families, practices); without it each person. Raises BadInput as CoxRows, and ``cox-cause``.
    """

    x: Floats
    terms: tuple[str, ...]
    exit_: Ints
    cause: Ints
    strata: Ints | None = None
    weight: Floats | None = None
    group: Ints | None = None
    cluster: Ints | None = None

    def __post_init__(self) -> None:
        check_columns(self.x, self.terms)
        size = len(self.x)
        check_lengths(size, self.exit_, self.cause, self.strata, self.weight, self.group, self.cluster)
        if not np.issubdtype(self.cause.dtype, np.integer) or self.cause.min() < 0:
            raise BadInput("cox-cause")
        check_days(None, self.exit_, self.cause == 1)
        check_weights(self.weight)


def fit_fine_gray(rows: CompetingRows, *, ties: str = "efron", idle_strata: str = "refuse") -> CoxRowsFit:
    """Fit subdistribution hazard ratios, with robust errors. Raises BadInput as ``cox_rows.fit_days``, and ``cox-no-events``."""
    return fit_days(competing_days(rows), ties=ties, robust=True, idle_strata=idle_strata)


def competing_days(rows: CompetingRows) -> RiskDays:
    """The day index: everyone until exit, and those with a competing event from there to the end at a falling weight."""
    size = len(rows.x)
    every, event = np.arange(size), rows.cause == 1
    mass = np.ones(size) if rows.weight is None else np.asarray(rows.weight, dtype=np.float64)
    stratum, strata = numbered(rows.strata, size)
    days = event_days(stratum, strata, None, rows.exit_, event)
    last, before = at_risk(days, stratum, None, rows.exit_)
    at = np.flatnonzero(event)
    observed = Window(owner=every, pattern=every, last=last, before=before, mass=mass)
    group, groups = numbered(rows.group, size)
    held = [_held(rows, days, stratum, mass, np.flatnonzero(group == g)) for g in range(groups)]
    return assembled(
        x=rows.x,
        terms=rows.terms,
        days=days,
        windows=(observed, *held),
        outcomes=outcomes(days, at, at, last[at], mass[at], np.ones(len(at), dtype=np.int64)),
        owners=size,
        cluster=None if rows.cluster is None else numbered(rows.cluster, size)[0],
    )


def _held(rows: CompetingRows, days: Days, stratum: Ints, mass: Floats, group: Ints) -> Window:
    """Those of a censoring group with a competing event, at risk after it."""
    at, stays = uncensored(rows.exit_[group], rows.cause[group] == 0)
    owner = group[rows.cause[group] > 1]
    before = event_day_up_to(days, stratum[owner], rows.exit_[owner])
    final = np.full(len(owner), days.origin + days.span - 1, dtype=np.int64)
    last, before = never_apart(event_day_up_to(days, stratum[owner], final), before)
    return Window(
        owner=owner,
        pattern=owner,
        last=last,
        before=before,
        mass=mass[owner] / before_day(at, stays, rows.exit_[owner]),
        factor=before_day(at, stays, days.day()),
    )


def uncensored(exit_: Ints, censored: NDArray[np.bool_]) -> tuple[Ints, Floats]:
    """Censoring days (c,) and the Kaplan–Meier of staying uncensored after each (c,); the day's events have left before."""
    day = np.unique(exit_[censored])
    size = len(day)
    left = np.bincount(np.searchsorted(day, exit_[censored]), minlength=size)
    later = np.bincount(np.searchsorted(day, exit_[~censored], side="left"), minlength=size + 1)
    stays = np.cumsum(left[::-1])[::-1] + (np.cumsum(later[::-1])[::-1])[1:]
    return day, np.cumprod(1 - left / np.maximum(stays, 1))


def before_day(at: Ints, stays: Floats, day: Ints) -> Floats:
    """G just before each day: the product over the censoring days before it."""
    return np.asarray(np.append(1.0, stays)[np.searchsorted(at, day, side="left")], dtype=np.float64)
