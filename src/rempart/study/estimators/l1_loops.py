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
        at, end = start[j], start[j + 1]
        a = b = c = d = 0.0
        while at + 4 <= end:  # four sums at once: an addition need not wait for the one before it
            a += values[person[at]]
            b += values[person[at + 1]]
            c += values[person[at + 2]]
            d += values[person[at + 3]]
            at += 4
        while at < end:
            a += values[person[at]]
            at += 1
        out[j] = (a + b) + (c + d)


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
    (start, person), (beta, slope, ends), (by_person, by_column) = columns, place, curves
    penalty, tolerance, whole = limits[0], limits[1], True
    while ends[3] < limits[2]:
        ends[3] += 1
        worth = 0.0
        for k in range(len(which)):
            j = which[k]
            old, bend = beta[j], by_column[j]
            if bend <= 0.0 or (old == 0.0 and not whole):
                continue
            at, end = start[j], start[j + 1]
            a = b = c = d = 0.0
            while at + 4 <= end:  # as in plain_sum_columns
                a += slope[person[at]]
                b += slope[person[at + 1]]
                c += slope[person[at + 2]]
                d += slope[person[at + 3]]
                at += 4
            while at < end:
                a += slope[person[at]]
                at += 1
            reach = bend * (old - ends[0]) + ((a + b) + (c + d))
            left = reach - penalty if reach > penalty else reach + penalty if reach < -penalty else 0.0
            new = left / bend
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


def plain_rows(columns: Columns, which: Ints, begin: Ints, out: Any) -> None:
    """The columns visited as rows: ``out`` (z,) holds person by person the places in ``which`` that they have, rising.

    ``begin`` (n + 1,): where each person's begin; changed to where they end.
    """
    start, person = columns
    for k in range(len(which)):
        for at in range(start[which[k]], start[which[k] + 1]):
            i = person[at]
            out[begin[i]] = k
            begin[i] += 1


def plain_gram(end: Ints, rows: Any, weight: Floats, out: Any) -> None:
    """Add to ``out`` (m, m), lower triangle, the weight of each person at every pair of ``rows``; ``end`` (n,): where each person's end."""
    first = 0
    for i in range(len(weight)):
        for at in range(first, end[i]):
            row = rows[at]
            for other in range(first, at + 1):
                out[row, rows[other]] += weight[i]
        first = end[i]


def plain_descend_gram(gram: Floats, place: Any, limits: Floats) -> None:
    """As ``plain_descend``, the curvatures of all pairs being known: ``place`` = (beta, slopes (m,), [sweeps]), all changed."""
    beta, slope, ends = place
    penalty, tolerance = limits[0], limits[1]
    while ends[0] < limits[2]:
        ends[0] += 1
        worth = 0.0
        for j in range(len(beta)):
            bend, old = gram[j, j], beta[j]
            reach = slope[j] + bend * old
            new = 0.0
            if reach > penalty:
                new = (reach - penalty) / bend
            elif reach < -penalty:
                new = (reach + penalty) / bend
            d = new - old
            if d != 0.0:
                beta[j] = new
                worth = max(worth, bend * d * d)
                for k in range(len(beta)):
                    slope[k] -= d * gram[j, k]
        if worth <= tolerance:
            break


logistic_terms = compiled(plain_logistic)
dual_value = compiled(plain_dual)
sum_columns = compiled(plain_sum_columns)
add_columns = compiled(plain_add_columns)
descend = compiled(plain_descend)
rows_of = compiled(plain_rows)
add_pairs = compiled(plain_gram)
descend_gram = compiled(plain_descend_gram)
