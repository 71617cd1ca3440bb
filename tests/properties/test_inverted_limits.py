# SPDX-License-Identifier: Apache-2.0
"""Limits whose counts are not told give them back: what they give is found whole, and few events take them away."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from rempart.disclosure.check import check
from rempart.disclosure.invert import (
    about_share,
    counts_of_percent,
    events_of_rate,
    fewest_of_ratio,
    fits_share,
    reference_of_odds,
    reference_of_rates,
)
from tests.disclosure_rows import RULES, rates, ratios, row


def told(value: float) -> float:
    """To three significant digits, as tables have it."""
    return float(f"{value:.3g}")


def limits(events: int, years: float) -> tuple[float, float]:
    """Exact limits found by halving on Poisson sums, without the formula."""

    def root(lower: bool) -> float:
        low, high = 0.0, 4.0 * events + 40
        for _ in range(80):
            mean = (low + high) / 2
            beyond = poisson.sf(events - 1, mean) if lower else poisson.cdf(events, mean)
            low, high = (mean, high) if (beyond < 0.025) == lower else (low, mean)
        return low

    return told(1000 * root(True) / years), told(1000 * root(False) / years)


@given(events=st.integers(1, 60), years=st.floats(100, 90000))
def test_the_events_of_a_rate_are_among_those_its_rounded_limits_give_back(events: int, years: float) -> None:
    assert events in events_of_rate(*limits(events, years))


def test_few_events_are_given_back_exactly() -> None:
    assert [events_of_rate(*limits(n, 3960.0)) for n in range(1, 11)] == [{n} for n in range(1, 11)]


@given(a=st.integers(1, 300), b=st.integers(1, 300), ratio=st.floats(0.2, 5))
def test_the_smaller_arm_has_no_fewer_than_the_limits_of_a_ratio_say(a: int, b: int, ratio: float) -> None:
    error = math.sqrt(1 / a + 1 / b)
    fewest = fewest_of_ratio(told(ratio * math.exp(-1.96 * error)), told(ratio * math.exp(1.96 * error)))
    assert fewest <= min(a, b) * 1.05 and min(a, b) <= 2.1 * fewest + 0.2


@pytest.mark.parametrize(("events", "shown"), [(4, False), (60, True)])
def test_a_rate_told_without_its_events_goes_when_its_limits_give_few(events: int, shown: bool) -> None:
    rows = [
        row("r", "rate", {"outcome": "x"}, "t", item.statistic, item.value, 1200)
        for item in rates({"t": (1200, events, 3960.0)})
        if item.statistic.startswith("rate")
    ]
    assert {item.value is not None for table in check(rows, RULES) for item in table.rows} == {shown}


@pytest.mark.parametrize(("width", "shown"), [(6.0, False), (1.3, True)])
def test_a_ratio_told_without_its_events_goes_when_its_limits_leave_few(width: float, shown: bool) -> None:
    key = {"analysis": "main", "model": "crude"}
    numbers = {"hazard_ratio": 1.0, "lower": 1 / width, "upper": width}
    rows = [row("r", "hazard_ratio", key, "", name, n, 1200) for name, n in numbers.items()]
    assert {item.value is not None for table in check(rows, RULES) for item in table.rows} == {shown}


def test_a_ratio_beside_its_counts_is_judged_by_them() -> None:
    rows = ratios({"target": 60, "comparator": 70}, {"target": 1200, "comparator": 2300})
    assert all(item.value is not None for table in check(rows, RULES) for item in table.rows)


def share_limits(count: int, persons: int) -> tuple[float, float]:
    """Exact limits of a share by halving on binomial sums, without the formula."""

    def root(lower: bool) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            share = (low + high) / 2
            beyond = binom.sf(count - 1, persons, share) if lower else binom.cdf(count, persons, share)
            low, high = (share, high) if (beyond < 0.025) == lower else (low, share)
        return low

    return told(root(True)), told(root(False))


@given(count=st.integers(1, 10), others=st.integers(11, 3000))
def test_the_count_of_a_share_is_among_those_its_rounded_limits_give_back(count: int, others: int) -> None:
    assert count in fits_share(*share_limits(count, count + others), range(1, 11))


@given(count=st.integers(15, 400), others=st.integers(400, 3000))
def test_limits_of_a_share_of_many_fit_no_few(count: int, others: int) -> None:
    low, high = share_limits(count, count + others)
    assert fits_share(low, high, range(1, 11)) == set()
    assert about_share(count / (count + others), low, high) > 11


@given(persons=st.integers(20, 5000), data=st.data())
def test_a_percentage_gives_the_same_numerators_as_trying_all(persons: int, data: st.DataObject) -> None:
    percent = round(100 * data.draw(st.integers(0, persons)) / persons, 1)
    tried = {n for n in range(persons + 1) if abs(100 * n / persons - percent) <= 0.05 + 1e-9}
    assert counts_of_percent(percent, persons) & set(range(persons + 1)) == tried


@given(cells=st.tuples(*[st.integers(11, 200)] * 2, *[st.integers(1, 40)] * 2))
def test_a_fit_of_two_levels_gives_back_the_level_it_compares_with(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    error = math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert reference_of_odds(math.log(a * d / (b * c)), error, a, b) == pytest.approx((c, d), rel=1e-6)
    assert reference_of_rates(math.sqrt(1 / a + 1 / c), a) == pytest.approx(c, rel=1e-6)
    assert reference_of_odds(0.0, 0.0, a, b) == (0.0, 0.0) and reference_of_rates(0.0, a) == 0.0
