# SPDX-License-Identifier: Apache-2.0
"""Weights of trials' person-intervals: who stays with a strategy stands for those who left it, the dead for no more than they did.

1 / the chance of not having deviated by the end of the interval before, from a pooled logistic model of deviation in each arm of the living
who still can: a clone that has met its rule cannot. Its terms: time, trial, levels, changing covariates on the interval's first day.
Times that chance by arm and interval alone (stabilised), cut to percentiles. The dead can leave nothing: the first factor stays what it was
in the interval of the death; the second goes on, as it is no person's, and so does the chance of being seen still. Where nothing was asked
of staying all count 1, the dead as much of it as is seen.
Sources: Cain et al., Int J Biostat 2010;6:18, and Hernán & Robins, Am J Epidemiol 2016;183:758 (grace); Young et al., Stat Med 2020;39:1199
(competing events); Fine & Gray, J Am Stat Assoc 1999;94:496; Robins, Hernán & Brumback, Epidemiology 2000;11:550.
"""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from rempart.errors import BadInput
from rempart.study.target_trials import Bools, Counts, Floats, Grid, Histories, Ints
from rempart.study.trial_columns import ModelRows, Terms, design, fit_columns, spread, with_event

_ALL = 1 - 1e-12  # a chance of leaving as near to 1 as a logarithm bears
_NOBODY = 0.99 * float(np.log1p(-_ALL))  # of an arm that all of the living have left its dead count no more


def staying(told: Histories, cells: Grid, person: Floats, terms: Terms, *, cut: tuple[int, int] = (0, 100)) -> Floats:
    """Stabilised weights (K, M) of each path's intervals; ``person`` (H,): how much each history counts. Raises as ``fit_counts``."""
    counts = cells.counts(person[cells.rows.of])
    arm, gone = cells.arm[cells.within], _dead(cells) | _met(cells)
    alone, through = _alone(cells, counts.left, counts.stay), np.zeros(counts.risk.shape)
    for side in (0, 1):
        mine = arm == side
        if counts.left[mine].sum() > 0:
            chance = _deviation(told, cells, counts, side, terms)[mine]
            through[mine] = _before(np.log1p(-np.minimum(np.where(gone[mine], 0.0, chance), _ALL)))
    lived = np.where(_dead(cells, after=1), 0.0, counts.risk)
    return _held(cells, counts, _cut(np.exp(alone - through), lived, cut), alone)


def unweighted(cells: Grid, person: Floats) -> Floats:
    """(K, M): 1, of the dead what is left of those who were seen as long as they lived."""
    counts = cells.counts(person[cells.rows.of])
    ones = np.ones(counts.risk.shape)
    return _held(cells, counts, ones, np.zeros(ones.shape))


def _held(cells: Grid, counts: Counts, weight: Floats, alone: Floats) -> Floats:
    """Weights with those of the dead as they were in the interval of the death, times how much of the arm has stayed since then, and has
    been seen: the living who have gone count no more, and the dead of their like must not either (Fine & Gray 1999; Young et al. 2020)."""
    seen = alone + _alone(cells, counts.lost, counts.stay - counts.left)
    dead = np.flatnonzero(cells.dead > 0)
    at, found = cells.dead[dead] - 1, weight.copy()
    since = np.minimum(seen[dead] - seen[dead, at][:, None], 0.0)
    stayed = np.where(since > _NOBODY, np.exp(since), 0.0)
    found[dead] = np.where(_dead(cells)[dead], weight[dead, at][:, None] * stayed, weight[dead])
    return found


def _dead(cells: Grid, *, after: int = 0) -> Bools:
    """(K, M): intervals from that of the death on, at whose end nobody can deviate, or from so many after it."""
    return (cells.dead[:, None] > 0) & (np.arange(1, cells.months + 1) >= cells.dead[:, None] + after)


def _met(cells: Grid) -> Bools:
    """(K, M): intervals after that in which a clone met its rule, at whose end it cannot deviate: what it becomes then tells of no leaver
    (Cain et al. 2010; Hernán & Robins 2016)."""
    return (cells.met[:, None] > 0) & (np.arange(1, cells.months + 1) > cells.met[:, None])


def _alone(cells: Grid, gone: Floats, of: Floats) -> Floats:
    """Logarithms (K, M) of the chance of not having gone by the end of the interval before, by arm and interval alone."""
    found = np.zeros(gone.shape)
    for side in (0, 1):
        mine = cells.arm[cells.within] == side
        total = of[mine].sum(axis=0)
        share = np.divide(gone[mine].sum(axis=0), total, out=np.zeros(len(total)), where=total > 0)
        found[mine] = _before(np.log1p(-np.minimum(share, _ALL)))
    return found


def _before(log: Floats) -> Floats:
    """Sums over the intervals before each."""
    held = np.cumsum(log, axis=-1)
    return np.concatenate([np.zeros((*held.shape[:-1], 1)), held[..., :-1]], axis=-1)


def _deviation(told: Histories, cells: Grid, counts: Counts, side: int, terms: Terms) -> Floats:
    """Chance of deviating at the end of each interval, (K, M), as the living of an arm who can; 0 in intervals at whose end nobody does, or
    the whole arm: nobody is left then whom it could weight. Raises ``pooled-separation`` where all who can do, and others are left."""
    mine = cells.arm[cells.within] == side
    stay, left = (np.where(mine[:, None], table, 0.0) for table in (counts.may, counts.left))
    leavers = left.sum(axis=0)
    if ((leavers > 0) & (leavers >= stay.sum(axis=0)) & (leavers < counts.stay[mine].sum(axis=0))).any():
        raise BadInput("pooled-separation", term="staying")
    months = (leavers > 0) & (leavers < stay.sum(axis=0))
    found = np.zeros(stay.shape)
    if not months.any():
        return found
    kinds = max(1, len(told.changed))
    place = cells.within[:, None] * kinds + cells.changes
    size = len(cells.arm) * kinds
    stay, left = (_by_place(table, place, size) for table in (stay, left))
    rows = ModelRows.of(told, cells, terms, kinds)
    kept = with_event(rows, left, np.repeat(cells.arm == side, kinds))
    x, names = design(rows, replace(terms, varying=False), months=months, kept=kept, arms=False)
    fit = fit_columns(x[kept][:, months], names, stay[kept][:, months], left[kept][:, months], need="")
    chance, at = np.zeros(stay.shape), np.ix_(kept, months)
    chance[at] = expit(x[at] @ spread(fit, names))
    return np.asarray(chance[place, np.arange(cells.months)], dtype=np.float64)


def _by_place(table: Floats, place: Ints, size: int) -> Floats:
    """(size, M): a table (K, M) summed by the places (K, M) of its rows in each interval."""
    found = np.zeros((size, table.shape[1]))
    np.add.at(found, (place, np.arange(table.shape[1])), table)
    return found


def _cut(weight: Floats, risk: Floats, percent: tuple[int, int]) -> Floats:
    """Weights cut to percentiles of person-intervals."""
    if tuple(percent) == (0, 100) or not (risk > 0).any():
        return weight
    order = np.argsort(weight, axis=None)
    values, share = weight.reshape(-1)[order], np.cumsum(risk.reshape(-1)[order])
    share = share / share[-1]
    limits = [float(values[min(int(np.searchsorted(share, p / 100)), len(values) - 1)]) for p in percent]
    return np.clip(weight, limits[0], limits[1])
