# SPDX-License-Identifier: Apache-2.0
"""Whether the curves of k arms are the same: the log-rank test of hazards and Gray's test of cumulative incidence. It estimates no effect.

Both sum a score (k,) and its covariance (k, k) over strata; chi2 = score' V⁻ score with k − 1 degrees of freedom. Ties are exact.

Log-rank: on each day with d events among n, arm g has d·n_g/n expected, with hypergeometric covariance (R ``survival::survdiff``).
Source: Mantel 1966; Peto & Peto 1972. Gray, rho = 0: the estimator of Gray, Ann Statist 1988;16:1141, with R_g = n_g(1 − F_g−)/S_g−,
h_g = n_g/S_g−; in its variance the jumps of a day are binomial, of the cause of interest in the pooled arms and of the others in each
arm, as ``cmprsk::cuminc`` has them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from rempart.errors import BadInput
from rempart.study.estimators.survival_cells import RiskSets, SurvivalCells, by_stratum
from rempart.study.estimators.survival_curves import events_of, greenwood

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_RANK = 1e-9  # an eigenvalue below this share of the largest is none


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveTest:
    """``score`` (k,) observed less expected, its ``covariance`` (k, k), ``chi2`` on ``df`` = k − 1, ``p_value``.

    ``observed``, ``expected`` (k,) events. ``strata`` that compare: two arms at risk on the day of an event; ``idle_strata`` do not, and
    say nothing.
    """

    test: str
    cause: str
    arms: tuple[str, ...]
    observed: Floats
    expected: Floats
    score: Floats
    covariance: Floats
    chi2: float
    df: int
    p_value: float
    strata: int
    idle_strata: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    observed: Floats
    expected: Floats
    covariance: Floats


def log_rank(cells: SurvivalCells, *, cause: str | None = None) -> CurveTest:
    """Compare hazards of any event, or of ``cause`` (the others censor), stratified where the cells have strata.

    Raises BadInput ``survival-cause``, ``survival-one-arm``, ``survival-no-events``, ``survival-no-comparison``.
    """
    parts = (_log_rank(sets, events_of(cells, sets, cause)) for sets in by_stratum(cells))
    return _tested("log-rank", cells, "any" if cause is None else cause, parts)


def gray(cells: SurvivalCells, cause: str) -> CurveTest:
    """Compare cumulative incidences of ``cause`` while others compete, stratified where the cells have strata.

    Raises BadInput as ``log_rank``, and ``survival-late-entry``: all must be followed from the same day.
    """
    begin = cells.begin()[cells.n > 0]
    if np.any(begin != begin[0]):
        raise BadInput("survival-late-entry")
    status = cells.cause(cause)
    return _tested("gray", cells, cause, (_gray(sets, status - 1) for sets in by_stratum(cells)))


def _log_rank(sets: RiskSets, events: Ints) -> _Part:
    on = events.sum(axis=0) > 0
    risk, events = sets.at_risk[:, on].astype(np.float64), events[:, on]
    n, d = risk.sum(axis=0), events.sum(axis=0)
    share = risk / n
    spread = np.divide(d * (n - d), n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    return _Part(
        observed=events.sum(axis=1).astype(np.float64), expected=(share * d).sum(axis=1), covariance=covariance
    )


def _gray(sets: RiskSets, cause: int) -> _Part:
    """Score and variance in a stratum; arrays (k, T) and, for arm g's part played by arm r, (k, k, T)."""
    own, every = sets.events[cause], sets.any_event()
    risk, other = sets.at_risk.astype(np.float64), sets.any_event() - own
    survival, _ = greenwood(sets.at_risk, every)
    before = _previous(survival, 1.0)
    present = risk > 0
    h = np.divide(risk, before, out=np.zeros_like(risk), where=present)
    own_curve = np.cumsum(np.divide(before * own, risk, out=np.zeros_like(risk), where=present), axis=1)
    weight = h * (1 - _previous(own_curve, 0.0))
    d, total = own.sum(axis=0), h.sum(axis=0)
    expected = (weight * np.divide(d, weight.sum(axis=0), out=np.zeros_like(total), where=d > 0)).sum(axis=1)
    pooled = np.cumsum(d / total)
    covariance = _gray_covariance(h, pooled, d, (risk, other, survival, before))
    return _Part(observed=own.sum(axis=1).astype(np.float64), expected=expected, covariance=covariance)


