# SPDX-License-Identifier: Apache-2.0
"""Gradient boosting by LightGBM, an optional extra: implements ports.learner.Learner. One thread and fixed seeds, so that a run repeats.

Chooses no parameter of its own that a study could care for; judges nothing.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from rempart.errors import Unavailable
from rempart.ports.learner import Answers, Floats, Growing, Ints

EXTRA = "ai"
_ALWAYS = {
    "objective": "binary",
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
    "feature_pre_filter": False,
    "min_sum_hessian_in_leaf": 0.0,
    "min_data_in_bin": 1,
}


class Boosted:
    """A trained ensemble, in memory alone."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    @property
    def text(self) -> str:
        """The model as LightGBM writes it."""
        return str(self._booster.model_to_string())

    def chances(self, given: Answers) -> Floats:
        """P(outcome) of each person."""
        return np.asarray(self._booster.predict(_matrix(given).tocsr()), dtype=np.float64)

    def leaves(self, given: Answers) -> tuple[Ints, ...]:
        """For each tree the leaf of each person."""
        found = np.asarray(self._booster.predict(_matrix(given).tocsr(), pred_leaf=True), dtype=np.int64)
        return tuple(found.reshape(given.persons, -1).T)


class Boosting:
    """Makes ``Boosted``; the library is imported when it is first needed."""

    def check(self) -> None:
        """Raises Unavailable ``learner-missing``."""
        _library()

    def grow(self, given: Answers, outcome: NDArray[np.bool_], weight: Floats, how: Growing) -> Boosted:
        """As the port says."""
        library = _library()
        settings = {
            **_ALWAYS,
            "num_leaves": how.leaves,
            "min_data_in_leaf": how.leaf_persons,
            "learning_rate": how.rate,
            "seed": how.seed,
        }
        data = library.Dataset(_matrix(given), label=outcome.astype(np.float64), weight=weight, params=settings)
        return Boosted(library.train(settings, data, num_boost_round=how.trees))


def _matrix(given: Answers) -> Any:
    shape = (given.persons, len(given.start) - 1)
    return csc_matrix((np.ones(len(given.person), dtype=np.float32), given.person, given.start), shape=shape)


def _library() -> Any:
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise Unavailable("learner-missing", extra=EXTRA) from error
    return lightgbm
