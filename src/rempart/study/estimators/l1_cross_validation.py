# SPDX-License-Identifier: Apache-2.0
"""Which penalty an L1 propensity model bears: held-out log loss over folds that are given. It draws no number of its own.

The penalties belong to all n persons; where a fold is left out, the others are fitted at λ times their share of n, so that the
penalty a person is the same (as cv.glmnet does). Loss of a fold: mean log loss of its persons (cv.glmnet's deviance is twice that),
probabilities kept within 1e-5 of 0 and 1; error: of the folds' means, weighted by persons, over √(folds - 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.binary_columns import BinaryColumns
from rempart.study.estimators.l1_input import Arms, check_columns
from rempart.study.estimators.l1_logistic import PRECISION, L1Path, linear_predictor, path_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_EDGE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """``loss``, ``error`` (L,): mean held-out log loss a person and its standard error; ``least``: where the loss is least;
    ``plainest``: the greatest penalty whose loss is within one error of that. ``path``: the fits on all persons.
    """

    penalties: Floats
    loss: Floats
    error: Floats
    least: int
    plainest: int
    folds: int
    path: L1Path


def folds_of(draw: NDArray[np.uint64], count: int) -> Ints:
    """A fold 0 … count - 1 for each person, (n,), from the whole number drawn for the person once: mixed, then divided.

    The same person falls in the same fold in every run and every order. Raises BadInput ``propensity-folds``.
    """
    if count < 2 or draw.dtype != np.uint64:
        raise BadInput("propensity-folds")
    mixed = draw + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) % np.uint64(count), dtype=np.int64)


def cross_validate(
    columns: BinaryColumns, exposed: Bools, penalties: Floats, fold: Ints, *, precision: float = PRECISION
) -> CrossValidation:
    """Held-out loss at each of ``penalties`` (L,), falling; ``fold`` (n,): whole numbers, each with both arms outside it.

    Raises BadInput ``propensity-folds`` and those of ``l1_logistic.fit_path``.
    """
    arms = Arms(exposed=exposed)
    check_columns(columns, arms)
    names, place = np.unique(fold, return_inverse=True)
    if fold.shape != exposed.shape or len(names) < 2:
        raise BadInput("propensity-folds")
    path = path_of(columns, arms, penalties, precision)
    size = np.bincount(place).astype(np.float64)
    means = np.array([_held_out(columns, exposed, penalties, place == k, precision) for k in range(len(names))])
    loss = size @ means / size.sum()
    error = np.sqrt(size @ (means - loss) ** 2 / size.sum() / (len(names) - 1))
    least = int(np.argmin(loss))
    return CrossValidation(
        penalties=penalties,
        loss=loss,
        error=error,
        least=least,
        plainest=int(np.argmax(loss <= loss[least] + error[least])),
        folds=len(names),
        path=path,
    )


def _held_out(columns: BinaryColumns, exposed: Bools, penalties: Floats, out: Bools, precision: float) -> Floats:
    """Mean log loss of the persons in ``out`` under the fits of the others, (L,)."""
    others = Arms(exposed=exposed, weight=(~out).astype(np.float64))
    path = path_of(columns, others, penalties * float(np.mean(~out)), precision)
    return np.array([_loss(linear_predictor(columns, fit)[out], exposed[out]) for fit in path.fits])


def _loss(eta: Floats, exposed: Bools) -> float:
    probability = np.clip(1 / (1 + np.exp(-eta)), _EDGE, 1 - _EDGE)
    return float(-np.mean(np.where(exposed, np.log(probability), np.log1p(-probability))))
