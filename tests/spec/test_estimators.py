# SPDX-License-Identifier: Apache-2.0
"""Estimators against numbers that others published or that a reader can check by hand."""

import numpy as np
import pytest
from lifelines import AalenJohansenFitter, CoxPHFitter, KaplanMeierFitter
from numpy.typing import NDArray
from pandas import DataFrame

from rempart.errors import BadInput
from rempart.study.cox import CoxFit, fit, risk_sets
from rempart.study.describe import mean_and_sd
from rempart.study.poisson import exact_interval, rate
from rempart.study.survival import aalen_johansen, day_counts, kaplan_meier

Ints = NDArray[np.int64]

# Freireich et al., Blood 1963: weeks in remission, 6-mercaptopurine and placebo.
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def rows(
    *, entry: list[int] | Ints, exit_: list[int] | Ints, event: list[int] | Ints, x: NDArray[np.float64]
) -> CoxFit:
    """A fit with Efron ties on one row a person."""
    return cox(entry, exit_, event, x)


def cox(entry: object, exit_: object, event: object, x: NDArray[np.float64], ties: str = "efron") -> CoxFit:
    """A fit on one row a person."""
    size = len(x)
    days = [np.asarray(value, dtype=np.int64) for value in (entry, exit_)]
    flags = np.asarray(event, dtype=bool)
    sets = risk_sets(np.arange(size), *days, flags, n=np.ones(size, dtype=np.int64), x=x)
    return fit(sets, [f"x{i}" for i in range(x.shape[1])], ties=ties)


def freireich(ties: str) -> CoxFit:
    """Placebo against treated."""
    x = np.array([[1.0]] * 21 + [[0.0]] * 21)
    return cox([0] * 42, PLACEBO + TREATED, [1] * 21 + RELAPSE, x, ties)


@pytest.mark.parametrize(("ties", "beta"), [("breslow", 1.5092), ("efron", 1.5721)])
def test_freireich_gives_the_published_coefficient(ties: str, beta: float) -> None:
    found = freireich(ties)
    assert found.converged
    assert found.beta[0] == pytest.approx(beta, abs=5e-5)


def test_freireich_gives_the_error_and_interval_of_an_independent_fit() -> None:
    data = DataFrame({"t": PLACEBO + TREATED, "e": [1] * 21 + RELAPSE, "x": [1] * 21 + [0] * 21})
    other = CoxPHFitter().fit(data, "t", "e").summary.loc["x"]
    found = freireich("efron")
    assert found.error[0] == pytest.approx(other["se(coef)"], rel=1e-6)
    assert found.interval(0) == pytest.approx((other["exp(coef) lower 95%"], other["exp(coef) upper 95%"]), rel=1e-6)
    assert found.p_value(0) == pytest.approx(other["p"], rel=1e-4)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_cox_agrees_with_an_independent_fit_on_tied_data(seed: int, late: bool) -> None:
    draw = np.random.default_rng(seed)
    size = 400
    x = np.stack([draw.integers(0, 2, size), draw.integers(0, 2, size), draw.normal(size=size)], axis=1).astype(float)
    span = np.ceil(draw.exponential(12 / np.exp(x @ [0.7, -0.4, 0.2]))).astype(np.int64)
    entry = draw.integers(0, 6, size) if late else np.zeros(size, dtype=np.int64)
    exit_ = np.minimum(entry + span, 20)
    event = (entry + span <= 20).astype(np.int64)
    data = DataFrame({"entry": entry, "t": exit_, "e": event, "a": x[:, 0], "b": x[:, 1], "c": x[:, 2]})
    other = CoxPHFitter().fit(data, "t", "e", entry_col="entry" if late else None) if late else None
    other = other or CoxPHFitter().fit(data.drop(columns="entry"), "t", "e")
    found = rows(entry=entry, exit_=exit_, event=event, x=x)
    assert found.beta == pytest.approx(other.params_.to_numpy(), rel=1e-5, abs=1e-6)
    assert found.error == pytest.approx(other.standard_errors_.to_numpy(), rel=1e-5)
    assert found.log_likelihood == pytest.approx(other.log_likelihood_, rel=1e-9)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_counts_by_pattern_give_the_fit_of_the_rows(ties: str) -> None:
    draw = np.random.default_rng(5)
    size = 500
    x = draw.integers(0, 2, (size, 3)).astype(float)
    entry, span = draw.integers(0, 3, size), draw.integers(1, 9, size)
    event = draw.integers(0, 2, size)
    by_row = cox(entry, entry + span, event, x, ties)
    cells = np.column_stack([x.astype(np.int64), entry, entry + span, event])
    unique, n = np.unique(cells, axis=0, return_counts=True)
    patterns, at = np.unique(unique[:, :3], axis=0, return_inverse=True)
    sets = risk_sets(at.ravel(), unique[:, 3], unique[:, 4], unique[:, 5] == 1, n=n, x=patterns.astype(float))
    by_cell = fit(sets, ["a", "b", "c"], ties=ties)
    assert by_cell.beta == pytest.approx(by_row.beta, abs=1e-10)
    assert by_cell.covariance == pytest.approx(by_row.covariance, abs=1e-10)


