# SPDX-License-Identifier: Apache-2.0
"""Our answers to the questions of propensity scores, matching, strata, weights and standardised risks, on public data."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rempart.study.estimators import logistic
from rempart.study.estimators.balance import balance
from rempart.study.estimators.binary_columns import from_dense
from rempart.study.estimators.l1_logistic import fit_path
from rempart.study.estimators.marginal_structural import PersonPeriods, chance_of_own, period_weights, reported
from rempart.study.estimators.pooled_logistic import fit_rows
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_matching import MatchRule, match
from rempart.study.estimators.score_strata import score_strata
from rempart.study.estimators.score_weights import stabilise, weights
from rempart.study.estimators.standardisation import standardised_curves
from rempart.study.estimators.weighted_contrast import FollowUp, mean_contrast, survival_contrasts
from tests.vectors.public_data import Answer, Column, Floats, Frame, answers, columns, frame, matrix, where, whole

LALONDE = ("age", "educ", "black", "hispan", "married", "nodegree", "re74", "re75")


def modelled(used: Frame, *terms: str) -> logistic.LogisticFit:
    """A propensity model of ``treated``."""
    return logistic.fit(matrix(used, *terms), used["treated"] == 1, terms)


def scored(used: Frame, *terms: str) -> Scored:
    """Its scores."""
    score = logistic.probabilities(modelled(used, *terms), matrix(used, *terms))
    return Scored(score=score, treated=used["treated"] == 1)


def logit(name: str, table: Callable[[], Frame], *terms: str) -> None:
    """Register a logistic regression."""

    @answers(name)
    def answer() -> Answer:
        found = modelled(used := table(), *terms)
        return Answer(
            used=used, said={"beta": found.beta, "error": found.error, "log_likelihood": found.log_likelihood}
        )


def lasso(name: str, table: Callable[[], Frame], penalties: tuple[float, ...], *terms: str) -> None:
    """Register a path of L1 logistic fits: the objective at each penalty, the coefficients at the last."""

    @answers(name)
    def answer() -> Answer:
        used = table()
        x = from_dense(matrix(used, *terms), terms)
        fits = fit_path(x, used["treated"] == 1, np.array(penalties), precision=1e-13).fits
        beta = np.zeros(len(terms))
        beta[fits[-1].columns] = fits[-1].beta
        said = {"objective": [one.objective for one in fits], "beta": beta, "intercept": fits[-1].intercept}
        return Answer(used=used, said=said)


def lalonde() -> Frame:
    """Job training, in thousands of dollars."""
    d = columns("MatchIt", "lalonde")
    races = {word: d["race"] == word for word in ("black", "hispan")}
    parts = {part: d[part] for part in ("married", "nodegree")}
    past = {part: d[part] / 1000 for part in ("re74", "re75")}
    return frame(treated=d["treat"], age=d["age"], educ=d["educ"], **races, **parts, **past)


def lalonde_earned() -> Frame:
    """And what they earned after it."""
    return lalonde() | {"earned": columns("MatchIt", "lalonde")["re78"] / 1000}


def birthwt_smoke() -> Frame:
    """Smoking in pregnancy by what is yes or no."""
    d = columns("MASS", "birthwt")
    return frame(
        treated=d["smoke"],
        white=d["race"] == 1,
        black=d["race"] == 2,
        premature=d["ptl"] > 0,
        tension=d["ht"],
        irritable=d["ui"],
        visited=d["ftv"] > 0,
        young=d["age"] < 20,
        light=d["lwt"] < 110,
    )


def birthwt() -> Frame:
    """Low birth weight."""
    d = columns("MASS", "birthwt")
    return frame(treated=d["low"], **{part: d[part] for part in ("age", "lwt", "smoke", "ht", "ui")})


def pima() -> Frame:
    """Diabetes among Pima women."""
    d = columns("MASS", "Pima.te")
    parts = {part: d[part] for part in ("npreg", "glu", "bp", "skin", "bmi", "ped", "age")}
    return frame(treated=d["type"] == "Yes", **parts)


def nhefs(name: str) -> Frame:
    """Quitting smoking, with the covariates of What If, chapter 12."""
    d = columns("causaldata", name)
    squares = {"cigarettes": d["smokeintensity"], "years": d["smokeyrs"]}
    return frame(
        treated=d["qsmk"],
        sex=d["sex"],
        race=d["race"],
        age=d["age"],
        age2=d["age"] ** 2 / 100,
        **{f"e{k}": d["education"] == k for k in (2, 3, 4, 5)},
        **{
            key: value
            for part, column in squares.items()
            for key, value in ((part, column), (f"{part}2", column**2 / 100))
        },
        some=d["exercise"] == 1,
        none=d["exercise"] == 2,
        moderate=d["active"] == 1,
        idle=d["active"] == 2,
        weight=d["wt71"],
        weight2=d["wt71"] ** 2 / 100,
    )


NHEFS = ("sex", "race", "age", "age2", "e2", "e3", "e4", "e5", "cigarettes", "cigarettes2", "years", "years2")
NHEFS += ("some", "none", "moderate", "idle", "weight", "weight2")
logit("lalonde-logistic", lalonde, *LALONDE)
logit("birthwt-logistic", birthwt, "age", "lwt", "smoke", "ht", "ui")
logit("pima-logistic", pima, "npreg", "glu", "bp", "skin", "bmi", "ped", "age")
logit("nhefs-logistic", lambda: nhefs("nhefs_complete"), *NHEFS)
lasso("lalonde-l1", lalonde_earned, (20.0, 10.0, 5.0, 2.0, 1.0), "black", "hispan", "married", "nodegree")
SMOKE = ("white", "black", "premature", "tension", "irritable", "visited", "young", "light")
lasso("birthwt-l1", birthwt_smoke, (8.0, 4.0, 2.0, 1.0, 0.5), *SMOKE)


def _contrast(used: Frame, weight: Floats, y: str) -> Answer:
    found = mean_contrast(used[y], used["treated"] == 1, weight)
    return Answer(
        used=used,
        said={
            "weight": [weight.sum(), (weight**2).sum()],
            "means": [found.treated, found.comparator],
            "difference": found.difference,
            "error": found.difference_error,
        },
    )


@answers("lalonde-weights-treated")
def weights_of_the_treated() -> Answer:
    """Earnings weighted to the treated."""
    used = lalonde_earned()
    return _contrast(used, weights(scored(used, *LALONDE), target="treated"), "earned")


@answers("lalonde-weights-overlap")
def weights_of_overlap() -> Answer:
    """Earnings weighted to the overlap."""
    used = lalonde_earned()
    return _contrast(used, weights(scored(used, *LALONDE), target="overlap"), "earned")


@answers("lalonde-matching")
def matching() -> Answer:
    """Pairs within a fifth of a standard deviation of the logit, largest score first; ties go by R's order of the rows."""
    used = lalonde_earned()
    score = scored(used, *LALONDE)
    draw = np.empty(len(score.score), dtype=np.int64)
    draw[np.argsort(-score.score, kind="stable")] = np.arange(len(draw))
    pairs = match(score, draw, MatchRule(spread="all"))
    told = matrix(used, "age", "educ", "black", "married", "re74", "earned")
    said = {
        "pairs": len(pairs.treated),
        "treated": told[pairs.treated].mean(axis=0),
        "comparator": told[pairs.comparator].mean(axis=0),
        "caliper": pairs.caliper,
    }
    return Answer(used=used, said=said)


