# SPDX-License-Identifier: Apache-2.0
"""Small fits against their definitions written out: likelihoods climbed by search, tables enumerated one by one, cells counted by hand."""

from itertools import product
from math import comb, exp, inf, lgamma, log, pi, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rempart.errors import BadInput
from rempart.study.estimators import bias_tables as bias
from rempart.study.estimators.between_variance import Spread, maximum, region
from rempart.study.estimators.bias_draws import trapezoidal
from rempart.study.estimators.calibration import expected_absolute, systematic_error
from rempart.study.estimators.calibration_model import calibrated_interval, error_model
from rempart.study.estimators.count_regression import fit_negative_binomial, fit_poisson
from rempart.study.estimators.count_rows import CountRows
from rempart.study.estimators.e_values import confounder_bound, e_value
from rempart.study.estimators.meta_analysis import Studies, pool, tau_limits
from rempart.study.estimators.meta_tables import MEASURES, Tables, mantel_haenszel
from rempart.study.estimators.risk_difference_exact import risk_difference
from rempart.study.estimators.two_groups_exact import rate_ratio

ESTIMATES = st.lists(st.tuples(st.floats(-2, 2), st.floats(0.05, 1)), min_size=2, max_size=6)
FEW = settings(max_examples=25, deadline=None)


def normal(spread: Spread, variance: float, *, restricted: bool) -> float:
    """The log-likelihood of estimates around their weighted mean, term by term."""
    own = [variance + v for v in spread.own]
    mean = sum(y / v for y, v in zip(spread.y, own, strict=True)) / sum(1 / v for v in own)
    value = sum(-(log(2 * pi * v) + (y - mean) ** 2 / v) / 2 for y, v in zip(spread.y, own, strict=True))
    return value - (log(sum(1 / v for v in own)) - log(2 * pi)) / 2 if restricted else value


@FEW
@given(given_=ESTIMATES, restricted=st.booleans())
def test_no_variance_between_is_likelier_than_the_one_found(given_: Any, restricted: bool) -> None:
    y, errors = (np.array(column) for column in zip(*given_, strict=True))
    spread = Spread(y=y, own=errors**2)
    best = normal(spread, maximum(spread, restricted=restricted), restricted=restricted)
    for variance in [0.0, *np.geomspace(1e-6, 1e3, 120)]:
        assert normal(spread, float(variance), restricted=restricted) <= best + 1e-9 * (1 + abs(best))


@settings(max_examples=10, deadline=None)
@given(given_=ESTIMATES)
def test_limits_of_the_systematic_error_are_the_ends_of_all_likely_ones(given_: Any) -> None:
    y, errors = (np.array(column) for column in zip(*given_, strict=True))
    found = systematic_error(y, errors)
    around = region(Spread(y=y, own=errors**2), found.deviation**2, 3.841458820694124)
    sizes = []
    for variance in np.linspace(around.low, around.high, 40):
        for mean in np.linspace(*around.means(float(variance)), 15):
            sizes.append(expected_absolute(float(mean), sqrt(float(variance))))
            own = variance + errors**2
            value = float(-(np.log(2 * pi * own) + (y - mean) ** 2 / own).sum() / 2)
            assert found.log_likelihood - value <= 3.8415 / 2 + 1e-6
    low, high = found.expected_absolute_limits
    assert low <= min(sizes) + 1e-7 and max(sizes) <= high + 1e-7
    assert low - 1e-9 <= found.expected_absolute <= high + 1e-9


