# SPDX-License-Identifier: Apache-2.0
"""One run: deliver, bring in, read back, score."""

from pathlib import Path

from truth.facts import score_births, score_deaths, score_net, score_stays
from truth.house import Planted, deliver, sealed, warehouse
from truth.leaks import score_leaks
from truth.orders import score_orders
from truth.persons import score_persons, score_twins
from truth.rules import score_rules
from truth.scores import Score


def run(folder: Path, *, persons: int, years: int, seed: int, orders: bool = True) -> list[Score]:
    """Every score of one population."""
    planted = deliver(folder / "synth", persons=persons, years=years, seed=seed)
    return [*score(planted, folder), *(score_orders(folder, seed=seed, persons=persons) if orders else ())]


def score(planted: Planted, folder: Path) -> list[Score]:
    """Bring one delivery into a fresh warehouse below ``folder`` and score what it holds then."""
    with warehouse(folder / "house", planted.delivery) as (place, made):
        if made.report is None:
            raise RuntimeError("nothing was made")
        with sealed(place) as connection:
            return [
                *score_persons(planted, connection),
                *score_twins(planted, connection),
                *score_rules(planted, made.report),
                *score_net(planted, connection),
                *score_stays(planted, connection),
                *score_deaths(planted, connection),
                *score_births(planted, connection),
                *score_leaks(planted, made.report),
            ]
