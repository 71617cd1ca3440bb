# SPDX-License-Identifier: Apache-2.0
"""Curves and their tests where nobody, nothing or everything happens: a plain word that names the arm, or a number by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rempart.errors import BadInput
from rempart.study.estimators.cumulative_incidence import cumulative_incidence
from rempart.study.estimators.curve_tests import gray, log_rank
from rempart.study.estimators.restricted_mean import restricted_mean
from rempart.study.estimators.survival_cells import SurvivalCells
from rempart.study.estimators.survival_curves import kaplan_meier


def cells(rows: list[tuple[int, int, int, int]], **changed: Any) -> SurvivalCells:
    """Cells of (arm, exit, status, n) in arms old and new, causes outcome and death."""
    arm, exit_, status, n = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    given: dict[str, Any] = {"arms": ("old", "new"), "causes": ("outcome", "death")}
    return SurvivalCells(**(given | {"arm": arm, "exit_": exit_, "status": status, "n": n} | changed))


def days(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def refused(code: str, make: Callable[[], object], **facts: object) -> None:
    """It ends with this code and names what it is about."""
    with pytest.raises(BadInput) as caught:
        make()
    assert caught.value.code == code
    for key, value in facts.items():
        assert caught.value.facts[key] == value


ONE_EVENT = [(0, 5, 1, 1), (0, 9, 0, 4), (1, 9, 0, 5)]
NO_EVENT = [(0, 9, 0, 4), (1, 9, 0, 5)]
ALL_AT_ONCE = [(0, 5, 1, 4), (1, 5, 1, 5)]


def test_nobody_at_all_is_said() -> None:
    refused("survival-empty-arm", lambda: cells([]), arm="old")


@pytest.mark.parametrize("rows", [[(0, 5, 1, 3)], [(0, 5, 1, 3), (1, 5, 1, 0)], [(0, 5, 1, 3), (1, 0, 0, 7)]])
def test_an_arm_that_nobody_is_followed_in_is_named(rows: list[tuple[int, int, int, int]]) -> None:
    refused("survival-empty-arm", lambda: cells(rows), arm="new")


@pytest.mark.parametrize(
    ("changed", "term"),
    [
        ({"n": np.array([1.5, 4.0, 5.0])}, "n"),
        ({"n": days(-1, 4, 5)}, "n"),
        ({"n": days(1, 4)}, "arm"),
        ({"status": days(3, 0, 0)}, "status"),
        ({"arm": days(0, 0, 2)}, "arm"),
        ({"entry": days(0, 0)}, "entry"),
    ],
)
def test_counts_that_are_no_counts_name_their_column(changed: dict[str, Any], term: str) -> None:
    refused("survival-shape", lambda: cells(ONE_EVENT, **changed), term=term)


def test_follow_up_that_runs_backwards_or_has_no_day_is_refused() -> None:
    refused("survival-negative-follow-up", lambda: cells(ONE_EVENT, entry=days(0, 10, 0)))
    refused("survival-negative-follow-up", lambda: cells(ONE_EVENT, entry=days(0, -1, 0)))
    refused("survival-event-not-at-risk", lambda: cells(ONE_EVENT, entry=days(5, 0, 0)))


def test_unknown_words_are_refused_by_name() -> None:
    some = cells(ONE_EVENT)
    refused("survival-cause", lambda: kaplan_meier(some, cause="cure"), cause="cure")
    refused("survival-interval", lambda: kaplan_meier(some, interval="log"), interval="log")
    refused("survival-variance", lambda: cumulative_incidence(some, "outcome", variance="delta"), variance="delta")
    refused("survival-arm", lambda: restricted_mean(cells(TWO_DAYS), 4).difference("new", "none"), arm="none")


def test_no_event_leaves_curves_where_they_began_and_tests_without_an_answer() -> None:
    some = cells(NO_EVENT)
    assert kaplan_meier(some)[0].at(days(0, 9)).tolist() == [[1, 1], [0, 0], [1, 1], [1, 1]]
    assert cumulative_incidence(some, "outcome")[1].at(days(0, 9)).tolist() == [[0, 0], [0, 0], [0, 0], [0, 0]]
    assert np.isnan(kaplan_meier(some)[0].at(days(10))).all()
    refused("survival-no-events", lambda: log_rank(some))
    refused("survival-no-events", lambda: gray(some, "outcome"))
    refused("survival-arm-without-spread", lambda: restricted_mean(some, 9), arm="old")


def test_one_event_is_a_test_by_hand_and_no_restricted_mean_of_the_other_arm() -> None:
    """One event among ten, five an arm: O − E = 1/2, variance 1/4."""
    some = cells(ONE_EVENT)
    for found in (log_rank(some), gray(some, "outcome")):
        assert (found.chi2, found.df) == (pytest.approx(1.0), 1)
        assert found.p_value == pytest.approx(0.3173, abs=5e-5)
    value, error, _, _ = kaplan_meier(some)[0].at(days(4, 5))
    assert value == pytest.approx([1, 0.8])
    assert error == pytest.approx([0, 0.8 * np.sqrt(1 / 20)])
    refused("survival-arm-without-spread", lambda: restricted_mean(some, 9), arm="new")
    refused("survival-no-events", lambda: gray(some, "death"))


def test_all_events_on_one_day_leave_nothing_to_compare() -> None:
    some = cells(ALL_AT_ONCE)
    assert kaplan_meier(some)[0].at(days(4, 5, 9))[0].tolist() == [1, 0, 0]
    assert np.isnan(kaplan_meier(some)[0].at(days(5))[1:]).all()
    assert cumulative_incidence(some, "outcome")[0].at(days(4, 5, 9))[0].tolist() == [0, 1, 1]
    refused("survival-no-comparison", lambda: log_rank(some), arm="old")
    refused("survival-arm-without-spread", lambda: restricted_mean(some, 7), arm="old")


def test_arms_that_never_meet_are_named() -> None:
    apart = cells([(0, 3, 1, 2), (0, 4, 0, 2), (1, 9, 1, 2), (1, 9, 0, 2)], entry=days(0, 0, 4, 4))
    refused("survival-no-comparison", lambda: log_rank(apart), arm="old")
    refused("survival-late-entry", lambda: gray(apart, "outcome"))
    refused("survival-one-arm", lambda: log_rank(cells([(0, 3, 1, 2), (0, 4, 0, 2)], arms=("old",))))


def test_strata_without_a_comparison_are_counted_and_change_nothing() -> None:
    idle = [(0, 2, 1, 3), (0, 4, 0, 1), (1, 7, 0, 2)]
    some = cells([*ONE_EVENT, *idle], stratum=days(1, 1, 1, 2, 2, 3))
    for found in (log_rank(some), gray(some, "outcome")):
        assert found.chi2 == pytest.approx(1.0)
        assert (found.strata, found.idle_strata) == (1, 2)


TWO_DAYS = [(0, 2, 1, 1), (0, 4, 0, 1), (1, 3, 1, 1), (1, 4, 0, 1)]


def test_a_restricted_mean_by_hand_is_never_extrapolated() -> None:
    """Half fall on day 2 (3 on the other side), the others stay to day 4: 2 + 2/2 and 3 + 1/2 days."""
    found = restricted_mean(cells(TWO_DAYS), 4)
    assert found.value.tolist() == [3.0, 3.5]
    assert found.error == pytest.approx([np.sqrt(0.5), np.sqrt(0.125)])
    difference, ratio = found.difference("new", "old"), found.ratio("new", "old")
    assert (difference.value, difference.error) == (0.5, pytest.approx(np.sqrt(0.625)))
    assert ratio.value == pytest.approx(3.5 / 3)
    assert ratio.lower < 1 < ratio.upper
    refused("survival-horizon", lambda: restricted_mean(cells(TWO_DAYS), 5), arm="old", horizon=5)
    refused("survival-horizon", lambda: restricted_mean(cells(TWO_DAYS), 0), arm="old")


def test_where_nobody_is_left_a_restricted_mean_needs_no_follow_up() -> None:
    found = restricted_mean(cells([(0, 2, 1, 1), (0, 4, 1, 1), (1, 3, 1, 1), (1, 9, 0, 1)]), 9)
    assert found.value[0] == pytest.approx(3.0)


def test_events_come_before_censoring_on_the_same_day() -> None:
    value = kaplan_meier(cells([(0, 5, 1, 1), (0, 5, 0, 1), (1, 9, 0, 1)]))[0].at(days(5))[0]
    assert value.tolist() == [0.5]


def test_entry_on_the_day_of_an_event_is_not_at_risk_of_it() -> None:
    late = cells([(0, 5, 1, 1), (0, 9, 0, 1), (0, 9, 0, 8), (1, 9, 0, 1)], entry=days(0, 0, 5, 0))
    assert kaplan_meier(late)[0].at(days(5))[0].tolist() == [0.5]


def test_plain_limits_stay_between_nought_and_one() -> None:
    _, error, lower, upper = cumulative_incidence(cells(ONE_EVENT), "outcome", interval="plain")[0].at(days(5))
    assert (lower.tolist(), error[0] > 0) == ([0.0], True)
    assert upper[0] == pytest.approx(0.2 + 1.959964 * error[0])
