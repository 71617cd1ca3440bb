# SPDX-License-Identifier: Apache-2.0
"""Histories of persons as rows of trials, and rows as counts of person-intervals. Arithmetic on arrays; fits nothing.

A row is one person in one arm of one trial (one clone): followed through interval ``exit_`` after time zero, with the outcome in it or
not, leaving its strategy at the end of it or not. Deviations count at the end of their interval: an outcome in it, or a death, is still
the strategy's, and the dead leave none any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rempart.study.designed import Patterns, Texts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


COLUMNS = 8  # of a history's text


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """H distinct histories: ``n`` persons of each; ``w``, ``e``, ``i``, ``s``, ``d`` (H,), numbers of intervals (-1: none); ``lost`` (H,):
    seen no longer before the data end; stretches of trials (R,): ``of`` (a history), ``first``, ``last``, ``levels``, a column a covariate.

    ``changes`` (H, I): places in ``changed`` (levels of the changing covariates) on the first day of each interval, 0 where not told.
    """

    n: Ints
    w: Ints
    e: Ints
    i: Ints
    s: Ints
    d: Ints
    lost: Bools
    of: Ints
    first: Ints
    last: Ints
    levels: tuple[Texts, ...]
    changes: Ints
    changed: tuple[tuple[str, ...], ...]
    keys: Texts


def histories(found: Patterns, covariates: int) -> Histories:
    """Read from their texts (cohort/design_target_trial.py)."""
    of, spans, told = _stretches(found.columns[7])
    cut = [levels.split(",") for levels in told]
    keys = found.columns[0].astype(object)
    for column in found.columns[1:]:
        keys = keys + "|" + column.astype(object)
    changes, changed = _changes(found.columns[6])
    return Histories(
        n=found.n,
        w=found.whole(0),
        e=found.whole(1),
        i=found.whole(2),
        s=found.whole(3),
        d=found.whole(4),
        lost=found.whole(5) == 1,
        of=of,
        first=spans[:, 0],
        last=spans[:, 1],
        levels=tuple(np.array([row[at] for row in cut], dtype=np.str_) for at in range(covariates)),
        changes=changes,
        changed=changed,
        keys=keys.astype(np.str_),
    )


def _stretches(texts: Texts) -> tuple[Ints, Ints, list[str]]:
    """Of ``first-last:levels;…`` the text's place, (first, last), and the levels, a row a stretch."""
    runs = [(at, *run.split(":")) for at, text in enumerate(texts.tolist()) for run in text.split(";") if run]
    spans = np.array([span.split("-") for _, span, _ in runs], dtype=np.int64).reshape(-1, 2)
    return np.array([at for at, _, _ in runs], dtype=np.int64), spans, [levels for _, _, levels in runs]


