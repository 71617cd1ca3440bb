# SPDX-License-Identifier: Apache-2.0
"""Matching a million to a million on a propensity score, beside the sort of the scores that no matching of nearest neighbours can spare.

The sort is numpy's ``argsort``: the order of the persons by score, not of the scores alone.
"""

import os

import numpy as np

from bench.registry import Work, bench
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_matching import MatchRule, match

ARM = int(os.environ.get("REMPART_BENCH_MATCHING_ARM", "1000000"))


def scored(arm: int) -> Scored:
    """Two arms of one size whose logits are normal, 0.6 standard deviations apart, in no order."""
    draw = np.random.default_rng(5)
    treated = draw.permutation(2 * arm) < arm
    logit = draw.normal(0, 1, 2 * arm) + np.where(treated, 0.3, -0.3)
    return Scored(score=1 / (1 + np.exp(-logit)), treated=treated)


def beside_a_sort(*, replace: bool) -> tuple[Work, Work]:
    """Matching 1:1 within 0.2 standard deviations of the logit, and the order of the scores."""
    small = scored(1000)
    match(small, np.arange(2000), MatchRule(replace=replace))  # compiles the loops
    people, draw = scored(ARM), np.arange(2 * ARM)
    return lambda: match(people, draw, MatchRule(replace=replace)), lambda: np.argsort(people.score)


NOTE = f"1:1 nearest neighbours within 0.2 standard deviations of the logit, {ARM:,} treated, {ARM:,} comparators"


@bench("matching-once", peer="numpy argsort of the scores", bound=2.0, runs=9, note=f"{NOTE}, each comparator once")
def matching_once() -> tuple[Work, Work]:
    """Without replacement."""
    return beside_a_sort(replace=False)


@bench("matching-replaced", peer="numpy argsort of the scores", bound=2.0, runs=9, note=f"{NOTE}, with replacement")
def matching_replaced() -> tuple[Work, Work]:
    """With replacement."""
    return beside_a_sort(replace=True)
