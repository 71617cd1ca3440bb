# SPDX-License-Identifier: Apache-2.0
"""Levels of covariates as the columns of a model matrix, for models on counts of equal rows. Fits nothing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.str_]


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
