# SPDX-License-Identifier: Apache-2.0
"""The planted studies: read from ``studies.toml``, who is eligible, what is planted in a block of persons.

Pure; deterministic in the stream of random numbers it is given.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rempart.errors import BadInput
from rempart.synthetic.plan import Calendar
from rempart.synthetic.planting import Block, Eligible, Environment, Planted, empty_planted, merge
from rempart.synthetic.studies_births import plant_births
from rempart.synthetic.studies_cohort import Rules, draw_groups, plant_cohort
from rempart.synthetic.studies_doses import doses_of, draw_campaign, plant_outcome
from rempart.synthetic.studies_place import plant_place

MODES = ("population", "cohort", "boost")
# A death moved by a place comes before a death by an outcome; doses come last, since an outcome may cancel them.
_ORDER = ("place", "births", "cohort", "doses")


def study_names(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """All studies of the file, in its order."""
    return tuple(tables["studies"])


def rules_of(tables: Mapping[str, Any], study: str, mode: str, effect: float | None = None) -> Rules:
    """One study in one mode. Raises BadInput ``synth-study``, ``synth-study-mode``, ``synth-study-effect``."""
    if study not in tables["studies"]:
        raise BadInput("synth-study", given=study, known=", ".join(tables["studies"]))
    if mode not in MODES:
        raise BadInput("synth-study-mode", given=mode, known=", ".join(MODES))
    table = tables["studies"][study]
    if effect is not None and table["design"] != "cohort":
        raise BadInput("synth-study-effect", study=study)
    return Rules(name=study, table=table, mode=mode, effect=effect)


def check_asked(tables: Mapping[str, Any], names: Sequence[str], mode: str, effect: float | None = None) -> None:
    """Refuse what cannot be planted before anybody is drawn. Raises as ``plant`` does, years and environment apart."""
    if mode not in MODES:
        raise BadInput("synth-study-mode", given=mode, known=", ".join(MODES))
    if effect is not None and len(names) != 1:
        raise BadInput("synth-study-effect", study=", ".join(names))
    if mode != "population" and len(names) != 1:
        raise BadInput("synth-study-several", mode=mode)
    for name in names:
        rules_of(tables, name, mode, effect)


def eligible_people(tables: Mapping[str, Any], study: str, mode: str, size: int, draw: np.random.Generator) -> Eligible:
    """Who is drawn in the modes ``cohort`` and ``boost``: the eligible population of one study. ``tables``: parsed studies.toml."""
    return draw_groups(rules_of(tables, study, mode), size, draw)


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
    (one study alone): a constant ratio from the day after the first dispensing. Each study draws from a stream of its own.
    Raises BadInput ``synth-study``, ``synth-study-mode``, ``synth-study-years``, ``synth-study-effect``, ``synth-study-several``,
    ``synth-study-environment``.
    """
    check_asked(tables, names, mode, effect)
    asked = _sorted(tables, [rules_of(tables, name, mode, effect) for name in names])
    seed, parts = int(draw.integers(0, 2**63)), [empty_planted(block.death)]
    for rules in asked:
        now = replace(block, death=parts[-1].death)
        if rules.table["design"] == "place":
            parts.append(plant_place(rules, now, calendar, _stream(seed, rules.name), environment))
        elif rules.table["design"] == "births":
            parts.append(plant_births(rules, now, calendar, _stream(seed, rules.name)))
        elif rules.table["design"] == "cohort":
            parts.append(plant_cohort(rules, now, calendar, _stream(seed, rules.name)))
    shots = [rules for rules in asked if rules.table["design"] == "doses"]
    if shots:
        parts += _plant_doses(tables, shots, replace(block, death=parts[-1].death), calendar, seed)
    return merge(parts[1:] or parts)


def _sorted(tables: Mapping[str, Any], asked: Sequence[Rules]) -> list[Rules]:
    order = study_names(tables)
    return sorted(asked, key=lambda rules: (_ORDER.index(rules.table["design"]), order.index(rules.name)))


def _plant_doses(
    tables: Mapping[str, Any], asked: Sequence[Rules], block: Block, calendar: Calendar, seed: int
) -> list[Planted]:
    """One campaign for all studies of doses; each may cancel doses that the next then does not see."""
    campaign = draw_campaign(tables["vaccination"], block, calendar, _stream(seed, "vaccination"))
    parts, death = [], block.death
    for rules in asked:
        made, campaign = plant_outcome(
            rules, replace(block, death=death), calendar, campaign, _stream(seed, rules.name)
        )  # fmt: skip
        death = made.death
        parts.append(made)
    doses = doses_of(campaign, calendar, death)
    return [*parts, replace(empty_planted(death), doses=doses, vaccines=campaign.names)]


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
