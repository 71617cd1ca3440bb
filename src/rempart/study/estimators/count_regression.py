# SPDX-License-Identifier: Apache-2.0
"""Poisson and negative binomial regression of counts on covariates, with time at risk as offset. Data without events are refused.

Model: events ~ Poisson(μ) or negative binomial with variance μ + αμ² (NB2, α = 1/θ), log μ = log time + intercept + x·β. β and α by
maximum likelihood. Model errors from the expected information (β and α are independent in it), robust ones by the sandwich of the
same with the rows' or clusters' score sums squared, without small-sample factor (HC0). Additive cells of one pattern give the same
Poisson fit as their rows; a negative binomial one does not: there a row is a unit of observation. Sources: McCullagh and Nelder,
Generalized Linear Models, 2nd ed. 1989; Lawless, Can J Stat 1987;15:209; Zeger and Liang, Biometrics 1986;42:121.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput
from rempart.study.estimators.count_newton import (
    Counts,
    beginning,
    dispersion_information,
    dispersion_slope,
    expected_information,
    likelihood,
    maximum,
    overdispersed,
    residual,
)
from rempart.study.estimators.count_rows import INTERCEPT, CountRows

Floats = NDArray[np.float64]
_LEAST_THETA, _LARGEST_THETA = 1e-5, 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFit:
    """``beta`` (p + 1,) log rate ratios after the log rate per unit of time (``terms[0]``, the intercept); their covariances.

    ``covariance`` is of the model, ``robust`` the sandwich. ``dispersion`` α with its ``dispersion_error``; 0 and None for Poisson, and
    where counts vary no more than Poisson ones would (the likelihood is then largest at α = 0: ``boundary``).
    """

    terms: tuple[str, ...]
    beta: Floats
    covariance: Floats
    robust: Floats
    dispersion: float
    dispersion_error: float | None
    boundary: bool
    log_likelihood: float
    events: float
    rows: int
    clusters: int

    def interval(self, term: str, *, level: float = 0.95, robust: bool = False) -> tuple[float, float, float]:
        """Rate ratio of a term (the rate, of the intercept) and its Wald limits on the log scale."""
        at, error = self._at(term, robust)
        reach = -float(ndtri((1 - level) / 2)) * error
        return float(np.exp(at)), float(np.exp(at - reach)), float(np.exp(at + reach))

    def p_value(self, term: str, *, robust: bool = False) -> float:
        """Two-sided Wald p of no effect."""
        at, error = self._at(term, robust)
        return 2 * float(ndtr(-abs(at / error)))

    def _at(self, term: str, robust: bool) -> tuple[float, float]:
        j = self.terms.index(term)
        return float(self.beta[j]), float(np.sqrt((self.robust if robust else self.covariance)[j, j]))


def fit_poisson(rows: CountRows) -> CountFit:
    """Poisson regression. Raises BadInput ``count-separation`` with the term that has no event on one side, ``count-not-converged``."""
    counts = _counts(rows)
    beta = maximum(counts, beginning(counts), 0.0)
    return _fit(rows, counts, beta, 0.0, None, boundary=False)


def fit_negative_binomial(rows: CountRows) -> CountFit:
    """Negative binomial regression: the root of the slope by θ of the likelihood at the best β for each θ, so the joint maximum.

    Raises as ``fit_poisson``, and ``count-dispersion`` where counts scatter beyond any negative binomial (α above 10⁵).
    """
    counts = _counts(rows)
    found = [maximum(counts, beginning(counts), 0.0)]
    if not overdispersed(counts, counts.mean(found[0])):
        return _fit(rows, counts, found[0], 0.0, None, boundary=True)

    def slope(log_theta: float) -> float:
        theta = float(np.exp(log_theta))
        found.append(maximum(counts, found[-1], 1 / theta))
        return dispersion_slope(counts, counts.mean(found[-1]), theta) * theta

    low, high = _around(slope)
    if high is None:
        return _fit(rows, counts, found[0], 0.0, None, boundary=True)
    if low is None:
        raise BadInput("count-dispersion")
    theta = float(np.exp(brentq(slope, low, high, xtol=1e-13, rtol=1e-13)))
    beta = maximum(counts, found[-1], 1 / theta)
    information = dispersion_information(counts, counts.mean(beta), theta)
    error = float(1 / np.sqrt(information) / theta**2) if information > 0 else None
    return _fit(rows, counts, beta, 1 / theta, error, boundary=False)


def _around(slope: Callable[[float], float]) -> tuple[float | None, float | None]:
    """Two log θ between which the slope falls through zero, None where it does not on that side.

    From 1 by factors of ten, so that each β is sought from near it: at the far end, where counts tell next to nothing, a long way to a
    flat maximum looks like separation.
    """
    at, step = 0.0, float(np.log(10))
    rises = slope(at) > 0
    while float(np.log(_LEAST_THETA)) < at < float(np.log(_LARGEST_THETA)):
        after = at + step if rises else at - step
        if (slope(after) > 0) != rises:
            return min(at, after), max(at, after)
        at = after
    return (at, None) if rises else (None, at)


def _counts(rows: CountRows) -> Counts:
    columns, _, _ = rows.design()
    return Counts(
        y=rows.events,
        log_time=np.log(rows.time),
        weight=rows.weights(),
        columns=columns,
        terms=(INTERCEPT, *rows.terms),
    )


def _fit(
    rows: CountRows, counts: Counts, beta: Floats, dispersion: float, error: float | None, *, boundary: bool
) -> CountFit:
    mean = counts.mean(beta)
    bread = np.linalg.inv(expected_information(counts, mean, dispersion))
    scores = counts.columns * residual(counts, mean, dispersion)[:, None]
    if rows.cluster is not None:
        scores = _summed(scores, rows.cluster)
    back = _back(rows)
    return CountFit(
        terms=tuple(counts.terms),
        beta=back @ beta,
        covariance=back @ bread @ back.T,
        robust=back @ bread @ (scores.T @ scores) @ bread @ back.T,
        dispersion=dispersion,
        dispersion_error=error,
        boundary=boundary,
        log_likelihood=likelihood(counts, beta, dispersion),
        events=float(rows.events.sum()),
        rows=len(rows.events),
        clusters=len(scores),
    )


def _back(rows: CountRows) -> Floats:
    """From coefficients of centred columns of range one to those of the columns as given, shape (p + 1, p + 1)."""
    _, centre, reach = rows.design()
    back = np.diag(np.concatenate([[1.0], 1 / reach]))
    back[0, 1:] = -centre / reach
    return back


def _summed(scores: Floats, cluster: NDArray[np.int64]) -> Floats:
    _, at = np.unique(cluster, return_inverse=True)
    total = np.zeros((int(at.max()) + 1, scores.shape[1]))
    np.add.at(total, at.ravel(), scores)
    return total
