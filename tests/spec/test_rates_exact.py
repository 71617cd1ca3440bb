# SPDX-License-Identifier: Apache-2.0
"""Intervals of shares and rates: printed tables, the definition they come from, and other ways to the same numbers."""

from math import exp, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, gamma, norm

from rempart.adapters.package_data import toml
from rempart.errors import BadInput
from rempart.records.describing import STANDARDS
from rempart.study.denominators import standard_weights
from rempart.study.differences import standardised_difference
from rempart.study.poisson import exact_interval
from rempart.study.rates_exact import (
    SampledSums,
    Stratum,
    clopper_pearson,
    clustered_rate,
    directly_standardised,
    weighted_rate,
)

MANY = settings(max_examples=80, deadline=None)
CLOSE = 1e-9

# Births and cases of Down's syndrome by age of the mother (under 20, 20-24, …, 40 and over), first and fifth or later births; the standard
# is all births. Data of S. Selvin, used as example by M. P. Fay and E. J. Feuer, Statistics in Medicine 1997;16:791; the rates and limits
# below were computed from their formula with quantiles of gamma distributions.
ALL_BIRTHS = [319933, 931318, 786511, 488235, 237863, 61313]
FIRST_BORN = ([230061, 329449, 114920, 39487, 14208, 3052], [107, 141, 60, 40, 39, 25])
FIFTH_BORN = ([327, 30666, 123419, 149919, 104088, 34392], [0, 8, 63, 112, 262, 295])


@pytest.mark.parametrize(
    ("events", "lower", "upper"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (100, 81.3640, 121.6268)],
)
def test_the_interval_of_a_count_is_the_printed_one(events: int, lower: float, upper: float) -> None:
    assert exact_interval(events) == pytest.approx((lower, upper), abs=5e-5)


@pytest.mark.parametrize(
    ("cases", "persons", "lower", "upper"),
    [(0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0), (1, 100, 0.0003, 0.0545)],
)
def test_the_interval_of_a_share_is_the_printed_one(cases: int, persons: int, lower: float, upper: float) -> None:
    assert clopper_pearson(cases, persons) == pytest.approx((cases / persons, lower, upper), abs=6e-5)


@MANY
@given(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99])
)
def test_at_the_limits_of_a_share_so_many_cases_have_half_the_rest_as_probability(
    seen: tuple[int, int], level: float
) -> None:
    cases, persons = seen
    found = clopper_pearson(cases, persons, level=level)
    assert found is not None
    _, lower, upper = found
    tail = (1 - level) / 2
    assert (cases == 0 and lower == 0) or binom.sf(cases - 1, persons, lower) == pytest.approx(tail, rel=1e-6)
    assert (cases == persons and upper == 1) or binom.cdf(cases, persons, upper) == pytest.approx(tail, rel=1e-6)


def test_a_share_of_nobody_has_no_interval() -> None:
    assert clopper_pearson(0, 0) is None


@pytest.mark.parametrize(
    ("births", "crude", "rate", "lower", "upper"),
    [(FIRST_BORN, 56.3, 92.3, 80.4, 105.8), (FIFTH_BORN, 167.1, 75.5, 67.7, 188.3)],
)
def test_standardised_rates_of_the_data_of_fay_and_feuer(
    births: tuple[list[int], list[int]], crude: float, rate: float, lower: float, upper: float
) -> None:
    time, events = births
    strata = [Stratum(events=e, time=t, weight=w) for e, t, w in zip(events, time, ALL_BIRTHS, strict=True)]
    found = directly_standardised(strata)
    assert found is not None
    assert 1e5 * sum(events) / sum(time) == pytest.approx(crude, abs=0.05)
    assert [round(1e5 * x, 1) for x in found] == [rate, lower, upper]


STRATA = st.lists(
    st.builds(Stratum, events=st.integers(0, 60), time=st.floats(0.5, 1e4), weight=st.floats(0.01, 1e3)),
    min_size=1,
    max_size=8,
)


@MANY
@given(STRATA)
def test_gamma_limits_are_quantiles_of_gamma_distributions_with_those_moments(strata: list[Stratum]) -> None:
    found = directly_standardised(strata)
    assert found is not None
    whole = sum(s.weight for s in strata)
    shares = [s.weight / whole / s.time for s in strata]
    rate = sum(k * s.events for k, s in zip(shares, strata, strict=True))
    variance = sum(k * k * s.events for k, s in zip(shares, strata, strict=True))
    assert found[0] == pytest.approx(rate, rel=CLOSE)
    if rate:
        assert found[1] == pytest.approx(gamma.ppf(0.025, rate**2 / variance, scale=variance / rate), rel=1e-8)
    above, spread = rate + max(shares), variance + max(shares) ** 2
    assert found[2] == pytest.approx(gamma.isf(0.025, above**2 / spread, scale=spread / above), rel=1e-8)
    assert found[1] <= found[0] <= found[2]


