# SPDX-License-Identifier: Apache-2.0
"""The infinitesimal jackknife of a cumulative incidence, from counts by entry day, exit day and cause. It estimates no incidence.

The influence of a person on F(t) is Q(t) − F(t)·W(t), running sums over the days at risk up to t: Q adds (S(s−)/n)(dN_k − dA_k) +
F(s)·w(dN. − dA.), W adds w(dN. − dA.), w = 1/(n − d), 0 once nobody is left. Its square is summed over persons. With late entry this
is not Greenwood's sum: the same persons stand in the risk sets of two days. Source: Efron 1982, ch. 6; R ``survival``, "methods" vignette.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.survival_cells import RiskSets, SurvivalCells
from rempart.study.estimators.survival_curves import greenwood

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Of each cell, (c,): ``n`` persons, first event day at risk ``joins``, and ``settled``, from which their sums stand still.

    ``final`` (2, c): Q and W at the end. ``run`` (2, T + 1): what a person at risk but without event loses, summed before each day.
    """

    n: Floats
    joins: Ints
    settled: Ints
    final: Floats
    run: Floats


def jackknife(cells: SurvivalCells, sets: RiskSets, place: int, status: int, value: Floats) -> Floats:
    """Standard errors (T,) on the days of ``sets`` of the incidence ``value`` (T,) of cause ``status`` in the arm ``place``."""
    sums = _sums(cells, sets, (place, status), value)
    variance = _squares(sums, 0, 0) - 2 * value * _squares(sums, 0, 1) + value**2 * _squares(sums, 1, 1)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def _sums(cells: SurvivalCells, sets: RiskSets, which: tuple[int, int], value: Floats) -> _Sums:
    place, status = which
    events, every = sets.events[status - 1, place], sets.any_event()[place]
    n = np.maximum(sets.at_risk[place], 1).astype(np.float64)
    survival, _ = greenwood(sets.at_risk[place], every)
    share = np.concatenate([[1.0], survival])[:-1] / n
    w = np.divide(1.0, n - every, out=np.zeros_like(n), where=n > every)
    other = np.stack([value * w, w])
    own = other + np.stack([share, np.zeros_like(share)])
    drift = np.stack([share * events / n + value * w * every / n, w * every / n])
    run = np.concatenate([np.zeros((2, 1)), np.cumsum(drift, axis=1)], axis=1)
    mine = np.flatnonzero((cells.arm == place) & (cells.n > 0))
    left_by = cells.status[mine]
    joins = np.searchsorted(sets.days, cells.begin()[mine], side="right")
    leaves = np.searchsorted(sets.days, cells.exit_[mine], side="right")
    final = run[:, joins] - run[:, leaves]
    for jump, has in ((own, left_by == status), (other, (left_by > 0) & (left_by != status))):
        final[:, has] += jump[:, leaves[has] - 1]
    # An event settles a person on its own day, a censoring on the next event day.
    settled = np.where(left_by > 0, leaves - 1, leaves)
    return _Sums(n=cells.n[mine].astype(np.float64), joins=joins, settled=settled, final=final, run=run)


def _squares(sums: _Sums, i: int, j: int) -> Floats:
    """Sum over persons of the i-th times the j-th running sum, after each event day: of those settled, and of those still at risk."""
    size = sums.run.shape[1] - 1

    def so_far(day: Ints, weights: Floats) -> Floats:
        return np.asarray(np.cumsum(np.bincount(day, weights, minlength=size + 1))[:size], dtype=np.float64)

    def at_risk(weights: Floats) -> Floats:
        return so_far(sums.joins, weights) - so_far(sums.settled, weights)

    one, other = sums.run[i, sums.joins], sums.run[j, sums.joins]
    now_one, now_other = sums.run[i, 1:], sums.run[j, 1:]
    still = (
        now_one * now_other * at_risk(sums.n) - now_one * at_risk(sums.n * other) - now_other * at_risk(sums.n * one)
    )
    gone = so_far(sums.settled, sums.n * sums.final[i] * sums.final[j])
    return np.asarray(gone + still + at_risk(sums.n * one * other), dtype=np.float64)
