# SPDX-License-Identifier: Apache-2.0
"""Fine–Gray, rates, tests of curves and restricted means of a comparison: answers that a pencil gives, and what has no answer."""

import math

import numpy as np
import pytest

from rempart.records.protocol import Analysis, Frame
from rempart.records.result import ResultRow
from rempart.study.cells import Cells
from rempart.study.comparison_models import curve_tests, rate_ratio, subdistribution
from rempart.study.rows import Output

FRAME = Frame(cohort="c", target="t", comparator="u", outcome="o")


def cells(rows: list[tuple[str, int, int, int, str]]) -> Cells:
    """Rows of (arm, exit day, status, persons, level of the only covariate)."""
    arm, exit_, status, n, level = zip(*rows, strict=True)
    return Cells(
        arm=np.array(arm),
        levels={"sex": np.array(level)},
        entry=np.zeros(len(rows), dtype=np.int64),
        exit=np.array(exit_, dtype=np.int64),
        status=np.array(status, dtype=np.int64),
        n=np.array(n, dtype=np.int64),
        outcome="o",
        suffix="",
    )


def asked(kind: str, **more: object) -> Analysis:
    """An analysis of that type."""
    given = {"covariates": (), "grid_days": 0, "ties": "efron", **more}
    return Analysis(id="a", type=kind, design="new-user-active-comparator", frame=FRAME, **given)  # type: ignore[arg-type]


def told(write: object, given: Cells, analysis: Analysis) -> list[ResultRow]:
    """The rows of one writer."""
    output = Output(run="r", name="x", kind="y")
    write(output, None, analysis, given, {})  # type: ignore[operator]
    return output.rows


def value(rows: list[ResultRow], statistic: str, **key: str) -> float | None:
    """The only cell of that statistic with that key."""
    (found,) = [r for r in rows if r.statistic == statistic and key.items() <= {**r.row_key, **r.column_key}.items()]
    return found.value


PLAIN = cells(
    [
        ("target", 100, 1, 20, "f"),
        ("target", 100, 0, 80, "m"),
        ("comparator", 200, 1, 10, "f"),
        ("comparator", 200, 0, 90, "m"),
    ]
)


def test_a_ratio_of_rates_is_that_of_events_by_days_with_its_logarithms_error() -> None:
    rows = told(rate_ratio, PLAIN, asked("rate_ratio", distribution="poisson"))
    ratio, error = (20 / 10_000) / (10 / 20_000), math.sqrt(1 / 20 + 1 / 10)
    assert value(rows, "ratio") == pytest.approx(ratio, rel=1e-9)
    assert value(rows, "lower") == pytest.approx(ratio * math.exp(-1.959963984540054 * error), rel=1e-7)


def test_rates_within_levels_are_compared_within_levels() -> None:
    """Each sex has a ratio of 2; together, confounded, 4.5 or so."""
    given = cells(
        [("target", 10, 1, 40, "m"), ("target", 10, 0, 960, "m"), ("target", 10, 1, 2, "f"), ("target", 10, 0, 198, "f"),
         ("comparator", 10, 1, 4, "m"), ("comparator", 10, 0, 196, "m"), ("comparator", 10, 1, 5, "f"), ("comparator", 10, 0, 995, "f")]
    )  # fmt: skip
    rows = told(rate_ratio, given, asked("rate_ratio", distribution="poisson", covariates=("sex",)))
    assert value(rows, "ratio", model="adjusted") == pytest.approx(2.0, rel=1e-9)
    assert (value(rows, "ratio", model="crude") or 0) > 3.5


def test_who_died_stays_at_risk_of_fine_and_gray() -> None:
    """Deaths that come first in one arm leave its share with the outcome lower: the ratio of shares, without censoring."""
    given = cells(
        [("target", 1, 2, 50, "f"), ("target", 2, 1, 25, "f"), ("target", 3, 0, 25, "f"),
         ("comparator", 2, 1, 50, "f"), ("comparator", 3, 0, 50, "f")]
    )  # fmt: skip
    ratio = value(told(subdistribution, given, asked("fine_gray", ties="breslow")), "hazard_ratio")
    # one day with outcomes, everybody of both arms at risk on it: 25 of 100 against 50 of 100, Breslow
    assert ratio == pytest.approx(0.5, rel=1e-6)


def test_the_log_rank_test_is_observed_less_expected_over_its_variance() -> None:
    """One day: 2 × 2 table of Mantel and Haenszel."""
    given = cells(
        [("target", 5, 1, 6, "f"), ("target", 9, 0, 4, "f"), ("comparator", 5, 1, 3, "f"), ("comparator", 9, 0, 7, "f")]
    )
    rows = told(curve_tests, given, asked("curve_tests", horizons=(8,)))
    expected, variance = 10 * 9 / 20, 10 * 10 * 9 * 11 / (20**2 * 19)
    assert value(rows, "chi2", test="log-rank") == pytest.approx((6 - expected) ** 2 / variance, rel=1e-9)
    assert value(rows, "days", arm="target", day="00008") == pytest.approx(5 + 3 * 0.4)
    assert value(rows, "difference", day="00008") == pytest.approx(3 * (0.4 - 0.7))


def test_an_arm_without_outcome_has_no_estimate_and_says_why() -> None:
    given = cells([("target", 5, 0, 20, "f"), ("comparator", 5, 1, 12, "f"), ("comparator", 9, 0, 8, "f")])
    for write, kind in ((rate_ratio, "rate_ratio"), (subdistribution, "fine_gray")):
        rows = [r for r in told(write, given, asked(kind, distribution="poisson")) if not r.column_key]
        assert rows and all(row.value is None and row.rule == "cox-separation" and row.n_persons == 0 for row in rows)


def test_a_horizon_that_an_arm_does_not_reach_is_said() -> None:
    rows = told(curve_tests, PLAIN, asked("curve_tests", horizons=(150,)))
    assert [row.rule for row in rows if row.row_key.get("day") == "00150"] == ["survival-horizon"] * 10


def test_a_ratio_that_turns_round_is_not_proportional_and_one_that_stays_is() -> None:
    """Many outcomes early in one arm and late in the other; and the same days in both."""
    turning = cells([("target", 10, 1, 60, "f"), ("target", 90, 1, 10, "f"), ("target", 100, 0, 30, "f"),
                     ("comparator", 20, 1, 10, "f"), ("comparator", 80, 1, 60, "f"), ("comparator", 100, 0, 30, "f")])  # fmt: skip
    alike = cells([(arm, day, 1, n, "f") for arm, n in (("target", 20), ("comparator", 10)) for day in (10, 20, 30, 40)]
                  + [("target", 100, 0, 920, "f"), ("comparator", 100, 0, 960, "f")])  # fmt: skip
    changed, stays = (
        value(told(curve_tests, given, asked("curve_tests")), "p_value", test="proportional hazards")
        for given in (turning, alike)
    )
    assert changed is not None and changed < 1e-6
    assert stays is not None and stays > 0.9
