# SPDX-License-Identifier: Apache-2.0
"""The reverse waiting time distribution: how long a dispensing lasts, from a histogram of days since the last one. Sees no person.

Of users who go on, the days since their last dispensing have the density S(t)/∫₀^δ S of gaps with survival S, here log-normal, within a
window of δ days; those of users who stopped are spread evenly over it. Source: Støvring, Pottegård and Hallas, Pharmacoepidemiology and
Drug Safety 2016, doi 10.1002/pds.4046 (from memory: confirm); the division by what the window can show is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtr, ndtri

Floats = NDArray[np.float64]
_LEAST = 1e-300  # of a probability, before its logarithm is taken
_TOLD = 20.0  # twice the gain of log-likelihood over an even spread: even waits, drawn again and again, reach 10
_STARTS = ((0.25, 0.3), (0.25, 1.0), (0.75, 0.3))  # quantile of the waits that the median gap begins at, and spread


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTime:
    """``going_on``: share of users who go on; gaps are log-normal with mean ``mu`` and standard deviation ``sigma`` of their logarithm."""

    going_on: float
    mu: float
    sigma: float
    log_likelihood: float

    def percentile(self, share: float) -> float:
        """Days within which that share of users who go on come back: exp(μ + σ Φ⁻¹(share))."""
        return exp(self.mu + self.sigma * float(ndtri(share)))


def fitted(waits: Mapping[int, int], *, window: int) -> WaitingTime | None:
    """The distribution of greatest likelihood. ``waits``: days since the last dispensing (0 to ``window`` − 1) → users.

    None without two different waits, and where the waits tell no more than an even spread, as of users who all stopped.
    """
    counts = np.zeros(window)
    for wait, users in waits.items():
        counts[wait] += users
    if int((counts > 0).sum()) < 2:
        return None
    cumulated = np.cumsum(counts) / counts.sum()
    best = min(
        (
            minimize(_cost, start, args=(counts,), method="Nelder-Mead", options=_PATIENT)
            for start in (_start(cumulated, quantile, spread) for quantile, spread in _STARTS)
        ),
        key=lambda found: float(found.fun),
    )
    even = -float(counts.sum()) * log(window)
    if 2 * (-float(best.fun) - even) < _TOLD:
        return None
    share, mu, spread = (float(number) for number in best.x)
    return WaitingTime(going_on=float(expit(share)), mu=mu, sigma=exp(spread), log_likelihood=-float(best.fun))


_PATIENT = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}


def _start(cumulated: Floats, quantile: float, spread: float) -> Floats:
    day = int(np.searchsorted(cumulated, quantile)) + 1
    return np.array([float(logit(0.8)), log(2.0 * day), log(spread)])


def _cost(parameters: Floats, counts: Floats) -> float:
    """Minus the log-likelihood of the histogram."""
    share, mu, spread = (float(number) for number in parameters)
    if abs(spread) > 8 or abs(mu) > 50 or abs(share) > 40:
        return 1e300
    chances = probabilities(float(expit(share)), mu, exp(spread), len(counts))
    return -float(np.sum(counts * np.log(np.maximum(chances, _LEAST))))


def probabilities(going_on: float, mu: float, sigma: float, window: int) -> Floats:
    """The chance of each whole number of days 0 … ``window`` − 1."""
    survived = limited_mean(np.arange(window + 1, dtype=np.float64), mu, sigma)
    return np.asarray(going_on * np.diff(survived) / survived[-1] + (1 - going_on) / window, dtype=np.float64)


def limited_mean(days: Floats, mu: float, sigma: float) -> Floats:
    """∫₀^x S(t) dt of a log-normal gap: its mean when none is counted longer than x.

    exp(μ + σ²/2) Φ((ln x − μ − σ²)/σ) + x (1 − Φ((ln x − μ)/σ)).
    """
    logs = np.log(np.maximum(days, 1e-12))
    shorter = exp(min(mu + sigma * sigma / 2, 600.0)) * ndtr((logs - mu - sigma * sigma) / sigma)
    return np.asarray(np.where(days > 0, shorter + days * ndtr((mu - logs) / sigma), 0.0), dtype=np.float64)
