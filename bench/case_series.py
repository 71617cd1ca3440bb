# SPDX-License-Identifier: Apache-2.0
"""A self-controlled case series of a million cases beside one pass over the cases.

One pass: the log-likelihood and its slope at one vector of coefficients over every interval of every case, by numpy, the intervals being
cut already and none put together: what any fit must do at least once a step. Ours is the whole: days cut by age, treatment, the time
before and after it, equal cases put together, Newton's steps to the maximum, errors.
"""

import os
from collections.abc import Callable

import numpy as np

from bench.registry import Work, bench
from rempart.study.estimators.conditional_sets import Sets
from rempart.study.estimators.sccs import CaseSeries, case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Levels, Window

CASES = int(os.environ.get("REMPART_BENCH_CASES", "1000000"))


def cases(size: int) -> Callable[[], CaseSeries]:
    """Invented cases observed for one to four years, one treatment each of ten days to ten months, one event each; to be cut."""
    draw = np.random.default_rng(27)
    first = draw.integers(0, 200, size)
    last = first + draw.integers(400, 1400, size)
    birth = -draw.integers(365 * 20, 365 * 80, size)
    span = last - first + 1
    day, start = (first + (draw.random(size) * span).astype(np.int64) for _ in range(2))
    stop = np.minimum(start + draw.integers(10, 300, size), last)
    windows = (
        Window(name="before", begin=-30, end=-1),
        Window(name="on", begin=0, end=None),
        Window(name="after", begin=1, end=60, anchor="stop"),
    )
    person = np.arange(size)
    drug = Exposure(name="drug", person=person, start=start, stop=stop, windows=windows)
    ages = Levels(cuts=np.arange(30, 80, 10) * 365, names=tuple(f"from {age}" for age in range(20, 80, 10)))
    observed = Cases(first=first, last=last, birth=birth)
    return lambda: case_series(observed, person, day, [drug], age=ages)


def one_pass(sets: Sets, beta: np.ndarray) -> float:
    """The log-likelihood and its slope, summed so that neither can be left out."""
    owner = np.repeat(np.arange(sets.count), np.diff(sets.start))
    weight = sets.size * np.exp(sets.x @ beta)[sets.code]
    whole = np.add.reduceat(weight, sets.start[:-1])[owner]
    share = weight / whole
    value = float(sets.events @ np.log(share))
    off = sets.events - share * np.add.reduceat(sets.events, sets.start[:-1])[owner]
    slope = np.bincount(sets.code, weights=off, minlength=len(sets.x)) @ sets.x
    return value + float(slope.sum())


@bench(
    "series-fit",
    peer="one pass over the cases",
    bound=30.0,
    runs=5,
    note=f"self-controlled case series of {CASES:,} cases, from days to estimates; one pass: log-likelihood and slope over all "
    "intervals at one vector of coefficients, by numpy",
)
def series_fit() -> tuple[Work, Work]:
    """From days to estimates."""
    cut = cases(CASES)
    sets = cut().sets
    beta = np.full(sets.x.shape[1], 0.1)
    return lambda: cut().fit(), lambda: one_pass(sets, beta)
