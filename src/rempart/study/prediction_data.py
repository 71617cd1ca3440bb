# SPDX-License-Identifier: Apache-2.0
"""A prediction's evidence as arrays: who trains, who judges, what became of them, the features that may be learnt from. Fits nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.records.design_prediction import PLACE
from rempart.study.designed import Designed
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.estimators.censoring_weights import KnownAtHorizon, censoring_weights
from rempart.study.features import among, feature_columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_FIXED = 6  # columns of a row before the covariates' levels
LEAST = 11  # persons, where an analysis has no features that say more


@dataclass(frozen=True, slots=True, kw_only=True)
class Persons:
    """Persons of one side whose outcome by the horizon is known. ``columns``: their features; ``fold`` (n,); ``levels``: group → level
    of each; ``not_known``: how many of the side were censored before the horizon."""

    columns: BinaryColumns
    outcome: Bools
    weight: Floats
    fold: Ints
    levels: dict[str, NDArray[np.str_]]
    not_known: int

    @property
    def events(self) -> int:
        """Persons with the outcome."""
        return int(self.outcome.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """``train`` and ``judge``, with the same features in the same order; ``offered``: features before any was left out; ``left_out``: by
    reason."""

    train: Persons
    judge: Persons
    offered: int
    left_out: dict[str, int]


def sides_of(told: Designed) -> Sides:
    """The two sides; censoring weights are estimated within each.

    Raises BadInput ``censoring-all``, ``censoring-shape``.
    """
    asked, covariates = told.analysis.parameters, told.analysis.covariates
    found = told.patterns("rows", _FIXED + len(covariates))
    columns = [np.repeat(column, found.n) for column in found.columns]
    status, day, fold = (columns[at].astype(np.int64) for at in (1, 2, 4))
    trains = columns[3] == "train"
    levels = dict(zip(covariates, columns[_FIXED:], strict=True))
    known = {side: _known(status[own], day[own], int(asked["horizon_days"])) for side, own in _both(trains)}
    weight = np.zeros(len(day))
    for side, own in _both(trains):
        weight[own] = known[side].weight
    texts = [_text(str(text), at, levels) for at, text in enumerate(columns[0])]
    features = feature_columns(texts, least=_least(told), counted=trains & (weight > 0))
    groups = {name: columns[5] if name == PLACE else levels[name] for name in asked["groups"]}
    parts = {
        side: Persons(
            columns=among(features.columns, own & (weight > 0)),
            outcome=status[own & (weight > 0)] == 1,
            weight=weight[own & (weight > 0)],
            fold=fold[own & (weight > 0)],
            levels={name: level[own & (weight > 0)] for name, level in groups.items()},
            not_known=int((own & (weight == 0)).sum()),
        )
        for side, own in _both(trains)
    }
    offered = len(features.columns.terms) + sum(features.left_out.values())
    return Sides(train=parts["train"], judge=parts["judge"], offered=offered, left_out=dict(features.left_out))


def _both(trains: Bools) -> tuple[tuple[str, Bools], ...]:
    return ("train", trains), ("judge", ~trains)


def _known(status: Ints, day: Ints, horizon: int) -> KnownAtHorizon:
    return censoring_weights(day, status == 1, status == 2, horizon)


def _text(features: str, at: int, levels: dict[str, NDArray[np.str_]]) -> str:
    """Features of a person with the covariates' levels among them."""
    named = [f"{name}={level[at]}" for name, level in levels.items()]
    return ",".join([*([features] if features else []), *named])


def _least(told: Designed) -> int:
    return max((told.study.features[name].persons for name in told.analysis.inputs["features"]), default=LEAST)
