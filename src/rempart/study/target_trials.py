# SPDX-License-Identifier: Apache-2.0
"""Histories of persons as rows of trials, and rows as counts of person-intervals. Arithmetic on arrays; fits nothing.

A row is one person in one arm of one trial (one clone): followed through interval ``exit_`` after time zero, with the outcome in it or
not, leaving its strategy at the end of it or not. Deviations count at the end of their interval: an outcome in it is still the strategy's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.study.designed import Patterns, Texts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """H distinct histories: ``n`` persons of each; ``w``, ``e``, ``i``, ``s`` (H,), numbers of intervals (-1: none); stretches of trials
    (R,): ``of`` (a history), ``first``, ``last``, and ``levels``, a column a covariate."""

    n: Ints
    w: Ints
    e: Ints
    i: Ints
    s: Ints
    of: Ints
    first: Ints
    last: Ints
    levels: tuple[Texts, ...]
    keys: Texts


def histories(found: Patterns, covariates: int) -> Histories:
    """Read from their texts (cohort/design_target_trial.py)."""
    runs = [(at, *run.split(":")) for at, text in enumerate(found.columns[4].tolist()) for run in text.split(";")]
    spans = np.array([span.split("-") for _, span, _ in runs], dtype=np.int64).reshape(-1, 2)
    cut = [levels.split(",") for _, _, levels in runs]
    keys = found.columns[0].astype(object)
    for column in found.columns[1:]:
        keys = keys + "|" + column.astype(object)
    return Histories(
        n=found.n,
        w=found.whole(0),
        e=found.whole(1),
        i=found.whole(2),
        s=found.whole(3),
        of=np.array([at for at, _, _ in runs], dtype=np.int64),
        first=spans[:, 0],
        last=spans[:, 1],
        levels=tuple(np.array([row[at] for row in cut], dtype=np.str_) for at in range(covariates)),
        keys=keys.astype(np.str_),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRows:
    """N rows: ``of`` (their history), ``arm`` (1 started, or meets the rule), ``trial``, ``run`` (the stretch that tells the levels),
    ``exit_`` from 1, ``event``, ``left``: deviated at the end of the exit interval."""

    of: Ints
    arm: Ints
    trial: Ints
    run: Ints
    exit_: Ints
    event: Bools
    left: Bools


def trial_rows(told: Histories, *, horizon: int, per_protocol: bool) -> TrialRows:
    """Each person in each trial in sequence, in the arm of its interval."""
    many = told.last - told.first + 1
    run = np.repeat(np.arange(len(many)), many)
    trial = np.arange(len(run)) - np.repeat(np.cumsum(many) - many, many) + told.first[run]
    of = told.of[run]
    arm = (told.i[of] == trial).astype(np.int64)
    leaves = np.where(arm == 1, told.s[of], told.i[of]) if per_protocol else np.full(len(of), -1)
    return _followed(told, (of, arm, trial, run), trial, leaves, horizon)


def clone_rows(told: Histories, *, horizon: int, grace: int) -> TrialRows:
    """Each person in both arms of one trial: meets the rule within ``grace`` intervals, or does not. Who met it on the day of entry is
    of the first alone."""
    never = told.i[told.of] < 0
    size = len(told.of)
    one = np.arange(size)
    other = np.flatnonzero(told.s[told.of] < 0)
    run = np.r_[one, other]
    arm = np.r_[np.ones(size, dtype=np.int64), np.zeros(len(other), dtype=np.int64)]
    leaves = np.r_[np.where(never, grace - 1, -1), told.i[told.of[other]]]
    of = told.of[run]
    return _followed(told, (of, arm, np.zeros(len(of), np.int64), run), np.full(len(of), -1), leaves, horizon)


def _followed(told: Histories, who: tuple[Ints, Ints, Ints, Ints], zero: Ints, leaves: Ints, horizon: int) -> TrialRows:
    """Rows with an interval at risk after interval ``zero``."""
    of, arm, trial, run = who
    w, e = told.w[of], told.e[of]
    seen = np.minimum(w - 1, zero + horizon)
    end = np.where(leaves < 0, seen, np.minimum(seen, leaves))
    event = (e > zero) & (e <= end)
    exit_ = np.where(event, e, end)
    left = (leaves >= 0) & (leaves == exit_) & ~event
    kept = end > zero
    return TrialRows(
        of=of[kept],
        arm=arm[kept],
        trial=trial[kept],
        run=run[kept],
        exit_=(exit_ - zero)[kept],
        event=event[kept],
        left=left[kept],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """C cells of equal ``arm``, ``trial`` and levels, each over ``months`` intervals; ``cell`` (N,): the cell of each row.

    ``first``: a stretch of each cell, whose levels are the cell's.
    """

    rows: TrialRows
    cell: Ints
    arm: Ints
    trial: Ints
    first: Ints
    months: int

    def counts(self, weight: Floats) -> tuple[Floats, Floats, Floats]:
        """Persons at risk, outcomes and deviations by cell and interval, (C, M) each, of rows that count ``weight`` (N,)."""
        shape = (len(self.arm), self.months)
        at = self.cell * self.months + self.rows.exit_ - 1

        def table(values: Floats) -> Floats:
            counted = np.bincount(at, weights=values, minlength=shape[0] * shape[1])
            return counted.astype(np.float64).reshape(shape)

        ends = table(weight)
        risk = np.cumsum(ends[:, ::-1], axis=1)[:, ::-1]
        return risk, table(weight * self.rows.event), table(weight * self.rows.left)


def grid(told: Histories, rows: TrialRows, names: Sequence[int], months: int) -> Grid:
    """Cells by arm, trial and the covariates at places ``names``."""
    pattern = np.zeros(len(told.of), dtype=np.int64)
    for at in names:
        _, number = np.unique(told.levels[at], return_inverse=True)
        pattern = pattern * (int(number.max(initial=0)) + 1) + number.reshape(-1)
        pattern = np.unique(pattern, return_inverse=True)[1].reshape(-1)
    keys = np.column_stack([rows.arm, rows.trial, pattern[rows.run]])
    _, first, cell = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return Grid(
        rows=rows,
        cell=cell.reshape(-1).astype(np.int64),
        arm=rows.arm[first],
        trial=rows.trial[first],
        first=rows.run[first],
        months=months,
    )