@answers("lalonde-strata")
def strata() -> Answer:
    """Fifths of the score of the treated, and balance across them."""
    used = lalonde_earned()
    found = score_strata(scored(used, *LALONDE), count=5)
    table = balance(matrix(used, *LALONDE), LALONDE, used["treated"] == 1, found.weights(), spread="treated")
    sizes = found.treated + found.comparators
    return Answer(used=used, said={"sizes": sizes, "treated": found.treated, "difference": table.after.difference})


def _stabilised(used: Frame) -> Floats:
    score = scored(used, *NHEFS)
    return stabilise(weights(score), score.treated, by_share=True)


@answers("nhefs-weights")
def nhefs_weights() -> Answer:
    """What quitting weighs: chapter 12."""
    used = nhefs("nhefs_complete") | {"gained": columns("causaldata", "nhefs_complete")["wt82_71"]}
    return _contrast(used, _stabilised(used), "gained")


def _nhefs_months() -> tuple[Frame, Column]:
    used, d = nhefs("nhefs"), columns("causaldata", "nhefs")
    dead = d["death"] == 1
    month = whole(np.where(dead, (np.nan_to_num(d["yrdth"]) - 83) * 12 + np.nan_to_num(d["modth"]), 120))
    return {"treated": used["treated"], "w": _stabilised(used), "event": dead.astype(float)}, month