@FEW
@given(seed=st.integers(0, 10**6), spread=st.floats(0, 0.4), growth=st.floats(0, 0.4))
def test_no_other_model_of_systematic_error_is_likelier(seed: int, spread: float, growth: float) -> None:
    draw = np.random.default_rng(seed)
    true = np.repeat([0.0, log(1.5), log(2), log(4)], 8)
    own = draw.uniform(0.05, 0.3, len(true))
    seen = 0.1 + 0.9 * true + draw.normal(size=len(true)) * np.hypot(spread + growth * true, own)

    def likelihood(a: float, b: float, c: float, d: float) -> float:
        total = 0.0
        for y, s, t in zip(seen, own, true, strict=True):
            variance = (c + d * abs(t)) ** 2 + s * s
            total -= (log(2 * pi * variance) + (y - a - b * t) ** 2 / variance) / 2
        return total

    found = error_model(seen.tolist(), own.tolist(), true.tolist())
    best = (found.intercept, found.slope, found.deviation, found.deviation_slope)
    assert likelihood(*best) == pytest.approx(found.log_likelihood)
    for a, b in product((-1e-3, 0, 1e-3), repeat=2):
        assert likelihood(best[0] + a, best[1] + b, *best[2:]) <= found.log_likelihood + 1e-9
    for c, d in product((0.0, 0.02, 0.1, 0.2, 0.4, 0.8), repeat=2):
        assert likelihood(*best[:2], c, d) <= found.log_likelihood + 1e-6
    if found.slope <= 1.96 * found.deviation_slope:  # at no ratio is the estimate so far off: there is no limit
        with pytest.raises(BadInput, match="calibration-slope"):
            calibrated_interval(0.7, 0.1, found)
        return
    _, lower, upper = calibrated_interval(0.7, 0.1, found)
    assert (found.off(0.7, 0.1, lower), found.off(0.7, 0.1, upper)) == pytest.approx((1.959964, -1.959964), rel=1e-6)


@FEW
@given(given_=ESTIMATES)
def test_a_pool_is_the_weighted_mean_and_its_limits_of_tau_reach_their_quantiles(given_: Any) -> None:
    y, errors = (np.array(column) for column in zip(*given_, strict=True))
    studies = Studies(names=tuple(map(str, range(len(y)))), estimate=y, variance=errors**2)
    found = pool(studies, method="dersimonian-laird", interval="hartung-knapp")
    assert found.heterogeneity is not None
    tau = found.heterogeneity.tau_squared
    weights = [1 / (tau + e * e) for e in errors]
    mean = sum(w * v for w, v in zip(weights, y, strict=True)) / sum(weights)
    assert found.estimate == pytest.approx(mean, abs=1e-12)
    scatter = sum(w * (v - mean) ** 2 for w, v in zip(weights, y, strict=True)) / (len(y) - 1) / sum(weights)
    assert found.error == pytest.approx(sqrt(scatter), abs=1e-12)
    narrow, wide = tau_limits(Spread(y=y, own=errors**2), level=0.5), found.heterogeneity.tau_squared_limits
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


CELL = st.integers(1, 30)


@FEW
@given(cells=st.tuples(CELL, CELL, CELL, CELL), measure=st.sampled_from(MEASURES))
def test_one_study_is_its_own_mantel_haenszel_pool(cells: tuple[int, int, int, int], measure: str) -> None:
    a, b, c, d = cells
    columns = {"events1": a, "persons1": a + b, "events0": c, "persons0": c + d}
    found = mantel_haenszel(Tables(names=("one",), **{k: np.array([float(v)]) for k, v in columns.items()}), measure)
    risk1, risk0 = a / (a + b), c / (c + d)
    known = {"odds-ratio": log(a * d / (b * c)), "risk-ratio": log(risk1 / risk0), "risk-difference": risk1 - risk0}
    assert found.estimate == pytest.approx(known[measure], abs=1e-12)
    if measure == "odds-ratio":
        assert found.error == pytest.approx(sqrt(1 / a + 1 / b + 1 / c + 1 / d))
    assert found.heterogeneity is None and found.prediction is None


def counted(y: Any, mean: Any, dispersion: float) -> float:
    """Log-likelihood of counts, from the probabilities."""
    if dispersion == 0:
        return sum(k * log(m) - m - lgamma(k + 1) for k, m in zip(y, mean, strict=True))
    t = 1 / dispersion
    return sum(
        lgamma(k + t) - lgamma(t) - lgamma(k + 1) + t * log(t / (t + m)) + k * log(m / (t + m))
        for k, m in zip(y, mean, strict=True)
    )


COUNT_ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.floats(0.2, 5), st.sampled_from([0.0, 1.0, 3.0])), min_size=4, max_size=12
)


