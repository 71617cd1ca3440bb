# SPDX-License-Identifier: Apache-2.0
"""Risks of target trials over three hundred draws of a law: without bias, errors of the size of their spread, intervals that cover."""

from dataclasses import replace

import numpy as np
import pytest

from rempart.study.estimators.weighted_contrast import Contrast
from rempart.study.target_trials import clone_rows, grid, trial_rows
from rempart.study.trial_columns import Terms
from rempart.study.trial_models import outcome_model, robust, standardised
from rempart.study.trial_weights import staying, unweighted
from tests.trial_arrays import Law

DRAWS, PERSONS = 300, 1500
LAWS = {
    "started, whatever comes later": Law(ill=-5.0, effect=1.0),
    "kept to, many die": Law(death=0.04, start=-2.2, stop=-2.5),
    "cloned, many die": Law(death=0.04, start=-1.4, cloned=True),
}


def estimated(law: Law, seed: int) -> Contrast:
    """The standardised risks of a draw."""
    told = law.drawn(PERSONS, np.random.default_rng([7, seed]))
    kept_to = law.stop is not None
    rows = (
        clone_rows(told, horizon=law.months, grace=3)
        if law.cloned
        else trial_rows(told, horizon=law.months, per_protocol=kept_to)
    )
    cells, person = grid(told, rows, (0, 1), law.months), told.n.astype(np.float64)
    terms = Terms(covariates=(0, 1), each=False, varying=True)
    weight = staying(told, cells, person, terms) if kept_to or law.cloned else unweighted(cells, person)
    model = outcome_model(told, cells, person, weight, terms)
    return standardised(replace(model, fit=robust(model, told, cells)), told, cells, person)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_intervals_of_risks_cover_them(name: str) -> None:
    law = LAWS[name]
    made = [estimated(law, seed) for seed in range(DRAWS)]
    started, never = law.risks()
    for value, error, truth in (
        ("treated", "treated_error", started),
        ("comparator", "comparator_error", never),
        ("difference", "difference_error", started - never),
    ):
        values, errors = (np.array([getattr(one, field) for one in made]) for field in (value, error))
        spread = values.std(ddof=1)
        assert abs(values.mean() - truth) < 0.1 * spread + 3 * spread / np.sqrt(DRAWS)
        assert 0.88 < errors.mean() / spread < 1.12
        assert 0.91 < (np.abs(values - truth) < 1.96 * errors).mean() < 0.985