def test_entry_on_the_day_of_an_event_is_not_at_risk_of_it() -> None:
    x = np.array([[1.0], [0.0], [0.0], [1.0], [0.0]])
    entry, exit_, event = [0, 0, 0, 0, 0], [5, 5, 7, 9, 9], [1, 0, 1, 1, 0]
    without = rows(entry=entry, exit_=exit_, event=event, x=x)
    late = rows(entry=[*entry, 5], exit_=[*exit_, 6], event=[*event, 0], x=np.vstack([x, [[1.0]]]))
    earlier = rows(entry=[*entry, 4], exit_=[*exit_, 6], event=[*event, 0], x=np.vstack([x, [[1.0]]]))
    assert late.beta == pytest.approx(without.beta, abs=1e-12)
    assert abs(earlier.beta[0] - without.beta[0]) > 0.05


def test_separation_is_said_and_names_the_term() -> None:
    x = np.array([[1.0], [1.0], [0.0], [0.0]])
    with pytest.raises(BadInput) as caught:
        rows(entry=[0] * 4, exit_=[7, 8, 5, 6], event=[0, 0, 1, 1], x=x)
    assert caught.value.code == "cox-separation"
    assert caught.value.facts["term"] == "x0"


def test_a_term_that_repeats_another_is_said() -> None:
    x = np.repeat(np.array([[1.0], [0.0], [1.0], [0.0]]), 2, axis=1)
    with pytest.raises(BadInput) as caught:
        rows(entry=[0] * 4, exit_=[3, 4, 5, 6], event=[1, 1, 1, 1], x=x)
    assert caught.value.code == "cox-collinear"


def test_no_event_is_said() -> None:
    with pytest.raises(BadInput) as caught:
        rows(entry=[0, 0], exit_=[3, 4], event=[0, 0], x=np.array([[1.0], [0.0]]))
    assert caught.value.code == "cox-no-events"


def test_newton_halves_its_step_where_the_plain_one_overshoots() -> None:
    x = np.array([[100.0], [0.0], [0.0], [0.0], [0.0], [99.0], [0.5]])
    found = rows(entry=[0] * 7, exit_=[1, 2, 3, 4, 5, 6, 7], event=[1, 1, 1, 1, 1, 1, 0], x=x)
    assert found.converged
    around = [
        rows(entry=[0] * 7, exit_=[1, 2, 3, 4, 5, 6, 7], event=[1, 1, 1, 1, 1, 1, 0], x=x / scale).log_likelihood
        for scale in (1.0, 50.0)
    ]
    assert around == pytest.approx([found.log_likelihood] * 2, rel=1e-9)


# Garwood 1936, table of limits: (events, lower, upper) of the expectation at 95 %.
@pytest.mark.parametrize(
    ("events", "lower", "upper"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (100, 81.3640, 121.6268)],
)
def test_the_exact_interval_is_that_of_the_published_table(events: int, lower: float, upper: float) -> None:
    assert exact_interval(events) == pytest.approx((lower, upper), abs=6e-5)


def test_a_rate_is_per_thousand_years_of_365_25_days() -> None:
    value, lower, upper = rate(10, 365250) or (0, 0, 0)
    assert (value, lower, upper) == pytest.approx((10.0, 4.7954, 18.3904), abs=6e-5)
    assert rate(0, 0) is None


def test_kaplan_meier_by_hand() -> None:
    """Five persons: events on days 2 and 4, censored on days 2 (after the event), 3 and 5."""
    exit_, status = np.array([2, 2, 3, 4, 5]), np.array([1, 0, 0, 1, 0])
    counts = day_counts(np.zeros(5, int), exit_, status, np.ones(5, int), last_day=5)
    assert counts.at_risk.tolist() == [0, 5, 5, 3, 2, 1]
    curve = kaplan_meier(counts.at_risk, counts.events)
    assert curve.value == pytest.approx([1, 1, 0.8, 0.8, 0.4, 0.4])