@FEW
@given(rows=COUNT_ROWS, binomial=st.booleans())
def test_no_neighbour_of_a_count_fit_is_likelier(rows: Any, binomial: bool) -> None:
    y, time, x = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    try:
        data = CountRows(events=y, time=time, x=x[:, None], terms=("x",))
        fit = fit_negative_binomial(data) if binomial else fit_poisson(data)
    except BadInput as error:
        assert error.code in {
            "count-no-event",
            "count-too-few-events",  # one of them cannot carry a term
            "count-collinear",
            "count-separation",
            "count-dispersion",
        }
        if error.code == "count-separation":  # one side truly has no event
            assert not y[x == x.min()].any() or not y[x == x.max()].any()
        assume(False)
    at = counted(y, time * np.exp(fit.beta[0] + fit.beta[1] * x), fit.dispersion)
    assert at == pytest.approx(fit.log_likelihood, abs=1e-7 * (1 + abs(at)))
    for step, turn, spread in product((-1e-3, 0, 1e-3), (-1e-3, 0, 1e-3), (0.97, 1, 1.03) if binomial else (1,)):
        mean = time * np.exp(fit.beta[0] + step + (fit.beta[1] + turn) * x)
        assert counted(y, mean, fit.dispersion * spread) <= at + 1e-9
    if fit.boundary:
        mean = time * np.exp(fit.beta[0] + fit.beta[1] * x)
        assert counted(y, mean, 1e-4) <= at + 1e-9


@FEW
@given(events=st.tuples(st.integers(0, 12), st.integers(0, 12)), odds=st.floats(0.2, 5), mid=st.booleans())
def test_the_limits_of_a_rate_ratio_leave_the_tail_they_promise(events: Any, odds: float, mid: bool) -> None:
    first, other = events
    found = rate_ratio(first, 1.0, other, odds, mid_p=mid)
    whole = first + other

    def chance(ratio: float, kept: Any) -> float:
        share = ratio / (ratio + odds)
        mass = [comb(whole, k) * share**k * (1 - share) ** (whole - k) for k in range(whole + 1)]
        return sum(m for k, m in enumerate(mass) if kept(k)) - (mass[first] / 2 if mid else 0)

    assert (found.lower == 0) == (first == 0) and (found.upper == inf) == (other == 0)
    if first:
        assert chance(found.lower, lambda k: k >= first) == pytest.approx(0.025, rel=1e-6)
    if other:
        assert chance(found.upper, lambda k: k <= first) == pytest.approx(0.025, rel=1e-6)


def test_exact_limits_of_a_risk_difference_cover_as_often_as_they_say() -> None:
    persons1, persons0 = 5, 4
    tables = list(product(range(persons1 + 1), range(persons0 + 1)))
    limits = {(a, c): risk_difference(a, persons1, c, persons0, level=0.9) for a, c in tables}
    for risk1, risk0 in product(np.linspace(0, 1, 15), np.linspace(0, 1, 15)):
        covered = sum(
            comb(persons1, a)
            * risk1**a
            * (1 - risk1) ** (persons1 - a)
            * comb(persons0, c)
            * risk0**c
            * (1 - risk0) ** (persons0 - c)
            for a, c in tables
            if limits[a, c].lower - 1e-6 <= risk1 - risk0 <= limits[a, c].upper + 1e-6
        )
        assert covered >= 0.9 - 1e-4
    turned = risk_difference(1, persons0, 3, persons1, level=0.9)
    assert (limits[3, 1].lower, limits[3, 1].upper) == pytest.approx((-turned.upper, -turned.lower), abs=1e-5)


SHARES = st.floats(0.6, 1)
CELLS = st.floats(20, 500)


