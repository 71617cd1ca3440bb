# SPDX-License-Identifier: Apache-2.0
"""The loops of the L1 logistic fit: sums over the persons of sparse columns, and coordinate descent. No statistics are chosen here.

Compiled once and kept (numba); the plain bodies are the same text. ``columns`` = (start, person) of BinaryColumns, ``which`` the
columns visited. Because a covariate is 0 or 1, the curvature of column j is the sum of the persons' curvatures over its persons,
so a move c of the intercept changes its slope by -c times that: the intercept costs nothing a sweep.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = tuple[Ints, NDArray[np.int32]]


def plain_logistic(y: Floats, weight: Floats, eta: Floats, out: Any) -> None:
    """At the linear predictor: ``out`` = (slopes weight·(y - p), curvatures weight·p(1 - p), [log loss])."""
    slope, curve, loss = out
    total = 0.0
    for i in range(len(y)):
        small = np.exp(-abs(eta[i]))
        below = small / (1.0 + small)
        p = below if eta[i] < 0.0 else 1.0 - below
        slope[i] = weight[i] * (y[i] - p)
        curve[i] = weight[i] * below / (1.0 + small)
        total += weight[i] * (np.log1p(small) + max(eta[i], 0.0) - y[i] * eta[i])
    loss[0] = total


def plain_dual(y: Floats, weight: Floats, slope: Floats, shrink: float, out: Any) -> None:
    """``out[0]``: the dual objective, Σ weight·entropy of y less the shrunken slope a unit of weight."""
    total = 0.0
    for i in range(len(y)):
        if weight[i] > 0.0:
            off = abs(shrink * slope[i] / weight[i])
            if 0.0 < off < 1.0:
                total -= weight[i] * (off * np.log(off) + (1.0 - off) * np.log1p(-off))
    out[0] = total


def plain_sum_columns(columns: Columns, which: Ints, values: Floats, out: Any) -> None:
    """``out[j]``: the sum of ``values`` over the persons of each column visited."""
    start, person = columns
    for k in range(len(which)):
        j = which[k]
        total = 0.0
        for place in range(start[j], start[j + 1]):
            total += values[person[place]]
        out[j] = total


def plain_add_columns(columns: Columns, which: Ints, amount: Floats, out: Any) -> None:
    """Add ``amount[k]`` to ``out`` at each person of the k-th column visited."""
    start, person = columns
    for k in range(len(which)):
        d = amount[k]
        for place in range(start[which[k]], start[which[k] + 1]):
            out[person[place]] += d


def plain_descend(columns: Columns, which: Ints, place: Any, curves: tuple[Floats, Floats], limits: Floats) -> None:
    """Coordinate descent on slopes·move - curvature·move²/2 - penalty·|beta|, until no coordinate is worth more than the tolerance.

    ``place`` = (beta (q,), slopes (n,), [move of the intercept, sum of slopes, sum of curvatures, sweeps]), all changed;
    ``curves`` = (by person, by column); ``limits`` = (penalty, tolerance, sweeps). Sweeps over all visited columns alternate with
    sweeps over the non-zero ones until these stand still.
    """
    start, person = columns
    beta, slope, ends = place
    by_person, by_column = curves
    penalty, tolerance = limits[0], limits[1]
    whole = True
    while ends[3] < limits[2]:
        ends[3] += 1
        worth = 0.0
        for k in range(len(which)):
            j = which[k]
            old, bend = beta[j], by_column[j]
            if bend <= 0.0 or (old == 0.0 and not whole):
                continue
            reach = bend * (old - ends[0])
            for at in range(start[j], start[j + 1]):
                reach += slope[person[at]]
            new = 0.0
            if reach > penalty:
                new = (reach - penalty) / bend
            elif reach < -penalty:
                new = (reach + penalty) / bend
            d = new - old
            if d != 0.0:
                beta[j] = new
                ends[1] -= d * bend
                worth = max(worth, bend * d * d)
                for at in range(start[j], start[j + 1]):
                    slope[person[at]] -= d * by_person[person[at]]
        d = ends[1] / ends[2]
        ends[0] += d
        ends[1] = 0.0
        worth = max(worth, ends[2] * d * d)
        if worth <= tolerance and whole:
            break
        whole = worth <= tolerance


logistic_terms = compiled(plain_logistic)
dual_value = compiled(plain_dual)
sum_columns = compiled(plain_sum_columns)
add_columns = compiled(plain_add_columns)
descend = compiled(plain_descend)