def _changes(texts: Texts) -> tuple[Ints, tuple[tuple[str, ...], ...]]:
    of, spans, told = _stretches(texts)
    known, code = np.unique(np.array(told, dtype=np.str_), return_inverse=True)
    table = np.zeros((len(texts), int(spans[:, 1].max(initial=-1)) + 1), dtype=np.int64)
    for at, (first, last), number in zip(of.tolist(), spans.tolist(), code.reshape(-1).tolist(), strict=True):
        table[at, first : last + 1] = number
    return table, tuple(tuple(levels.split(",")) for levels in known.tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRows:
    """N rows: ``of`` (their history), ``arm`` (1 started, or meets the rule), ``trial``, ``run`` (the stretch that tells the levels),
    ``zero`` (the interval whose last day is time zero), ``exit_`` from 1, ``event``, ``left``: deviated at the end of the exit interval;
    ``dead``: the interval of the death, 0 for none; ``lost``: seen no longer after the exit interval; ``met``: the interval in which a
    clone met the rule that it was to meet, 0 for none."""

    of: Ints
    arm: Ints
    trial: Ints
    run: Ints
    zero: Ints
    exit_: Ints
    event: Bools
    left: Bools
    dead: Ints
    lost: Bools
    met: Ints


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
    rows = _followed(told, (of, arm, np.zeros(len(of), np.int64), run), np.full(len(of), -1), leaves, horizon)
    return replace(rows, met=np.where(rows.arm == 1, told.i[rows.of] + 1, 0))


def _followed(told: Histories, who: tuple[Ints, Ints, Ints, Ints], zero: Ints, leaves: Ints, horizon: int) -> TrialRows:
    """Rows with an interval at risk after interval ``zero``. Who dies leaves no strategy at the end of that interval, nor later."""
    of, arm, trial, run = who
    w, e, d = told.w[of], told.e[of], told.d[of]
    leaves = np.where((d >= 0) & (d <= leaves), -1, leaves)
    seen = np.minimum(w - 1, zero + horizon)
    end = np.where(leaves < 0, seen, np.minimum(seen, leaves))
    event = (e > zero) & (e <= end)
    exit_ = np.where(event, e, end)
    left = (leaves >= 0) & (leaves == exit_) & ~event
    dead = np.where((d > zero) & (d <= exit_) & ~event, d - zero, 0)
    lost = told.lost[of] & (exit_ == w - 1) & (exit_ < zero + horizon) & ~event & ~left
    kept = end > zero
    return TrialRows(
        of=of[kept],
        arm=arm[kept],
        trial=trial[kept],
        run=run[kept],
        zero=zero[kept],
        exit_=(exit_ - zero)[kept],
        event=event[kept],
        left=left[kept],
        dead=dead[kept],
        lost=lost[kept],
        met=np.zeros(int(kept.sum()), dtype=np.int64),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """C cells of equal ``arm``, ``trial`` and levels, each over ``months`` intervals; ``cell`` (N,): the cell of each row; ``first``: a
    stretch of each cell, whose levels are the cell's.

    A cell holds paths, K in all, of equal weights: ``path`` (N,) of each row, ``within`` (K,) their cell, ``dead`` (K,) the interval of
    the death and ``met`` (K,) that in which the rule was met (0: none), ``changes`` (K, M) the changing covariates in each interval.
    """

    rows: TrialRows
    cell: Ints
    arm: Ints
    trial: Ints
    first: Ints
    months: int
    path: Ints
    within: Ints
    dead: Ints
    met: Ints
    changes: Ints

    def counts(self, weight: Floats) -> "Counts":
        """Of rows that count ``weight`` (N,)."""
        rows, shape = self.rows, (len(self.within), self.months)

        def table(values: Floats, month: Ints) -> Floats:
            counted = np.bincount(self.path * self.months + month - 1, weights=values, minlength=shape[0] * shape[1])
            return counted.astype(np.float64).reshape(shape)

        ends = table(weight, rows.exit_)
        risk = np.cumsum(ends[:, ::-1], axis=1)[:, ::-1]
        events, left, lost = (table(weight * flag, rows.exit_) for flag in (rows.event, rows.left, rows.lost))
        month = np.arange(1, self.months + 1)
        alive = (self.dead[:, None] == 0) | (month < self.dead[:, None])
        stay, free = np.where(alive, risk - events, 0.0), (self.met[:, None] == 0) | (month <= self.met[:, None])
        return Counts(risk=risk, events=events, stay=stay, may=np.where(free, stay, 0.0), left=left, lost=lost)

    def of_cells(self, table: Floats) -> Floats:
        """A table (K, M) summed over the paths of each cell, (C, M)."""
        found = np.zeros((len(self.arm), self.months))
        np.add.at(found, self.within, table)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Person-intervals by path and interval, (K, M) each: at ``risk`` of the outcome; ``events``; of the others the living, at its end
    (``stay``), those of them who still can deviate (``may``: not who has met the rule before), who do then (``left``), and who are seen no
    longer (``lost``)."""

    risk: Floats
    events: Floats
    stay: Floats
    may: Floats
    left: Floats
    lost: Floats


def grid(told: Histories, rows: TrialRows, names: Sequence[int], months: int) -> Grid:
    """Cells by arm, trial and the covariates at places ``names``."""
    pattern = np.zeros(len(told.of), dtype=np.int64)
    for at in names:
        pattern = _numbered(pattern, np.unique(told.levels[at], return_inverse=True)[1].reshape(-1))
    keys = np.column_stack([rows.arm, rows.trial, pattern[rows.run]])
    _, first, cell = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    cell = cell.reshape(-1).astype(np.int64)
    path = _numbered(_numbered(cell, rows.dead), rows.met)
    for month in range(1, months + 1) if told.changed else ():
        path = _numbered(path, _changed(told, rows, month))
    _, shown, path = np.unique(path, return_index=True, return_inverse=True)
    kinds = [_changed(told, rows, month)[shown] for month in range(1, months + 1)]
    return Grid(
        rows=rows,
        cell=cell,
        arm=rows.arm[first],
        trial=rows.trial[first],
        first=rows.run[first],
        months=months,
        path=path.reshape(-1).astype(np.int64),
        within=cell[shown],
        dead=rows.dead[shown],
        met=rows.met[shown],
        changes=np.stack(kinds, axis=1),
    )


def _numbered(one: Ints, other: Ints) -> Ints:
    """Numbers of the pairs that there are, in their order."""
    pairs = one * (int(other.max(initial=0)) + 1) + other
    return np.asarray(np.unique(pairs, return_inverse=True)[1].reshape(-1), dtype=np.int64)


def _changed(told: Histories, rows: TrialRows, month: int) -> Ints:
    """What the changing covariates are in an interval of the rows, 0 after their exit or where nothing is told."""
    at = np.minimum(rows.zero + month, told.changes.shape[1] - 1)
    if not told.changed:
        return np.zeros(len(rows.of), dtype=np.int64)
    return np.where(month <= rows.exit_, told.changes[rows.of, at], 0)