@FEW
@given(
    cells=st.tuples(CELLS, CELLS, CELLS, CELLS), share=st.tuples(SHARES, SHARES, SHARES, SHARES), outcome=st.booleans()
)
def test_a_table_misread_on_purpose_is_read_back(cells: Any, share: Any, outcome: bool) -> None:
    a, b, c, d = cells
    first = bias.Accuracy(sensitivity=share[0], specificity=share[1])
    second = bias.Accuracy(sensitivity=share[2], specificity=share[3])
    assume(share[0] + share[1] > 1.25 and share[2] + share[3] > 1.25)

    def misread(yes: float, no: float, sensitivity: float, specificity: float) -> tuple[float, float]:
        return yes * sensitivity + no * (1 - specificity), yes * (1 - sensitivity) + no * specificity

    if outcome:
        (a2, c2), (b2, d2) = misread(a, c, *share[:2]), misread(b, d, *share[2:])
    else:
        (a2, b2), (c2, d2) = misread(a, b, *share[:2]), misread(c, d, *share[2:])
    seen = bias.Table(exposed_cases=a2, unexposed_cases=b2, exposed_others=c2, unexposed_others=d2)
    correct = bias.misclassified_outcome if outcome else bias.misclassified_exposure
    found = correct(seen, first, second, measure="risk-ratio")
    assert found.cells == pytest.approx([a, b, c, d])
    assert float(found.log_ratio) == pytest.approx(log(a / (a + c) / (b / (b + d))), abs=1e-9)
    own = [(a, 1), (a + c, -1), (b, 1), (b + d, -1)]
    assert float(found.error) >= sqrt(sum(sign / n for n, sign in own)) * (1 - 1e-9)  # less is known than of true cells


@FEW
@given(cells=st.tuples(CELLS, CELLS, CELLS, CELLS), share=st.tuples(SHARES, SHARES))
def test_the_error_after_correction_is_the_slope_in_each_cell(cells: Any, share: Any) -> None:
    assume(sum(share) > 1.25)
    accuracy = bias.Accuracy(sensitivity=share[0], specificity=share[1])

    def ratio(at: Any) -> Any:
        names = ("exposed_cases", "unexposed_cases", "exposed_others", "unexposed_others")
        return bias.misclassified_exposure(bias.Table(**dict(zip(names, at, strict=True))), accuracy)

    found = ratio(cells)
    assume(float(np.min(found.cells)) > 5)
    slopes = []
    for i in range(4):
        up, down = list(cells), list(cells)
        up[i], down[i] = cells[i] + 1e-3, cells[i] - 1e-3
        slopes.append(float(ratio(up).log_ratio - ratio(down).log_ratio) / 2e-3)
    expected = sqrt(sum(slope**2 * cell for slope, cell in zip(slopes, cells, strict=True)))
    assert float(found.error) == pytest.approx(expected, rel=1e-5)


@FEW
@given(true=st.floats(-1, 1), p1=st.floats(0, 1), p0=st.floats(0, 1), strong=st.floats(0.2, 8))
def test_confounding_put_in_is_taken_out_and_never_beyond_the_bound(
    true: float, p1: float, p0: float, strong: float
) -> None:
    crude = exp(true) * (1 - p1 + p1 * strong) / (1 - p0 + p0 * strong)
    given_ = {"prevalence_exposed": p1, "prevalence_unexposed": p0, "outcome_ratio": strong}
    assert float(bias.unmeasured_confounder(log(crude), **given_)) == pytest.approx(true, abs=1e-9)
    if p1 >= p0 > 0 and strong >= 1:
        assert crude / exp(true) <= confounder_bound(p1 / p0, strong) * (1 + 1e-9)


@FEW
@given(ratio=st.floats(0.05, 20))
def test_a_confounder_as_strong_as_the_e_value_explains_the_ratio_away(ratio: float) -> None:
    strength = e_value(ratio).point
    assert confounder_bound(strength, strength) == pytest.approx(max(ratio, 1 / ratio))


@FEW
@given(cuts=st.lists(st.floats(0, 5), min_size=4, max_size=4).map(sorted), at=st.floats(0.001, 0.999))
def test_trapezoidal_draws_have_the_area_below_them(cuts: list[float], at: float) -> None:
    low, one, two, high = cuts
    assume(high - low > 0.1)
    value = float(trapezoidal(np.array([at]), low, one, two, high)[0])
    assert low <= value <= high
    height = 2 / (high + two - low - one)
    grid = np.linspace(low, value, 20001)
    rise = np.where(one > low, (grid - low) / max(one - low, 1e-300), 1.0)
    fall = np.where(high > two, (high - grid) / max(high - two, 1e-300), 1.0)
    density = height * np.where(grid < one, rise, np.where(grid <= two, 1.0, fall))
    assert float(np.trapezoid(density, grid)) == pytest.approx(at, abs=2e-3)
