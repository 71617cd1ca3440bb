# SPDX-License-Identifier: Apache-2.0
"""Levels of covariates as the columns of a model matrix, for models on counts of equal rows. Fits nothing.

Levels without any outcome are set aside: as their coefficients fall without end, the likelihood tends to that of the other rows, so this
is its exact limit. Columns that repeat what those before them say are left out: the fit is the same.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]
_BITS = 62  # of a whole number that holds a row of indicators
_ALIKE = 1e-9  # what is left of a column, of its own length, when those before it are taken out: rounding


def with_outcome(columns: Sequence[Texts], outcomes: Ints) -> Flags:
    """Rows whose every level has an outcome, level by level until nothing more falls away. ``outcomes``: counted, by row."""
    kept = np.ones(len(outcomes), dtype=bool)
    while True:
        before = int(kept.sum())
        for column in columns:
            kept &= np.isin(column, np.unique(column[kept & (outcomes > 0)]))
        if int(kept.sum()) == before:
            return kept


def indicator_columns(
    names: Sequence[str], columns: Sequence[Texts], outcomes: Ints, *, references: Sequence[str] = ()
) -> tuple[list[str], list[Floats]]:
    """(terms, columns) of each level but the reference: the one at its place in ``references``, else the one with most ``outcomes``."""
    terms: list[str] = []
    found: list[Floats] = []
    for at, name in enumerate(names):
        wanted = references[at] if at < len(references) else ""
        for level in _levels(columns[at], outcomes, wanted):
            terms.append(f"{name} {level}")
            found.append((columns[at] == level).astype(np.float64))
    return terms, found


def independent(columns: Sequence[Floats]) -> list[int]:
    """Places of the columns that are no combination of a constant and those before them."""
    basis: list[Floats] = []
    kept: list[int] = []
    rows = _distinct(columns)
    for at, column in enumerate([np.ones_like(rows[0]), *rows] if rows else []):
        rest = column.copy()
        for one in (*basis, *basis):  # twice: what rounding left of the first time
            rest -= one * float(one @ rest)
        size = float(np.linalg.norm(rest))
        if size > _ALIKE * max(float(np.linalg.norm(column)), 1e-300):
            basis.append(rest / size)
            kept.append(at - 1)
    return [at for at in kept if at >= 0]


def _distinct(columns: Sequence[Floats]) -> list[Floats]:
    """The columns of indicators on their distinct rows: the same combinations, of a few rows instead of each cell."""
    if not 0 < len(columns) <= _BITS or any(np.any((column != 0) & (column != 1)) for column in columns):
        return list(columns)
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for place, column in enumerate(columns):
        code |= column.astype(np.int64) << place
    found = np.unique(code)
    return [((found >> place) & 1).astype(np.float64) for place in range(len(columns))]


def numbered(columns: Sequence[Texts]) -> Ints | None:
    """Combinations of levels as whole numbers from 0; None without columns."""
    if not columns:
        return None
    whole = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        _, at = np.unique(column, return_inverse=True)
        whole = whole * (int(at.max(initial=0)) + 1) + at.ravel()
    return np.asarray(np.unique(whole, return_inverse=True)[1], dtype=np.int64).ravel()


def _levels(column: Texts, outcomes: Ints, reference: str) -> list[str]:
    levels, at = np.unique(column, return_inverse=True)
    weight = np.bincount(at.ravel(), weights=outcomes, minlength=len(levels))
    first = reference or (str(levels[int(np.argmax(weight))]) if len(levels) else "")
    return [str(level) for level in levels if str(level) != first]
