# SPDX-License-Identifier: Apache-2.0
"""A trained model and what of its build could tell of persons. A model is an output: it is kept sealed, and judged before any way out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rempart.errors import BadInput

SCHEMA = "rempart.model/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What the disclosure rules look at. ``persons``, ``events``: that trained; ``parameters``: numbers that were fitted (coefficients, or
    leaves of all trees); ``least_feature``: fewest training persons that bear, or do not bear, a feature used; ``least_leaf``: fewest
    training persons in a leaf of any tree, None without trees; ``gap``: discrimination in training less that in those who judged, None
    where either cannot be told."""

    persons: int
    events: int
    parameters: int
    features: int
    least_feature: int
    least_leaf: int | None
    gap: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """``analysis``: its id; ``kind``: l1_logistic or gradient_boosting; ``body``: the model itself, as text."""

    analysis: str
    kind: str
    structure: Structure
    body: str

    def to_bytes(self) -> bytes:
        """The document that is sealed."""
        told = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def model_from_bytes(data: bytes) -> TrainedModel:
    """A model as ``to_bytes`` wrote it; raises BadInput ``model-form``."""
    try:
        told: Mapping[str, Any] = json.loads(data)
        if told["schema"] != SCHEMA:
            raise BadInput("model-form")
        return TrainedModel(
            analysis=str(told["analysis"]),
            kind=str(told["kind"]),
            structure=Structure(**told["structure"]),
            body=str(told["body"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("model-form") from error
