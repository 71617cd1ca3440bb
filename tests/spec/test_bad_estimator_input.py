# SPDX-License-Identifier: Apache-2.0
"""Each estimator × each bad input: which word comes, with the covariate's or arm's name in both languages; and good input passes.

The table is ``bad_estimator_input.toml``: a cell is the code that is raised; "passes" where the input is no fault for that estimator;
absent where it cannot be given to it (a match has no strata). No error may carry a number: it would count persons or events.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rempart.cli.voice import Voice
from rempart.errors import BadInput
from rempart.study.estimators import case_control, conditional_poisson, logistic
from rempart.study.estimators.balance import balance
from rempart.study.estimators.binary_columns import from_dense
from rempart.study.estimators.count_regression import fit_negative_binomial, fit_poisson
from rempart.study.estimators.count_rows import CountRows
from rempart.study.estimators.cox_input import CoxCells, CoxRows
from rempart.study.estimators.cox_rows import fit_cells, fit_rows
from rempart.study.estimators.cumulative_incidence import cumulative_incidence
from rempart.study.estimators.curve_tests import gray, log_rank
from rempart.study.estimators.fine_gray import CompetingRows, fit_fine_gray
from rempart.study.estimators.l1_logistic import fit_at
from rempart.study.estimators.marginal_structural import PersonPeriods, period_weights
from rempart.study.estimators.pooled_logistic import fit_rows as fit_pooled
from rempart.study.estimators.restricted_mean import restricted_mean
from rempart.study.estimators.sccs import case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Window
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_matching import MatchRule, match
from rempart.study.estimators.score_strata import score_strata
from rempart.study.estimators.survival_cells import SurvivalCells
from rempart.study.estimators.survival_curves import kaplan_meier
from rempart.study.estimators.weighted_contrast import FollowUp, mean_contrast, survival_contrasts

N = 240
TERMS = ("age", "statin", "diabetes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Sound input for every estimator: N persons in two arms and four strata; the covariate that goes wrong is ``statin``."""

    x: Any
    exit_: Any
    event: Any
    treated: Any
    score: Any
    entry: Any
    weight: Any
    strata: Any
    person: Any


Change = Callable[[Input], Input]


def sound() -> Input:
    """Persons with about a third of events, spread over all strata."""
    draw = np.random.default_rng(620)
    x = np.column_stack([draw.normal(60, 9, N), draw.random(N) < 0.4, draw.random(N) < 0.3]).astype(float)
    treated = draw.random(N) < 0.5
    return Input(
        x=x,
        exit_=draw.integers(5, 200, N),
        event=draw.random(N) < 0.35 + 0.1 * x[:, 1],
        treated=treated,
        score=np.clip(0.5 + 0.1 * (treated - 0.5) + draw.normal(0, 0.1, N), 0.05, 0.95),
        entry=draw.integers(0, 5, N),
        weight=np.ones(N),
        strata=np.arange(N) % 4,
        person=np.arange(N),
    )


def covariate(values: Any, *, only: int | None = None) -> Change:
    """``statin`` becomes these values, or one of its values does."""

    def change(given: Input) -> Input:
        x = given.x.copy()
        x[slice(None) if only is None else only, 1] = values(given) if callable(values) else values
        return replace(given, x=x)

    return change


def one_of(column: str, value: Any) -> Change:
    """One person's value of a column."""

    def change(given: Input) -> Input:
        values = getattr(given, column).copy()
        values[7] = value
        return replace(given, **{column: values})

    return change


def events(many: int) -> Change:
    """So many events and no more."""
    return lambda given: replace(given, event=(np.arange(N) >= 20) & (np.arange(N) < 20 + many))


BAD: dict[str, Change] = {
    "nothing": lambda given: given,
    "infinite covariate": covariate(np.inf, only=7),
    "missing covariate": covariate(np.nan, only=7),
    "constant covariate": covariate(1.0),
    "covariate copied from another": covariate(lambda given: given.x[:, 2]),
    "covariate that tells the events": covariate(lambda given: given.event),
    "covariate that tells the treatment": covariate(lambda given: given.treated),
    "a person twice on a day": one_of("person", 6),
    "weight of zero": one_of("weight", 0.0),
    "negative weight": one_of("weight", -1.0),
    "infinite weight": one_of("weight", np.inf),
    "negative follow-up": one_of("exit_", -3),
    "more covariates than events": events(2),
    "one event": events(1),
    "no event": events(0),
    "everybody has the event": lambda given: replace(given, event=np.ones(N, dtype=np.bool_)),
    "stratum without events": lambda given: replace(given, event=given.event & (given.strata != 2)),
    "all exposed": lambda given: replace(given, treated=np.ones(N, dtype=np.bool_)),
    "none exposed": lambda given: replace(given, treated=np.zeros(N, dtype=np.bool_)),
    "score of one": one_of("score", 1.0),
    "missing score": one_of("score", np.nan),
}


def cox(given: Input, *, strata: bool = False) -> object:
    rows = CoxRows(
        x=given.x,
        terms=TERMS,
        exit_=given.exit_,
        event=given.event,
        entry=given.entry,
        strata=given.strata if strata else None,
        weight=given.weight,
        person=given.person,
    )
    return fit_rows(rows)


def cox_counts(given: Input) -> object:
    cells = CoxCells(
        x=given.x,
        terms=TERMS,
        pattern=np.arange(N),
        n=np.ones(N, dtype=np.int64),
        exit_=given.exit_,
        event=given.event,
        weight=given.weight,
    )
    return fit_cells(cells)


