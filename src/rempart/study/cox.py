# SPDX-License-Identifier: Apache-2.0
"""Cox proportional hazards on counts by covariate pattern and day: exact, since patterns and days are all the likelihood sees.

Model: hazard(t | x) = h0(t)·exp(xβ); partial likelihood with Efron or Breslow ties, left truncation, whole days, (entry, exit].
Shapes: P patterns, E event days, p coefficients. Memory O(P·E). Sources: Cox 1972; Efron 1977; Breslow 1974; the information in
Gram form and the aggregation as in reference statistics 2.2 and 2.3. Newton with step-halving; separation is never returned silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_STEPS, _HALVINGS = 60, 30
_TOLERANCE = 1e-10
_SEPARATED = 15.0  # |coefficient| over the range of its column: a ratio of three million is no finite estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSets:
    """``x`` (P, p); ``at_risk`` and ``events`` (P, E): persons at risk and outcomes of each pattern on each event day."""

    x: Floats
    at_risk: Floats
    events: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxFit:
    """``beta``, ``error`` (Wald) of length p; ``covariance`` (p, p); log partial likelihood; Newton steps taken."""

    terms: tuple[str, ...]
    beta: Floats
    error: Floats
    covariance: Floats
    log_likelihood: float
    steps: int
    converged: bool

    def interval(self, term: int, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of a hazard ratio."""
        z = -float(ndtri((1 - level) / 2))
        return float(np.exp(self.beta[term] - z * self.error[term])), float(
            np.exp(self.beta[term] + z * self.error[term])
        )

    def p_value(self, term: int) -> float:
        """Two-sided Wald test that the ratio is 1."""
        return float(2 * ndtr(-abs(self.beta[term] / self.error[term])))


def risk_sets(pattern: Ints, entry: Ints, exit_: Ints, event: NDArray[np.bool_], *, n: Ints, x: Floats) -> RiskSets:
    """Risk sets from cells (equal-length arrays): ``pattern`` indexes the rows of ``x``; ``n`` persons of each cell."""
    days = np.unique(exit_[event & (n > 0)])
    shape = (len(x), len(days))
    if not len(days):
        return RiskSets(x=x, at_risk=np.zeros(shape), events=np.zeros(shape))
    events = np.zeros(shape)
    np.add.at(events, (pattern[event], np.searchsorted(days, exit_[event])), n[event])
    # A cell is at risk on event days in (entry, exit]: add at the first such day, take away after the last.
    steps = np.zeros((len(x), len(days) + 1))
    np.add.at(steps, (pattern, np.searchsorted(days, entry, side="right")), n)
    np.add.at(steps, (pattern, np.searchsorted(days, exit_, side="right")), -n)
    return RiskSets(x=x, at_risk=np.cumsum(steps, axis=1)[:, :-1], events=events)


def fit(sets: RiskSets, terms: Sequence[str], *, ties: str = "efron") -> CoxFit:
    """Maximum partial likelihood. Raises BadInput ``cox-no-events``, ``cox-separation``, ``cox-collinear``, ``cox-not-converged``."""
    if not sets.events.sum():
        raise BadInput("cox-no-events")
    beta = np.zeros(sets.x.shape[1])
    value, score, information = _derivatives(sets, beta, ties)
    for step in range(1, _STEPS + 1):
        move = _solve(information, score, terms)
        proposal, new = _halved(sets, beta, move, value, ties)
        gain = new[0] - value
        beta, (value, score, information) = proposal, new
        _check_separation(sets, beta, terms)
        if gain <= _TOLERANCE * (1 + abs(value)) and _small(score, information):
            covariance: Floats = np.asarray(np.linalg.inv(information), dtype=np.float64)
            return CoxFit(
                terms=tuple(terms),
                beta=beta,
                error=np.sqrt(np.diag(covariance)),
                covariance=covariance,
                log_likelihood=value,
                steps=step,
                converged=True,
            )
    raise BadInput("cox-not-converged", steps=_STEPS)


def _small(score: Floats, information: Floats) -> bool:
    """The score, measured in standard errors, is nothing."""
    return bool(np.all(np.abs(score) <= 1e-6 * np.sqrt(np.maximum(np.diag(information), 1e-300))))


def _halved(
    sets: RiskSets, beta: Floats, move: Floats, value: float, ties: str
) -> tuple[Floats, tuple[float, Floats, Floats]]:
    """The first of move, move/2, move/4 … that does not lower the likelihood (rounding apart)."""
    allowed = _TOLERANCE * (1 + abs(value))
    for halving in range(_HALVINGS):
        proposal = beta + move / 2**halving
        if np.max(np.abs(sets.x @ proposal), initial=0.0) < 500:
            new = _derivatives(sets, proposal, ties)
            if np.isfinite(new[0]) and new[0] >= value - allowed:
                return proposal, new
    raise BadInput("cox-not-converged", steps=_HALVINGS)


def _solve(information: Floats, score: Floats, terms: Sequence[str]) -> Floats:
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    correlation = information / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < 1e-9:
        raise BadInput("cox-collinear", term=terms[int(np.argmax(np.abs(vectors[:, 0])))])
    return np.asarray(np.linalg.solve(correlation, score / scale) / scale)


def _check_separation(sets: RiskSets, beta: Floats, terms: Sequence[str]) -> None:
    """A coefficient that has left every plausible range while the likelihood still creeps up has no finite estimate."""
    reach = np.abs(beta) * np.ptp(sets.x, axis=0)
    worst = int(np.argmax(reach))
    if reach[worst] > _SEPARATED:
        raise BadInput("cox-separation", term=terms[worst])


def _derivatives(sets: RiskSets, beta: Floats, ties: str) -> tuple[float, Floats, Floats]:
    """Log partial likelihood, score (p,) and information (p, p) at ``beta``."""
    x = sets.x
    theta = np.exp(x @ beta)
    s0, s1 = theta @ sets.at_risk, (x * theta[:, None]).T @ sets.at_risk
    tied = sets.events.sum(axis=0).astype(np.int64)
    day = np.repeat(np.arange(len(tied)), tied)
    if ties == "efron":
        first = np.repeat(np.cumsum(tied) - tied, tied)
        share = (np.arange(len(day)) - first) / tied[day]
        e0, e1 = theta @ sets.events, (x * theta[:, None]).T @ sets.events
        den, mean = s0[day] - share * e0[day], s1[:, day] - share * e1[:, day]
    else:
        share, den, mean = np.zeros(len(day)), s0[day], s1[:, day]
    mean = mean / den
    own = sets.events.sum(axis=1)
    value = float(own @ (x @ beta) - np.log(den).sum())
    score = own @ x - mean.sum(axis=1)
    hazard = np.bincount(day, weights=1 / den, minlength=len(tied))
    shared = np.bincount(day, weights=share / den, minlength=len(tied))
    weight = theta * (sets.at_risk @ hazard - sets.events @ shared)
    return value, score, (x * weight[:, None]).T @ x - mean @ mean.T
