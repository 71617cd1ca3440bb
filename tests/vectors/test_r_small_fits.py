# SPDX-License-Identifier: Apache-2.0
"""Pools, count regressions, exact tests and negative controls against R metafor, glm, MASS, sandwich and stats: ``r/small_fits.R`` (1e-6).

Named differences: metafor's normal prediction interval takes z, ours t with k − 2 degrees (R computes that one here); I² and H² of a common
effect are of Q about it; p of two rates doubles the smaller tail, as ``poisson.test`` of each side does, not of both.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rempart.study.estimators.calibration import calibrated, systematic_error
from rempart.study.estimators.count_regression import CountFit, fit_negative_binomial, fit_poisson
from rempart.study.estimators.count_rows import CountRows
from rempart.study.estimators.meta_analysis import Pooled, pool
from rempart.study.estimators.meta_tables import Tables, effect_sizes, mantel_haenszel, peto
from rempart.study.estimators.two_groups_exact import newcombe, rate_ratio, wilson

Numbers = dict[str, Any]
FROZEN: Numbers = json.loads((Path(__file__).parent / "r" / "small_fits.json").read_text(encoding="utf-8"))
METHODS = {"EE": "fixed", "DL": "dersimonian-laird", "REML": "reml", "ML": "ml"}
INTERVALS = {"z": "normal", "knha": "hartung-knapp"}


def near(value: Any) -> Any:
    """R's number to 1e-6 of itself."""
    return pytest.approx(value, rel=1e-6, abs=1e-9)


def tables(name: str) -> Tables:
    """The trials of a frozen table."""
    given = FROZEN[name]
    columns = {c: np.array(given[c], dtype=float) for c in ("events1", "persons1", "events0", "persons0")}
    return Tables(names=tuple(given["name"]), **columns)


def pooled(case: Numbers) -> Pooled:
    """The same pool by us."""
    data = tables(case["data"])
    if case["method"] == "MH":
        return mantel_haenszel(data, case["measure"])
    if case["method"] == "PETO":
        return peto(data)
    sizes = effect_sizes(data, case["measure"])
    return pool(sizes, method=METHODS[case["method"]], interval=INTERVALS[case["test"]])


@pytest.mark.parametrize(
    "case", FROZEN["pools"], ids=lambda c: " ".join(c[k] for k in ("data", "measure", "method", "test"))
)
def test_a_pool_is_that_of_metafor(case: Numbers) -> None:
    found = pooled(case)
    for name in ("estimate", "error", "lower", "upper", "p_value"):
        assert getattr(found, name) == near(case[name]), name
    between = found.heterogeneity
    assert between is not None
    assert (between.q, between.q_p_value) == near((case["q"], case["q_p_value"]))
    if case["method"] not in {"MH", "PETO"}:
        assert between.i_squared == pytest.approx(
            case["i_squared"], rel=1e-6, abs=1e-8
        )  # metafor may stop just above 0
        assert between.h_squared == near(case["h_squared"])
        assert between.tau_squared == near(case["tau_squared"])
    if case.get("tau_limits"):
        assert between.tau_squared_limits == near(tuple(case["tau_limits"]))
    if case.get("prediction"):
        assert found.prediction == near(tuple(case["prediction"]))


def rows(*, few: bool = False, weighted: bool = False, clustered: bool = False) -> CountRows:
    """The frozen rows."""
    data = FROZEN["rows"]
    return CountRows(
        events=np.array(FROZEN["few"] if few else data["events"], dtype=float),
        time=np.array(data["time"], dtype=float),
        x=np.array([data["x1"], data["x2"]], dtype=float).T,
        terms=("x1", "x2"),
        weight=np.array(data["weight"], dtype=float) if weighted else None,
        cluster=np.array(data["cluster"]) if clustered else None,
    )


def agrees(found: CountFit, by_cluster: CountFit, expected: Numbers) -> None:
    """Coefficients, three kinds of errors, likelihood."""
    assert found.beta == near(expected["beta"])
    assert np.sqrt(np.diag(found.covariance)) == near(expected["error"])
    assert np.sqrt(np.diag(found.robust)) == near(expected["robust"])
    assert np.sqrt(np.diag(by_cluster.robust)) == near(expected["clustered"])
    assert found.log_likelihood == near(expected["log_likelihood"])
    assert by_cluster.clusters == len(set(FROZEN["rows"]["cluster"]))


@pytest.mark.parametrize("name", ["poisson", "weighted", "few"])
def test_poisson_regression_is_that_of_glm(name: str) -> None:
    kind = {"few": name == "few", "weighted": name == "weighted"}
    agrees(fit_poisson(rows(**kind)), fit_poisson(rows(**kind, clustered=True)), FROZEN["counts"][name])


def test_negative_binomial_regression_is_that_of_glm_nb() -> None:
    expected = FROZEN["counts"]["negative_binomial"]
    found = fit_negative_binomial(rows())
    agrees(found, fit_negative_binomial(rows(clustered=True)), expected)
    assert found.dispersion_error is not None and not found.boundary
    assert 1 / found.dispersion == near(expected["theta"])
    assert found.dispersion_error == near(expected["theta_error"] / expected["theta"] ** 2)


@pytest.mark.parametrize("case", FROZEN["exact"], ids=lambda c: str(c["given"]))
def test_two_rates_compare_as_in_poisson_test(case: Numbers) -> None:
    events1, time1, events0, time0 = case["given"]
    found = rate_ratio(events1, time1, events0, time0)
    upper = float("inf") if case.get("upper") is None else case["upper"]
    assert (found.lower, found.upper, found.p_value) == near((case["lower"], upper, case["p_value"]))


@pytest.mark.parametrize("case", FROZEN["wilson"], ids=lambda c: str(c["given"]))
def test_score_limits_of_a_risk_are_those_of_prop_test(case: Numbers) -> None:
    assert wilson(*case["given"]) == near(tuple(case["limits"]))


def test_limits_of_a_risk_difference_are_those_newcombe_printed() -> None:
    # Stat Med 1998;17:873, table II, method 10: 56/70 less 48/80, 9/10 less 3/10, 10/10 less 0/10
    printed = {(56, 70, 48, 80): (0.0524, 0.3339), (9, 10, 3, 10): (0.1705, 0.8090), (10, 10, 0, 10): (0.6075, 1.0)}
    for given, limits in printed.items():
        assert newcombe(*given) == pytest.approx(limits, abs=5e-5)


def test_negative_controls_show_the_error_that_r_finds_in_them() -> None:
    frozen = FROZEN["controls"]
    found = systematic_error(frozen["seen"], frozen["own"])
    assert (found.mean, found.deviation) == near((frozen["mean"], frozen["deviation"]))
    assert (found.expected_absolute, found.log_likelihood) == near((frozen["expected"], frozen["log_likelihood"]))
    one = calibrated(0.5, 0.15, found)
    assert (one.p_value, one.lower, one.upper) == near((frozen["p_value"], *frozen["limits"]))