@answers("nhefs-survival")
def nhefs_survival() -> Answer:
    """Weighted Kaplan–Meier."""
    used, month = _nhefs_months()
    follow_up = FollowUp(exit_=month, event=used["event"] == 1)
    found = survival_contrasts(follow_up, used["treated"] == 1, used["w"], np.array([60, 120]))
    said = {
        part: [getattr(one, part) for one in found]
        for part in ("treated", "comparator", "treated_error", "comparator_error")
    }
    return Answer(used=used | {"day": month.astype(float)}, said=said)


@answers("nhefs-pooled")
def nhefs_pooled() -> Answer:
    """Weighted pooled logistic regression over months, and its curves: chapter 17."""
    of, months = _nhefs_months()
    person = np.repeat(np.arange(len(months)), months)
    month = np.arange(len(person)) - np.repeat(np.cumsum(months) - months, months)
    event = (of["event"][person] == 1) & (month == months[person] - 1)

    def design(a: Any, month: Any) -> Floats:
        year = month / 12
        one = np.ones(len(year))
        return np.column_stack([one, a * one, year, year**2, a * year, a * year**2])

    kinds, pattern = np.unique(np.column_stack([of["treated"][person], month]), axis=0, return_inverse=True)
    terms = ("intercept", "a", "year", "year2", "a:year", "a:year2")
    fit = fit_rows(design(kinds[:, 0], kinds[:, 1]), terms, pattern.reshape(-1), event, of["w"][person], unit=person)
    days = np.arange(120)
    curve = standardised_curves(
        fit, list(design(1, days)[:, None, :]), list(design(0, days)[:, None, :]), np.array([1.0])
    )
    used = {
        "person": person + 1.0,
        "month": month.astype(float),
        "y": event.astype(float),
        "a": of["treated"][person],
        "w": of["w"][person],
        "year": month / 12,
    }
    at = [curve[59], curve[119]]
    said = {
        "beta": fit.beta,
        "error": fit.error(),
        "treated": [one.treated for one in at],
        "comparator": [one.comparator for one in at],
    }
    return Answer(used=used, said=said)


@answers("pbcseq-weights")
def pbcseq_weights() -> Answer:
    """Running products of a marginal structural model: spiders as treatment, bilirubin as what changes."""
    d = columns("survival", "pbcseq")
    d = where(d, ~np.isnan(d["spiders"]))
    d = where(d, np.lexsort((d["day"], d["id"])))
    first = np.r_[True, d["id"][1:] != d["id"][:-1]]
    at = np.arange(len(first))
    period = at - np.maximum.accumulate(np.where(first, at, 0))
    before = np.where(first, 0.0, np.r_[0.0, d["spiders"][:-1]])
    used = frame(
        person=d["id"], period=period, treated=d["spiders"], before=before, age=d["age"], bili=np.log(d["bili"])
    )
    own = [
        chance_of_own(used["treated"] == 1, scored(used, *terms).score)
        for terms in (("before", "age", "period"), ("before", "age", "period", "bili"))
    ]
    rows = PersonPeriods(person=whole(used["person"]), period=period)
    found = period_weights(rows, own[1], own[0])
    held = reported(rows, found, lower=0.01, upper=0.99).weight
    said = {
        "mean": reported(rows, found).means,
        "largest": found.max(),
        "truncated": [held.sum(), held.max(), held.min()],
    }
    return Answer(used=used, said=said)
