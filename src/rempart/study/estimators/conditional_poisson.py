# SPDX-License-Identifier: Apache-2.0
"""Counts by place and day against an exposure and its lags, each place and calendar stratum its own control: conditional Poisson.

Model: count ~ Poisson(population · exp(α_stratum + xβ)); given the stratum's total the α fall out and ``conditional`` remains, the same
estimates as a Poisson regression with an indicator for each stratum (Armstrong, Gasparrini & Tobias, BMC Med Res Methodol 2014;14:122),
or R's ``gnm`` with ``eliminate``. Time-stratified: place × year × month × day of the week (Levy et al. 2001). Overdispersion: covariance
times Pearson's χ² over (rows − strata − terms), strata without events dropped first, as quasi-Poisson. Distributed lags: the effects of
``lag`` days before lie on a ``basis`` (free, polynomial: Almon 1965, or steps); its coefficients map back to each lag and to their sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators import conditional
from rempart.study.estimators.conditional import ConditionalFit
from rempart.study.estimators.conditional_sets import sets_of, telling

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LagEffects:
    """``lags`` (m,) in days; ``beta`` and ``error`` (m,) of each lag, per unit of exposure; the sum over all of them and its error."""

    lags: Ints
    beta: Floats
    error: Floats
    total: float
    total_error: float


def fit(
    stratum: Ints,
    count: Floats,
    x: Floats,
    terms: Sequence[str],
    *,
    population: Floats | None = None,
    dispersed: bool = True,
) -> ConditionalFit:
    """Log rate ratios per unit of ``x`` (R, p). ``stratum`` and ``count`` (R,); ``population`` (R,) persons or person-days, else all alike.

    ``dispersed``: errors widened (or narrowed) by the estimated dispersion, told in the result. Raises BadInput of ``conditional.fit``.
    """
    conditional.check_covariates(x, terms)
    sets = sets_of(stratum, x, count, population)
    found = conditional.fit(sets, terms)
    if not dispersed:
        return replace(found, ties="multinomial")
    told = telling(sets)
    expected = conditional.expected_events(told, found.beta)
    left = len(told.code) - told.count - len(found.beta)
    if left <= 0:
        raise BadInput("conditional-too-many-terms", term=terms[-1])
    dispersion = float((((told.events - expected) ** 2) / expected).sum() / left)
    return replace(
        found,
        ties="multinomial",
        dispersion=dispersion,
        covariance=found.covariance * dispersion,
        error=found.error * np.sqrt(dispersion),
    )


def time_strata(place: Ints, day: Ints) -> Ints:
    """Strata of place × year × month × day of the week (R,), numbered from 0. ``day``: days since 1970-01-01."""
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    # 1970-01-01 was a Thursday; which day of the week has which number does not matter.
    key = np.column_stack((place, month, day % 7))
    return np.asarray(np.unique(key, axis=0, return_inverse=True)[1], dtype=np.int64).ravel()


def lagged(exposure: Floats, place: Ints, column: Ints, lags: Ints) -> Floats:
    """Exposure ``lags`` days before (R, m). ``exposure`` (places, days); row r looks at ``place[r]`` and the day ``column[r]`` of it.

    Raises BadInput ``lag-beyond-series`` where a day lies outside the series or its value is missing.
    """
    wanted = column[:, None] - lags[None, :]
    if np.any(wanted < 0) or np.any(wanted >= exposure.shape[1]):
        raise BadInput("lag-beyond-series")
    found: Floats = np.asarray(exposure[place[:, None], wanted])
    if not np.all(np.isfinite(found)):
        raise BadInput("lag-beyond-series")
    return found


def polynomial(lags: Ints, degree: int) -> Floats:
    """Basis (m, degree + 1) of effects that follow a polynomial in the lag, orthonormal so that no column hides another."""
    if degree >= len(lags):
        raise BadInput("lag-basis")
    columns, _ = np.linalg.qr(np.vander(lags - np.mean(lags), degree + 1, increasing=True))
    return np.asarray(columns)


def steps(lags: Ints, cuts: Ints) -> Floats:
    """Basis (m, pieces) of effects that are alike between ``cuts``, each the first lag of the next piece."""
    piece = np.searchsorted(cuts, lags, side="right")
    basis: Floats = np.asarray(piece[:, None] == np.arange(len(cuts) + 1), dtype=np.float64)
    if not basis.any(axis=0).all():
        raise BadInput("lag-basis")
    return basis


def lag_effects(found: ConditionalFit, lags: Ints, basis: Floats, *, first: int = 0) -> LagEffects:
    """The effect of each lag, where the terms from place ``first`` on are those of ``lagged(...) @ basis``."""
    chosen = slice(first, first + basis.shape[1])
    covariance = basis @ found.covariance[chosen, chosen] @ basis.T
    beta = basis @ found.beta[chosen]
    return LagEffects(
        lags=lags,
        beta=beta,
        error=np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        total=float(beta.sum()),
        total_error=float(np.sqrt(covariance.sum())),
    )
