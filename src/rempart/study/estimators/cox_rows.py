# SPDX-License-Identifier: Apache-2.0
"""Cox proportional hazards on rows of follow-up, and on counts of them by pattern and day: one code for both.

Model: hazard(t | x) = h_s(t)·exp(xβ), a baseline for each stratum s; partial likelihood with Efron (default) or Breslow ties, left
truncation, time-varying covariates as several rows a person, case weights. Whole days; a row covers (entry, exit]; an event belongs
to the exit day. Variance: inverse information, or the sandwich with score residuals summed by person (``robust``).
A time step is two passes over the rows: O(N·p²) operations, O(event days · p) memory beside the rows; nothing is sorted.
Sources: Cox 1972; Breslow 1974; Efron 1977; Lin & Wei 1989; the scan of reference statistics 2.2 and 2.3. Digits agree with R
survival 3.5 (tests/vectors/r/cox_rows.R). Not here: frailty, penalties, exact ties, concordance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput
from rempart.study.estimators.cox_days import RiskDays, risk_days, risk_days_of_cells
from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_moments import Moments
from rempart.study.estimators.cox_newton import maximum
from rempart.study.estimators.cox_residuals import sandwich

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxRowsFit:
    """``beta`` (p,) log hazard ratios; ``error`` (p,) and ``covariance`` (p, p), robust where ``robust``; ``model_covariance`` always
    the inverse information. Log partial likelihood at β and at 0; score test of β = 0 (the log-rank test for groups).

    ``clusters`` persons or rows summed in the robust variance (0 without); ``idle_strata`` strata that held no event and said nothing.
    """

    terms: tuple[str, ...]
    ties: str
    beta: Floats
    error: Floats
    covariance: Floats
    model_covariance: Floats
    robust: bool
    log_likelihood: float
    null_log_likelihood: float
    score_test: float
    events: int
    clusters: int
    idle_strata: int
    steps: int

    def interval(self, term: int, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of a hazard ratio."""
        z = -float(ndtri((1 - level) / 2))
        middle, width = float(self.beta[term]), z * float(self.error[term])
        return float(np.exp(middle - width)), float(np.exp(middle + width))

    def p_value(self, term: int) -> float:
        """Two-sided Wald test that the ratio is 1."""
        return float(2 * ndtr(-abs(self.beta[term] / self.error[term])))


def fit_rows(rows: CoxRows, *, ties: str = "efron", robust: bool = False, idle_strata: str = "refuse") -> CoxRowsFit:
    """Fit rows. ``robust``: sandwich variance, summed by ``rows.person`` (by row where no person is given).

    ``idle_strata`` "refuse" or "keep" (they say nothing of β; the fit counts them). Raises BadInput as ``fit_days``.
    """
    return fit_days(risk_days(rows), ties=ties, robust=robust, idle_strata=idle_strata)


def fit_cells(cells: CoxCells, *, ties: str = "efron", robust: bool = False, idle_strata: str = "refuse") -> CoxRowsFit:
    """Fit counts: the same estimate and errors as on the persons behind them; ``robust`` takes each person as one row."""
    return fit_days(risk_days_of_cells(cells), ties=ties, robust=robust, idle_strata=idle_strata)


def fit_days(risk: RiskDays, *, ties: str = "efron", robust: bool = False, idle_strata: str = "refuse") -> CoxRowsFit:
    """Fit a day index.

    Raises BadInput ``cox-too-few-events`` (fewer than covariates, or one), ``cox-stratum-without-events``, ``cox-separation``,
    ``cox-collinear``, ``cox-covariate-idle`` (no difference among those at risk at any event), ``cox-not-converged``, ``cox-ties``.
    """
    return fitted(risk, ties=ties, robust=robust, idle_strata=idle_strata)[0]


def fitted(risk: RiskDays, *, ties: str, robust: bool, idle_strata: str = "refuse") -> tuple[CoxRowsFit, Moments]:
    """The fit and the sums at its maximum, which residuals and tests of the same model start from. Raises as ``fit_days``."""
    events = int(risk.outcomes.tied.sum())
    if risk.idle_strata and idle_strata != "keep":
        raise BadInput("cox-stratum-without-events")
    if events < max(2, len(risk.terms)):
        # Always the last: which one it is must not count the events.
        raise BadInput("cox-too-few-events", term=risk.terms[-1])
    found = maximum(risk, ties)
    inverse = _inverse(found.information)
    covariance, clusters = sandwich(risk, found.moments, inverse) if robust else (inverse, 0)
    fit = CoxRowsFit(
        terms=risk.terms,
        ties=ties,
        beta=found.beta,
        error=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        model_covariance=inverse,
        robust=robust,
        log_likelihood=found.value,
        null_log_likelihood=found.null,
        score_test=found.score_test,
        events=events,
        clusters=clusters,
        idle_strata=risk.idle_strata,
        steps=found.steps,
    )
    return fit, found.moments


def _inverse(matrix: Floats) -> Floats:
    scale = np.sqrt(np.diag(matrix))
    inverse = np.linalg.inv(matrix / np.outer(scale, scale)) / np.outer(scale, scale)
    return np.asarray((inverse + inverse.T) / 2, dtype=np.float64)
