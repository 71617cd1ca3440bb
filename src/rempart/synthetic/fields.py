# SPDX-License-Identifier: Apache-2.0
"""A synthetic environmental exposure: fine particles by place and year, from density of population, region, and a trend."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rempart.synthetic.plan import Floats
from rempart.synthetic.planting import Environment


def particle_field(
    tables: Mapping[str, Any],
    places: tuple[Sequence[str], Floats],
    years: Sequence[int],
    draw: np.random.Generator,
) -> Environment:
    """``places``: département (three characters, as claims write it) and inhabitants per km² of each place."""
    (departments, density), rule = places, tables["environment"]["pm25"]
    region = np.array([rule["departments"].get(code, 0.0) for code in departments], dtype=float)
    level = rule["level"] + rule["density"] * (np.log10(np.maximum(density, 1.0)) - 1.0) + region
    level = level + draw.normal(0.0, rule["place"], len(level))
    moving = rule["trend"] * (np.array(years) - rule["year"]) + draw.normal(0.0, rule["weather"], len(years))
    values = np.clip(level[:, None] + moving[None, :], *rule["range"])
    return Environment(name="pm25", unit=rule["unit"], values=np.round(values, 2))
