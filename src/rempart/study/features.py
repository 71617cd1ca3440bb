# SPDX-License-Identifier: Apache-2.0
"""Features at the gathering: the persons' texts of features become sparse columns, without those that too few persons bear. Fits nothing.

What is left out is counted by reason and never named: a name would tell that somebody has it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.study.estimators.binary_columns import BinaryColumns, from_pairs, twins

Ints = NDArray[np.int64]
JOINT = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureColumns:
    """``columns``: features borne, and not borne, by enough persons, each set of persons once; ``left_out``: how many were not kept, by
    reason (few, nearly_all, twin)."""

    columns: BinaryColumns
    left_out: Mapping[str, int]


def feature_columns(texts: Iterable[str], *, least: int, counted: NDArray[np.bool_] | None = None) -> FeatureColumns:
    """From one text a person, features joined by commas. ``least``: persons who bear a feature, and who do not, at least; ``counted``:
    who counts for that (those that a model is made from), everybody otherwise."""
    person, column, names, persons = _pairs(texts)
    columns = from_pairs(persons, person, column, names)
    inside = np.ones(persons, dtype=bool) if counted is None else counted
    held = np.bincount(column[inside[person]], minlength=len(names))
    few, nearly_all = held < least, (held >= least) & (int(inside.sum()) - held < least)
    kept = columns.take(np.flatnonzero(~few & ~nearly_all).astype(np.int64))
    later = _twins(kept, inside)
    alone = np.setdiff1d(np.arange(len(kept.terms), dtype=np.int64), later)
    left_out = {"few": int(few.sum()), "nearly_all": int(nearly_all.sum()), "twin": len(later)}
    return FeatureColumns(columns=kept.take(alone), left_out=left_out)


def _pairs(texts: Iterable[str]) -> tuple[Ints, Ints, list[str], int]:
    """(person, column) of each answer, names in order, persons."""
    place: dict[str, int] = {}
    person: list[int] = []
    column: list[int] = []
    persons = 0
    for number, text in enumerate(texts):
        persons = number + 1
        for name in text.split(JOINT) if text else ():
            person.append(number)
            column.append(place.setdefault(name, len(place)))
    names = sorted(place)
    order = np.empty(len(names), dtype=np.int64)
    order[[place[name] for name in names]] = np.arange(len(names))
    columns = order[np.asarray(column, dtype=np.int64)] if column else np.zeros(0, dtype=np.int64)
    return np.asarray(person, dtype=np.int64), columns, names, persons


def _twins(columns: BinaryColumns, inside: NDArray[np.bool_]) -> Ints:
    """Columns with the persons of an earlier one, among those that count."""
    if not len(columns.terms):
        return np.zeros(0, dtype=np.int64)
    if inside.all():
        return twins(columns)[0]
    return twins(among(columns, inside))[0]


def among(columns: BinaryColumns, inside: NDArray[np.bool_]) -> BinaryColumns:
    """The columns of some persons alone, numbered anew in their order."""
    number = np.cumsum(inside) - 1
    column = np.repeat(np.arange(len(columns.terms), dtype=np.int64), columns.held)
    mine = inside[columns.person]
    return from_pairs(int(inside.sum()), number[columns.person[mine]].astype(np.int64), column[mine], columns.terms)


def repeated(texts: NDArray[np.str_], n: Ints) -> list[str]:
    """Equal rows of evidence written out: one text a person."""
    return [str(text) for text in np.repeat(texts, n)]
