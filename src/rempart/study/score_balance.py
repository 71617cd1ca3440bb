# SPDX-License-Identifier: Apache-2.0
"""Balance of covariates before and after a score, and how far the scores of the arms overlap, as result rows.

A difference tells of the share of an arm that has a level: it stands on the fewest persons with it, or without it, in either arm, and
features that stand on fewer than ``LEAST`` are not listed at all. Of features those that lie furthest apart before are listed.
"""

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.cells import Cells
from rempart.study.estimators.balance import ArmSums, balance_of_sums
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.estimators.propensity import preference
from rempart.study.estimators.score_input import Scored
from rempart.study.rows import Output
from rempart.study.scored import Persons

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
LEAST = 11  # persons
MOST_FEATURES = 200
BINS = (20, 10, 5, 4, 2)
FEATURE = "feature"


def balance_rows(output: Output, persons: Persons, weight: Floats, adjustment: str) -> None:
    """Standardised difference of each level of each covariate, and of features, before and after; by the spread before."""
    levels = [persons.of_level[persons.row, at] for at in range(len(persons.levels))]
    for (variable, level), held in zip(persons.levels, levels, strict=True):
        _row(output, {"variable": variable, "level": level}, held, persons, weight, adjustment)
    if persons.features is not None:
        for at in _furthest(persons.features, persons.treated):
            held = np.zeros(len(persons.treated), dtype=bool)
            held[persons.features.person[persons.features.start[at] : persons.features.start[at + 1]]] = True
            if _least(held, persons.treated, np.ones(len(held), dtype=bool)) >= LEAST:
                row = {"variable": FEATURE, "level": persons.features.terms[at]}
                _row(output, row, held, persons, weight, adjustment)


def _row(output: Output, row: dict[str, str], held: Bools, persons: Persons, weight: Floats, adjustment: str) -> None:
    for weighting, mass in (("before", np.ones(len(weight))), (adjustment, weight)):
        n = _least(held, persons.treated, mass > 0)
        value = difference(held, persons.treated, mass)
        output.write(
            row,
            {"weighting": weighting},
            {"smd": value},
            n=n,
            ref="",
            rule="" if value is not None else "balance-no-spread",
        )


def difference(held: Bools, treated: Bools, weight: Floats) -> float | None:
    """Standardised difference of a share; None where the arms differ by all."""
    sides = []
    for mass in (np.ones(len(weight)), weight):
        sums = [
            (float(mass[arm].sum()), float((mass[arm] ** 2).sum()), mass[arm] @ held[arm])
            for arm in (treated, ~treated)
        ]
        sides.append(tuple(ArmSums(w=w, ww=ww, wx=np.array([wx]), wxx=np.array([wx])) for w, ww, wx in sums))
    try:
        found = balance_of_sums(sides[0], sides[1], ("x",), binary=np.array([True]))  # type: ignore[arg-type]
    except BadInput:
        return None
    return float(found.after.difference[0])


def _least(held: Bools, treated: Bools, inside: Bools) -> int:
    """The fewest persons with a level, or without it, in an arm; where nobody is, that says nothing of anybody."""
    counts = [int((inside & arm & side).sum()) for arm in (treated, ~treated) for side in (held, ~held)]
    return min((count for count in counts if count), default=0)


def _furthest(features: BinaryColumns, treated: Bools) -> list[int]:
    """Features by how far the arms' shares lie apart, the furthest first, equal ones by name."""
    column = np.repeat(np.arange(len(features.terms)), features.held)
    inside = np.bincount(column, weights=treated[features.person], minlength=len(features.terms))
    one, other = inside / treated.sum(), (features.held - inside) / (~treated).sum()
    spread = np.sqrt(np.maximum((one * (1 - one) + other * (1 - other)) / 2, 1e-300))
    apart = np.abs(one - other) / spread
    return [int(at) for at in np.lexsort((np.arange(len(apart)), -apart))[:MOST_FEATURES]]


def overlap_rows(output: Output, cells: Cells, scored: Scored) -> None:
    """Persons by preference score and arm, in the narrowest bins in which no count lies between 1 and 10."""
    scores = preference(scored.logit(), scored.treated)
    counts = np.zeros((2, 1), dtype=np.int64)
    for bins in BINS:
        place = np.minimum((scores * bins).astype(np.int64), bins - 1)
        counts = np.stack([np.bincount(place[arm], minlength=bins) for arm in (scored.treated, ~scored.treated)])
        if not ((counts > 0) & (counts < LEAST)).any():
            break
    bins = counts.shape[1]
    for at in range(bins):
        row = {"bin": f"{at / bins:.2f}-{(at + 1) / bins:.2f}"}
        for arm, of in zip(("target", "comparator"), counts, strict=True):
            n = int(of[at])
            values = {"n": n, "percent": 100 * n / int(of.sum())}
            ref = cells.persons_ref(arm) if n == int(of.sum()) else ""
            output.write(row, {"arm": arm}, values, n=n, ref=ref)
