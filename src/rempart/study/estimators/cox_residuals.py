# SPDX-License-Identifier: Apache-2.0
"""Residuals of a Cox model: score residuals a person or cluster, the sandwich variance of them, Schoenfeld residuals. No fitting here.

Score residual of a row: δ(x - x̄) less its part of the hazard it went through, ∫ (x - x̄(s)) θ dH(s), with Efron's terms for the tied
(Lin & Wei 1989; Barlow 1994); times its weight and summed over the rows of a person *before* squaring.
Residuals are about persons: they stay inside the project's space.
"""

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.cox_days import RiskDays
from rempart.study.estimators.cox_loops import add_residuals, sum_on
from rempart.study.estimators.cox_moments import Moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def score_residuals(risk: RiskDays, moments: Moments) -> Floats:
    """Weighted score residuals (clusters, p), or (owners, p) where no cluster is given; they sum to the score."""
    groups = risk.owners if risk.cluster is None else int(risk.cluster.max()) + 1
    found = np.zeros((groups, risk.x.shape[1]))
    for window in risk.windows:
        factor = np.ones(len(moments.once)) if window.factor is None else window.factor
        sums = _drift(risk, moments, moments.once * factor, by="once", factor=factor)
        mass = _single(risk, window.owner, window.mass) * moments.theta[window.pattern]
        rows, span = (_group(risk, window.owner), window.pattern), (window.last, window.before)
        add_residuals(rows, span, mass, (risk.x, risk.centre), sums, found)
    _add_events(risk, moments, found)
    return found


def _add_events(risk: RiskDays, moments: Moments, found: Floats) -> None:
    """What the rows with an event have beside: their own x - x̄, and what of the day's hazard they do not bear."""
    out = risk.outcomes
    span = (out.at, np.full(len(out.at), -1, dtype=np.int64))
    rows, covariates = (_group(risk, out.owner), out.pattern), (risk.x, risk.centre)
    mass = _single(risk, out.owner, out.mass)
    mean = moments.total_mean() / out.dead[:, None]
    add_residuals(rows, span, mass, covariates, (-np.ones(len(mean)), -mean), found)
    spared = _terms_mean(moments, "shared")
    theta = moments.theta[out.pattern]
    add_residuals(rows, span, -mass * theta, covariates, (moments.shared, spared), found)


def _drift(risk: RiskDays, moments: Moments, hazard: Floats, *, by: str, factor: Floats) -> tuple[Floats, Floats]:
    """The hazard and the hazard times mean covariate, cumulated within the stratum."""
    level, drift = hazard.copy()[:, None], _terms_mean(moments, by) * factor[:, None]
    sum_on(risk.days.first, level)
    sum_on(risk.days.first, drift)
    return level[:, 0], drift


def _terms_mean(moments: Moments, by: str) -> Floats:
    """Σ over a day's terms of mass·x̄/den ("once") or of mass·φ·x̄/den ("shared"), (E, p)."""
    one, cross, square = moments.squares
    lead, less = (one, cross) if by == "once" else (cross, square)
    return np.asarray(lead[:, None] * moments.s1 - less[:, None] * moments.d1, dtype=np.float64)


def _single(risk: RiskDays, owner: Ints, mass: Floats) -> Floats:
    """Mass of one person of a cell: cells hold several with the same residual."""
    if risk.copies is None:
        return mass
    return np.asarray(mass / np.maximum(risk.copies[owner], 1), dtype=np.float64)


def _group(risk: RiskDays, owner: Ints) -> Ints:
    return owner if risk.cluster is None else risk.cluster[owner]


def sandwich(risk: RiskDays, moments: Moments, covariance: Floats) -> tuple[Floats, int]:
    """Robust covariance V·(Σ u uᵀ)·V over clusters, and the number of them. No small-sample factor (as R's coxph)."""
    found = score_residuals(risk, moments)
    if risk.copies is None:
        middle, groups = found.T @ found, len(found)
    else:
        middle, groups = (found * risk.copies[:, None]).T @ found, int(risk.copies.sum())
    return np.asarray(covariance @ middle @ covariance, dtype=np.float64), groups


def schoenfeld(risk: RiskDays, moments: Moments) -> Floats:
    """x - x̄ of each row with an event (rows, p), in the order of ``risk.outcomes``; x̄ the mean over the day's tied terms."""
    out = risk.outcomes
    mean = moments.total_mean() / out.dead[:, None]
    return np.asarray(risk.x[out.pattern] - risk.centre - mean[out.at], dtype=np.float64)