def _gray_covariance(h: Floats, pooled: Floats, d: Ints, groups: tuple[Floats, Ints, Floats, Floats]) -> Floats:
    risk, other, survival, before = groups
    total, left = h.sum(axis=0), 1 - _previous(pooled, 0.0)
    a = np.einsum("gr,rt->grt", np.eye(len(h)), h) - h[:, None] * h[None] / total
    rate = np.divide(d, total * left, out=np.zeros_like(total), where=d > 0)
    c = np.cumsum(a * rate, axis=2)
    to_come = c[:, :, -1:] - c
    ratio = np.divide(1 - pooled, survival, out=np.zeros_like(survival), where=survival > 0)
    as_if = total * before  # the size of the pooled arms, were they as depleted as this one
    tied = np.divide(d - 1.0, as_if - 1, out=np.zeros_like(as_if), where=(d > 1) & (risk > 0))
    mass = np.divide(d * (1 - tied), total * h, out=np.zeros_like(h), where=risk > 0)
    bound = a + np.where(survival > 0, 1 - ratio, 1.0) * to_come
    n = np.maximum(risk, 1)
    alone = np.divide(other - 1.0, n - 1, out=np.zeros_like(n), where=other > 1)
    rival = np.where(survival > 0, before**2 * other * (1 - alone) / n**2, 0.0)
    away = ratio * to_come
    return np.asarray(
        np.einsum("grt,hrt,rt->gh", bound, bound, mass) + np.einsum("grt,hrt,rt->gh", away, away, rival),
        dtype=np.float64,
    )


def _previous(values: Floats, first: float) -> Floats:
    """Each value one day earlier, along the last axis."""
    start = np.full((*values.shape[:-1], 1), first)
    return np.concatenate([start, values[..., :-1]], axis=-1)


def _tested(test: str, cells: SurvivalCells, cause: str, parts: Iterable[_Part]) -> CurveTest:
    size = len(cells.arms)
    observed, expected, covariance = np.zeros(size), np.zeros(size), np.zeros((size, size))
    comparing = idle = 0
    for part in parts:
        observed, expected, covariance = (
            observed + part.observed,
            expected + part.expected,
            covariance + part.covariance,
        )
        compares = bool(np.any(np.diag(part.covariance) > 0))
        comparing, idle = comparing + compares, idle + (not compares)
    score = observed - expected
    chi2 = _quadratic(score, covariance, cells.arms, bool(observed.sum()))
    return CurveTest(
        test=test,
        cause=cause,
        arms=cells.arms,
        observed=observed,
        expected=expected,
        score=score,
        covariance=covariance,
        chi2=chi2,
        df=size - 1,
        p_value=float(chdtrc(size - 1, chi2)),
        strata=comparing,
        idle_strata=idle,
    )


def _quadratic(score: Floats, covariance: Floats, arms: tuple[str, ...], any_event: bool) -> float:
    """score' V⁻ score without the last arm, whose score is minus the sum of the others'."""
    if len(arms) < 2:
        raise BadInput("survival-one-arm")
    if not any_event:
        raise BadInput("survival-no-events")
    alone = np.flatnonzero(np.diag(covariance) <= 0)
    if len(alone):
        raise BadInput("survival-no-comparison", arm=arms[int(alone[0])])
    kept = covariance[:-1, :-1]
    scale = np.sqrt(np.diag(kept))
    found = np.linalg.eigvalsh(kept / np.outer(scale, scale))
    if found[0] <= _RANK * found[-1]:
        raise BadInput("survival-no-comparison", arm=", ".join(arms))
    return float(score[:-1] @ np.linalg.solve(kept, score[:-1]))
