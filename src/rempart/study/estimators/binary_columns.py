# SPDX-License-Identifier: Apache-2.0
"""Sparse yes-or-no covariates by column: for each covariate the persons who have it. Holds places only, no values, and fits nothing.

Shapes: n persons, q covariates, z places. ``start`` (q + 1,) and ``person`` (z,): the persons of covariate j are
``person[start[j]:start[j + 1]]``, rising. This is the compressed-column (CSC) form of a matrix of zeros and ones.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryColumns:
    """``persons`` n; ``start`` (q + 1,) int64; ``person`` (z,) int32, rising within each column; ``terms`` q different names.

    Raises BadInput ``propensity-shape``, ``propensity-term-twice``, ``propensity-person-unknown``, ``propensity-person-twice``.
    """

    persons: int
    start: Ints
    person: Places
    terms: tuple[str, ...]

    def __post_init__(self) -> None:
        """Each place is a person, once a covariate."""
        _check_form(self)
        if len(self.person) and (self.person.min() < 0 or self.person.max() >= self.persons):
            wrong = (self.person < 0) | (self.person >= self.persons)
            raise BadInput("propensity-person-unknown", term=self._term_at(int(np.argmax(wrong))))
        falls = self.person[1:] <= self.person[:-1]
        inner = self.start[(self.start > 0) & (self.start < len(self.person))]
        falls[inner - 1] = False
        if falls.any():
            raise BadInput("propensity-person-twice", term=self._term_at(int(np.argmax(falls))))

    @property
    def held(self) -> Ints:
        """Persons with each covariate, (q,)."""
        return np.diff(self.start)

    def take(self, columns: Ints) -> "BinaryColumns":
        """The covariates at ``columns``, in that order."""
        parts = [self.person[self.start[j] : self.start[j + 1]] for j in columns]
        start = np.concatenate([[0], np.cumsum(self.held[columns])]).astype(np.int64)
        person = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
        return BinaryColumns(
            persons=self.persons, start=start, person=person, terms=tuple(self.terms[j] for j in columns)
        )

    def dense(self) -> Floats:
        """The matrix written out, (n, q): for small ones."""
        out = np.zeros((self.persons, len(self.terms)))
        out[self.person, np.repeat(np.arange(len(self.terms)), self.held)] = 1.0
        return out

    def _term_at(self, place: int) -> str:
        return self.terms[int(np.searchsorted(self.start, place, side="right")) - 1]


def _check_form(columns: BinaryColumns) -> None:
    start, person, q = columns.start, columns.person, len(columns.terms)
    whole = start.dtype == np.int64 and person.dtype == np.int32 and start.ndim == person.ndim == 1
    if not whole or len(start) != q + 1 or start[0] != 0 or start[-1] != len(person) or (np.diff(start) < 0).any():
        raise BadInput("propensity-shape", persons=columns.persons, covariates=q)
    if len(set(columns.terms)) < q:
        raise BadInput("propensity-term-twice", term=Counter(columns.terms).most_common(1)[0][0])


def from_pairs(persons: int, person: Ints, column: Ints, terms: Sequence[str]) -> BinaryColumns:
    """From pairs in any order: ``person`` (z,) has covariate ``column`` (z,). The errors of BinaryColumns; a pair stands once."""
    if len(person) != len(column) or (len(column) and (column.min() < 0 or column.max() >= len(terms))):
        raise BadInput("propensity-shape", persons=persons, covariates=len(terms))
    order = np.lexsort((person, column))
    start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=len(terms)))]).astype(np.int64)
    return BinaryColumns(persons=persons, start=start, person=person[order].astype(np.int32), terms=tuple(terms))


def from_dense(x: Floats, terms: Sequence[str]) -> BinaryColumns:
    """From a matrix (n, q) of zeros and ones. Raises BadInput ``propensity-not-binary`` (infinite and missing values too)."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != len(terms):
        raise BadInput("propensity-shape", persons=len(x), covariates=len(terms))
    other = ~((x == 0) | (x == 1)).all(axis=0)
    if other.any():
        raise BadInput("propensity-not-binary", term=terms[int(np.argmax(other))])
    column, person = np.nonzero(x.T)
    return from_pairs(len(x), person.astype(np.int64), column.astype(np.int64), terms)


def prints(columns: BinaryColumns) -> Ints:
    """One number a covariate, (q,), equal where the persons are the same (and almost never elsewhere)."""
    mixed = columns.person.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    whole = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)])
    return np.asarray((whole[columns.start[1:]] - whole[columns.start[:-1]]).view(np.int64), dtype=np.int64)


def twins(columns: BinaryColumns) -> tuple[Ints, Ints]:
    """Covariates with exactly the persons of an earlier one, and that earlier one: two arrays of equal length, rising."""
    mark = prints(columns)
    order = np.lexsort((np.arange(len(columns.terms)), mark, columns.held))
    marks, held = mark[order], columns.held[order]
    same = (marks[1:] == marks[:-1]) & (held[1:] == held[:-1])
    later, earlier = [], []
    first = 0
    for k in range(1, len(order)):
        if not same[k - 1]:
            first = k
        elif np.array_equal(_persons(columns, order[k]), _persons(columns, order[first])):
            later.append(int(order[k]))
            earlier.append(int(order[first]))
    rising = np.argsort(np.asarray(later, dtype=np.int64), kind="stable")
    return np.asarray(later, dtype=np.int64)[rising], np.asarray(earlier, dtype=np.int64)[rising]


def _persons(columns: BinaryColumns, j: int) -> Places:
    return columns.person[columns.start[j] : columns.start[j + 1]]
