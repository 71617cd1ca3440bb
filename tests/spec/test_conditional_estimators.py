# SPDX-License-Identifier: Apache-2.0
"""What the conditional estimators say of data that cannot answer, and the conventions that change a published digit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rempart.errors import BadInput
from rempart.study.estimators import case_control, conditional, conditional_poisson
from rempart.study.estimators.case_control_sets import days_apart, nested_controls
from rempart.study.estimators.conditional_newton import maximum
from rempart.study.estimators.conditional_sets import sets_of
from rempart.study.estimators.sccs import case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Levels, Window


def refusal(act: Callable[[], Any]) -> tuple[str, dict[str, Any]]:
    """The code and facts of what is refused."""
    with pytest.raises(BadInput) as caught:
        act()
    return caught.value.code, caught.value.facts


def pairs(exposed_case: int, exposed_control: int, both: int = 0) -> tuple[Any, Any, Any]:
    """Sets of one case and one control: of so many only the case is exposed, of so many only the control, of so many both."""
    one = [[1, 0]] * exposed_case + [[0, 1]] * exposed_control + [[1, 1]] * both
    x = np.array(one, dtype=float).reshape(-1, 1)
    return np.repeat(np.arange(len(one)), 2), np.tile([True, False], len(one)), x


def test_pairs_give_the_ratio_of_discordant_pairs() -> None:
    fit = case_control.fit(*pairs(12, 5, 40), ["drug"])
    assert np.exp(fit.beta[0]) == pytest.approx(12 / 5)
    assert fit.error[0] == pytest.approx(np.sqrt(1 / 12 + 1 / 5))
    assert (fit.sets, fit.left_out, fit.events, fit.patterns) == (17, 40, 17, 1)
    assert fit.interval(0)[0] < 12 / 5 < fit.interval(0)[1]
    assert fit.joint_p_value() == pytest.approx(fit.p_value(0))


def test_no_discordant_pair_is_said() -> None:
    assert refusal(lambda: case_control.fit(*pairs(0, 0, 30), ["drug"])) == ("conditional-no-discordant", {})


def test_no_event_at_all_is_said() -> None:
    matched, case, x = pairs(5, 5)
    assert (
        refusal(lambda: case_control.fit(matched, np.zeros_like(case), x, ["drug"]))[0] == "conditional-no-discordant"
    )
    empty = sets_of(np.zeros(0, dtype=int), np.zeros((0, 1)), np.zeros(0))
    assert refusal(lambda: conditional.fit(empty, ["drug"]))[0] == "conditional-no-discordant"


@pytest.mark.parametrize("ties", case_control.TIES)
def test_all_cases_exposed_is_a_separation_that_names_the_drug(ties: str) -> None:
    matched, case, x = pairs(9, 0)
    age = np.tile([0.0, 1.0, 1.0, 0.0, 0.0, 0.0], 3)[:, None]
    act = lambda: case_control.fit(matched // 2, case, np.hstack([age, x]), ["age", "drug"], ties=ties)  # noqa: E731
    assert refusal(act) == ("conditional-separation", {"term": "drug"})


def test_a_covariate_that_was_matched_on_is_named() -> None:
    matched, case, x = pairs(6, 5)
    sex = np.repeat(np.arange(11) % 2, 2)[:, None].astype(float)
    act = lambda: case_control.fit(matched, case, np.hstack([x, sex]), ["drug", "sex"])  # noqa: E731
    assert refusal(act) == ("conditional-constant", {"term": "sex"})


def test_covariates_that_say_the_same_are_named() -> None:
    matched, case, x = pairs(6, 5)
    shifted = 3 * x + matched[:, None]  # within a set the same as x
    code, facts = refusal(lambda: case_control.fit(matched, case, np.hstack([x, shifted]), ["drug", "dose"]))
    assert code == "conditional-collinear" and facts["term"] in {"drug", "dose"}


def test_more_terms_than_events_are_refused_without_telling_how_many_events() -> None:
    matched, case, _ = pairs(1, 1)
    x = np.random.default_rng(1).normal(size=(4, 3))
    assert refusal(lambda: case_control.fit(matched, case, x, ["a", "b", "c"])) == (
        "conditional-too-many-terms",
        {"term": "c"},  # the last, however many events
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_named(bad: float) -> None:
    matched, case, x = pairs(4, 4)
    x[3] = bad
    assert refusal(lambda: case_control.fit(matched, case, x, ["drug"])) == ("conditional-not-finite", {"term": "drug"})
    assert refusal(lambda: sets_of(matched, np.zeros((16, 1)), np.full(16, bad))) == (
        "conditional-not-finite",
        {"term": "events"},
    )
    assert refusal(lambda: sets_of(matched, x, np.ones(16), np.full(16, bad)))[1] == {"term": "size"}


@pytest.mark.parametrize(("size", "events"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0)])
def test_no_size_and_less_than_no_events_are_refused(size: float, events: float) -> None:
    code, _ = refusal(
        lambda: sets_of(np.zeros(2, dtype=int), np.eye(2), np.array([1.0, events]), np.array([1.0, size]))
    )
    assert code == "conditional-not-finite"


def test_an_unknown_treatment_of_ties_is_refused() -> None:
    assert refusal(lambda: case_control.fit(*pairs(4, 4), ["drug"], ties="approximate"))[0] == "conditional-ties"


@pytest.mark.parametrize("ties", case_control.TIES)
def test_a_set_of_cases_only_says_nothing_whatever_the_ties(ties: str) -> None:
    matched, case, x = pairs(12, 5)
    case = case | (matched == 0)
    fit = case_control.fit(matched, case, x, ["drug"], ties=ties)
    assert (fit.sets, fit.left_out, np.exp(fit.beta[0])) == (16, 1, pytest.approx(11 / 5))


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_the_unit_and_the_origin_of_a_covariate_do_not_matter(unit: float) -> None:
    matched, case, x = pairs(12, 5)
    fit = case_control.fit(matched, case, (x + 1e6) * unit, ["drug"])
    assert fit.beta[0] * unit == pytest.approx(np.log(12 / 5), rel=1e-6)
    assert fit.error[0] * unit == pytest.approx(np.sqrt(1 / 12 + 1 / 5), rel=1e-6)


def test_newton_halves_its_step_where_the_whole_step_would_diverge() -> None:
    # log cosh is flat far out: from 3, whole Newton steps run away; the likelihood has its maximum at −3.
    def derivatives(beta: Any) -> tuple[float, Any, Any]:
        z = beta[0] + 3.0
        return -float(np.log(np.cosh(z))), np.array([-np.tanh(z)]), np.array([[1 / np.cosh(z) ** 2]])

    found = maximum(derivatives, ["z"], lambda: np.ones(1))
    assert found.beta[0] == pytest.approx(-3.0, abs=1e-6)


def test_a_likelihood_without_maximum_within_reach_is_not_converged() -> None:
    def derivatives(beta: Any) -> tuple[float, Any, Any]:
        return float(beta[0]), np.array([1.0]), np.array([[1000.0]])  # always up, in small steps

    assert refusal(lambda: maximum(derivatives, ["z"], lambda: np.ones(1)))[0] == "conditional-not-converged"


def test_case_time_control_takes_the_trend_of_the_controls_away() -> None:
    matched, index, x = pairs(30, 10)
    others, other_index, other_x = pairs(20, 10)
    found = case_control.case_time_control(
        np.r_[matched, others + 1000],
        np.r_[index, other_index],
        np.r_[np.full(80, True), np.full(60, False)],
        np.vstack([x, other_x]),
        ["drug"],
    )
    assert np.exp(found.beta[0]) == pytest.approx(3 / 2)
    assert found.error[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 10 + 1 / 20 + 1 / 10))
    assert found.interval(0)[0] < 3 / 2 < found.interval(0)[1] and found.p_value(0) > 0.3


def test_a_person_at_risk_only_after_or_before_the_case_is_no_control() -> None:
    entry, exit_ = np.array([0, 10, 9, 0, 0]), np.array([10, 20, 12, 9, 10])
    event = np.array([True, False, False, False, True])
    found = nested_controls(entry, exit_, event, controls=3, chance=np.random.default_rng(1))
    # Entry on the day of the case is not at risk, nor is an exit before it; the other case of the day is no control.
    assert found.person[~found.case].tolist() == [2, 2] and found.short == 2
    assert refusal(lambda: nested_controls(entry, entry, event, controls=3, chance=np.random.default_rng(1)))[0] == (
        "nested-follow-up"
    )
    assert refusal(lambda: nested_controls(entry, exit_, event, controls=0, chance=np.random.default_rng(1)))[0] == (
        "nested-controls"
    )


def test_nested_controls_are_drawn_evenly() -> None:
    entry, exit_ = np.zeros(9, dtype=int), np.full(9, 20)
    exit_[0], event = 10, np.arange(9) == 0
    chance = np.random.default_rng(5)
    drawn = [nested_controls(entry, exit_, event, controls=3, chance=chance).person[1:] for _ in range(2000)]
    often = np.bincount(np.concatenate(drawn), minlength=9)
    assert often[0] == 0
    assert np.abs(often[1:] - 750).max() < 100  # four standard errors of a binomial with 2,000 and 3/8


def test_reference_days_outside_the_observation_are_left_out() -> None:
    found = days_apart(np.array([30, 3]), np.array([-14, -7, 7]), np.array([0, 0]), np.array([36, 36]))
    assert found.case.tolist() == [0, 0, 0, 1, 1]
    assert found.day.tolist() == [30, 16, 23, 3, 10]
    assert found.index.tolist() == [True, False, False, True, False]


# ── case series


def one_case(**windows: Any) -> Any:
    """A case with days 1 to 100, exposed from day 51 to day 60."""
    exposure = Exposure(name="drug", person=np.array([0]), start=np.array([51]), stop=np.array([60]), **windows)
    return Cases(first=np.array([1]), last=np.array([100]), birth=np.array([0])), exposure


def lengths(series: Any) -> dict[str, int]:
    """Days of each combination of terms."""
    found: dict[str, int] = {}
    for code, size in zip(series.sets.code, series.sets.size, strict=True):
        on = "+".join(term for term, value in zip(series.terms, series.sets.x[code], strict=True) if value)
        found[on] = found.get(on, 0) + int(size)
    return found


def test_windows_hold_their_first_and_their_last_day() -> None:
    cases, exposure = one_case(
        windows=(
            Window(name="before", begin=-14, end=-1),
            Window(name="on", begin=0, end=None),
            Window(name="after", begin=1, end=30, anchor="stop"),
        )
    )
    series = case_series(cases, np.array([0]), np.array([51]), [exposure])
    assert lengths(series) == {"": 46, "drug: before": 14, "drug: on": 10, "drug: after": 30}


def test_an_age_cut_is_the_first_day_of_the_next_group() -> None:
    cases, exposure = one_case(windows=(Window(name="on", begin=0, end=None),))
    age = Levels(cuts=np.array([51]), names=("young", "old"))
    for day, exposed, old in ((50, 0.0, 0.0), (51, 1.0, 1.0), (60, 1.0, 1.0), (61, 0.0, 1.0)):
        series = case_series(cases, np.array([0]), np.array([day]), [exposure], age=age)
        x = series.sets.x[series.sets.code[series.sets.events > 0]]
        assert series.terms == ("age: old", "drug: on") and x.tolist() == [[old, exposed]]


@pytest.mark.parametrize(("overlap", "first", "second"), [("later", 20, 28), ("earlier", 28, 20)])
def test_where_two_doses_meet_the_stated_rule_gives_the_day(overlap: Any, first: int, second: int) -> None:
    exposure = Exposure(
        name="dose",
        person=np.array([0, 0]),
        start=np.array([31, 11]),
        stop=np.array([31, 11]),
        windows=(Window(name="1", begin=0, end=27, dose=1), Window(name="2", begin=0, end=27, dose=2)),
        overlap=overlap,
    )
    series = case_series(Cases(first=np.array([1]), last=np.array([100])), np.array([0]), np.array([1]), [exposure])
    assert lengths(series) == {"": 52, "dose: 1": first, "dose: 2": second}


def test_first_events_or_all() -> None:
    cases, exposure = one_case(windows=(Window(name="on", begin=0, end=None),))
    person, day = np.zeros(3, dtype=int), np.array([70, 55, 55])
    count = {
        events: case_series(cases, person, day, [exposure], events=events).sets.events.sum()
        for events in ("all", "first")
    }
    assert count == {"all": 3, "first": 1}


def test_a_series_of_known_counts_gives_the_ratio_of_rates() -> None:
    # 40 cases observed for 100 days, exposed for 10; 12 events fall on exposed days, 28 on the 90 others.
    n = np.arange(40)
    exposure = Exposure(
        name="drug",
        person=n,
        start=np.full(40, 21),
        stop=np.full(40, 30),
        windows=(Window(name="on", begin=0, end=None),),
    )
    cases = Cases(first=np.ones(40, dtype=int), last=np.full(40, 100))
    fit = case_series(cases, n, np.where(n < 12, 25, 60), [exposure]).fit()
    assert np.exp(fit.beta[0]) == pytest.approx((12 / 10) / (28 / 90))
    assert fit.error[0] == pytest.approx(np.sqrt(1 / 12 + 1 / 28))
    assert (fit.patterns, fit.sets, fit.ties) == (1, 40, "multinomial")


def test_a_case_without_a_day_and_an_event_outside_are_refused() -> None:
    assert refusal(lambda: Cases(first=np.array([5]), last=np.array([4])))[0] == "sccs-no-time-at-risk"
    cases, exposure = one_case(windows=(Window(name="on", begin=0, end=None),))
    for day in (0, 101):
        act = lambda day=day: case_series(cases, np.array([0]), np.array([day]), [exposure])  # noqa: E731
        assert refusal(act)[0] == "sccs-event-outside"


def test_a_series_in_which_nobody_is_exposed_has_no_answer() -> None:
    cases, exposure = one_case(windows=(Window(name="late", begin=200, end=300),))
    act = lambda: case_series(cases, np.array([0]), np.array([9]), [exposure]).fit()  # noqa: E731
    assert refusal(act)[0] == "conditional-no-discordant"
    assert refusal(lambda: case_series(cases, np.array([0]), np.array([9]), []))[0] == "conditional-no-discordant"


def test_choices_that_are_not_offered_are_refused_by_name() -> None:
    cases, exposure = one_case(windows=(Window(name="on", begin=0, end=None),))
    person, day = np.array([0]), np.array([9])
    assert refusal(lambda: case_series(cases, person, day, [exposure], events="last")) == (
        "sccs-events",
        {"events": "last"},
    )
    assert refusal(lambda: case_series(cases, person, day, [exposure], ends="never")) == (
        "sccs-ends",
        {"ends": "never"},
    )
    unborn = Cases(first=np.array([1]), last=np.array([100]))
    age = Levels(cuts=np.array([51]), names=("young", "old"))
    assert refusal(lambda: case_series(unborn, person, day, [exposure], age=age))[0] == "sccs-no-birth"


def test_windows_levels_and_exposures_that_cannot_be_are_refused() -> None:
    assert refusal(lambda: Window(name="w", begin=3, end=2)) == ("sccs-window", {"term": "w"})
    assert refusal(lambda: Window(name="w", begin=1, end=None, anchor="stop"))[0] == "sccs-window"
    for cuts, names in (([5, 5], "abc"), ([7, 5], "abc"), ([5, 7], "ab")):
        assert refusal(lambda c=cuts, n=names: Levels(cuts=np.array(c), names=tuple(n)))[0] == "sccs-levels"
    assert refusal(lambda: one_case(windows=())) == ("sccs-exposure", {"term": "drug"})


# ── conditional Poisson


def test_a_lag_that_reaches_beyond_the_series_or_a_gap_is_refused() -> None:
    series = np.arange(20.0).reshape(2, 10)
    lags = np.arange(3)
    place, day = np.array([0, 1]), np.array([2, 9])
    assert conditional_poisson.lagged(series, place, day, lags).tolist() == [[2, 1, 0], [19, 18, 17]]
    assert refusal(lambda: conditional_poisson.lagged(series, place, day - 1, lags))[0] == "lag-beyond-series"
    series[1, 8] = np.nan
    assert refusal(lambda: conditional_poisson.lagged(series, place, day, lags))[0] == "lag-beyond-series"


def test_a_shape_of_lags_that_needs_more_lags_is_refused() -> None:
    assert refusal(lambda: conditional_poisson.polynomial(np.arange(3), 3))[0] == "lag-basis"
    assert refusal(lambda: conditional_poisson.steps(np.arange(3), np.array([5])))[0] == "lag-basis"


def test_counts_without_variation_left_to_judge_their_dispersion_are_refused() -> None:
    stratum, count, x = np.array([0, 0]), np.array([3.0, 5.0]), np.array([[0.0], [1.0]])
    assert refusal(lambda: conditional_poisson.fit(stratum, count, x, ["heat"]))[0] == "conditional-too-many-terms"
    fit = conditional_poisson.fit(stratum, count, x, ["heat"], population=np.array([1.0, 2.0]), dispersed=False)
    assert np.exp(fit.beta[0]) == pytest.approx((5 / 2) / 3)
    assert fit.error[0] == pytest.approx(np.sqrt(1 / 3 + 1 / 5))


def test_a_collision_of_hashes_costs_time_and_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    stratum, x = np.repeat(np.arange(6), 2), np.tile([[0.0], [1.0]], (6, 1))
    size = np.tile([10.0, 20.0, 10.0, 5.0], 3)  # the same rows, but for their sizes
    events = np.array([3.0, 1, 2, 5, 1, 1, 0, 2, 4, 4, 1, 0])
    sets = sets_of(stratum, x, events, size)
    fit = conditional.fit(sets, ["drug"])
    monkeypatch.setattr("rempart.study.estimators.conditional_sets.mixed", np.zeros_like)
    again = conditional.fit(sets, ["drug"])
    assert (fit.patterns, again.patterns) == (2, 6)
    assert again.beta == pytest.approx(fit.beta) and again.log_likelihood == pytest.approx(fit.log_likelihood)