def fine_gray(given: Input) -> object:
    cause = np.where(given.event, 1, 2 * (np.arange(N) % 5 == 0))
    rows = CompetingRows(x=given.x, terms=TERMS, exit_=given.exit_, cause=cause, weight=given.weight)
    return fit_fine_gray(rows)


def counts(given: Input, many: Any = 1.0) -> CountRows:
    time = (given.exit_ - given.entry).astype(float)
    return CountRows(events=given.event * many, time=time, x=given.x, terms=TERMS, weight=given.weight)


def scattered(given: Input) -> object:
    return fit_negative_binomial(counts(given, 1.0 + 3 * (np.arange(N) % 7 == 0)))


def series(given: Input) -> object:
    at = np.flatnonzero(given.event)
    start = given.entry[at] + at % 50
    day = np.clip(given.exit_[at] - 2, given.entry[at], None)
    windows = (Window(name="on", begin=0, end=20),)
    cases = Cases(first=given.entry, last=given.exit_)
    return case_series(
        cases, at, day, [Exposure(name="statin", person=at, start=start, stop=start, windows=windows)]
    ).fit()


def penalised(given: Input) -> object:
    x = np.column_stack([given.x[:, 0] > 60, given.x[:, 1:]])
    return fit_at(from_dense(x.astype(float), TERMS), given.treated, 2.0)


def pooled(given: Input) -> object:
    x = np.column_stack([np.ones(N), given.x])
    return fit_pooled(x, ("intercept", *TERMS), np.arange(N), given.event, given.weight, unit=given.person)


def curves(given: Input, **changed: Any) -> SurvivalCells:
    cells = SurvivalCells(
        arms=("comparator", "treated"),
        arm=given.treated.astype(np.int64),
        exit_=given.exit_,
        status=given.event * (1 + (np.arange(N) % 3 == 0)),
        n=np.ones(N, dtype=np.int64),
        causes=("stroke", "death"),
        entry=given.entry,
    )
    return replace(cells, **changed)


def scored(given: Input) -> Scored:
    return Scored(score=given.score, treated=given.treated)


def weighted_curves(given: Input) -> object:
    follow_up = FollowUp(exit_=given.exit_, event=given.event, entry=given.entry)
    return survival_contrasts(follow_up, given.treated, given.weight, np.array([90]))


def over_time(given: Input) -> object:
    return period_weights(PersonPeriods(person=given.person, period=np.zeros(N, dtype=np.int64)), given.score)


ESTIMATORS: dict[str, Callable[[Input], object]] = {
    "Cox": cox,
    "stratified Cox": lambda given: cox(given, strata=True),
    "Cox on counts": cox_counts,
    "Fine–Gray": fine_gray,
    "Poisson": lambda given: fit_poisson(counts(given)),
    "negative binomial": scattered,
    "conditional logistic": lambda given: case_control.fit(np.arange(N) // 4, given.event, given.x, TERMS),
    "conditional Poisson": lambda given: conditional_poisson.fit(
        given.strata, given.event.astype(float), given.x, TERMS
    ),
    "case series": series,
    "L1 logistic": penalised,
    "logistic": lambda given: logistic.fit(given.x, given.event, TERMS, weight=given.weight),
    "pooled logistic": pooled,
    "Kaplan–Meier": lambda given: kaplan_meier(curves(given)),
    "Aalen–Johansen": lambda given: cumulative_incidence(curves(given), "stroke"),
    "log-rank": lambda given: log_rank(curves(given, stratum=given.strata)),
    "Gray": lambda given: gray(curves(given, entry=np.zeros(N, dtype=np.int64)), "stroke"),
    "restricted mean": lambda given: restricted_mean(curves(given), 90),
    "matching": lambda given: match(scored(given), np.arange(N), MatchRule()),
    "score strata": lambda given: score_strata(scored(given)).weights(),
    "weighted mean": lambda given: mean_contrast(given.x[:, 1], given.treated, given.weight),
    "weighted survival": weighted_curves,
    "balance": lambda given: balance(given.x, TERMS, given.treated, given.weight),
    "weights over time": over_time,
}
TABLE: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "bad_estimator_input.toml").read_text(encoding="utf-8")
)
VOICES = [Voice(language, as_json=False) for language in ("en", "fr")]
CELLS = [(one, bad, code) for bad, row in TABLE.items() if bad != "nothing" for one, code in row.items()]
NAMED = re.compile(
    r"covariate|constant|collinear|separation|too-(few|many)|not-finite|twin|not-binary|is-exposure|-arm"
)
UNNAMED = {"contrast-not-finite", "score-not-finite"}  # of an outcome and of a score: there is no covariate to name


@pytest.mark.parametrize("name", ESTIMATORS)
def test_sound_input_passes(name: str) -> None:
    ESTIMATORS[name](sound())


@pytest.mark.parametrize(("name", "bad", "code"), CELLS, ids=lambda part: str(part).replace(" ", "-"))
def test_bad_input_is_called_by_its_word(name: str, bad: str, code: str) -> None:
    given = BAD[bad](sound())
    if code == "passes":
        ESTIMATORS[name](given)
        return
    with pytest.raises(BadInput) as refused:
        ESTIMATORS[name](given)
    assert refused.value.code == code
    facts = refused.value.facts
    assert all(isinstance(fact, str) for fact in facts.values()), "no number: it would count persons"
    named = facts.get("term", facts.get("arm"))
    if NAMED.search(code) and code not in UNNAMED:
        assert named in {*TERMS, "statin: on", "weight", "time", "treated", "comparator"}
    for voice in VOICES:
        assert str(named or "") in voice.error_line(refused.value)