@MANY
@given(STRATA)
def test_with_a_cohorts_own_days_as_weights_the_standardised_rate_is_the_crude_one(strata: list[Stratum]) -> None:
    own = [Stratum(events=s.events, time=s.time, weight=s.time) for s in strata]
    found = directly_standardised(own)
    events, time = sum(s.events for s in own), sum(s.time for s in own)
    assert found is not None
    lower, upper = exact_interval(events)
    assert found == pytest.approx((events / time, lower / time, upper / time), rel=1e-7, abs=1e-12)


def test_a_stratum_of_weight_without_time_leaves_no_standardised_rate() -> None:
    seen = Stratum(events=3, time=10.0, weight=1)
    assert directly_standardised([seen, Stratum(events=0, time=0, weight=2)]) is None
    assert directly_standardised([seen, Stratum(events=0, time=0, weight=0)]) == directly_standardised([seen])


PERSONS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4000)), min_size=2, max_size=30)


def sums(persons: list[tuple[int, int]], fraction: float = 1.0) -> SampledSums:
    """Sums of persons' events and days."""
    return SampledSums(
        persons=len(persons),
        fraction=fraction,
        events=sum(e for e, _ in persons),
        days=sum(t for _, t in persons),
        events_squared=sum(e * e for e, _ in persons),
        days_squared=sum(t * t for _, t in persons),
        product=sum(e * t for e, t in persons),
    )


def log_limits(rate: float, error: float) -> tuple[float, float, float]:
    """Limits on the log scale."""
    width = exp(float(norm.ppf(0.975)) * error / rate)
    return rate, rate / width, rate * width


@MANY
@given(st.lists(st.tuples(PERSONS, st.floats(0.01, 0.99)), min_size=1, max_size=3))
def test_a_weighted_rate_has_the_variance_of_its_residuals_in_the_design(
    strata: list[tuple[list[tuple[int, int]], float]],
) -> None:
    found = weighted_rate([sums(persons, fraction) for persons, fraction in strata])
    days = sum(t / f for persons, f in strata for _, t in persons)
    rate = sum(e / f for persons, f in strata for e, _ in persons) / days
    variance = 0.0
    for persons, f in strata:
        residuals = [e - rate * t for e, t in persons]
        middle = sum(residuals) / len(residuals)
        scatter = sum((z - middle) ** 2 for z in residuals) / (len(residuals) - 1)
        variance += (len(residuals) / f) ** 2 * (1 - f) * scatter / len(residuals)
    assert found is not None
    if rate and variance / days**2 > 1e-18:
        assert found == pytest.approx(log_limits(rate, sqrt(variance) / days), rel=1e-5)
    else:
        assert found[0] == pytest.approx(rate)


def test_a_whole_population_has_no_error_of_sampling() -> None:
    found = weighted_rate([sums([(1, 100), (0, 300), (2, 50)])])
    assert found == pytest.approx((3 / 450, 3 / 450, 3 / 450))


@MANY
@given(PERSONS)
def test_a_tiny_sample_and_an_endless_population_agree(persons: list[tuple[int, int]]) -> None:
    tiny, endless = weighted_rate([sums(persons, 1e-9)]), clustered_rate(sums(persons))
    assert tiny is not None
    assert endless is not None
    assert tiny == pytest.approx(endless, rel=1e-6)


def test_the_standardised_difference_is_the_textbook_one() -> None:
    assert standardised_difference((0.5, 0.25), (0.3, 0.21)) == pytest.approx(0.417, abs=5e-4)
    assert standardised_difference((60.0, 100.0), (55.0, 144.0)) == pytest.approx(5 / sqrt(122))
    assert standardised_difference((1.0, 0.0), (1.0, 0.0)) == 0.0
    assert standardised_difference((1.0, 0.0), (0.0, 0.0)) is None


def test_standard_populations_are_whole_and_those_that_a_study_may_name() -> None:
    standards = toml("study/standards.toml")
    assert {name for name, entry in standards.items() if isinstance(entry, dict)} == set(STANDARDS)
    weights = standard_weights(standards, "esp2013")
    assert sum(weights.values()) == 100_000
    assert weights["all", 95, 150] == 200
    assert sum(standard_weights(standards, "esp2013", (40, 59)).values()) == 7000 + 7000 + 7000 + 6500
    sexed = standard_weights(standards, "france2017", (90, 150))
    assert sexed == {("male", 90, 94): 175, ("male", 95, 150): 35, ("female", 90, 94): 445, ("female", 95, 150): 135}


@pytest.mark.parametrize(
    ("name", "ages", "code"), [("esp1976", None, "standard-unknown"), ("esp2013", (42, 59), "standard-ages")]
)
def test_a_standard_that_is_not_there_or_is_cut_elsewhere_is_refused(
    name: str, ages: tuple[int, int] | None, code: str
) -> None:
    with pytest.raises(BadInput, match=code):
        standard_weights(toml("study/standards.toml"), name, ages)
