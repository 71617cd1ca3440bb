# SPDX-License-Identifier: Apache-2.0
"""Pooled logistic models of trials on counts of person-intervals, weights for staying, robust errors by person. Reads no evidence.

logit p(interval) = arm (and its change with time) + time + trial + levels. The counts by cell and interval are all that the likelihood
sees. Weights for staying: 1 / the chance of not having deviated by the end of the interval before, from a pooled logistic model of
deviation in each arm (time, trial, levels), times that chance by arm and interval alone (stabilised), cut to percentiles. Errors: sandwich
HC0 with scores summed over all trials and clones of a person, weights as known; a bootstrap of persons fits the weights anew. A level
without any outcome is set aside: the likelihood's limit, a risk of 0.
Sources: statistics.md 2.12; Hernán & Robins, Am J Epidemiol 2016;183:758; Danaei et al., Stat Methods Med Res 2013;22:70.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from rempart.errors import BadInput
from rempart.study.estimators.pooled_logistic import PatternCounts, PooledFit, fit_counts
from rempart.study.estimators.standardisation import standardised_curves
from rempart.study.estimators.weighted_contrast import Contrast
from rempart.study.ratio import TERM
from rempart.study.target_trials import Bools, Floats, Grid, Histories, Ints

_DEPENDENT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a model is made: ``covariates`` (places in the histories' levels), ``each`` interval its own risk, ``varying`` with the arm."""

    covariates: tuple[int, ...]
    each: bool
    varying: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """``x`` (C, M, p) of all cells with the columns of the fit; ``kept`` (C,): cells that are in it; ``weight`` (C, M)."""

    fit: PooledFit
    x: Floats
    kept: Bools
    weight: Floats


def staying(told: Histories, cells: Grid, person: Floats, terms: Terms, *, cut: tuple[int, int] = (0, 100)) -> Floats:
    """Stabilised weights (C, M) of each interval; ``person`` (H,): how much each history counts. Raises as ``fit_counts``."""
    risk, events, left = cells.counts(person[cells.rows.of])
    through, alone = np.zeros(risk.shape), np.zeros(risk.shape)
    for arm in (0, 1):
        mine = cells.arm == arm
        if not left[mine].sum() > 0:
            continue
        stay = risk - events
        total = stay[mine].sum(axis=0)
        gone = np.divide(left[mine].sum(axis=0), total, out=np.zeros(len(total)), where=total > 0)
        gone[gone >= 1] = 0.0
        alone[mine] = _before(np.log1p(-np.minimum(gone, 1 - 1e-12)))
        chance = _deviation(told, cells, (stay, left), mine, terms)
        through[mine] = _before(np.log1p(-np.minimum(chance, 1 - 1e-12)))
    weight = np.exp(alone - through)
    return _cut(weight, risk, cut)


def _before(log: Floats) -> Floats:
    """Sums over the intervals before each."""
    held = np.cumsum(log, axis=-1)
    return np.concatenate([np.zeros((*held.shape[:-1], 1)), held[..., :-1]], axis=-1)


def _deviation(told: Histories, cells: Grid, counts: tuple[Floats, Floats], mine: Bools, terms: Terms) -> Floats:
    """Chance of deviating at the end of each interval, of the cells of one arm; 0 in intervals at whose end nobody of the arm does, or
    everybody: nobody is left then whom it could weight."""
    stay, left = counts
    found, total = np.zeros(stay.shape), left[mine].sum(axis=0)
    months = (total > 0) & (total < stay[mine].sum(axis=0))
    if not months.any():
        return np.asarray(found[mine], dtype=np.float64)
    kept = _with_event(told, cells, left, mine, terms)
    x, names = _design(told, cells, replace(terms, varying=False), arm=None, months=months, kept=kept)
    fit = _fit(x[kept][:, months], names, stay[kept][:, months], left[kept][:, months], need="")
    at = np.ix_(kept, months)
    found[at] = expit(x[at] @ _spread(fit, names))
    return np.asarray(found[mine], dtype=np.float64)


def outcome_model(told: Histories, cells: Grid, person: Floats, weight: Floats, terms: Terms) -> Fitted:
    """The model of the outcome. Raises BadInput ``pooled-…`` as ``fit_counts``; ``pooled-separation`` for an arm without outcome."""
    risk, events, _ = cells.counts(person[cells.rows.of])
    for arm in (0, 1):
        if not events[cells.arm == arm].sum() > 0:
            raise BadInput("pooled-separation", term=TERM)
    everywhere = np.ones(len(cells.arm), dtype=bool)
    months = np.ones(cells.months, dtype=bool)
    kept = _with_event(told, cells, events, everywhere, terms)
    x, names = _design(told, cells, terms, arm=cells.arm, months=months, kept=kept)
    fit = _fit(x[kept], names, (risk * weight)[kept], (events * weight)[kept], need=TERM)
    own = [names.index(term) for term in fit.terms]
    return Fitted(fit=fit, x=x[:, :, own], kept=kept, weight=weight)


def _with_event(told: Histories, cells: Grid, events: Floats, inside: Bools, terms: Terms) -> Bools:
    """Cells whose every level has an event, level by level until nothing more falls away."""
    kept, total = inside.copy(), events.sum(axis=1)
    while True:
        before = int(kept.sum())
        for at in terms.covariates:
            levels = told.levels[at][cells.first]
            kept &= np.isin(levels, np.unique(levels[kept & (total > 0)]))
        if int(kept.sum()) == before:
            return kept


