# SPDX-License-Identifier: Apache-2.0
"""Weights over time for marginal structural models: products of a person's period weights, stabilised, truncated. It fits no model.

A period's factor is numerator / denominator: the chance of the treatment that the person in fact had (or of staying uncensored),
given baseline and past treatment (numerator; 1 where not stabilised), and given also the covariates that change (denominator). The
weight of a period is the product of the factors up to it; where censoring comes after the events of the same period
(``lagged``), up to the one before. Treatment and censoring weights are multiplied. Stabilised weights have mean 1 in each period if
the models are right: ``means`` is to be looked at (Cole & Hernán 2008). Sources: Robins, Hernán & Brumback, Epidemiology 2000;11:550;
Hernán, Brumback & Robins 2000.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.score_weights import truncate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPeriods:
    """Rows (R,): ``person`` and ``period``, whole numbers, in any order; each person's periods follow one another without a gap.

    Raises BadInput ``periods-shape``, ``periods-twice`` (a person has a period twice), ``periods-gap``.
    """

    person: Ints
    period: Ints

    def __post_init__(self) -> None:
        whole = all(np.issubdtype(column.dtype, np.integer) for column in (self.person, self.period))
        if not whole or self.person.shape != self.period.shape or self.person.ndim != 1 or not len(self.person):
            raise BadInput("periods-shape")
        order = self.order()
        same = np.diff(self.person[order]) == 0
        step = np.diff(self.period[order])[same]
        if (step == 0).any():
            raise BadInput("periods-twice")
        if (step > 1).any():
            raise BadInput("periods-gap")

    def order(self) -> Ints:
        """Places of the rows by person, then period."""
        return np.lexsort((self.period, self.person)).astype(np.int64)


def chance_of_own(treated: Bools, probability: Floats) -> Floats:
    """The chance of what each row had: ``probability`` where treated, else its complement, (R,)."""
    return np.asarray(np.where(treated, probability, 1 - probability), dtype=np.float64)


def period_weights(
    rows: PersonPeriods, denominator: Floats, numerator: Floats | None = None, *, lagged: bool = False
) -> Floats:
    """Running products (R,), in the order of the rows given. ``denominator``, ``numerator`` (R,) in (0, 1].

    Raises BadInput ``periods-shape``, ``periods-chance``: a chance is 0 (nobody like that could have been seen), above 1 or missing.
    """
    above = np.ones(len(rows.person)) if numerator is None else numerator
    for chance in (denominator, above):
        if chance.shape != rows.person.shape:
            raise BadInput("periods-shape")
        if not np.isfinite(chance).all() or chance.min() <= 0 or chance.max() > 1:
            raise BadInput("periods-chance")
    order = rows.order()
    person = rows.person[order]
    first = np.r_[True, person[1:] != person[:-1]]
    log = (np.log(above) - np.log(denominator))[order]
    if lagged:
        log = np.where(first, 0.0, np.r_[0.0, log[:-1]])
    out = np.empty(len(log))
    out[order] = np.exp(_sums_within(log, first))
    return out


def _sums_within(values: Floats, first: Bools) -> Floats:
    """Running sums that begin anew at each ``first``; person after person, so that no error is carried from one to the next."""
    start = np.flatnonzero(first)
    out = values.copy()
    step, open_ = start + 1, np.r_[start[1:], len(values)]
    live = step < open_
    while live.any():
        step, open_ = step[live], open_[live]
        out[step] += out[step - 1]
        step = step + 1
        live = step < open_
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightReport:
    """Of each ``period`` (T,): mean and largest weight and the effective size; ``truncated`` rows in all, and the limits put on."""

    weight: Floats
    period: Ints
    means: Floats
    largest: Floats
    effective: Floats
    truncated: int
    lower: float
    upper: float


def reported(rows: PersonPeriods, weight: Floats, *, lower: float = 0.0, upper: float = 1.0) -> WeightReport:
    """Truncate weights (R,) at quantiles of all rows and describe them by period. Raises BadInput as ``truncate``, ``periods-shape``."""
    if weight.shape != rows.period.shape:
        raise BadInput("periods-shape")
    held = truncate(weight, lower=lower, upper=upper)
    period, at = np.unique(rows.period, return_inverse=True)
    total, squares = np.bincount(at, weights=held.weight), np.bincount(at, weights=held.weight**2)
    largest = np.zeros(len(period))
    np.maximum.at(largest, at, held.weight)
    return WeightReport(
        weight=held.weight,
        period=period.astype(np.int64),
        means=total / np.bincount(at),
        largest=largest,
        effective=np.divide(total**2, squares, out=np.zeros(len(period)), where=squares > 0),
        truncated=int(held.changed.sum()),
        lower=held.lower,
        upper=held.upper,
    )
