# SPDX-License-Identifier: Apache-2.0
"""Whether hazards are proportional: the score test of β(t) = β + γ·g(t), γ = 0, by term and over all, and scaled Schoenfeld residuals.

Grambsch & Therneau 1994, in the exact form of R survival ≥ 3 (the full information of (β, γ), not one mean matrix for all days).
g(t) of the exit day: "km" 1 - Kaplan–Meier just before t over all rows, strata and weights left aside (default, as in R);
"rank" mean rank among all exit days; "identity"; "log". g is centred at its mean over the events. The variance is the model's, also
after a robust fit. Not here: a smooth curve of β(t).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from rempart.errors import BadInput
from rempart.study.estimators.cox_days import RiskDays, risk_days, risk_days_of_cells
from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_moments import Moments, day_scores, information, likelihood, tie_terms
from rempart.study.estimators.cox_residuals import schoenfeld
from rempart.study.estimators.cox_rows import CoxRowsFit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionalTest:
    """χ² (p,), degrees of freedom 1 each, p-values (p,); the test of all terms together on p degrees of freedom."""

    terms: tuple[str, ...]
    transform: str
    chi2: Floats
    p_value: Floats
    global_chi2: float
    global_p_value: float


def proportionality(rows: CoxRows | CoxCells, fit: CoxRowsFit, *, transform: str = "km") -> ProportionalTest:
    """Test the fit of these rows or cells. Raises BadInput ``cox-transform``, ``cox-proportional-flat`` (g is one value)."""
    risk, moments = _at(rows, fit)
    time = time_of(rows, risk.days.day(), transform)
    tied = risk.outcomes.tied
    time = time - float(time @ tied) / float(tied.sum())
    if np.ptp(time) <= 0:
        raise BadInput("cox-proportional-flat")
    slope = time @ day_scores(risk, moments)
    whole = information(risk, moments)
    crossed = information(risk, moments, time)
    squared = information(risk, moments, time**2)
    left = squared - crossed @ np.linalg.solve(whole, crossed)
    chi2 = slope**2 / np.diag(left)
    together = float(slope @ np.linalg.solve(left, slope))
    return ProportionalTest(
        terms=risk.terms,
        transform=transform,
        chi2=chi2,
        p_value=np.asarray(chdtrc(1, chi2)),
        global_chi2=together,
        global_p_value=float(chdtrc(len(slope), together)),
    )


def scaled_schoenfeld(rows: CoxRows | CoxCells, fit: CoxRowsFit) -> tuple[Ints, Floats]:
    """Exit day (events,) and β + d·V·(x - x̄) (events, p) of each row with an event, d events in all: β(t) seen through noise.

    About persons: for use inside the project's space.
    """
    risk, moments = _at(rows, fit)
    scaled = fit.beta + schoenfeld(risk, moments) @ fit.model_covariance * fit.events
    return risk.days.day()[risk.outcomes.at], np.asarray(scaled, dtype=np.float64)


def _at(rows: CoxRows | CoxCells, fit: CoxRowsFit) -> tuple[RiskDays, Moments]:
    risk = risk_days(rows) if isinstance(rows, CoxRows) else risk_days_of_cells(rows)
    if risk.terms != fit.terms:
        raise BadInput("cox-shape", term="fit")
    _, moments = likelihood(risk, tie_terms(risk, fit.ties), fit.beta)
    if moments is None:
        raise BadInput("cox-shape", term="fit")
    return risk, moments


def time_of(rows: CoxRows | CoxCells, day: Ints, transform: str) -> Floats:
    """g of each of these event days, before centring."""
    if transform == "identity":
        return day.astype(np.float64)
    if transform == "log":
        if day.min() <= 0:
            raise BadInput("cox-transform", transform=transform)
        return np.log(day.astype(np.float64))
    n = np.ones(len(rows.exit_), dtype=np.int64) if isinstance(rows, CoxRows) else rows.n
    ends, number = np.unique(rows.exit_, return_inverse=True)
    ended = np.bincount(number, weights=n)
    at = np.searchsorted(ends, day)
    if transform == "rank":
        return np.asarray((np.cumsum(ended) - ended + (ended + 1) / 2)[at], dtype=np.float64)
    if transform != "km":
        raise BadInput("cox-transform", transform=transform)
    at_risk = np.cumsum(ended[::-1])[::-1]
    if rows.entry is not None:
        # At risk on an end day only if it entered before: those of the last end day up to its entry and earlier are not.
        later = np.bincount(np.searchsorted(ends, rows.entry, side="right"), weights=n, minlength=len(ends) + 1)
        at_risk = at_risk - (n.sum() - np.cumsum(later)[:-1])
    died = np.bincount(number, weights=n * rows.event)
    survival = np.cumprod(1 - died / np.maximum(at_risk, 1))
    return np.asarray(1 - np.append(1.0, survival)[at], dtype=np.float64)
