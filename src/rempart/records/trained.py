# SPDX-License-Identifier: Apache-2.0
"""A trained model and what of its build could tell of persons. A model is an output: it is kept sealed, and judged before any way out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rempart.errors import BadInput

SCHEMA = "rempart.models/1"
MODELS = "models"  # the name under which a run keeps them, in its project and in the ledger


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


def models_bytes(models: Sequence[TrainedModel]) -> bytes:
    """The models of a run as the document that is sealed."""
    told = {"schema": SCHEMA, "models": [asdict(model) for model in models]}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def models_from_bytes(data: bytes) -> tuple[TrainedModel, ...]:
    """Models as ``models_bytes`` wrote them; raises BadInput ``model-form``."""
    try:
        told: Mapping[str, Any] = json.loads(data)
        if told["schema"] != SCHEMA:
            raise BadInput("model-form")
        return tuple(
            TrainedModel(**{**model, "structure": Structure(**model["structure"])}) for model in told["models"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("model-form") from error
