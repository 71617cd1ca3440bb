# SPDX-License-Identifier: Apache-2.0
"""Columns of the pooled logistic models of trials, and their fit: time, trial, levels, the arm. Reads no evidence.

A level without any event is set aside: the likelihood's limit, a chance of 0. Columns that those before them say already are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rempart.errors import BadInput
from rempart.study.designed import Texts
from rempart.study.estimators.pooled_logistic import PatternCounts, PooledFit, fit_counts
from rempart.study.ratio import TERM
from rempart.study.target_trials import Bools, Floats, Grid, Histories, Ints

_DEPENDENT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a model is made: ``covariates`` (places in the histories' levels), ``each`` interval its own risk, ``varying`` with the arm."""

    covariates: tuple[int, ...]
    each: bool
    varying: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRows:
    """What the columns of a model are made of: R rows over M intervals, ``levels`` a column a covariate, by ``names``."""

    arm: Ints
    trial: Ints
    names: tuple[str, ...]
    levels: tuple[Texts, ...]
    months: int

    @classmethod
    def of(cls, told: Histories, cells: Grid, terms: Terms, kinds: int) -> "ModelRows":
        """The cells; where ``kinds`` is not 0, each with every level of the changing covariates."""
        each = max(1, kinds)
        names = [f"covariate {at}" for at in terms.covariates]
        levels = [np.repeat(told.levels[at][cells.first], each) for at in terms.covariates]
        changing = zip(*told.changed, strict=True) if kinds else ()
        for at, column in enumerate(changing):
            names.append(f"changing {at}")
            levels.append(np.tile(np.array(column, dtype=np.str_), len(cells.arm)))
        return cls(
            arm=np.repeat(cells.arm, each),
            trial=np.repeat(cells.trial, each),
            names=tuple(names),
            levels=tuple(levels),
            months=cells.months,
        )


def with_event(rows: ModelRows, events: Floats, inside: Bools) -> Bools:
    """Rows whose every level has an event, level by level until nothing more falls away."""
    kept, total = inside.copy(), events.sum(axis=1)
    while True:
        before = int(kept.sum())
        for levels in rows.levels:
            kept &= np.isin(levels, np.unique(levels[kept & (total > 0)]))
        if int(kept.sum()) == before:
            return kept


def design(rows: ModelRows, terms: Terms, *, months: Bools, kept: Bools, arms: bool) -> tuple[Floats, list[str]]:
    """(R, M, p) and the names of the columns; without an arm where not ``arms``."""
    ones = np.ones((len(rows.arm), rows.months))
    if terms.each:
        used = np.flatnonzero(months)[1:]
        timed = [(f"interval {at + 1}", (np.arange(rows.months) == at).astype(np.float64)) for at in used]
    else:
        timed = parabola(rows.months) if months.sum() > 1 else []
    trial = rows.trial / max(1, int(rows.trial.max(initial=0)))
    columns = [("constant", ones)]
    columns += [(name, ones * values) for name, values in timed]
    columns += [("trial", ones * trial[:, None]), ("trial squared", ones * trial[:, None] ** 2)]
    for covariate, levels in zip(rows.names, rows.levels, strict=True):
        for level in np.unique(levels[kept])[1:].tolist():
            columns.append((f"{covariate} {level}", ones * (levels == level)[:, None]))
    if arms:
        columns.append((TERM, ones * rows.arm[:, None]))
        columns += [
            (f"{TERM}, {name}", ones * values * rows.arm[:, None])
            for name, values in parabola(rows.months)
            if terms.varying
        ]
    return np.stack([values for _, values in columns], axis=-1), [name for name, _ in columns]


def parabola(months: int) -> list[tuple[str, Floats]]:
    """Time since time zero, as shares of the longest, and its square: (M,) each."""
    time = np.arange(1, months + 1) / months
    return [("time", time), ("time squared", time**2)]


def fit_columns(x: Floats, names: Sequence[str], n: Floats, d: Floats, *, need: str) -> PooledFit:
    """The fit without columns that those before them say already. Raises BadInput ``pooled-collinear`` where ``need`` is one of them."""
    rows, risk = x.reshape(-1, x.shape[-1]), n.reshape(-1)
    seen = risk > 0
    own = _independent(rows[seen], risk[seen])
    if need and names.index(need) not in own:
        raise BadInput("pooled-collinear", term=need)
    counts = PatternCounts(
        x=rows[:, own], terms=tuple(names[at] for at in own), n=risk, events=np.minimum(d.reshape(-1), risk)
    )
    return fit_counts(counts)


def _independent(x: Floats, n: Floats) -> list[int]:
    gram = x.T @ (x * n[:, None])
    width = np.sqrt(np.diag(gram))
    kept: list[int] = []
    for at in range(len(gram)):
        if not width[at] > 0:
            continue
        unit = gram / np.outer(np.where(width > 0, width, 1.0), np.where(width > 0, width, 1.0))
        rest = 1.0
        if kept:
            rest -= float(unit[at, kept] @ np.linalg.solve(unit[np.ix_(kept, kept)], unit[kept, at]))
        if rest > _DEPENDENT:
            kept.append(at)
    return kept


def spread(fit: PooledFit, names: Sequence[str]) -> Floats:
    """Coefficients of all columns, 0 for those left out."""
    known = dict(zip(fit.terms, fit.beta.tolist(), strict=True))
    return np.array([known.get(name, 0.0) for name in names])
