# SPDX-License-Identifier: Apache-2.0
"""The planted studies: read from ``studies.toml``, who is eligible, what is planted in a block of persons.

Pure; deterministic in the stream of random numbers it is given.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rempart.synthetic.plan import Calendar
from rempart.synthetic.planting import Block, Eligible, Environment, Planted, empty_planted

MODES = ("population", "cohort", "boost")


def eligible_people(tables: Mapping[str, Any], study: str, mode: str, size: int, draw: np.random.Generator) -> Eligible:
    """Who is drawn in the modes ``cohort`` and ``boost``: the eligible population of one study. ``tables``: parsed studies.toml."""
    raise NotImplementedError


def plant(
    tables: Mapping[str, Any],
    names: Sequence[str],
    block: Block,
    calendar: Calendar,
    draw: np.random.Generator,
    *,
    mode: str = "population",
    effect: float | None = None,
    environment: Environment | None = None,
) -> Planted:
    """What the named studies put into a block, in the order of the file whatever the order of ``names``.

    ``mode`` boost multiplies the baseline hazard of each study by its k. ``effect`` takes the place of the study's own effect
    (one study alone): a constant ratio from the day after the first dispensing. Raises BadInput ``synth-study``,
    ``synth-study-years``, ``synth-study-effect``.
    """
    return empty_planted(block.death)
