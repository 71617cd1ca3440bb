# SPDX-License-Identifier: Apache-2.0
"""The reverse waiting time distribution against what can be worked out by hand, and against sums taken another way."""

from math import erf, exp, log, sqrt

import numpy as np
import pytest

from rempart.study.waiting_time import fitted, limited_mean, probabilities


def survival(t: float, mu: float, sigma: float) -> float:
    """S(t) of a log-normal gap, by the error function."""
    return 1.0 if t <= 0 else 0.5 * (1 - erf((log(t) - mu) / (sigma * sqrt(2))))


def summed(x: float, mu: float, sigma: float, steps: int = 20_000) -> float:
    """∫₀^x S by the midpoint rule."""
    return sum(survival((at + 0.5) * x / steps, mu, sigma) for at in range(steps)) * x / steps


@pytest.mark.parametrize(
    ("x", "mu", "sigma"), [(1.0, 3.0, 0.5), (30.0, log(30), 0.4), (365.0, log(60), 1.1), (90.0, 6.0, 2.0)]
)
def test_the_mean_of_a_gap_up_to_a_limit_is_the_area_under_its_survival(x: float, mu: float, sigma: float) -> None:
    assert limited_mean(np.array([x]), mu, sigma)[0] == pytest.approx(summed(x, mu, sigma), rel=1e-6)


def test_without_a_limit_it_is_the_mean_of_a_log_normal() -> None:
    assert limited_mean(np.array([1e7]), 3.0, 0.5)[0] == pytest.approx(exp(3.0 + 0.125), rel=1e-9)


def test_chances_of_all_days_sum_to_one() -> None:
    assert probabilities(0.7, 3.4, 0.6, 365).sum() == pytest.approx(1.0, abs=1e-12)


def test_packs_of_exactly_30_days_and_some_who_stopped() -> None:
    """Users who go on wait 0 to 29 days, 12 on each; who stopped are 2 on each of 100 days: 360 of 560 go on, gaps are 30 days."""
    waits = {day: 2 + (12 if day < 30 else 0) for day in range(100)}
    found = fitted(waits, window=100)
    assert found is not None
    assert found.going_on == pytest.approx(360 / 560, abs=1e-3)
    assert found.percentile(0.5) == pytest.approx(30.0, abs=0.05)
    assert found.sigma < 0.02


@pytest.mark.parametrize(("going_on", "mu", "sigma"), [(0.8, log(30), 0.4), (0.6, log(45), 0.8), (0.95, log(90), 0.25)])
def test_what_was_planted_is_found_again(going_on: float, mu: float, sigma: float) -> None:
    whole = summed(365.0, mu, sigma)
    areas = [summed(float(day + 1), mu, sigma, 2000) for day in range(365)]
    chances = [
        going_on * (after - before) / whole + (1 - going_on) / 365
        for before, after in zip([0.0, *areas], areas, strict=False)
    ]
    found = fitted({day: round(10_000_000 * chance) for day, chance in enumerate(chances)}, window=365)
    assert found is not None
    assert found.going_on == pytest.approx(going_on, abs=2e-3)
    assert found.percentile(0.8) == pytest.approx(exp(mu + 0.8416212 * sigma), rel=3e-3)


def test_the_order_of_days_does_not_matter_and_the_answer_is_the_same_twice() -> None:
    waits = {day: 100 - day for day in range(60)}
    assert fitted(waits, window=90) == fitted(dict(reversed(waits.items())), window=90)


def test_nothing_is_fitted_to_one_wait_or_none() -> None:
    assert fitted({}, window=30) is None
    assert fitted({4: 1000}, window=30) is None


@pytest.mark.parametrize("users", [300, 3000])
def test_waits_that_are_spread_evenly_tell_no_gap(users: int) -> None:
    for seed in range(5):
        drawn = np.random.default_rng(seed).integers(0, 365, users)
        assert fitted({int(day): int(np.sum(drawn == day)) for day in np.unique(drawn)}, window=365) is None


def test_a_hundred_users_of_packs_of_a_month_tell_theirs() -> None:
    draw = np.random.default_rng(3)
    waits = np.where(draw.random(100) < 0.6, draw.integers(0, 30, 100), draw.integers(0, 365, 100))
    found = fitted({int(day): int(np.sum(waits == day)) for day in np.unique(waits)}, window=365)
    assert found is not None
    assert found.percentile(0.5) == pytest.approx(30, abs=6)
