# SPDX-License-Identifier: Apache-2.0
"""Measures of prediction against naive definitions and closed forms; censoring weights against hand-made follow-up."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.errors import BadInput
from rempart.study.estimators.censoring_weights import censoring_weights
from rempart.study.estimators.prediction_measures import (
    Predicted,
    auroc,
    average_precision,
    brier,
    net_benefit,
    observed_expected,
    slope,
    tenths,
)

PERSON = st.tuples(st.sampled_from([0.05, 0.1, 0.2, 0.5, 0.9]), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 2.0]))


def _given(rows: list[tuple[float, bool, float]]) -> Predicted:
    p, y, w = zip(*rows, strict=True)
    return Predicted(probability=np.array(p), outcome=np.array(y), weight=np.array(w))


def _both(rows: list[tuple[float, bool, float]]) -> bool:
    return len({y for _, y, w in rows if w > 0}) == 2


@settings(max_examples=150, deadline=None)
@given(st.lists(PERSON, min_size=2, max_size=30).filter(_both))
def test_discrimination_is_the_sum_over_all_pairs(rows: list[tuple[float, bool, float]]) -> None:
    pairs = [(a, wa, b, wb) for a, y, wa in rows if y for b, z, wb in rows if not z]
    total = sum(wa * wb for _, wa, _, wb in pairs)
    naive = sum(wa * wb * ((a > b) + (a == b) / 2) for a, wa, b, wb in pairs) / total
    value, lower, upper = auroc(_given(rows))
    assert value == pytest.approx(naive, abs=1e-12)
    assert 0 <= lower <= value + 1e-9 and value - 1e-9 <= upper <= 1


@settings(max_examples=150, deadline=None)
@given(st.lists(PERSON, min_size=2, max_size=30).filter(_both))
def test_average_precision_goes_down_the_distinct_probabilities(rows: list[tuple[float, bool, float]]) -> None:
    cases = sum(w for _, y, w in rows if y)
    naive, before = 0.0, 0.0
    for cut in sorted({p for p, _, _ in rows}, reverse=True):
        hits = sum(w for p, y, w in rows if y and p >= cut)
        flagged = sum(w for p, _, w in rows if p >= cut)
        naive += (hits - before) / cases * (hits / flagged if flagged else 0)
        before = hits
    assert average_precision(_given(rows))[0] == pytest.approx(naive, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(PERSON, min_size=2, max_size=30).filter(_both), st.sampled_from([0.1, 0.25, 0.5]))
def test_error_benefit_and_tenths_are_their_definitions(
    rows: list[tuple[float, bool, float]], threshold: float
) -> None:
    total = sum(w for _, _, w in rows)
    share = sum(w for _, y, w in rows if y) / total
    score, ipa = brier(_given(rows))
    naive = sum(w * (y - p) ** 2 for p, y, w in rows) / total
    assert score == pytest.approx(naive, abs=1e-12)
    assert ipa == pytest.approx(1 - naive / (share * (1 - share)), abs=1e-9)
    (found,) = net_benefit(_given(rows), [threshold])
    true = sum(w for p, y, w in rows if y and p >= threshold) / total
    false = sum(w for p, y, w in rows if not y and p >= threshold) / total
    assert found.model == pytest.approx(true - false * threshold / (1 - threshold), abs=1e-12)
    assert found.persons == sum(1 for p, _, w in rows if p >= threshold and w > 0)
    bands = tenths(_given(rows))
    assert sum(band.persons for band in bands) == sum(1 for _, _, w in rows if w > 0)
    assert [band.predicted for band in bands] == sorted(band.predicted for band in bands)


def test_delong_limits_of_a_small_table_by_hand() -> None:
    """Two cases (0.9, 0.4), three others (0.1, 0.4, 0.2): placements by hand."""
    rows = [(0.9, True, 1.0), (0.4, True, 1.0), (0.1, False, 1.0), (0.4, False, 1.0), (0.2, False, 1.0)]
    cases, others = [Fraction(1), Fraction(5, 6)], [Fraction(1), Fraction(3, 4), Fraction(1)]
    area = sum(cases) / 2
    assert area == sum(others) / 3 == Fraction(11, 12)
    variance = sum((v - area) ** 2 for v in cases) / 1 / 2 + sum((v - area) ** 2 for v in others) / 2 / 3
    value, lower, _ = auroc(_given(rows))
    assert value == pytest.approx(float(area))
    at = np.log(value / (1 - value)) - 1.959963984540054 * float(variance) ** 0.5 / (value * (1 - value))
    assert lower == pytest.approx(1 / (1 + np.exp(-at)))


def test_a_right_model_has_slope_one_and_an_extreme_one_less() -> None:
    draw = np.random.default_rng(7)
    eta = draw.normal(-1.5, 1.2, 20_000)
    p = 1 / (1 + np.exp(-eta))
    y, ones = draw.random(20_000) < p, np.ones(20_000)
    value, lower, upper = slope(Predicted(probability=p, outcome=y, weight=ones))
    assert lower < 1 < upper and upper - lower < 0.12
    extreme = 1 / (1 + np.exp(-2 * eta))
    assert slope(Predicted(probability=extreme, outcome=y, weight=ones))[0] == pytest.approx(value / 2, rel=1e-6)
    ratio, low, high = observed_expected(Predicted(probability=p, outcome=y, weight=ones))
    assert low < 1 < high and ratio == pytest.approx(1, abs=0.05)


def test_weights_are_of_the_curve_just_before_the_day() -> None:
    """Days 1 … 5, horizon 4: outcome on 2, censored on 2 and 3, death on 3, the others to the horizon (one censored on it)."""
    day = np.array([2, 2, 3, 3, 4, 5, 5, 5])
    outcome = np.array([1, 0, 0, 0, 0, 1, 0, 0], dtype=bool)
    died = np.array([0, 0, 0, 1, 0, 0, 0, 0], dtype=bool)
    found = censoring_weights(day, outcome, died, 4)
    after_two = 1 - 1 / 7  # the outcome of day 2 comes before its censoring
    after_three = after_two * (1 - 1 / 5)  # likewise the death of day 3
    assert found.weight.tolist() == pytest.approx([1, 0, 0, 1 / after_two, *[1 / after_three] * 4])
    assert found.outcome.tolist() == [True, *[False] * 7]  # an outcome after the horizon is none
    assert found.weight.sum() == pytest.approx(8)
    assert found.least == pytest.approx(after_three)


def test_weighting_finds_the_risk_that_leaving_out_the_censored_does_not() -> None:
    draw = np.random.default_rng(3)
    n = 40_000
    event, leaving = draw.geometric(1 / 300, n), draw.geometric(1 / 200, n)
    day = np.minimum(np.minimum(event, leaving), 365)
    outcome = (event <= leaving) & (event <= 365)
    found = censoring_weights(day, outcome, np.zeros(n, dtype=bool), 365)
    truth = 1 - (1 - 1 / 300) ** 365
    assert found.weight @ found.outcome / found.weight.sum() == pytest.approx(truth, abs=0.01)
    known = found.weight > 0
    assert found.outcome[known].mean() > truth + 0.1


@pytest.mark.parametrize(
    ("p", "y", "w", "code"),
    [
        ([0.1, 0.2], [True, True], [1.0, 1.0], "prediction-one-class"),
        ([0.1, 0.2], [True, False], [1.0, 0.0], "prediction-one-class"),
        ([0.1, 1.2], [True, False], [1.0, 1.0], "prediction-probability"),
        ([0.1, np.nan], [True, False], [1.0, 1.0], "prediction-probability"),
        ([0.1, 0.2], [True, False], [1.0, -1.0], "prediction-weight"),
        ([0.1], [True, False], [1.0, 1.0], "prediction-shape"),
    ],
)
def test_what_cannot_be_measured_is_said(p: list[float], y: list[bool], w: list[float], code: str) -> None:
    with pytest.raises(BadInput) as caught:
        Predicted(probability=np.array(p), outcome=np.array(y), weight=np.array(w))
    assert caught.value.code == code


def test_nobody_followed_is_no_data() -> None:
    nobody = np.zeros(3, dtype=bool)
    with pytest.raises(BadInput) as caught:
        censoring_weights(np.array([1, 2, 3]), nobody, nobody, 10)
    assert caught.value.code == "censoring-all"
    with pytest.raises(BadInput) as caught:
        censoring_weights(np.array([0, 2, 3]), nobody, nobody, 10)
    assert caught.value.code == "censoring-shape"
