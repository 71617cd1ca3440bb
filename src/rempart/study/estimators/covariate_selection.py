# SPDX-License-Identifier: Apache-2.0
"""High-dimensional covariate selection: prevalent codes, their recurrence, and the bias each could cause by itself; it fits no model.

Steps of Schneeweiss et al. 2009 (doi:10.1097/EDE.0b013e3181a663cc): (1) within each data dimension the codes nearest to one half in
prevalence; (2) each code once, sporadic (at least the median count of its holders) and frequent (at least the upper quartile);
(3) Bross's multiplier (1966) M = (P1(R - 1) + 1)/(P0(R - 1) + 1), where P1, P0 are the covariate's prevalences among exposed and not,
R the crude risk ratio of the outcome between its holders and the others, turned over where R < 1; ranked by |log M|.
Conventions: where a cell of covariate × outcome is empty, 0.1 is added to its four cells; equal ranks keep their order of columns;
quartiles are the least counts reached by half and by three quarters of the holders (no interpolation). Shapes: n persons, q columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.binary_columns import BinaryColumns, from_pairs, twins
from rempart.study.estimators.l1_input import Arms
from rempart.study.estimators.l1_loops import sum_columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_EMPTY = 0.1
LEVELS = ("once", "sporadic", "frequent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """``order`` (q,): columns from the most to the least able to bias; the other arrays (q,) are by column, not by rank.

    ``exposed``, ``unexposed``: prevalences; ``risk_ratio`` R as observed (or with 0.1 added: ``mended``); ``multiplier`` M.
    """

    order: Ints
    exposed: Floats
    unexposed: Floats
    risk_ratio: Floats
    mended: Bools
    multiplier: Floats


def prevalent(columns: BinaryColumns, *, least: int, keep: int, dimension: Ints | None = None) -> Ints:
    """The columns held, and not held, by at least ``least`` persons; of each ``dimension`` (q,) the ``keep`` nearest to one half.

    Rising. Raises BadInput ``selection-limits``.
    """
    if least < 1 or keep < 1 or (dimension is not None and dimension.shape != columns.held.shape):
        raise BadInput("selection-limits")
    rarer = np.minimum(columns.held, columns.persons - columns.held)
    where = np.zeros(len(rarer), dtype=np.int64) if dimension is None else dimension
    order = np.lexsort((np.arange(len(rarer)), -rarer, where))
    order = order[rarer[order] >= least]
    _, first, size = np.unique(where[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, size)
    return np.sort(order[rank < keep])


def recurrence(persons: int, person: Ints, code: Ints, count: Ints, terms: Sequence[str]) -> BinaryColumns:
    """Three columns a code (``terms`` names the codes), "… once", "… sporadic", "… frequent", from records counted by person and code.

    ``person``, ``code``, ``count`` (z,): one row a pair, counts of at least 1. Raises BadInput ``selection-counts`` and those of pairs.
    """
    if len(count) and count.min() < 1:
        raise BadInput("selection-counts")
    order = np.lexsort((count, code))
    held = np.bincount(code, minlength=len(terms))
    first = np.cumsum(held) - held
    sorted_counts = np.append(count[order], 0)
    half = sorted_counts[np.where(held > 0, first + (held + 1) // 2 - 1, -1)]
    three_quarters = sorted_counts[np.where(held > 0, first + -(-3 * held // 4) - 1, -1)]
    reached = [np.ones(len(count), dtype=bool), count >= half[code], count >= three_quarters[code]]
    names = tuple(f"{term} {level}" for term in terms for level in LEVELS)
    column = np.concatenate([3 * code[part] + level for level, part in enumerate(reached)])
    return from_pairs(persons, np.concatenate([person[part] for part in reached]), column, names)


def distinct(columns: BinaryColumns) -> Ints:
    """The columns that are held by someone, not by everyone, and by other persons than any earlier column. Rising."""
    varies = (columns.held > 0) & (columns.held < columns.persons)
    varies[twins(columns)[0]] = False
    return np.flatnonzero(varies)


def rank(columns: BinaryColumns, exposed: Bools, outcome: Bools) -> Ranking:
    """Every column by the bias it could cause; ``exposed``, ``outcome`` (n,) true or false.

    Raises BadInput ``propensity-none-exposed``, ``propensity-all-exposed``, ``propensity-constant``, ``selection-outcome`` (nobody or
    everybody has it), ``propensity-shape``.
    """
    Arms(exposed=exposed)
    _check(columns, exposed, outcome)
    held, many = columns.held.astype(np.float64), int(exposed.sum())
    with_exposure = _held_by(columns, exposed)
    p1, p0 = with_exposure / many, (held - with_exposure) / (len(exposed) - many)
    ratio, mended = _risk_ratio(held, _held_by(columns, outcome), outcome)
    strength = np.maximum(ratio, 1 / ratio) - 1
    multiplier = (p1 * strength + 1) / (p0 * strength + 1)
    return Ranking(
        order=np.argsort(-np.abs(np.log(multiplier)), kind="stable"),
        exposed=p1,
        unexposed=p0,
        risk_ratio=ratio,
        mended=mended,
        multiplier=multiplier,
    )


def select(columns: BinaryColumns, exposed: Bools, outcome: Bools, *, keep: int) -> tuple[BinaryColumns, Ranking]:
    """The ``keep`` columns most able to bias (fewer where there are fewer), in their own order, and the ranking of all."""
    if keep < 1:
        raise BadInput("selection-limits")
    ranking = rank(columns, exposed, outcome)
    return columns.take(np.sort(ranking.order[:keep])), ranking


def _check(columns: BinaryColumns, exposed: Bools, outcome: Bools) -> None:
    if columns.persons != len(exposed) or outcome.shape != exposed.shape or outcome.dtype != np.bool_:
        raise BadInput("propensity-shape", persons=len(exposed), covariates=len(columns.terms))
    if outcome.all() or not outcome.any():
        raise BadInput("selection-outcome")
    idle = (columns.held == 0) | (columns.held == columns.persons)
    if idle.any():
        raise BadInput("propensity-constant", term=columns.terms[int(np.argmax(idle))])


def _risk_ratio(held: Floats, with_outcome: Floats, outcome: Bools) -> tuple[Floats, Bools]:
    """Risk of holders over risk of the others, and where an empty cell was mended."""
    n, events = float(len(outcome)), float(outcome.sum())
    cells = np.stack([with_outcome, held - with_outcome, events - with_outcome, n - held - events + with_outcome])
    mended = (cells == 0).any(axis=0)
    a, b, c, d = cells + _EMPTY * mended
    return (a / (a + b)) / (c / (c + d)), mended


def _held_by(columns: BinaryColumns, persons: Bools) -> Floats:
    """Holders of each column among ``persons``, (q,)."""
    out = np.zeros(len(columns.terms))
    every = np.arange(len(columns.terms))
    sum_columns((columns.start, columns.person), every, persons.astype(np.float64), out)
    return out
