# SPDX-License-Identifier: Apache-2.0
"""What an L1 propensity model is given, checked before anything is fitted: two arms, and covariates that can tell them apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.estimators.binary_columns import BinaryColumns, twins
from rempart.study.estimators.l1_loops import sum_columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """``exposed`` (n,) true or false; ``weight`` (n,) finite and not negative, None for one each (0 leaves a person out).

    Raises BadInput ``propensity-shape``, ``propensity-weight``, ``propensity-none-exposed``, ``propensity-all-exposed``.
    """

    exposed: Bools
    weight: Floats | None = None

    def __post_init__(self) -> None:
        """Both arms have persons."""
        if self.exposed.dtype != np.bool_ or self.exposed.ndim != 1:
            raise BadInput("propensity-shape", persons=len(self.exposed), covariates=0)
        if self.weight is not None:
            if self.weight.shape != self.exposed.shape:
                raise BadInput("propensity-shape", persons=len(self.exposed), covariates=0)
            if not np.isfinite(self.weight).all() or (self.weight < 0).any():
                raise BadInput("propensity-weight")
        counted = self.exposed[self.weights > 0]
        if not counted.any():
            raise BadInput("propensity-none-exposed")
        if counted.all():
            raise BadInput("propensity-all-exposed")

    @property
    def weights(self) -> Floats:
        """The weight of each person, (n,)."""
        return np.ones(len(self.exposed)) if self.weight is None else self.weight

    @property
    def y(self) -> Floats:
        """1 for exposed, 0 for not, (n,)."""
        return self.exposed.astype(np.float64)


def check_columns(columns: BinaryColumns, arms: Arms) -> None:
    """Each covariate differs among the persons, from every other covariate, and from the exposure.

    Raises BadInput ``propensity-shape``, ``propensity-constant``, ``propensity-is-exposure``, ``propensity-twin`` (the covariate and
    the earlier one with the same persons; ``covariate_selection.distinct`` leaves such out).
    """
    if columns.persons != len(arms.exposed) or not len(columns.terms):
        raise BadInput("propensity-shape", persons=len(arms.exposed), covariates=len(columns.terms))
    counted = (arms.weights > 0).astype(np.float64)
    held = _sums(columns, counted)
    idle = (held == 0) | (held == counted.sum())
    if idle.any():
        raise BadInput("propensity-constant", term=columns.terms[int(np.argmax(idle))])
    exposed = _sums(columns, counted * arms.exposed)
    all_exposed = float((counted * arms.exposed).sum())
    same = ((exposed == held) & (exposed == all_exposed)) | ((exposed == 0) & (held == counted.sum() - all_exposed))
    if same.any():
        raise BadInput("propensity-is-exposure", term=columns.terms[int(np.argmax(same))])
    later, earlier = twins(columns)
    if len(later):
        raise BadInput("propensity-twin", term=columns.terms[later[0]], other=columns.terms[earlier[0]])


def _sums(columns: BinaryColumns, values: Floats) -> Floats:
    out = np.zeros(len(columns.terms))
    sum_columns((columns.start, columns.person), np.arange(len(columns.terms)), values, out)
    return out
