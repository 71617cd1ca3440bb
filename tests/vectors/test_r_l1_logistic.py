# SPDX-License-Identifier: Apache-2.0
"""Propensity models against R: L1 against glmnet and cv.glmnet, plain logistic against glm.

Conventions that differ. glmnet's lambda is ours over n, with standardize = FALSE; cv.glmnet's deviance and its error are twice our loss.
R's case weights of whole numbers count persons, like ours.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rempart.study.estimators import logistic
from rempart.study.estimators.binary_columns import BinaryColumns, from_pairs
from rempart.study.estimators.l1_cross_validation import cross_validate
from rempart.study.estimators.l1_logistic import fit_at, fit_path


@pytest.fixture(scope="module")
def said() -> Any:
    """What R wrote."""
    return json.loads((Path(__file__).parent / "r" / "l1_logistic.json").read_text(encoding="utf-8"))


def matrix(said: Any) -> tuple[BinaryColumns, Any]:
    data = said["sparse"]
    person, column = np.array(data["person"]) - 1, np.array(data["column"]) - 1
    terms = [f"code {j}" for j in range(data["covariates"])]
    return from_pairs(data["persons"], person, column, terms), np.array(data["exposed"]) == 1


def test_the_objective_agrees_with_glmnet_along_the_path(said: Any) -> None:
    columns, exposed = matrix(said)
    path = fit_path(columns, exposed, np.array(said["penalties"], dtype=float), precision=1e-12)
    for k, fit in enumerate(path.fits):
        np.testing.assert_allclose(fit.objective, said["objective"][k], rtol=1e-10)
        assert fit.gap <= 1e-12 * fit.loss
        beta = np.zeros(len(columns.terms))
        beta[fit.columns] = fit.beta
        np.testing.assert_allclose(beta, said["beta"][k], atol=1e-6)
        np.testing.assert_allclose(fit.intercept, said["intercept"][k], atol=1e-6)
        np.testing.assert_allclose(fit.glmnet_lambda, said["penalties"][k] / 500)


def test_one_penalty_is_the_end_of_its_path(said: Any) -> None:
    columns, exposed = matrix(said)
    fit = fit_at(columns, exposed, 3.0)
    np.testing.assert_allclose(fit.objective, said["objective"][4], rtol=1e-7)
    assert fit.gap <= 1e-7 * fit.loss


def test_cross_validation_agrees_with_cv_glmnet(said: Any) -> None:
    columns, exposed = matrix(said)
    found = cross_validate(
        columns, exposed, np.array(said["penalties"], dtype=float), np.array(said["sparse"]["fold"]), precision=1e-12
    )
    np.testing.assert_allclose(2 * found.loss, said["cross"]["deviance"], rtol=1e-6)
    np.testing.assert_allclose(2 * found.error, said["cross"]["error"], rtol=1e-6)
    assert found.penalties[found.least] == said["cross"]["least"]
    assert found.penalties[found.plainest] == said["cross"]["one_error"]


@pytest.mark.parametrize("weighted", [False, True])
def test_plain_logistic_agrees_with_glm(said: Any, weighted: bool) -> None:
    data = {name: np.array(values, dtype=float) for name, values in said["plain"]["data"].items()}
    x = np.column_stack([data["age"], data["sex"], data["visits"]])
    found = logistic.fit(x, data["y"] == 1, ["age", "sex", "visits"], weight=data["w"] if weighted else None)
    r = said["plain"]["weighted" if weighted else "fit"]
    np.testing.assert_allclose(found.beta, r["beta"], rtol=1e-6)
    np.testing.assert_allclose(found.error, r["error"], rtol=1e-6)
    np.testing.assert_allclose(found.log_likelihood, r["log_likelihood"], rtol=1e-9)
    if not weighted:
        np.testing.assert_allclose(found.log_likelihood_null, said["plain"]["null"], rtol=1e-9)
