# SPDX-License-Identifier: Apache-2.0
"""Matched sets with several cases: the exact conditional likelihood, and Efron's approximation of it; Breslow's is ``conditional``.

Exact: the d cases of a set are one choice among all choices of d of its n rows, the chance of a choice being proportional to the
product of exp(x_kβ) over it. Its denominator is an elementary symmetric function, here built row by row (Gail, Lubin & Rubinstein,
Biometrika 1981;68:703), always as a mixture of "this row is chosen" and "it is not", whose means and covariances mix likewise: nothing
overflows and no large numbers are subtracted. Cost n·d·p² a set, with the fewer of cases and controls as d. Efron (JASA 1977;72:557):
as in a Cox model in which the set is one risk set and its cases are tied. Rows have size 1 (no offset).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.conditional_newton import Derivatives
from rempart.study.estimators.conditional_sets import Sets, add_up, same_patterns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_NUMBERS_AT_ONCE = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True)
class TiedSets:
    """``sets`` whose ``events`` are 0 or 1, and how many sets each stands for, ``alike`` (S,)."""

    sets: Sets
    alike: Floats


def tied_sets(sets: Sets) -> TiedSets:
    """Sets with the same rows and the same cases put together."""
    rows = np.diff(sets.start)
    owner = np.repeat(np.arange(sets.count), rows)
    order = np.lexsort((sets.events, sets.code, owner))
    code, events = sets.code[order], sets.events[order]
    like = same_patterns(sets.start, code, events)
    kept = like == np.arange(sets.count)
    row = np.repeat(kept, rows)
    start = np.r_[0, np.cumsum(rows[kept])]
    alike = np.bincount(like, minlength=sets.count)[kept].astype(np.float64)
    one = Sets(x=sets.x, code=code[row], size=sets.size[order][row], events=events[row], start=start)
    return TiedSets(sets=one, alike=alike)


def efron_derivatives(tied: TiedSets, x: Floats) -> Derivatives:
    """Log-likelihood, score and information with Efron's ties, as a function of β."""
    sets, alike = tied.sets, tied.alike
    rows, cases = np.diff(sets.start), sets.totals().astype(np.int64)
    one = np.repeat(np.arange(sets.count), cases)
    share = (np.arange(len(one)) - np.repeat(np.cumsum(cases) - cases, cases)) / cases[one]
    of_case = alike[one]
    values = x[sets.code]
    own = (sets.events * np.repeat(alike, rows)) @ values

    def derivatives(beta: Floats) -> tuple[float, Floats, Floats]:
        theta = np.exp(values @ beta)
        moved = values * theta[:, None]
        all0, all1 = add_up(theta, sets.start), np.add.reduceat(moved, sets.start[:-1])
        case0 = add_up(theta * sets.events, sets.start)
        case1 = np.add.reduceat(moved * sets.events[:, None], sets.start[:-1])
        whole = all0[one] - share * case0[one]
        mean = (all1[one] - share[:, None] * case1[one]) / whole[:, None]
        hazard = np.bincount(one, weights=of_case / whole, minlength=sets.count)
        shared = np.bincount(one, weights=of_case * share / whole, minlength=sets.count)
        weight = theta * (np.repeat(hazard, rows) - sets.events * np.repeat(shared, rows))
        information = (values * weight[:, None]).T @ values - (mean * of_case[:, None]).T @ mean
        return float(own @ beta - of_case @ np.log(whole)), own - of_case @ mean, information

    return derivatives


def exact_derivatives(tied: TiedSets, x: Floats) -> Derivatives:
    """Log-likelihood, score and information of the exact conditional likelihood, as a function of β."""
    groups = list(_groups(tied, x.shape[1]))
    rows = np.diff(tied.sets.start)
    own = (tied.sets.events * np.repeat(tied.alike, rows)) @ x[tied.sets.code]

    def derivatives(beta: Floats) -> tuple[float, Floats, Floats]:
        value, score = float(own @ beta), own.copy()
        information = np.zeros((len(beta), len(beta)))
        for code, chosen, sign, alike, constant in groups:
            # Choosing d cases is leaving n − d controls: the fewer are chosen, by −x, and Σ xβ over the set is added.
            log_sum, mean, spread = _choices(sign * x[code], beta, chosen)
            if sign < 0:
                total = constant @ x if constant.size else np.zeros(len(beta))
                value -= float(total @ beta)
                score -= total
            value -= float(alike @ log_sum)
            score -= alike @ mean
            information += np.tensordot(alike, spread, axes=1)
        return value, score, information

    return derivatives


def _groups(tied: TiedSets, terms: int) -> Iterator[tuple[Ints, int, int, Floats, Floats]]:
    """Sets of one shape: codes (S, n), how many to choose, the sign of x, how many alike (S,), and weights of ``x`` where it is −1."""
    sets = tied.sets
    rows, cases = np.diff(sets.start), sets.totals().astype(np.int64)
    for n, d in np.unique(np.column_stack((rows, cases)), axis=0).tolist():
        of_shape = np.flatnonzero((rows == n) & (cases == d))
        chosen, sign = (d, 1) if 2 * d <= n else (n - d, -1)
        together = max(1, _NUMBERS_AT_ONCE // ((chosen + 1) * (terms + 1) ** 2))
        for first in range(0, len(of_shape), together):
            part = of_shape[first : first + together]
            code = sets.code[sets.start[part][:, None] + np.arange(n)]
            alike = tied.alike[part]
            constant = np.zeros(0)
            if sign < 0:
                weights = np.repeat(alike, n)
                constant = np.asarray(np.bincount(code.ravel(), weights, minlength=len(sets.x)), dtype=np.float64)
            yield code, chosen, sign, alike, constant


def _choices(x: Floats, beta: Floats, chosen: int) -> tuple[Floats, Floats, Floats]:
    """Over all choices of ``chosen`` of the n rows of ``x`` (S, n, p): log of the sum (S,), mean (S, p) and covariance (S, p, p) of Σ x."""
    count, n, terms = x.shape
    eta = x @ beta
    # log sum, mean and covariance of choices of m among the rows seen so far, for each m
    log_sum = np.full((chosen + 1, count), -np.inf)
    log_sum[0] = 0.0
    mean, spread = np.zeros((chosen + 1, count, terms)), np.zeros((chosen + 1, count, terms, terms))
    for row in range(n):
        fewest = max(1, chosen - (n - 1 - row))
        for m in range(min(row + 1, chosen), fewest - 1, -1):
            taken = log_sum[m - 1] + eta[:, row]
            whole = np.logaddexp(log_sum[m], taken)
            share = np.exp(taken - whole)
            apart = mean[m - 1] + x[:, row] - mean[m]
            both = (share * (1 - share))[:, None, None] * (apart[:, :, None] * apart[:, None, :])
            spread[m] += share[:, None, None] * (spread[m - 1] - spread[m]) + both
            mean[m] += share[:, None] * apart
            log_sum[m] = whole
    return log_sum[chosen], mean[chosen], spread[chosen]
