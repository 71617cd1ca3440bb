# SPDX-License-Identifier: Apache-2.0
"""Pooled logistic models of trials on counts of person-intervals, robust errors by person, standardised risks. Reads no evidence.

logit p(interval) = arm (and its change with time) + time + trial + levels. The weighted counts by cell and interval are all that the
likelihood sees. Errors: sandwich HC0 with scores summed over all trials and clones of a person, weights as known; a bootstrap of persons
fits the weights anew. Risks are standardised to everybody in the trials; their errors hold who that is.
Sources: statistics.md 2.12; Hernán & Robins, Am J Epidemiol 2016;183:758; Danaei et al., Stat Methods Med Res 2013;22:70; Sjölander,
Eur J Epidemiol 2016;31:563.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from rempart.errors import BadInput
from rempart.study.estimators.pooled_logistic import PooledFit
from rempart.study.estimators.weighted_contrast import Contrast, contrast
from rempart.study.ratio import TERM
from rempart.study.target_trials import Bools, Floats, Grid, Histories
from rempart.study.trial_columns import ModelRows, Terms, design, fit_columns, parabola, with_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """``x`` (C, M, p) of all cells with the columns of the fit; ``kept`` (C,): cells that are in it; ``weight`` (K, M), of paths."""

    fit: PooledFit
    x: Floats
    kept: Bools
    weight: Floats


def outcome_model(told: Histories, cells: Grid, person: Floats, weight: Floats, terms: Terms) -> Fitted:
    """The model of the outcome. Raises BadInput ``pooled-…`` as ``fit_counts``; ``pooled-separation`` for an arm without outcome."""
    counts = cells.counts(person[cells.rows.of])
    risk, plain = cells.of_cells(counts.risk * weight), cells.of_cells(counts.events)
    events = cells.of_cells(counts.events * weight)
    for arm in (0, 1):
        if not plain[cells.arm == arm].sum() > 0:
            raise BadInput("pooled-separation", term=TERM)
    rows = ModelRows.of(told, cells, terms, 0)
    kept = with_event(rows, plain, np.ones(len(cells.arm), dtype=bool))
    x, names = design(rows, terms, months=np.ones(cells.months, dtype=bool), kept=kept, arms=True)
    fit = fit_columns(x[kept], names, risk[kept], events[kept], need=TERM)
    own = [names.index(term) for term in fit.terms]
    return Fitted(fit=fit, x=x[:, :, own], kept=kept, weight=weight)


def robust(found: Fitted, told: Histories, cells: Grid) -> PooledFit:
    """The fit with errors robust by person: the scores of all rows of a person are summed before squaring. ``scores`` (H, p): of one person
    of each history."""
    kept, rows = found.kept[cells.within], cells.rows
    p = expit(found.x @ found.fit.beta)[cells.within] * found.weight * kept[:, None]
    at = (cells.path, rows.exit_ - 1)
    happened = (rows.event & kept[cells.path]) * found.weight[at]
    scores = np.zeros((len(told.n), found.x.shape[2]))
    for j in range(found.x.shape[2]):
        held = np.cumsum(p * found.x[cells.within, :, j], axis=1)
        moves = happened * found.x[cells.cell, rows.exit_ - 1, j] - held[at]
        scores[:, j] = np.bincount(rows.of, weights=moves, minlength=len(told.n))
    moved = scores @ found.fit.model_covariance
    covariance = (moved * told.n[:, None]).T @ moved
    return replace(found.fit, covariance=np.asarray((covariance + covariance.T) / 2), robust=True, scores=scores)


def reached(found: Fitted, cells: Grid, person: Floats) -> tuple[int, int]:
    """The last interval in which anybody counts whom the fit is made of, of who starts and of who does not; 0: nobody. A later one would be
    drawn by the parabola alone."""
    risk = cells.of_cells(cells.counts(person[cells.rows.of]).risk * found.weight)
    one, other = (np.flatnonzero((risk[found.kept & (cells.arm == arm)] > 0).any(axis=0)) for arm in (1, 0))
    return int(one.max(initial=-1)) + 1, int(other.max(initial=-1)) + 1


def standardised(found: Fitted, told: Histories, cells: Grid, person: Floats) -> Contrast:
    """Risks by the last interval if all had started, and if none had, of everybody in any trial. With the scores of a robust fit their
    errors hold who is in the trials too: influence of each person on coefficients and on the mean together, summed before squaring."""
    base = np.bincount(cells.cell, weights=person[cells.rows.of], minlength=len(cells.arm)).astype(np.float64)
    sides = [_mean_risk(found, told, cells, (base, arm)) for arm in (1, 0)]
    root = np.sqrt(told.n)
    return contrast("standardised risk", (sides[0][0], sides[1][0]), (sides[0][1] * root, sides[1][1] * root))


def _mean_risk(found: Fitted, told: Histories, cells: Grid, over: tuple[Floats, int]) -> tuple[float, Floats]:
    """The mean risk of everybody in an arm, and the influence (H,) that one person of each history has on it; 0 without scores."""
    (base, arm), beta = over, found.fit.beta
    x = _as(found, arm)[found.kept]
    eta = x @ beta
    survival = np.exp(-np.logaddexp(0.0, eta).sum(axis=1))
    risk = np.zeros(len(base))
    risk[found.kept] = 1 - survival
    share = base / base.sum()
    mean = float(share @ risk)
    if not len(found.fit.scores):
        return mean, np.zeros(len(told.n))
    slope = (share[found.kept] * survival) @ np.einsum("cm,cmp->cp", expit(eta), x)
    moved = found.fit.scores @ (found.fit.model_covariance @ slope)
    own = np.bincount(cells.rows.of, weights=(risk - mean)[cells.cell], minlength=len(told.n)) / base.sum()
    return mean, moved + own


def _as(found: Fitted, arm: int) -> Floats:
    """The design with everybody in one arm."""
    x, timed = found.x.copy(), dict(parabola(found.x.shape[1]))
    for place, name in enumerate(found.fit.terms):
        if name == TERM:
            x[:, :, place] = arm
        elif name.startswith(f"{TERM}, "):
            x[:, :, place] = arm * timed[name.removeprefix(f"{TERM}, ")]
    return x
