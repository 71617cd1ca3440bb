# SPDX-License-Identifier: Apache-2.0
"""Cox on rows, its residuals and tests, and Fine–Gray, against R survival and cmprsk: frozen numbers of ``r/cox_rows.R``, to 1e-6.

Named differences: ``cmprsk::crr`` counts the events of a day among those at risk of being censored that day, and its errors allow for
the estimated censoring distribution; its coefficients are compared where no two persons share a day.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_proportional import proportionality, scaled_schoenfeld
from rempart.study.estimators.cox_rows import CoxRowsFit, fit_cells, fit_rows
from rempart.study.estimators.fine_gray import CompetingRows, fit_fine_gray

Numbers = dict[str, Any]
FROZEN: Numbers = json.loads((Path(__file__).parent / "r" / "cox_rows.json").read_text(encoding="utf-8"))
DIGITS = 1e-6


def whole(values: list[int]) -> NDArray[np.int64]:
    """A column of whole numbers."""
    return np.asarray(values, dtype=np.int64)


def matrix(data: Numbers) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Covariates x1, x2 … and their names."""
    terms = tuple(name for name in ("x1", "x2", "x3") if name in data)
    return np.array([data[name] for name in terms], dtype=float).T, terms


def rows_of(name: str) -> CoxRows:
    """The rows of a case; its name says what of them is used."""
    if name == "freireich":
        data = FROZEN["freireich"]
        return CoxRows(
            x=matrix(data)[0], terms=("x1",), exit_=whole(data["day"]), event=np.array(data["event"], dtype=bool)
        )
    data = FROZEN["rows"]
    x, terms = matrix(data)
    return CoxRows(
        x=x,
        terms=terms,
        exit_=whole(data["exit"]),
        event=np.array(data["event"], dtype=bool),
        entry=whole(data["entry"]) if "entry" in name else None,
        strata=whole(data["strata"]) if "strata" in name else None,
        weight=np.array(data["weight"], dtype=float) if "weight" in name else None,
        person=whole(data["person"]) if "person" in name else None,
    )


def agrees(found: CoxRowsFit, case: Numbers) -> None:
    """Coefficients, both errors and the likelihood of R."""
    assert found.beta == pytest.approx(np.atleast_1d(case["beta"]), rel=DIGITS)
    assert found.error == pytest.approx(np.atleast_1d(case["error"]), rel=DIGITS)
    assert np.sqrt(np.diag(found.model_covariance)) == pytest.approx(np.atleast_1d(case["model_error"]), rel=DIGITS)
    assert found.log_likelihood == pytest.approx(case["log_likelihood"], rel=DIGITS)
    assert found.null_log_likelihood == pytest.approx(case["null_log_likelihood"], rel=DIGITS)
    assert found.score_test == pytest.approx(case["score_test"], rel=DIGITS)


def robust(name: str) -> bool:
    """Whether R's fit of this case has a sandwich variance."""
    return name.split()[-1] in {"freireich", "person", "weight"}


@pytest.mark.parametrize("case", FROZEN["cases"], ids=lambda case: f"{case['name']} {case['ties']}")
def test_a_cox_model_on_rows_has_the_digits_of_r(case: Numbers) -> None:
    agrees(fit_rows(rows_of(case["name"]), ties=case["ties"], robust=robust(case["name"])), case)


@pytest.mark.parametrize("transform", ["km", "identity", "rank", "log"])
@pytest.mark.parametrize(
    "case", [c for c in FROZEN["cases"] if "proportional" in c], ids=lambda case: f"{case['name']} {case['ties']}"
)
def test_the_test_of_proportional_hazards_has_the_digits_of_r(case: Numbers, transform: str) -> None:
    rows = rows_of(case["name"])
    found = proportionality(rows, fit_rows(rows, ties=case["ties"]), transform=transform)
    chi2 = np.append(found.chi2, found.global_chi2)[: len(case["proportional"][transform]["chi2"])]
    assert chi2 == pytest.approx(case["proportional"][transform]["chi2"], rel=DIGITS)


def test_scaled_schoenfeld_residuals_are_those_of_r_in_another_order() -> None:
    rows = rows_of("entry strata")
    day, scaled = scaled_schoenfeld(rows, fit_rows(rows))
    ours = np.column_stack([day, scaled])
    theirs = np.column_stack([FROZEN["schoenfeld"]["day"], FROZEN["schoenfeld"]["scaled"]])
    assert ours[np.lexsort(ours.T[::-1].round(6))] == pytest.approx(
        theirs[np.lexsort(theirs.T[::-1].round(6))], rel=1e-6
    )


def competing(name: str) -> CompetingRows:
    """The competing risks of a case."""
    data = FROZEN["apart" if name == "apart" else "risk"]
    x, terms = matrix(data)
    return CompetingRows(
        x=x,
        terms=terms,
        exit_=whole(data["exit"]),
        cause=whole(data["cause"]),
        strata=whole(data["strata"]) if name == "strata" else None,
        group=whole(data["strata"]) if name == "strata" else None,
        weight=np.array(data["weight"]) if name == "weight" else None,
        cluster=whole(data["cluster"]) if name == "cluster" else None,
    )


@pytest.mark.parametrize("case", FROZEN["fine_gray"], ids=lambda case: f"{case['name']} {case['ties']}")
def test_fine_gray_has_the_digits_of_r_without_its_long_table(case: Numbers) -> None:
    agrees(fit_fine_gray(competing(case["name"]), ties=case["ties"]), case)


def test_fine_gray_has_the_coefficients_of_cmprsk_where_no_two_share_a_day_and_errors_near_it() -> None:
    found, other = fit_fine_gray(competing("apart"), ties="breslow"), FROZEN["crr"]["apart"]
    assert found.beta == pytest.approx(other["beta"], rel=DIGITS)
    assert found.error == pytest.approx(other["error"], rel=5e-3)


@pytest.mark.parametrize("case", [c for c in FROZEN["cases"] if c["name"] in {"freireich", "entry strata"}])
def test_counts_by_pattern_and_day_have_the_digits_of_r_too(case: Numbers) -> None:
    rows = rows_of(case["name"])
    table = np.column_stack(
        [
            rows.exit_,
            rows.event,
            np.zeros(len(rows.x)) if rows.entry is None else rows.entry,
            np.zeros(len(rows.x)) if rows.strata is None else rows.strata,
        ]
    ).astype(np.int64)
    patterns, pattern = np.unique(rows.x, axis=0, return_inverse=True)
    cells, n = np.unique(np.column_stack([table, pattern.reshape(-1)]), axis=0, return_counts=True)
    found = fit_cells(
        CoxCells(
            x=patterns,
            terms=rows.terms,
            pattern=cells[:, 4],
            n=n,
            exit_=cells[:, 0],
            event=cells[:, 1] > 0,
            entry=None if rows.entry is None else cells[:, 2],
            strata=cells[:, 3],
        ),
        ties=case["ties"],
        robust=robust(case["name"]),
    )
    agrees(found, case)
