# SPDX-License-Identifier: Apache-2.0
"""The study of a place's exposure and death: natural deaths moved, by exact inversion, to the hazard that the residence gives."""

from dataclasses import replace

import numpy as np

from rempart.errors import BadInput
from rempart.synthetic.outcomes import YEAR
from rempart.synthetic.plan import NEVER, Calendar, Floats, Ints
from rempart.synthetic.planting import Block, Environment, Facts, Planted, empty_planted
from rempart.synthetic.studies_cohort import Rules


def plant_place(
    rules: Rules, block: Block, calendar: Calendar, draw: np.random.Generator, environment: Environment | None
) -> Planted:
    """Deaths at natural hazard × ratio^((value − reference) / step), value of the year and residence.

    Raises BadInput ``synth-study-environment`` when the block says nothing of homes and hazards.
    """
    homes, mortality = block.homes, block.mortality
    if homes is None or mortality is None or environment is None:
        raise BadInput("synth-study-environment", study=rules.name)
    table = rules.table
    value = np.take_along_axis(environment.values, homes, axis=0) if len(homes) else np.zeros_like(mortality)
    power = (value - table["reference_value"]) / table["step"]
    low, high = table["eligible"]["age"]
    starts = _starts(calendar, mortality.shape[1])
    age = (starts[None, :-1] - block.born[:, None]) / YEAR
    factor = np.where((age >= low) & (age < high), table["ratio"] ** power, 1.0)
    death = _moved(block.death, mortality, factor, starts, draw)
    person = np.flatnonzero((age[:, 0] >= low) & (age[:, 0] < high))
    never = np.full(len(person), NEVER)
    facts = Facts(
        study=rules.name, arms=("none",), person=person, arm=np.zeros_like(person), fresh=never < 0,
        start=never, stop=never, event=death[person], treated=never < 0,
    )  # fmt: skip
    return replace(empty_planted(death), facts=(facts,))


def _starts(calendar: Calendar, years: int) -> Ints:
    """First day of each year delivered, and the day after the last."""
    first = int(calendar.years[calendar.first])
    return np.array([calendar.day(first + turn, 1) for turn in range(years + 1)])


def _moved(death: Ints, mortality: Floats, factor: Floats, starts: Ints, draw: np.random.Generator) -> Ints:
    """The same unit exponential that the natural hazard used up by the natural death, spent on the changed hazard.

    Who outlives the years delivered has more left than they cost: a fresh exponential on top (it has no memory).
    """
    length = np.diff(starts) / YEAR
    natural = np.concatenate([np.zeros((len(death), 1)), np.cumsum(mortality * length, axis=1)], axis=1)
    changed = np.concatenate([np.zeros((len(death), 1)), np.cumsum(mortality * factor * length, axis=1)], axis=1)
    inside, rows = death < starts[-1], np.arange(len(death))
    year = np.clip(np.searchsorted(starts, death, side="right") - 1, 0, len(length) - 1)
    spent = natural[rows, year] + mortality[rows, year] * (death + draw.random(len(death)) - starts[year]) / YEAR
    spent = np.where(inside, spent, natural[:, -1] + draw.exponential(size=len(death)))
    late = spent >= changed[:, -1]
    year = np.minimum((changed[:, 1:] <= spent[:, None]).sum(axis=1), len(length) - 1)
    left = (spent - changed[rows, year]) / np.maximum(mortality[rows, year] * factor[rows, year], 1e-300)
    day = starts[year] + np.minimum(np.floor(left * YEAR), 400).astype(np.int64)
    beyond = np.where(inside, NEVER, death)
    return np.where(late, beyond, np.minimum(day, starts[-1] - 1))
