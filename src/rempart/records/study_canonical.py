# SPDX-License-Identifier: Apache-2.0
"""The canonical form of a study's parts: what is hashed and signed. Published ids hang on it: keys are added, never changed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rempart.records.protocol import CALIBRATION, PROPENSITY, Analysis
from rempart.records.scores import use_dict

_COVARIATES = ("table_one", "cox", "fine_gray", "rate_ratio", PROPENSITY, CALIBRATION)


def analysis_dict(item: Analysis) -> dict[str, object]:
    """A comparison as the file has it, every default written out."""
    inputs = {
        **asdict(item.frame),
        **({"covariates": list(item.covariates)} if item.type in _COVARIATES else {}),
        **({"features": list(item.features)} if item.features else {}),
        **({"outcomes": list(item.controls)} if item.controls else {}),
    }
    parameters: dict[str, object] = {"grid_days": item.grid_days} if item.grid_days else {}
    parameters |= {"ties": item.ties} if item.ties else {}
    parameters |= {"differences": True} if item.differences else {}
    parameters |= {"establishments": True} if item.establishments else {}
    parameters |= {"distribution": item.distribution} if item.distribution else {}
    parameters |= {"horizons": list(item.horizons)} if item.horizons else {}
    parameters |= use_dict(item.score, of_ratio_alone=item.type == CALIBRATION) if item.score else {}
    return {"id": item.id, "type": item.type, "design": item.design, "inputs": inputs, "parameters": parameters}


def covariate_dict(covariate: dict[str, Any]) -> dict[str, Any]:
    """A covariate without the table of its criterion."""
    return {**{k: v for k, v in covariate.items() if k != "criterion"}, **covariate.get("criterion", {})}


def exposure_dict(exposure: dict[str, Any]) -> dict[str, Any]:
    """An exposure without the table of its periods."""
    return {**{k: v for k, v in exposure.items() if k != "eras"}, **exposure.get("eras", {})}


def lean(value: Any) -> Any:
    """Without keys whose value is None or an empty tuple: they are the defaults of their field."""
    if isinstance(value, Mapping):
        return {key: lean(item) for key, item in value.items() if item is not None and item != ()}
    return [lean(item) for item in value] if isinstance(value, list | tuple) else value
