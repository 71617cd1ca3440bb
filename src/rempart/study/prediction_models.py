# SPDX-License-Identifier: Apache-2.0
"""Training a prediction model: L1 logistic regression with a cross-validated penalty, or trees by a learner that is given. Judges nothing.

The penalty with the least held-out log loss is taken, each person weighted for censoring. Shapes: n persons.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.ports.learner import Answers, Growing, Learner
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.estimators.l1_input import Arms, check_columns
from rempart.study.estimators.l1_logistic import PRECISION, L1Fit, falling, greatest_penalty, linear_predictor, path_of
from rempart.study.prediction_data import Persons

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_EDGE = 1e-5
_RATIOS = (0.01, 0.05, 0.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """``train``, ``judge`` (n,): probabilities of both sides; ``used``: places of the features that it reads; ``leaves``: persons of each
    leaf of each tree; ``parameters``: fitted numbers; ``body``: the model as text."""

    train: Floats
    judge: Floats
    used: Ints
    leaves: tuple[Ints, ...]
    parameters: int
    body: str


def l1_model(train: Persons, judge: Persons, asked: Mapping[str, Any]) -> Trained:
    """Raises the errors of ``l1_logistic.fit_path``, ``propensity-folds`` among them where a fold leaves nobody of a class."""
    check_columns(train.columns, Arms(exposed=train.outcome))
    for ratio in _RATIOS[:-1]:
        try:
            return _l1_down_to(ratio, train, judge, asked)
        except BadInput as error:
            if error.code != "propensity-separation":
                raise
    return _l1_down_to(_RATIOS[-1], train, judge, asked)


def _l1_down_to(ratio: float, train: Persons, judge: Persons, asked: Mapping[str, Any]) -> Trained:
    """Penalties from the greatest down to so much of it: where few persons have the outcome, less penalty parts them altogether."""
    columns, weight = train.columns, train.weight / train.weight.mean()
    greatest = greatest_penalty(columns, train.outcome)
    penalties = falling(greatest, count=int(asked["penalties"]), ratio=ratio)
    loss = sum(_held_out(train, weight, penalties, train.fold == k) for k in range(int(asked["folds"])))
    arms = Arms(exposed=train.outcome, weight=weight)
    fits = path_of(columns, arms, penalties[: int(np.argmin(loss)) + 1], PRECISION).fits
    fitted = fits[-1]
    return Trained(
        train=_chance(linear_predictor(columns, fitted)),
        judge=_chance(linear_predictor(judge.columns, fitted)),
        used=fitted.columns,
        leaves=(),
        parameters=len(fitted.beta) + 1,
        body=_written(fitted),
    )


def _held_out(train: Persons, weight: Floats, penalties: Floats, out: NDArray[np.bool_]) -> Floats:
    """Σ weighted log loss of the persons in ``out`` under the fits of the others, (L,)."""
    if not out.any():
        return np.zeros(len(penalties))
    try:
        others = Arms(exposed=train.outcome, weight=weight * ~out)
    except BadInput as error:
        raise BadInput("propensity-folds") from error
    path = path_of(train.columns, others, penalties * float(np.mean(~out)), PRECISION)
    return np.array(
        [_loss(linear_predictor(train.columns, fit)[out], train.outcome[out], weight[out]) for fit in path.fits]
    )


def _loss(eta: Floats, outcome: NDArray[np.bool_], weight: Floats) -> float:
    p = np.clip(_chance(eta), _EDGE, 1 - _EDGE)
    return float(-weight @ np.where(outcome, np.log(p), np.log1p(-p)))


def _chance(eta: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-eta)), dtype=np.float64)


def _written(fitted: L1Fit) -> str:
    coefficients = dict(zip(fitted.terms, fitted.beta.tolist(), strict=True))
    return json.dumps(
        {"intercept": fitted.intercept, "penalty": fitted.penalty, "coefficients": coefficients}, sort_keys=True
    )


def boosted_model(train: Persons, judge: Persons, asked: Mapping[str, Any], learner: Learner) -> Trained:
    """Raises Unavailable ``learner-missing``."""
    how = Growing(
        trees=int(asked["trees"]),
        leaves=int(asked["leaves"]),
        leaf_persons=int(asked["leaf_persons"]),
        rate=int(asked["rate_percent"]) / 100,
        seed=int(asked["seed"]),
    )
    return grown(train, judge, how, learner)


def grown(train: Persons, judge: Persons, how: Growing, learner: Learner) -> Trained:
    """Trees of any growing, with the persons of each leaf counted from the trees themselves: a library's own count is not taken."""
    mine = _answers(train.columns)
    trees = learner.grow(mine, train.outcome, train.weight / train.weight.mean(), how)
    leaves = tuple(np.bincount(leaf)[np.unique(leaf)].astype(np.int64) for leaf in trees.leaves(mine))
    return Trained(
        train=trees.chances(mine),
        judge=trees.chances(_answers(judge.columns)),
        used=np.arange(len(train.columns.terms), dtype=np.int64),
        leaves=leaves,
        parameters=sum(len(counts) for counts in leaves),
        body=json.dumps({"features": list(train.columns.terms), "trees": trees.text}, sort_keys=True),
    )


def _answers(columns: BinaryColumns) -> Answers:
    return Answers(persons=columns.persons, start=columns.start, person=columns.person)