def _design(
    told: Histories, cells: Grid, terms: Terms, *, arm: Ints | None, months: Bools, kept: Bools
) -> tuple[Floats, list[str]]:
    """(C, M, p) and the names of the columns; without an arm where it is None."""
    shape = (len(cells.arm), cells.months)
    ones = np.ones(shape)
    if terms.each:
        used = np.flatnonzero(months)[1:]
        timed = [(f"interval {at + 1}", (np.arange(cells.months) == at).astype(np.float64)) for at in used]
    else:
        timed = _parabola(cells.months) if months.sum() > 1 else []
    trial = cells.trial / max(1, int(cells.trial.max(initial=0)))
    columns = [("constant", ones)]
    columns += [(name, ones * values) for name, values in timed]
    columns += [("trial", ones * trial[:, None]), ("trial squared", ones * trial[:, None] ** 2)]
    for at in terms.covariates:
        levels = told.levels[at][cells.first]
        for level in np.unique(levels[kept])[1:].tolist():
            columns.append((f"covariate {at} {level}", ones * (levels == level)[:, None]))
    if arm is not None:
        columns.append((TERM, ones * arm[:, None]))
        columns += [
            (f"{TERM}, {name}", ones * values * arm[:, None])
            for name, values in _parabola(cells.months)
            if terms.varying
        ]
    return np.stack([values for _, values in columns], axis=-1), [name for name, _ in columns]


def _parabola(months: int) -> list[tuple[str, Floats]]:
    """Time since time zero, as shares of the longest, and its square: (M,) each."""
    time = np.arange(1, months + 1) / months
    return [("time", time), ("time squared", time**2)]


def _fit(x: Floats, names: Sequence[str], n: Floats, d: Floats, *, need: str) -> PooledFit:
    """The fit without columns that those before them say already. Raises BadInput ``pooled-collinear`` where ``need`` is one of them."""
    rows, risk = x.reshape(-1, x.shape[-1]), n.reshape(-1)
    seen = risk > 0
    own = _independent(rows[seen], risk[seen])
    if need and names.index(need) not in own:
        raise BadInput("pooled-collinear", term=need)
    counts = PatternCounts(
        x=rows[:, own], terms=tuple(names[at] for at in own), n=risk, events=np.minimum(d.reshape(-1), risk)
    )
    return fit_counts(counts)


def _independent(x: Floats, n: Floats) -> list[int]:
    gram = x.T @ (x * n[:, None])
    width = np.sqrt(np.diag(gram))
    kept: list[int] = []
    for at in range(len(gram)):
        if not width[at] > 0:
            continue
        unit = gram / np.outer(np.where(width > 0, width, 1.0), np.where(width > 0, width, 1.0))
        rest = 1.0
        if kept:
            rest -= float(unit[at, kept] @ np.linalg.solve(unit[np.ix_(kept, kept)], unit[kept, at]))
        if rest > _DEPENDENT:
            kept.append(at)
    return kept


def _spread(fit: PooledFit, names: Sequence[str]) -> Floats:
    """Coefficients of all columns, 0 for those left out."""
    known = dict(zip(fit.terms, fit.beta.tolist(), strict=True))
    return np.array([known.get(name, 0.0) for name in names])


def _cut(weight: Floats, risk: Floats, percent: tuple[int, int]) -> Floats:
    """Weights cut to percentiles of person-intervals."""
    if tuple(percent) == (0, 100) or not (risk > 0).any():
        return weight
    order = np.argsort(weight, axis=None)
    values, share = weight.reshape(-1)[order], np.cumsum(risk.reshape(-1)[order])
    share = share / share[-1]
    limits = [float(values[min(int(np.searchsorted(share, p / 100)), len(values) - 1)]) for p in percent]
    return np.clip(weight, limits[0], limits[1])


def robust(found: Fitted, told: Histories, cells: Grid) -> PooledFit:
    """The fit with errors robust by person: the scores of all rows of a person are summed before squaring."""
    p = expit(found.x @ found.fit.beta) * found.weight * found.kept[:, None]
    held = np.cumsum(p[:, :, None] * found.x, axis=1)
    rows, at = cells.rows, (cells.cell, cells.rows.exit_ - 1)
    happened = (rows.event & found.kept[cells.cell]) * found.weight[at]
    scores = np.zeros((len(told.n), found.x.shape[2]))
    for j in range(found.x.shape[2]):
        moves = happened * found.x[:, :, j][at] - held[:, :, j][at]
        scores[:, j] = np.bincount(rows.of, weights=moves, minlength=len(told.n))
    moved = scores @ found.fit.model_covariance
    covariance = (moved * told.n[:, None]).T @ moved
    return replace(found.fit, covariance=np.asarray((covariance + covariance.T) / 2), robust=True)


def standardised(found: Fitted, cells: Grid, person: Floats) -> Contrast:
    """Risks by the last interval if all had started, and if none had, of everybody in any trial; given who they are (delta method)."""
    base = np.bincount(cells.cell, weights=person[cells.rows.of], minlength=len(cells.arm)).astype(np.float64)
    inside, share = found.kept, float(base[found.kept].sum() / base.sum())
    sides = [[_as(found, arm)[inside][:, month] for month in range(cells.months)] for arm in (1, 0)]
    made = standardised_curves(found.fit, sides[0], sides[1], base[inside])[-1]
    return replace(
        made,
        treated=made.treated * share,
        comparator=made.comparator * share,
        treated_error=made.treated_error * share,
        comparator_error=made.comparator_error * share,
        difference=made.difference * share,
        difference_error=made.difference_error * share,
    )


def _as(found: Fitted, arm: int) -> Floats:
    """The design with everybody in one arm."""
    x, timed = found.x.copy(), dict(_parabola(found.x.shape[1]))
    for place, name in enumerate(found.fit.terms):
        if name == TERM:
            x[:, :, place] = arm
        elif name.startswith(f"{TERM}, "):
            x[:, :, place] = arm * timed[name.removeprefix(f"{TERM}, ")]
    return x