def test_late_entry_is_at_risk_from_the_day_after() -> None:
    counts = day_counts(np.array([0, 2]), np.array([2, 4]), np.array([1, 0]), np.array([3, 2]), last_day=4)
    assert counts.at_risk.tolist() == [0, 3, 3, 2, 2]


def cohort(seed: int) -> tuple[Ints, Ints]:
    """Exit days with many ties, and status."""
    draw = np.random.default_rng(seed)
    return draw.integers(1, 25, 300), draw.choice([0, 1, 2], 300, p=[0.4, 0.4, 0.2])


def test_kaplan_meier_and_its_limits_agree_with_an_independent_fit() -> None:
    exit_, status = cohort(3)
    counts = day_counts(np.zeros(300, int), exit_, status, np.ones(300, int), last_day=20)
    curve = kaplan_meier(counts.at_risk, counts.events)
    other = KaplanMeierFitter().fit(exit_, status == 1, timeline=range(21))
    assert curve.value == pytest.approx(other.survival_function_.iloc[:, 0].to_numpy(), abs=1e-12)
    limits = other.confidence_interval_.to_numpy()
    assert curve.lower[1:] == pytest.approx(limits[1:, 0], abs=1e-9)
    assert curve.upper[1:] == pytest.approx(limits[1:, 1], abs=1e-9)


def test_aalen_johansen_by_hand_is_less_than_one_minus_kaplan_meier() -> None:
    """Four persons: death on day 1, outcome on day 2, censored on day 3, outcome on day 4."""
    counts = day_counts(np.zeros(4, int), np.array([1, 2, 3, 4]), np.array([2, 1, 0, 1]), np.ones(4, int), last_day=4)
    curve = aalen_johansen(counts.at_risk, counts.events, counts.deaths)
    assert curve.value == pytest.approx([0, 0, 0.25, 0.25, 0.75])
    naive = 1 - kaplan_meier(counts.at_risk, counts.events).value
    assert naive == pytest.approx([0, 0, 1 / 3, 1 / 3, 1])


def test_aalen_johansen_without_deaths_is_one_minus_kaplan_meier() -> None:
    exit_, status = cohort(4)
    counts = day_counts(np.zeros(300, int), exit_, status % 2, np.ones(300, int), last_day=20)
    curve = aalen_johansen(counts.at_risk, counts.events, counts.deaths)
    other = kaplan_meier(counts.at_risk, counts.events)
    assert curve.value == pytest.approx(1 - other.value, abs=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_aalen_johansen_and_its_variance_agree_with_an_independent_fit() -> None:
    """The other fit moves tied times apart, so times here are all different."""
    draw = np.random.default_rng(9)
    exit_, status = draw.permutation(np.arange(1, 201)), draw.choice([0, 1, 2], 200, p=[0.3, 0.4, 0.3])
    counts = day_counts(np.zeros(200, int), exit_, status, np.ones(200, int), last_day=150)
    curve = aalen_johansen(counts.at_risk, counts.events, counts.deaths)
    other = AalenJohansenFitter(calculate_variance=True).fit(exit_, status, event_of_interest=1)
    value = other.cumulative_density_.iloc[:, 0].reindex(range(151), method="ffill").to_numpy()
    variance = other.variance_.reindex(range(151), method="ffill").to_numpy()
    assert curve.value[1:] == pytest.approx(value[1:], abs=1e-10)
    z = 1.959963984540054
    inside = (value > 0) & (variance > 0)
    scale = z * np.sqrt(variance[inside]) / (value[inside] * np.abs(np.log(value[inside])))
    assert curve.lower[inside] == pytest.approx(value[inside] ** np.exp(scale), abs=1e-8)
    assert curve.upper[inside] == pytest.approx(value[inside] ** np.exp(-scale), abs=1e-8)


def test_mean_and_deviation_come_from_whole_sums() -> None:
    ages = np.array([61, 65, 70, 82])
    found = mean_and_sd(4, int(ages.sum()), int((ages**2).sum()))
    assert found == {"mean": pytest.approx(ages.mean()), "sd": pytest.approx(ages.std(ddof=1))}
    assert mean_and_sd(0, 0, 0) == {"mean": None, "sd": None}
    assert mean_and_sd(1, 60, 3600)["sd"] is None
