# SPDX-License-Identifier: Apache-2.0
"""Matching, strata, weighted contrasts and pooled logistic regression against R: MatchIt, sandwich, survival.

Conventions that differ. MatchIt 4.5.1 on a vector of scores takes pairs beyond its caliper, nearer comparators by, and one comparator
twice for a treated: it is given distances as a matrix and sorted rows. With replacement Inf brings it down, so the caliper is put on its
pairs afterwards. Its caliper is in standard deviations of all (``spread="all"``). Its weights of comparators sum to the comparators,
ours to the treated. R's sandwich is HC0 without factors for small samples; survfit's errors are of survival, which are the risk's.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rempart.study.estimators.balance import balance
from rempart.study.estimators.pooled_logistic import PatternCounts, fit_counts, fit_rows
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_matching import MatchRule, match
from rempart.study.estimators.score_strata import score_strata, trim_percentiles
from rempart.study.estimators.score_weights import weights
from rempart.study.estimators.standardisation import standardised_curves, standardised_risks
from rempart.study.estimators.weighted_contrast import FollowUp, mean_contrast, rate_contrast, survival_contrasts

SAID: Any = json.loads((Path(__file__).parent / "r" / "score_uses.json").read_text(encoding="utf-8"))
DATA = {name: np.asarray(column) for name, column in SAID["data"].items()}
TREATED = DATA["treated"] == 1
SCORED = Scored(score=DATA["score"].astype(float), treated=TREATED)
DRAW = np.arange(len(TREATED))
COVARIATES = np.column_stack([DATA["age"], DATA["sex"]]).astype(float)
TERMS = ("age", "sex")


def close(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=1e-6)


@pytest.mark.parametrize("case", range(len(SAID["matched"])))
def test_pairs_agree_with_matchit(case: int) -> None:
    said = SAID["matched"][case]
    rule = MatchRule(
        ratio=said["ratio"],
        replace=said["replace"],
        caliper=said["caliper"],
        scale=said["scale"],
        spread="all",
        order=said["order"],
    )
    found = match(SCORED, DRAW, rule)
    pairs = sorted(zip((found.treated + 1).tolist(), (found.comparator + 1).tolist(), strict=True))
    assert pairs == sorted(zip(said["pairs"]["treated"], said["pairs"]["comparator"], strict=True))


def test_caliper_and_balance_agree_with_matchit() -> None:
    said = SAID["vector"]
    found = match(SCORED, DRAW, MatchRule(caliper=0.2, scale="score", spread="all"))
    close(found.caliper, said["caliper"])
    table = balance(COVARIATES, TERMS, TREATED, np.array(said["weights"], dtype=float), spread="treated")
    for ours, theirs in ((table.before, said["before"]), (table.after, said["after"])):
        rows = np.array(theirs, dtype=float)
        close(ours.treated, rows[:, 0])
        close(ours.comparator, rows[:, 1])
        close(ours.difference, rows[:, 2])
        close(ours.variance_ratio[0], rows[0, 3])
    assert np.isnan(table.after.variance_ratio[1])


def test_strata_and_their_weights_agree_with_matchit() -> None:
    said = SAID["strata"]
    strata = score_strata(SCORED, count=4)
    assert strata.number.tolist() == said["number"]
    ours = strata.weights()
    scale = np.where(TREATED, 1.0, (~TREATED).sum() / TREATED.sum())
    close(ours * scale, said["weights"])
    close(balance(COVARIATES, TERMS, TREATED, ours, spread="treated").after.difference, np.array(said["after"])[:, 2])


@pytest.mark.parametrize("target", ["all", "treated", "overlap", "matching"])
def test_weighted_contrasts_agree_with_weighted_regressions(target: str) -> None:
    said = SAID["contrasts"][target]
    weight = weights(SCORED, target=target)
    close(weight, said["weight"])
    y = DATA["y"].astype(float)
    found = mean_contrast(y, TREATED, weight)
    close([found.treated, found.comparator], said["means"])
    close([found.difference, found.difference_error], [said["difference"], said["error"]])
    close([found.log_ratio, found.log_ratio_error], [said["log_ratio"], said["log_ratio_error"]])
    close(mean_contrast(y, TREATED, weight, unit=DATA["unit"]).difference_error, said["unit_error"])
    rate = rate_contrast(DATA["event"].astype(float), DATA["day"].astype(float), TREATED, weight)
    close([rate.log_ratio, rate.log_ratio_error], [said["log_rate"], said["log_rate_error"]])


def test_weighted_survival_agrees_with_survfit() -> None:
    weight, days = weights(SCORED), np.array(SAID["horizons"])
    event = DATA["event"] == 1
    for entry, unit, said in ((None, None, SAID["curves"]), (DATA["entry"], DATA["unit"], SAID["clustered"])):
        found = survival_contrasts(
            FollowUp(exit_=DATA["day"], event=event, entry=entry), TREATED, weight, days, unit=unit
        )
        close([one.treated for one in found], said["1"]["risk"])
        close([one.comparator for one in found], said["0"]["risk"])
        close([one.treated_error for one in found], said["1"]["error"])
        close([one.comparator_error for one in found], said["0"]["error"])


def test_asymmetric_trimming_cuts_at_quantiles_of_type_7() -> None:
    found = trim_percentiles(SCORED, tail=0.05)
    close([found.lower, found.upper], [SAID["quantiles"]["treated"], SAID["quantiles"]["comparator"]])


MONTHS = {name: np.asarray(column) for name, column in SAID["months"].items()}
POOLED = ("intercept", "a", "l", "month", "month²")


def pooled(weight: Any) -> Any:
    rows = np.column_stack([np.ones(len(MONTHS["y"])), MONTHS["a"], MONTHS["l"], MONTHS["month"], MONTHS["month"] ** 2])
    patterns, at = np.unique(rows, axis=0, return_inverse=True)
    return patterns, at.reshape(-1), weight


def test_pooled_logistic_on_counts_agrees_with_glm_on_rows() -> None:
    x, at, _ = pooled(None)
    n, d = np.bincount(at).astype(float), np.bincount(at, weights=MONTHS["y"])
    fit = fit_counts(PatternCounts(x=x, terms=POOLED, n=n, events=d))
    close(fit.beta, SAID["pooled"]["plain_beta"])
    close(fit.error(), SAID["pooled"]["plain_error"])


def test_weighted_pooled_logistic_and_its_standardised_risks_agree_with_glm_and_sandwich() -> None:
    said = SAID["pooled"]
    x, at, _ = pooled(None)
    fit = fit_rows(x, POOLED, at, MONTHS["y"] == 1, MONTHS["w"].astype(float), unit=MONTHS["person"])
    close(fit.beta, said["beta"])
    close(fit.error(), said["error"])
    level, n = np.unique(MONTHS["l"][MONTHS["month"] == 0], return_counts=True)
    months = range(int(MONTHS["month"].max()) + 1)

    def designs(a: int) -> list[Any]:
        one = np.ones(len(level))
        return [np.column_stack([one, a * one, level, u * one, u * u * one]) for u in months]

    curves = standardised_curves(fit, designs(1), designs(0), n.astype(float))
    close([one.treated for one in curves], said["treated"])
    close([one.comparator for one in curves], said["comparator"])
    last = curves[-1]
    np.testing.assert_allclose(
        [last.treated_error, last.comparator_error, last.difference_error], said["errors"], rtol=1e-6
    )


def test_standardised_risks_of_a_point_exposure_agree_with_stacked_estimating_equations() -> None:
    said, n = SAID["point"], len(TREATED)
    x = np.column_stack([np.ones(n), TREATED, COVARIATES]).astype(float)
    fit = fit_rows(x, ("intercept", "treated", *TERMS), np.arange(n), DATA["y"] == 1, np.ones(n))
    one, other = x.copy(), x.copy()
    one[:, 1], other[:, 1] = 1.0, 0.0
    found = standardised_risks(fit, one, other, np.ones(n), people=np.arange(n))
    close([found.treated, found.comparator], said["risks"])
    close([found.treated_error, found.comparator_error, found.difference_error], said["errors"])
