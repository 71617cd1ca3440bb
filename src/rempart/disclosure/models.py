# SPDX-License-Identifier: Apache-2.0
"""A trained model judged by its structure alone: what is found decides whether it may be asked out at all. It clears no model.

A model can hold persons: a leaf of few, a coefficient of few, more parameters than persons. Such a one is refused with what was found; any
other still needs two persons who review it, and nothing here stands for them (docs/prediction.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, Refused
from rempart.records.trained import Structure, TrainedModel

LEAF, FEATURE, PARAMETERS, CLASSES, GAP = "leaf", "feature", "parameters", "classes", "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault. ``what``: leaf, feature, parameters, classes or gap; ``found`` beside the ``limit`` that it misses."""

    what: str
    found: float
    limit: float


def findings(structure: Structure, rules: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The faults of a model; ``rules``: the parsed ``disclosure/rules.toml``. Raises BadInput ``disclosure-rules``."""
    try:
        limits = {name: float(rules["model"][name]) for name in ("persons", "persons_per_parameter", "gap")}
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("disclosure-rules", field="model", expected="as in the rules file of this version") from error
    few = limits["persons"]
    others = structure.persons - structure.events
    judged = [
        (LEAF, float(few if structure.least_leaf is None else structure.least_leaf), few),
        (FEATURE, float(structure.least_feature), few),
        (CLASSES, float(min(structure.events, others)), few),
        (PARAMETERS, structure.persons / max(structure.parameters, 1), limits["persons_per_parameter"]),
    ]
    found = [Finding(what=what, found=value, limit=limit) for what, value, limit in judged if value < limit]
    gap = structure.gap
    if gap is None or gap > limits["gap"]:
        found.append(Finding(what=GAP, found=1.0 if gap is None else gap, limit=limits["gap"]))
    return tuple(found)


def check_model(model: TrainedModel, rules: Mapping[str, Any]) -> None:
    """Always raises Refused: ``model-structure`` (what) where the structure could tell of persons, ``model-review`` otherwise: no rule
    clears a model."""
    found = findings(model.structure, rules)
    if found:
        raise Refused("model-structure", model=model.kind, what=", ".join(item.what for item in found))
    raise Refused("model-review", model=model.kind)
