# SPDX-License-Identifier: Apache-2.0
"""Curves, restricted means, log-rank and Gray's tests against R survival and cmprsk: frozen numbers of ``r/survival_curves.R``, to 1e-6.

Conventions by name. Aalen–Johansen: ``greenwood`` is survfit's error where all enter on one day, ``jackknife`` also with late entry,
``aalen`` is cuminc's. Log-log limits of a curve that still stands at its beginning are missing in R and the value itself here. survdiff
takes no late entry: it is given each day's risk set as a stratum. R carries a curve on beyond the last follow-up; here it is missing.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rempart.study.estimators.cumulative_incidence import cumulative_incidence
from rempart.study.estimators.curve_tests import gray, log_rank
from rempart.study.estimators.restricted_mean import restricted_mean
from rempart.study.estimators.survival_cells import SurvivalCells
from rempart.study.estimators.survival_curves import kaplan_meier
from rempart.study.estimators.survival_limits import StepCurve

Floats = NDArray[np.float64]
FROZEN: dict[str, Any] = json.loads((Path(__file__).parent / "r" / "survival_curves.json").read_text(encoding="utf-8"))
DIGITS = 1e-6


def cells_of(name: str, *, strata: bool = False) -> SurvivalCells:
    """A data set of R, its rows counted as cells."""
    data = FROZEN["data"][name]
    names = ["arm", "exit", "status", "entry", *(["stratum"] if strata else [])]
    cells, n = np.unique(
        np.column_stack([np.asarray(data[key], dtype=np.int64) for key in names]), axis=0, return_counts=True
    )
    return SurvivalCells(
        arms=tuple(f"arm {arm}" for arm in range(max(data["arm"]) + 1)),
        causes=tuple(f"cause {cause}" for cause in range(1, max(data["status"]) + 1)),
        arm=cells[:, 0],
        exit_=cells[:, 1],
        status=cells[:, 2],
        entry=cells[:, 3],
        stratum=cells[:, 4] if strata else None,
        n=n,
    )


def numbers(values: list[Any]) -> Floats:
    """A column of R, with its missing values."""
    return np.array([np.nan if value in ("NA", "NaN", "Inf", None) else value for value in values], dtype=float)


def agrees(curve: StepCurve, said: dict[str, list[Any]], cause: int | None = None) -> None:
    """Value, error and limits on R's days, while somebody is followed."""
    days = np.asarray(said["days"], dtype=np.int64)
    found = dict(zip(("value", "error", "lower", "upper"), curve.at(days), strict=True))
    followed = ~np.isnan(found["value"])
    assert followed.sum() >= 5
    for part, ours in found.items():
        theirs = numbers([row[cause - 1] if cause else row for row in said[part]])
        told = followed & ~np.isnan(theirs)
        assert ours[told] == pytest.approx(theirs[told], rel=DIGITS, abs=1e-12), part
        missing = followed & np.isnan(theirs)
        still = (found["value"] == curve.before) | np.isnan(ours)
        assert np.all(still[missing]), part


@pytest.mark.parametrize("interval", ["log-log", "plain"])
@pytest.mark.parametrize("case", ["freireich", "rows", "cause"])
def test_kaplan_meier_has_the_digits_of_survfit(case: str, interval: str) -> None:
    cells = cells_of("rows" if case == "cause" else case)
    curves = kaplan_meier(cells, cause="cause 1" if case == "cause" else None, interval=interval)
    for place, curve in enumerate(curves):
        agrees(curve, FROZEN["km"][case][interval][str(place)])


@pytest.mark.parametrize(
    ("case", "variance", "interval"),
    [
        ("whole", "greenwood", "log-log"),
        ("whole", "greenwood", "plain"),
        ("whole", "jackknife", "plain"),
        ("apart", "greenwood", "log-log"),
        ("rows", "jackknife", "log-log"),
        ("rows", "jackknife", "plain"),
    ],
)
def test_aalen_johansen_has_the_digits_of_survfit(case: str, variance: str, interval: str) -> None:
    cells = cells_of(case)
    for number, cause in enumerate(cells.causes, start=1):
        for place, curve in enumerate(cumulative_incidence(cells, cause, variance=variance, interval=interval)):
            agrees(curve, FROZEN["aj"][case][interval][str(place)], number)


