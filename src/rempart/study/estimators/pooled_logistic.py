# SPDX-License-Identifier: Apache-2.0
"""Logistic regression on counts by covariate pattern, as used for person-months (pooled logistic): few patterns, any number of persons.

Model: events of pattern k ~ Binomial(n_k, p_k), logit p_k = x_kβ; the caller gives the intercept and the columns of time. Counts may
be sums of weights. It is the fit on the rows behind the counts. Variance: inverse information (``fit_counts``), or, where the
rows are given (``fit_rows``), the sandwich with scores summed by person (Huber–White HC0, no small-sample factor; R sandwich
``vcovCL`` with type HC0, cadjust FALSE). Newton with step-halving (reference 2.6). Rare events per month make the odds ratio a hazard
ratio (D'Agostino et al., Stat Med 1990;9:1501). Not here: penalties (see the propensity score), exact methods.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from rempart.errors import BadInput
from rempart.study.estimators.score_input import check_units, sums_by

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_STEPS, _HALVINGS, _TOLERANCE = 50, 30, 1e-12
_SINGULAR, _SEPARATED = 1e-10, 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledFit:
    """``beta`` (p,), log odds ratios; ``covariance`` (p, p), robust where ``robust``; ``model_covariance`` the inverse information.

    ``left_out``: rows of weight 0. ``scores`` (U, p): of each unit the sum of its score, empty without rows: what a standardised risk takes
    its variance from.
    """

    terms: tuple[str, ...]
    beta: Floats
    covariance: Floats
    model_covariance: Floats
    robust: bool
    log_likelihood: float
    events: float
    steps: int
    scores: Floats
    left_out: int = 0

    def error(self) -> Floats:
        """Standard errors, (p,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)), dtype=np.float64)

    def interval(self, term: int, *, level: float = 0.95) -> tuple[float, float]:
        """Wald limits of an odds ratio."""
        width = -float(ndtri((1 - level) / 2)) * float(self.error()[term])
        return float(np.exp(self.beta[term] - width)), float(np.exp(self.beta[term] + width))

    def p_value(self, term: int) -> float:
        """Two-sided Wald test that the odds ratio is 1."""
        return float(2 * ndtr(-abs(self.beta[term] / self.error()[term])))


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCounts:
    """``x`` (P, p) one row a pattern, ``terms``; ``n`` and ``events`` (P,): (weighted) person-months and events, 0 <= events <= n.

    Raises BadInput ``pooled-shape``, ``pooled-not-finite`` (names the covariate), ``pooled-counts``.
    """

    x: Floats
    terms: tuple[str, ...]
    n: Floats
    events: Floats

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.x.shape[1] != len(self.terms) or not self.terms or not len(self.x):
            raise BadInput("pooled-shape")
        if self.n.shape != (len(self.x),) or self.events.shape != (len(self.x),):
            raise BadInput("pooled-shape")
        for j, term in enumerate(self.terms):
            if not np.isfinite(self.x[:, j]).all():
                raise BadInput("pooled-not-finite", term=term)
        sound = np.isfinite(self.n).all() and np.isfinite(self.events).all()
        if not sound or self.events.min() < 0 or (self.events > self.n * (1 + 1e-9)).any():
            raise BadInput("pooled-counts")


def fit_counts(counts: PatternCounts) -> PooledFit:
    """Maximum likelihood on counts, variance from the model.

    Raises BadInput ``pooled-no-events``, ``pooled-all-events``, ``pooled-collinear``, ``pooled-separation`` and
    ``pooled-too-few-events`` (fewer than columns beside the intercept; these three name the covariate), ``pooled-not-converged``.
    """
    _check_enough(float(counts.events.sum()), float((counts.n - counts.events).sum()), counts.terms)
    return _fitted(counts)


def _check_enough(events: float, others: float, terms: Sequence[str]) -> None:
    """As many events, and as many without, as columns beside the intercept; none at all is told by ``_fitted``."""
    columns = max(2, len(terms) - 1)
    if events and others and min(events, others) < columns * (1 - 1e-9) and len(terms) > 1:
        raise BadInput("pooled-too-few-events", term=terms[-1])


def _fitted(counts: PatternCounts) -> PooledFit:
    seen = counts.n > 0
    x, n, d = counts.x[seen], counts.n[seen], counts.events[seen]
    if not d.sum() > 0:
        raise BadInput("pooled-no-events")
    if not (n - d).sum() > 1e-9 * n.sum():
        raise BadInput("pooled-all-events")
    scale = np.sqrt((n[:, None] * x**2).sum(axis=0) / n.sum())
    scale = np.where(scale > 0, scale, 1.0)
    beta, inverse, value, steps = _newton(x / scale, n, d, counts.terms)
    covariance = inverse / np.outer(scale, scale)
    return PooledFit(
        terms=counts.terms,
        beta=beta / scale,
        covariance=covariance,
        model_covariance=covariance,
        robust=False,
        log_likelihood=value,
        events=float(d.sum()),
        steps=steps,
        scores=np.zeros((0, len(counts.terms))),
    )


