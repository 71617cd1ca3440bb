# SPDX-License-Identifier: Apache-2.0
"""Who switches against who continues: over a few fixed seeds a planted ratio comes back by time on treatment and by dispensings; matched on
the day alone, or drawn in another order than that of days, it does not."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from recovery.judged import judge
from recovery.run import Runs, found_in
from recovery.trials_prevalent import PREVALENT, switching, switching_tables
from rempart.cohort import matching
from rempart.synthetic.plan import NEVER

TRIALS = {trial.study: trial for trial in PREVALENT}
SEEDS = 6


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TRIALS))
def test_a_planted_ratio_comes_back_and_users_of_the_same_day_alone_do_not_give_it(name: str) -> None:
    found = found_in(TRIALS[name], Runs(seeds=SEEDS))
    (line,) = TRIALS[name].lines
    told = judge(line, found)
    assert not told.failed, told
    assert told.crude < 0.85 * line.truth


@pytest.mark.slow
def test_sets_drawn_in_another_order_than_that_of_days_lose_it() -> None:
    """Who is left for a day is then who will soon have the outcome."""
    trial, ordered = TRIALS["prevalent_by_time"], matching._turns

    def in_any_order(cases: Any, keys: Any, by_day: bool) -> Iterator[list[int]]:
        return ordered(cases, keys, False)

    with patch.object(matching, "_turns", in_any_order):
        told = judge(trial.lines[0], found_in(trial, Runs(seeds=SEEDS)))
    assert "bias" in told.failed


def test_the_law_plants_the_ratio_and_leads_to_a_switch_by_what_was_taken() -> None:
    """Outcomes over those expected of the first drug alone, before and after the switch, summed day by day over four draws."""
    from recovery.trials_prevalent import AGEING, DAYS, FALL, HAZARD, MONTH

    seen, expected = np.zeros(2), np.zeros(2)
    for seed in range(4):
        drawn = switching(seed, effect=1.5, by="time")
        day = np.arange(1, DAYS + 1)
        hazard = HAZARD * np.exp(-FALL * ((day - 1) // MONTH) + AGEING * (1947 - drawn.born)[:, None])
        last = np.minimum(drawn.event, DAYS - 1) - drawn.start
        after = day > (drawn.switch - drawn.start)[:, None]
        inside = day <= last[:, None]
        for place, mine in enumerate((inside & ~after, inside & after)):
            expected[place] += hazard[mine].sum()
            seen[place] += int(((drawn.event < NEVER) & ((drawn.event > drawn.switch) == bool(place))).sum())
    assert seen[0] / expected[0] == pytest.approx(1.0, abs=4 / np.sqrt(seen[0]))
    assert seen[1] / expected[1] == pytest.approx(1.5, abs=4 * 1.5 / np.sqrt(seen[1]))


def test_nobody_is_dispensed_the_first_drug_after_the_switch() -> None:
    drawn = switching(3, effect=1.0, by="number")
    drugs = switching_tables(drawn)["drug_exposure"].to_pylist()
    switched = {
        one["person_id"]: one["drug_exposure_start_date"] for one in drugs if one["drug_source_value"][-1] == "2"
    }
    assert len(switched) > 300
    assert all(
        one["drug_exposure_start_date"] < switched.get(one["person_id"], one["drug_exposure_start_date"].max)
        for one in drugs
        if one["drug_source_value"][-1] == "1"
    )
