# SPDX-License-Identifier: Apache-2.0
"""The loops of the Cox scan that numpy cannot write without a copy per row: sums by event day and residuals by person.

Compiled once and kept (numba); the plain bodies are the same text and serve where a debugger must step. No statistics here.
Shapes: N rows, P patterns, p covariates, E event days (one index over all strata; ``first`` marks where a stratum begins).
A row is at risk on event days (``before``, ``last``], -1 for "none"; ``last`` -1: never.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Span = tuple[Ints, Ints]
Covariates = tuple[Floats, Floats]


def plain_bin_rows(pattern: Ints, span: Span, mass: Floats, x: Covariates, sums: Any) -> None:
    """Add each row's mass and mass·(x - centre) where its time at risk ends and take them away before it begins.

    ``span`` = (last, before), ``x`` = (covariates, centre), ``sums`` = (of masses (E,), of masses times covariates (E, p)).
    """
    last, before = span
    covariates, centre = x
    s0, s1 = sums
    p = covariates.shape[1]
    for r in range(len(pattern)):
        end = last[r]
        if end < 0:
            continue
        start, k, m = before[r], pattern[r], mass[r]
        s0[end] += m
        for j in range(p):
            s1[end, j] += m * (covariates[k, j] - centre[j])
        if start >= 0:
            s0[start] -= m
            for j in range(p):
                s1[start, j] -= m * (covariates[k, j] - centre[j])


def plain_sum_back(first: Bools, values: Any) -> None:
    """Replace ``values`` (E, q) by their sums from each event day to the last of its stratum."""
    for e in range(len(first) - 2, -1, -1):
        if not first[e + 1]:
            for j in range(values.shape[1]):
                values[e, j] += values[e + 1, j]


def plain_sum_on(first: Bools, values: Any) -> None:
    """Replace ``values`` (E, q) by their sums from the first event day of the stratum to each."""
    for e in range(1, len(first)):
        if not first[e]:
            for j in range(values.shape[1]):
                values[e, j] += values[e - 1, j]


def plain_add_residuals(rows: Span, span: Span, mass: Floats, x: Covariates, sums: Any, out: Any) -> None:
    """Take mass·((x - centre)·ΔH - ΔM) of each row from ``out`` (owners, p).

    ``rows`` = (owner, pattern), ``span`` = (last, before), ``x`` = (covariates, centre); ``sums`` = (H (E,), M (E, p)) cumulated
    within the stratum.
    """
    owner, pattern = rows
    last, before = span
    covariates, centre = x
    level, drift = sums
    p = covariates.shape[1]
    for r in range(len(pattern)):
        end = last[r]
        if end < 0:
            continue
        start, k, o, m = before[r], pattern[r], owner[r], mass[r]
        rise = level[end]
        if start >= 0:
            rise -= level[start]
        for j in range(p):
            moved = drift[end, j]
            if start >= 0:
                moved -= drift[start, j]
            out[o, j] -= m * ((covariates[k, j] - centre[j]) * rise - moved)


bin_rows = compiled(plain_bin_rows)
sum_back = compiled(plain_sum_back)
sum_on = compiled(plain_sum_on)
add_residuals = compiled(plain_add_residuals)
