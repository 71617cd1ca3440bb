# SPDX-License-Identifier: Apache-2.0
"""Small fits where data hardly suffice: one study, no event, an empty cell, one control, separation; and numbers that were published."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, log
from typing import Any

import numpy as np
import pytest

from rempart.errors import BadInput
from rempart.study.estimators import bias_draws
from rempart.study.estimators import bias_tables as bias
from rempart.study.estimators.calibration import calibrated, left_out, systematic_error
from rempart.study.estimators.calibration_model import ErrorModel, calibrated_interval, error_model
from rempart.study.estimators.count_regression import CountFit, fit_negative_binomial, fit_poisson
from rempart.study.estimators.count_rows import CountRows
from rempart.study.estimators.e_values import confounder_bound, difference_e_value, e_value
from rempart.study.estimators.meta_analysis import Studies, pool
from rempart.study.estimators.meta_tables import Tables, effect_sizes, mantel_haenszel, peto
from rempart.study.estimators.risk_difference_exact import risk_difference
from rempart.study.estimators.two_groups_exact import newcombe, rate_ratio, wilson

ONE = Studies(names=("only",), estimate=np.array([0.3]), variance=np.array([0.04]))


def trials(*counts: tuple[int, int, int, int]) -> Tables:
    """Trials a, b, c … of events and persons, exposed first."""
    columns = np.array(counts, dtype=float).T
    names = tuple("abcdefgh"[: len(counts)])
    return Tables(names=names, events1=columns[0], persons1=columns[1], events0=columns[2], persons0=columns[3])


def rows(events: list[float], x: list[list[float]], **more: Any) -> CountRows:
    """Rows of one unit of time with as many terms as ``x`` has columns."""
    columns = np.array(x, dtype=float).reshape(len(events), -1)
    time = more.pop("time", np.ones(len(events)))
    return CountRows(events=np.array(events), time=time, x=columns, terms=("a", "b", "c")[: columns.shape[1]], **more)


TABLE = bias.Table(exposed_cases=45.0, unexposed_cases=94.0, exposed_others=257.0, unexposed_others=945.0)
FLAT = ErrorModel(
    controls=5, intercept=0.1, slope=1.0, deviation=0.2, deviation_slope=0.0, log_likelihood=0.0
)  # as negative controls alone would show it
PERFECT = bias.Accuracy(sensitivity=1.0, specificity=1.0)
UNIFORM = np.array([0.1, 0.5, 0.9])

REFUSALS: list[tuple[str, dict[str, Any], Callable[[], Any]]] = [
    ("calibration-controls", {"controls": 1, "least": 2}, lambda: systematic_error([0.1], [0.2])),
    ("calibration-controls", {"controls": 1, "least": 2}, lambda: left_out([0.1, 0.2], [0.2, 0.2])),
    ("calibration-control-value", {"control": "b"}, lambda: systematic_error([0.1, 0.2], [0.2, 0.0], names=("a", "b"))),
    ("calibration-control-value", {"control": "1"}, lambda: systematic_error([inf, 0.2], [0.2, 1.0])),
    ("calibration-controls", {"controls": 4, "least": 5}, lambda: error_model([0.1] * 4, [0.2] * 4, [0, 0, 1, 1])),
    (
        "calibration-control-value",
        {"control": "2"},
        lambda: error_model([0.1] * 5, [0.2, -1, 1, 1, 1], [0, 0, 1, 1, 0]),
    ),
    ("calibration-ratios", {}, lambda: error_model([0.1] * 5, [0.2] * 5, [0.5] * 5)),
    ("calibration-slope", {}, lambda: calibrated_interval(0.5, 0.1, replace(FLAT, slope=-0.1))),
    ("calibration-slope", {}, lambda: calibrated_interval(0.5, 0.1, replace(FLAT, deviation_slope=2.0))),
    ("e-value-estimate", {}, lambda: e_value(2.0, 2.5, 3.0)),
    ("e-value-estimate", {}, lambda: e_value(0.0)),
    ("e-value-estimate", {}, lambda: difference_e_value(1.0, 0.2, 0.0)),
    ("e-value-estimate", {}, lambda: confounder_bound(0.5, 2.0)),
    ("estimator-choice", {"given": "rate-ratio"}, lambda: e_value(2.0, measure="rate-ratio")),
    ("estimator-choice", {"given": "hazard-ratio"}, lambda: effect_sizes(trials((1, 9, 2, 9)), "hazard-ratio")),
    ("estimator-choice", {"given": "bayes"}, lambda: pool(ONE, method="bayes")),
    ("estimator-choice", {"given": "wide"}, lambda: pool(ONE, interval="wide")),
    ("estimator-choice", {"given": "x"}, lambda: bias.misclassified_exposure(TABLE, PERFECT, measure="x")),
    ("meta-no-study", {}, lambda: Studies(names=(), estimate=np.zeros(0), variance=np.zeros(0))),
    (
        "meta-no-study",
        {},
        lambda: Tables(names=(), events1=UNIFORM, persons1=UNIFORM, events0=UNIFORM, persons0=UNIFORM),
    ),
    ("meta-study", {"study": "x"}, lambda: Studies(names=("x",), estimate=np.zeros(1), variance=np.zeros(1))),
    ("meta-table", {"study": "b"}, lambda: trials((1, 9, 2, 9), (5, 4, 2, 9))),
    ("meta-table", {"study": "a"}, lambda: trials((0, 0, 2, 9))),
    ("meta-no-event", {}, lambda: effect_sizes(trials((0, 9, 0, 9), (5, 5, 9, 9)), "odds-ratio")),
    ("meta-no-event", {}, lambda: mantel_haenszel(trials((0, 9, 2, 9), (0, 5, 1, 9)), "risk-ratio")),
    ("meta-no-event", {}, lambda: mantel_haenszel(trials((0, 9, 2, 9), (0, 5, 1, 9)), "odds-ratio")),
    ("meta-no-event", {}, lambda: peto(trials((0, 9, 0, 9)))),
    ("meta-one-study", {"study": "only"}, lambda: pool(ONE, method="reml")),
    ("meta-one-study", {"study": "only"}, lambda: pool(ONE, method="fixed", interval="hartung-knapp")),
    ("count-shape", {}, lambda: rows([1.0, 2.0], [[0], [1]], time=np.ones(3))),
    ("count-value", {"term": "events"}, lambda: rows([0.5, 2.0], [[0], [1]])),
    ("count-value", {"term": "events"}, lambda: rows([np.nan, 2.0], [[0], [1]])),
    ("count-value", {"term": "time"}, lambda: rows([1.0, 2.0], [[0], [1]], time=np.array([0.0, 1.0]))),
    ("count-value", {"term": "weight"}, lambda: rows([1.0, 2.0], [[0], [1]], weight=np.array([0.0, 1.0]))),
    ("count-value", {"term": "b"}, lambda: rows([1.0, 2, 3], [[0, 1], [1, inf], [2, 0]])),
    ("count-no-event", {}, lambda: rows([0.0, 0.0], [[0], [1]])),
    ("count-too-many-terms", {"term": "b"}, lambda: rows([1.0, 2.0], [[0, 1], [1, 0]])),
    ("count-collinear", {"term": "a"}, lambda: rows([1.0, 2.0], [[1], [1]])),
    ("count-collinear", {"term": "b"}, lambda: rows([1.0, 2, 3], [[0, 1], [1, 3], [2, 5]])),
    ("count-separation", {"term": "a"}, lambda: fit_poisson(rows([0.0, 0, 3, 4], [[1], [1], [0], [0]]))),
    ("count-separation", {"term": "a"}, lambda: fit_poisson(rows([0.0, 0, 3, 4], [[0], [0], [1], [1]]))),
    ("count-separation", {"term": "a"}, lambda: fit_negative_binomial(rows([0.0, 0, 3, 40], [[1], [1], [0], [0]]))),
    ("count-separation", {"term": "b"}, lambda: fit_poisson(rows([2.0, 5, 3, 0], [[1, 0], [0, 0], [0, 0], [0, 1]]))),
    ("exact-count", {"name": "events1"}, lambda: rate_ratio(-1, 1.0, 2, 1.0)),
    ("exact-count", {"name": "cases"}, lambda: newcombe(3, 2, 1, 2)),
    ("exact-count", {"name": "cases"}, lambda: risk_difference(0, 0, 1, 2)),
    ("exact-time", {}, lambda: rate_ratio(1, 0.0, 2, 1.0)),
    ("exact-too-large", {"persons": 2000}, lambda: risk_difference(1, 1000, 2, 1000)),
    (
        "bias-cells",
        {"cell": "unexposed cases"},
        lambda: bias.Table(exposed_cases=1, unexposed_cases=0, exposed_others=1, unexposed_others=1),
    ),
    ("bias-accuracy", {}, lambda: bias.Accuracy(sensitivity=0.5, specificity=np.array([0.9, 0.5]))),
    ("bias-parameter", {"parameter": "specificity"}, lambda: bias.Accuracy(sensitivity=0.5, specificity=1.2)),
    ("bias-parameter", {"parameter": "trapezoidal"}, lambda: bias_draws.trapezoidal(UNIFORM, 0.9, 0.8, 0.95, 1.0)),
    ("bias-parameter", {"parameter": "uniform"}, lambda: bias_draws.beta(np.array([0.0]), 2, 3)),
    ("bias-parameter", {"parameter": "beta"}, lambda: bias_draws.beta(UNIFORM, 0, 3)),
    ("bias-parameter", {"parameter": "correlation"}, lambda: bias_draws.correlated(UNIFORM, UNIFORM, 1.5)),
    ("bias-parameter", {"parameter": "log-normal"}, lambda: bias_draws.log_normal(UNIFORM, 3.0, 2.0)),
    ("bias-no-draw", {"draws": 3}, lambda: bias_draws.summary(np.full(3, np.nan), 0.1, UNIFORM)),
    ("bias-draws", {}, lambda: bias_draws.summary(np.zeros(3), 0.1, np.zeros(2))),
]


@pytest.mark.parametrize(("code", "facts", "act"), REFUSALS, ids=[f"{i} {case[0]}" for i, case in enumerate(REFUSALS)])
def test_data_that_cannot_answer_are_told_by_name(code: str, facts: dict[str, Any], act: Callable[[], Any]) -> None:
    with pytest.raises(BadInput) as told:
        act()
    assert told.value.code == code
    assert {name: told.value.facts[name] for name in facts} == facts


def test_e_values_are_those_that_were_published() -> None:
    # VanderWeele and Ding 2017: 3.9 (1.8 to 8.7) has 7.26 and 3.0; 0.80 (0.71 to 0.91) has 1.81 and 1.43
    one, other = e_value(3.9, 1.8, 8.7), e_value(0.80, 0.71, 0.91)
    assert (round(one.point, 2), one.limit) == (7.26, pytest.approx(3.0))
    assert other.limit is not None and (round(other.point, 2), round(other.limit, 2)) == (1.81, 1.43)


def test_e_values_know_measures_limits_and_nulls() -> None:
    assert e_value(2.0, 0.9, 4.0).limit == 1 and e_value(1.0, 0.5, 2.0).point == 1
    assert e_value(2.0, None, 4.0).limit is None and e_value(2.0, 1.0).limit == 1
    assert e_value(4.0, measure="odds-ratio-common").point == e_value(2.0).point
    assert e_value(4.0, measure="odds-ratio-rare").point == e_value(4.0, measure="hazard-ratio-rare").point
    common = e_value(0.56, 0.46, 0.69, measure="hazard-ratio-common")
    assert common.ratio == pytest.approx((1 - 0.5**0.56**0.5) / (1 - 0.5 ** (1 / 0.56) ** 0.5))
    assert e_value(3.0, null=1.5).point == e_value(2.0).point
    means = difference_e_value(-0.42, 0.14, 1.0)
    assert means.ratio == pytest.approx(np.exp(0.91 * -0.42)) and means.limit == pytest.approx(
        e_value(means.upper or 0).point
    )


def test_controls_that_agree_show_no_spread_but_leave_room_for_one() -> None:
    found = systematic_error([0.1, 0.1, 0.1], [0.2, 0.2, 0.2])
    assert found.deviation == 0 and found.deviation_limits[0] == 0 < found.deviation_limits[1]
    assert found.mean == found.expected_absolute == pytest.approx(0.1)
    assert found.expected_absolute_limits[0] == 0
    plain = calibrated(0.5, 0.1, systematic_error([0.0, 0.0], [0.1, 0.1]))
    assert (plain.log_ratio, plain.error) == pytest.approx((0.5, 0.1))


def test_a_control_left_out_is_judged_by_the_others_alone() -> None:
    seen, own = np.array([0.1, -0.2, 0.3, 0.05]), np.array([0.1, 0.2, 0.15, 0.3])
    others = systematic_error(seen[1:], own[1:])
    assert left_out(seen, own)[0] == pytest.approx(calibrated(0.1, 0.1, others).p_value)


def test_an_error_that_is_the_same_at_every_ratio_calibrates_as_negative_controls_do() -> None:
    middle, lower, upper = calibrated_interval(0.5, 0.15, FLAT)
    null = replace(systematic_error([0.1, 0.1], [0.1, 0.1]), mean=0.1, deviation=0.2)
    plain = calibrated(0.5, 0.15, null)
    assert (middle, lower, upper) == pytest.approx((plain.log_ratio, plain.lower, plain.upper))
    wider = calibrated_interval(0.5, 0.15, replace(FLAT, deviation_slope=0.3))
    assert wider[1] < lower and wider[2] > upper
    assert wider[2] - wider[0] > wider[0] - wider[1]  # error grows with the ratio


def test_one_study_is_its_own_fixed_pool() -> None:
    found = pool(ONE, method="fixed")
    assert (found.estimate, found.error, found.shares) == (0.3, pytest.approx(0.2), (1.0,))
    assert found.heterogeneity is None and found.prediction is None


def test_two_studies_have_no_prediction_and_equal_ones_no_scatter() -> None:
    two = Studies(names=("a", "b"), estimate=np.array([0.2, 0.2]), variance=np.array([0.1, 0.3]))
    found = pool(two, method="reml", interval="hartung-knapp")
    assert found.prediction is None and found.heterogeneity is not None
    assert (found.heterogeneity.tau_squared, found.heterogeneity.i_squared) == (0, 0)
    assert (found.error, found.p_value, found.lower, found.upper) == pytest.approx((0, 0, 0.2, 0.2))


def test_silent_studies_are_named_and_move_nothing() -> None:
    heard = ((3, 40, 1, 42), (5, 50, 9, 44))
    both = effect_sizes(trials(*heard, (0, 10, 0, 12)), "risk-ratio")
    assert both.left_out == ("c",) and both.names == ("a", "b")
    assert peto(trials(*heard, (0, 10, 0, 12))).left_out == ("c",)
    for measure in ("odds-ratio", "risk-ratio"):
        silent = mantel_haenszel(trials(*heard, (0, 10, 0, 12)), measure)
        assert silent.estimate == pytest.approx(mantel_haenszel(trials(*heard), measure).estimate)
    assert effect_sizes(trials(*heard, (0, 10, 0, 12)), "risk-difference").left_out == ()


def test_the_correction_reaches_only_studies_with_an_empty_cell() -> None:
    found = effect_sizes(trials((0, 10, 3, 12), (2, 10, 3, 12)), "odds-ratio")
    expected = [log(0.5 * 9.5 / (10.5 * 3.5)), log(2 * 9 / (8 * 3))]
    assert found.estimate == pytest.approx(expected)


def crude(fit: CountFit, term: str = "a") -> float:
    """The rate ratio of a term."""
    return fit.interval(term)[0]


def test_a_count_fit_of_two_groups_is_their_rate_ratio() -> None:
    data = rows([2.0, 5, 1, 8], [[0], [0], [1], [1]], time=np.array([1.0, 3, 2, 2]))
    fit = fit_poisson(data)
    assert crude(fit) == pytest.approx((9 / 4) / (7 / 4))
    assert np.sqrt(fit.covariance[1, 1]) == pytest.approx((1 / 9 + 1 / 7) ** 0.5)
    assert fit.interval("intercept")[0] == pytest.approx(7 / 4)
    assert 0 < fit.p_value("a") < 1 and fit.interval("a", robust=True) != fit.interval("a")


def test_counts_without_excess_scatter_are_poisson_and_say_so() -> None:
    data = rows([2.0, 3, 2, 3, 4, 5], [[0], [0], [0], [1], [1], [1]])
    found = fit_negative_binomial(data)
    assert found.boundary and found.dispersion == 0 and found.dispersion_error is None
    assert found.beta == pytest.approx(fit_poisson(data).beta)


def test_far_covariates_are_fitted_one_event_is_refused_and_the_start_does_not_overflow() -> None:
    data = rows([0.0, 1, 0, 0, 2, 1], [[1e7], [2e7], [3e7], [2.5e7], [1.5e7], [2e7]], time=np.full(6, 1e-3))
    fit = fit_poisson(data)
    assert np.isfinite(fit.beta).all() and fit.log_likelihood > -50
    with pytest.raises(BadInput) as refused:
        fit_poisson(rows([0.0, 1, 0], [[0.0], [1.0], [2.0]]))
    assert refused.value.code == "count-too-few-events"


def test_rates_without_events_have_one_limit() -> None:
    none, left, right = rate_ratio(0, 1.0, 0, 1.0), rate_ratio(0, 5.0, 4, 5.0), rate_ratio(4, 5.0, 0, 5.0)
    assert none.estimate is None and (none.lower, none.upper, none.p_value) == (0, inf, 1)
    assert left.estimate == 0 and left.lower == 0 and left.upper < inf
    assert right.estimate is None and right.upper == inf and right.lower == pytest.approx(1 / left.upper)
    assert wilson(0, 5)[0] == 0 and wilson(5, 5)[1] == 1


def test_exact_risk_differences_of_nobody_and_everybody_end_at_the_end() -> None:
    nobody, apart = risk_difference(0, 6, 0, 6), risk_difference(6, 6, 0, 6)
    assert nobody.estimate == 0 and nobody.lower == pytest.approx(-nobody.upper, abs=1e-5) and nobody.p_value == 1
    assert apart.upper == 1 and apart.lower > 0 and apart.p_value == pytest.approx(2 * 0.5**12)


def test_exposure_misread_is_corrected_as_by_hand() -> None:
    # Lash, Fox and Fink: smoking in pregnancy and breast cancer, 215 of 1,449 cases and 668 of 4,296 others; sensitivity 78 %,
    # specificity 99 %
    table = bias.Table(exposed_cases=215.0, unexposed_cases=1234.0, exposed_others=668.0, unexposed_others=3628.0)
    found = bias.misclassified_exposure(table, bias.Accuracy(sensitivity=0.78, specificity=0.99))
    cases, others = (215 - 0.01 * 1449) / 0.77, (668 - 0.01 * 4296) / 0.77
    assert found.cells[[0, 2]] == pytest.approx([cases, others])
    assert float(np.exp(found.log_ratio)) == pytest.approx(cases / (1449 - cases) * (4296 - others) / others)


def test_perfect_classification_changes_nothing() -> None:
    plain = bias.misclassified_exposure(TABLE, PERFECT)
    assert plain.cells == pytest.approx(TABLE.cells())
    assert float(plain.error) == pytest.approx(float(np.sqrt((1 / TABLE.cells()).sum())))
    outcome = bias.misclassified_outcome(TABLE, PERFECT)
    assert float(outcome.error) == pytest.approx((1 / 45 - 1 / 302 + 1 / 94 - 1 / 1039) ** 0.5)


def test_selection_is_undone_by_its_odds() -> None:
    found = bias.selected(log(2.0), exposed_cases=0.9, unexposed_cases=0.6, exposed_others=0.5, unexposed_others=0.4)
    assert float(np.exp(found)) == pytest.approx(2.0 * (0.6 * 0.5) / (0.9 * 0.4))


def test_draws_that_cannot_be_are_counted_and_left_out() -> None:
    accuracy = bias.Accuracy(sensitivity=np.array([0.9, 0.95, 0.9]), specificity=np.array([0.99, 0.98, 0.6]))
    found = bias.misclassified_exposure(TABLE, accuracy)
    assert np.isnan(found.log_ratio).tolist() == [False, False, True]
    said = bias_draws.summary(found.log_ratio, found.error, np.zeros(3))
    assert (said.draws, said.impossible) == (3, 1) and said.total_median == said.median
    wider = bias_draws.summary(found.log_ratio, found.error, np.array([2.0, -2.0, 0.0]))
    assert wider.total[0] < said.systematic[0] and wider.total[1] > said.systematic[1]


def test_draws_follow_their_distributions() -> None:
    uniform = (np.arange(2000) + 0.5) / 2000
    assert bias_draws.beta(uniform, 8, 2).mean() == pytest.approx(0.8, abs=1e-3)
    assert bias_draws.trapezoidal(uniform, 0, 0, 2, 2).mean() == pytest.approx(1, abs=1e-6)
    assert bias_draws.trapezoidal(uniform, 0, 1, 1, 2)[[0, -1]] == pytest.approx([0.0, 2.0], abs=0.05)
    ratio = bias_draws.log_normal(uniform, 0.5, 8.0)
    assert np.quantile(ratio, [0.025, 0.5, 0.975]) == pytest.approx([0.5, 2.0, 8.0], rel=0.02)
    other = np.random.default_rng(7).permutation(uniform)
    with_ = bias_draws.correlated(uniform, other, 0.8)
    assert np.corrcoef(uniform, with_)[0, 1] == pytest.approx(0.79, abs=0.03)
    assert bias_draws.correlated(uniform, other, 1.0) == pytest.approx(uniform)
