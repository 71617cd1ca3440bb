# SPDX-License-Identifier: Apache-2.0
"""Fitting the propensity score of a comparison: logistic on the covariates, or L1 on covariates and features, and who is trimmed.

A score is fitted on everyone, who is trimmed by it is left out, and it is fitted anew on the others: what it means has changed with
the population. Deterministic for a seed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.scores import LASSO, NO_TRIMMING, ScoreUse
from rempart.study.estimators import covariate_selection, logistic
from rempart.study.estimators.binary_columns import BinaryColumns, from_pairs
from rempart.study.estimators.l1_cross_validation import cross_validate, folds_of
from rempart.study.estimators.l1_logistic import falling, fit_path, greatest_penalty, linear_predictor
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_strata import (
    Trimmed,
    trim_crump,
    trim_percentiles,
    trim_preference,
    trim_shared_range,
)
from rempart.study.scored import Persons, draws

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FOLDS, PENALTIES = 10, 20
_FOLD_DRAW = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFit:
    """``scored`` (N,) of the persons it was fitted on; ``columns``: covariates of the model; ``penalty``: of L1, 0 of maximum likelihood,
    whose estimation can be allowed for."""

    scored: Scored
    columns: BinaryColumns | None = None
    penalty: float = 0.0


def fit_score(persons: Persons, use: ScoreUse, seed: int) -> ScoreFit:
    """The score of each person.

    Raises BadInput as ``logistic.fit``, ``l1_logistic.fit_path`` and ``score_input.Scored``; each that has a covariate to blame names it.
    """
    columns = columns_of(persons, use)
    if use.score_model != LASSO:
        return _plain(persons, columns)
    penalties = falling(greatest_penalty(columns, persons.treated), count=PENALTIES)
    fold = folds_of(draws(seed, len(persons.treated), use=_FOLD_DRAW), FOLDS)
    found = cross_validate(columns, persons.treated, penalties, fold)
    eta = linear_predictor(columns, found.path.fits[found.least])
    return ScoreFit(scored=_scored(eta, persons.treated), columns=columns, penalty=float(penalties[found.least]))


def columns_of(persons: Persons, use: ScoreUse) -> BinaryColumns:
    """Covariates (each level but one) and features as sparse columns; of features those chosen, where a number is asked for."""
    mine = _levels(persons)
    if persons.features is None:
        return mine
    features = persons.features.take(covariate_selection.distinct(persons.features))
    if use.select and len(features.terms):
        features, _ = covariate_selection.select(features, persons.treated, persons.status == 1, keep=use.select)
    both = _beside(mine, features)
    return both.take(covariate_selection.distinct(both))


def _levels(persons: Persons) -> BinaryColumns:
    line, column = np.nonzero(persons.x)
    order = np.argsort(persons.row, kind="stable")
    size = np.bincount(persons.row, minlength=len(persons.x))
    begin = np.cumsum(size) - size
    held = [order[begin[i] : begin[i] + size[i]] for i in line]
    person = np.concatenate(held) if held else np.zeros(0, dtype=np.int64)
    return from_pairs(len(persons.row), person, np.repeat(column, size[line]), persons.terms)


def _beside(one: BinaryColumns, other: BinaryColumns) -> BinaryColumns:
    return BinaryColumns(
        persons=one.persons,
        start=np.concatenate([one.start, other.start[1:] + one.start[-1]]),
        person=np.concatenate([one.person, other.person]),
        terms=one.terms + other.terms,
    )


def _plain(persons: Persons, columns: BinaryColumns) -> ScoreFit:
    if persons.features is None:
        score = counted_score(persons, np.ones(len(persons.row)))
        return ScoreFit(scored=Scored(score=score, treated=persons.treated))
    fitted = logistic.fit(columns.dense(), persons.treated, columns.terms)
    return ScoreFit(
        scored=Scored(score=logistic.probabilities(fitted, columns.dense()), treated=persons.treated), columns=columns
    )


def counted_score(persons: Persons, weight: Floats) -> Floats:
    """The logistic score (N,) on the covariates alone, each person counted ``weight`` times: fitted on the distinct lines of x."""
    sides = [np.bincount(persons.row[of], weights=weight[of], minlength=len(persons.x)) for of in _arms(persons)]
    y = np.repeat([True, False], len(persons.x))
    counted = np.unique(persons.row[weight > 0])
    own = np.flatnonzero(np.ptp(persons.x[counted], axis=0) > 0)
    x, terms = persons.x[:, own], [persons.terms[at] for at in own]
    fitted = logistic.fit(np.vstack([x, x]), y, terms, weight=np.concatenate(sides))
    return logistic.probabilities(fitted, x)[persons.row]


def refitted(persons: Persons, fit: ScoreFit, weight: Floats) -> Scored:
    """The score with each person counted ``weight`` times, by the same covariates and penalty (a bootstrap's replicate)."""
    if fit.columns is None:
        return Scored(score=counted_score(persons, weight), treated=persons.treated)
    if not fit.penalty:
        dense = fit.columns.dense()
        fitted = logistic.fit(dense, persons.treated, fit.columns.terms, weight=weight)
        return Scored(score=logistic.probabilities(fitted, dense), treated=persons.treated)
    path = fit_path(fit.columns, persons.treated, np.array([fit.penalty]), weight=weight)
    return _scored(linear_predictor(fit.columns, path.fits[-1]), persons.treated)


def _arms(persons: Persons) -> tuple[Bools, Bools]:
    return persons.treated, ~persons.treated


def _scored(eta: Floats, treated: Bools) -> Scored:
    return Scored(score=np.asarray(1 / (1 + np.exp(-eta)), dtype=np.float64), treated=treated)


def trimmed(persons: Persons, fit: ScoreFit, use: ScoreUse) -> Bools:
    """Who stays, (N,)."""
    rules: dict[str, Callable[[Scored], Trimmed]] = {
        "preference": trim_preference,
        "crump": trim_crump,
        "percentiles": trim_percentiles,
        "shared-range": trim_shared_range,
    }
    if use.trimming == NO_TRIMMING:
        return np.ones(len(persons.treated), dtype=bool)
    return rules[use.trimming](fit.scored).keep


def check_covariates(persons: Persons) -> None:
    """Raises BadInput ``score-no-covariates`` where nothing tells the persons apart."""
    if not persons.terms and persons.features is None:
        raise BadInput("score-no-covariates")
