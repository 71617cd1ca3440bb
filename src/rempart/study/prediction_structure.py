# SPDX-License-Identifier: Apache-2.0
"""What of a trained model's build could tell of persons, counted from the persons who trained it. ``disclosure/models.py`` judges it."""

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.records.trained import Structure
from rempart.study.estimators.prediction_measures import Predicted, auroc
from rempart.study.prediction_data import Persons, Sides
from rempart.study.prediction_models import Trained


def structure_of(sides: Sides, trained: Trained) -> Structure:
    """Leaf sizes, bearers of features, parameters, and how much better the model is on those who trained it."""
    persons = len(sides.train.outcome)
    held = sides.train.columns.held[trained.used]
    sizes = [int(counts.min()) for counts in trained.leaves if len(counts)]
    return Structure(
        persons=persons,
        events=sides.train.events,
        parameters=trained.parameters,
        features=len(trained.used),
        least_feature=int(np.minimum(held, persons - held).min(initial=persons)),
        least_leaf=min(sizes) if sizes else None,
        gap=_gap(sides, trained),
    )


def _gap(sides: Sides, trained: Trained) -> float | None:
    own, others = _area(trained.train, sides.train), _area(trained.judge, sides.judge)
    return None if own is None or others is None else own - others


def _area(chances: NDArray[np.float64], side: Persons) -> float | None:
    try:
        return auroc(Predicted(probability=chances, outcome=side.outcome, weight=side.weight))[0]
    except BadInput:
        return None