def _newton(x: Floats, n: Floats, d: Floats, terms: Sequence[str]) -> tuple[Floats, Floats, float, int]:
    beta = np.zeros(len(terms))
    value = _likelihood(x @ beta, n, d)
    information = _information(x, n, beta)
    _check_distinct(information, terms)
    for step in range(1, _STEPS + 1):
        score = x.T @ (d - n * expit(x @ beta))
        move = _move(information, score)
        proposal, new = _halved(x, (n, d), (beta, move), value)
        gain, small = new - value, bool(score @ move <= _TOLERANCE * (1 + abs(value)))
        beta, value = proposal, new
        information = _information(x, n, beta)
        if gain <= _TOLERANCE * (1 + abs(value)) and small:
            _check_separation(x, (n, d), information, terms)
            return beta, np.asarray(np.linalg.inv(information), dtype=np.float64), value, step
    _check_separation(x, (n, d), information, terms)
    raise BadInput("pooled-not-converged", steps=_STEPS)


def _likelihood(eta: Floats, n: Floats, d: Floats) -> float:
    return float(d @ eta - n @ np.logaddexp(0.0, eta))


def _information(x: Floats, n: Floats, beta: Floats) -> Floats:
    p = expit(x @ beta)
    return np.asarray(x.T @ (x * (n * p * (1 - p))[:, None]), dtype=np.float64)


def _halved(x: Floats, seen: tuple[Floats, Floats], at: tuple[Floats, Floats], value: float) -> tuple[Floats, float]:
    (n, d), (beta, move) = seen, at
    for _ in range(_HALVINGS):
        new = _likelihood(x @ (beta + move), n, d)
        if np.isfinite(new) and new >= value:
            return beta + move, new
        move = move / 2
    return beta, value


def _move(information: Floats, score: Floats) -> Floats:
    """The Newton step; along what the data no longer tell (separation on its way) as far as least squares goes."""
    try:
        move = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
    except np.linalg.LinAlgError:
        move = np.asarray(np.linalg.lstsq(information, score)[0], dtype=np.float64)
    return move if np.isfinite(move).all() else np.zeros(len(score))


def _check_distinct(information: Floats, terms: Sequence[str]) -> None:
    """The first covariate that is a sum of those before it (or nothing but zeros), by Cholesky on unit diagonal."""
    width = np.sqrt(np.diag(information))
    for j in range(len(terms)):
        if not width[j] > 0:
            raise BadInput("pooled-collinear", term=terms[j])
        unit = information[: j + 1, : j + 1] / np.outer(width[: j + 1], width[: j + 1])
        rest = 1.0
        if j:
            rest = 1.0 - float(unit[j, :j] @ np.linalg.solve(unit[:j, :j], unit[:j, j]))
        if rest < _SINGULAR:
            raise BadInput("pooled-collinear", term=terms[j])


def _check_separation(x: Floats, counts: tuple[Floats, Floats], information: Floats, terms: Sequence[str]) -> None:
    """A direction that tells next to nothing at the maximum beside what it would tell if all had the same chance has no finite estimate."""
    n, d = counts
    mean = d.sum() / n.sum()
    root = np.linalg.cholesky(x.T @ (x * n[:, None]) * mean * (1 - mean))
    inner = np.linalg.solve(root, np.linalg.solve(root, information).T)
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    if values[0] < _SEPARATED:
        along = np.abs(np.linalg.solve(root.T, vectors[:, 0]))
        raise BadInput("pooled-separation", term=terms[int(np.flatnonzero(along >= along.max() / 2)[-1])])


def fit_rows(
    x: Floats,
    terms: Sequence[str],
    pattern: Ints,
    event: Bools,
    weight: Floats,
    *,
    unit: Ints | None = None,
) -> PooledFit:
    """Fit rows (R,) of person-time: ``pattern`` their row of ``x`` (P, p); robust variance with scores summed by ``unit``.

    Raises BadInput as ``PatternCounts``, ``fit_counts`` and ``check_units``, and ``pooled-weight``.
    """
    if not (pattern.shape == event.shape == weight.shape) or not len(pattern):
        raise BadInput("pooled-shape")
    if pattern.min() < 0 or pattern.max() >= len(x):
        raise BadInput("pooled-shape")
    if not np.isfinite(weight).all() or weight.min() < 0:
        raise BadInput("pooled-weight")
    n = sums_by(pattern, weight, len(x))
    d = sums_by(pattern, np.where(event, weight, 0.0), len(x))
    _check_enough(float((event & (weight > 0)).sum()), float((~event & (weight > 0)).sum()), terms)
    fit = _fitted(PatternCounts(x=x, terms=tuple(terms), n=n, events=d))
    of = check_units(unit, len(pattern))
    left = weight * (event - expit(x @ fit.beta)[pattern])
    scores: Floats = np.column_stack([sums_by(of, left * x[pattern, j]) for j in range(len(terms))])
    moved = scores @ fit.model_covariance
    return replace(fit, covariance=moved.T @ moved, robust=True, scores=scores, left_out=int((weight == 0).sum()))