def test_with_late_entry_greenwood_and_the_jackknife_differ_little_but_do() -> None:
    cells = cells_of("rows")
    for one, other in zip(
        cumulative_incidence(cells, "cause 1"),
        cumulative_incidence(cells, "cause 1", variance="jackknife"),
        strict=True,
    ):
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.error == pytest.approx(other.error, rel=0.15)
        assert one.error != pytest.approx(other.error, rel=1e-4)


@pytest.mark.parametrize("case", ["whole", "apart", "two"])
def test_aalen_johansen_has_the_variance_of_cuminc_by_its_name(case: str) -> None:
    cells = cells_of(case)
    for number, cause in enumerate(cells.causes, start=1):
        for place, curve in enumerate(cumulative_incidence(cells, cause, variance="aalen")):
            said = FROZEN["gray"][case]
            row = said["curves"].index(f"{place} {number}")
            value, error, _, _ = curve.at(np.asarray(said["days"], dtype=np.int64))
            told = ~np.isnan(value)
            assert told.sum() >= 5
            assert value[told] == pytest.approx(numbers(said["est"][row])[told], rel=DIGITS)
            assert error[told] == pytest.approx(np.sqrt(numbers(said["var"][row]))[told], rel=DIGITS)


@pytest.mark.parametrize("case", ["whole", "strata", "apart", "two"])
def test_gray_has_the_digits_of_cuminc(case: str) -> None:
    cells = cells_of("whole" if case == "strata" else case, strata=case == "strata")
    said = FROZEN["gray"][case]
    for place, cause in enumerate(cells.causes):
        found = gray(cells, cause)
        assert found.chi2 == pytest.approx(said["chi2"][place], rel=DIGITS)
        assert found.p_value == pytest.approx(said["p"][place], rel=DIGITS)
        assert found.df == said["df"][place]


@pytest.mark.parametrize("case", ["freireich", "whole", "cause", "strata"])
def test_log_rank_has_the_digits_of_survdiff(case: str) -> None:
    cells = cells_of("freireich" if case == "freireich" else "whole", strata=case == "strata")
    found, said = log_rank(cells, cause="cause 1" if case == "cause" else None), FROZEN["log_rank"][case]
    assert found.chi2 == pytest.approx(said["chi2"], rel=DIGITS)
    assert found.observed == pytest.approx(said["observed"], rel=DIGITS)
    assert found.expected == pytest.approx(said["expected"], rel=DIGITS)
    assert found.covariance == pytest.approx(np.asarray(said["variance"]), rel=DIGITS)


@pytest.mark.parametrize("case", ["rows", "strata"])
def test_log_rank_with_late_entry_is_survdiff_on_each_risk_set(case: str) -> None:
    found, said = log_rank(cells_of("rows", strata=case == "strata")), FROZEN["late"][case]
    assert found.chi2 == pytest.approx(said["chi2"], rel=DIGITS)
    assert found.covariance == pytest.approx(np.asarray(said["variance"]), rel=DIGITS)


def test_the_trial_of_freireich_has_its_published_log_rank() -> None:
    """χ² 16.79 on one degree; 10.75 events expected on placebo and 19.25 on 6-mercaptopurine, against 21 and 9."""
    found = log_rank(cells_of("freireich"))
    assert found.chi2 == pytest.approx(16.79, abs=5e-3)
    assert found.observed.tolist() == [21, 9]
    assert found.expected == pytest.approx([10.75, 19.25], abs=5e-3)


@pytest.mark.parametrize(("case", "horizon"), [("freireich", 22), ("rows", 25), ("apart", 700)])
def test_restricted_means_have_the_digits_of_survfit(case: str, horizon: int) -> None:
    found, said = restricted_mean(cells_of(case), horizon), FROZEN["mean"][case]
    means, errors = np.array([said[str(arm)] for arm in range(len(found.arms))]).T
    assert found.value == pytest.approx(means, rel=DIGITS)
    assert found.error == pytest.approx(errors, rel=DIGITS)
    difference, ratio = found.difference("arm 1", "arm 0"), found.ratio("arm 1", "arm 0")
    assert difference.value == pytest.approx(means[1] - means[0], rel=DIGITS)
    assert difference.error == pytest.approx(np.sqrt(errors[1] ** 2 + errors[0] ** 2), rel=DIGITS)
    assert ratio.value == pytest.approx(means[1] / means[0], rel=DIGITS)
    assert ratio.error == pytest.approx(np.sqrt((errors[1] / means[1]) ** 2 + (errors[0] / means[0]) ** 2), rel=DIGITS)
