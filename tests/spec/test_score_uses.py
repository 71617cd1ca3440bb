# SPDX-License-Identifier: Apache-2.0
"""What the uses of a propensity score say of data that cannot answer, and the few numbers that can be done by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rempart.errors import BadInput, Refused
from rempart.study.estimators import clone_censor, person_bootstrap
from rempart.study.estimators.balance import balance
from rempart.study.estimators.marginal_structural import PersonPeriods, chance_of_own, period_weights, reported
from rempart.study.estimators.pooled_logistic import PatternCounts, fit_counts, fit_rows
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_matching import MatchRule, match
from rempart.study.estimators.score_strata import (
    preference,
    score_strata,
    trim_crump,
    trim_percentiles,
    trim_preference,
    trim_shared_range,
)
from rempart.study.estimators.score_weights import effective_size, truncate, weights
from rempart.study.estimators.standardisation import standardised_risks
from rempart.study.estimators.weighted_contrast import FollowUp, mean_contrast, rate_contrast, survival_contrasts

ARMS = np.array([True, True, False, False])
ONES = np.ones(4)
APART = Scored(score=np.array([0.8, 0.9, 0.1, 0.2]), treated=ARMS)
MIXED = Scored(score=np.array([0.3, 0.6, 0.2, 0.5]), treated=ARMS)
DAYS = FollowUp(exit_=np.array([3, 5, 4, 6]), event=np.array([True, False, True, False]))
SQUARE = np.array([[1.0, 0.0], [1.0, 1.0]])


def scored(*score: float, treated: Any = ARMS) -> Scored:
    return Scored(score=np.array(score), treated=treated)


def counts(n: Any, events: Any, x: Any = SQUARE) -> PatternCounts:
    return PatternCounts(x=np.asarray(x), terms=("one", "drug"), n=np.asarray(n), events=np.asarray(events))


SAID: dict[str, tuple[str, Callable[[], Any]]] = {
    "a score of 0": ("score-zero-or-one", lambda: scored(0.0, 0.5, 0.5, 0.5)),
    "a score of 1": ("score-zero-or-one", lambda: scored(0.2, 0.5, 0.5, 1.0)),
    "a missing score": ("score-not-finite", lambda: scored(0.2, 0.5, 0.5, float("nan"))),
    "nobody treated": ("score-empty-arm", lambda: scored(0.2, 0.3, 0.4, 0.5, treated=~np.ones(4, dtype=bool))),
    "all treated": ("score-empty-arm", lambda: scored(0.2, 0.3, 0.4, 0.5, treated=np.ones(4, dtype=bool))),
    "arms as numbers": ("score-shape", lambda: scored(0.2, 0.3, 0.4, 0.5, treated=np.array([1, 1, 0, 0]))),
    "no overlap": ("score-no-overlap", lambda: trim_shared_range(APART)),
    "no overlap by percentiles": ("score-no-overlap", lambda: trim_percentiles(APART)),
    "all trimmed": ("score-all-trimmed", lambda: trim_crump(scored(0.01, 0.02, 0.3, 0.4))),
    "all trimmed by preference": ("score-all-trimmed", lambda: trim_preference(scored(0.01, 0.02, 0.5, 0.5))),
    "tail": ("score-quantiles", lambda: trim_percentiles(MIXED, tail=0.5)),
    "edge": ("score-quantiles", lambda: trim_crump(MIXED, edge=0.5)),
    "one stratum": ("score-strata-count", lambda: score_strata(MIXED, count=1)),
    "one score for all": ("score-strata-count", lambda: score_strata(scored(0.3, 0.3, 0.3, 0.3))),
    "quantiles of nobody": ("score-quantiles-of", lambda: score_strata(MIXED, quantiles_of="old")),
    "a stratum of one arm": (
        "score-stratum-one-arm",
        lambda: score_strata(APART, count=2, quantiles_of="all").weights(),
    ),
    "another target": ("score-target", lambda: weights(MIXED, target="some")),
    "weights of zero": ("score-weights-all-zero", lambda: effective_size(np.array([0.0, 0.0, 1.0, 1.0]), ARMS)),
    "a negative weight": ("score-weight", lambda: effective_size(np.array([-1.0, 1.0, 1.0, 1.0]), ARMS)),
    "an infinite weight": ("score-weight", lambda: truncate(np.array([1.0, np.inf]))),
    "quantiles out of order": ("score-quantiles", lambda: truncate(ONES, lower=0.9, upper=0.1)),
    "nobody near": ("matching-none", lambda: match(APART, np.arange(4), MatchRule(caliper=0.01))),
    "a ratio of none": ("matching-ratio", lambda: MatchRule(ratio=0)),
    "a negative caliper": ("matching-caliper", lambda: MatchRule(caliper=-1.0)),
    "an unknown order": ("matching-rule", lambda: MatchRule(order="best")),
    "sets with replacement": (
        "matching-replaced",
        lambda: match(MIXED, np.arange(4), MatchRule(replace=True, caliper=None)).sets(),
    ),
    "a covariate that is the treatment": (
        "balance-no-spread",
        lambda: balance(ARMS[:, None].astype(float), ["drug"], ARMS),
    ),
    "an infinite covariate": ("balance-not-finite", lambda: balance(np.full((4, 1), np.inf), ["age"], ARMS)),
    "columns without names": ("balance-shape", lambda: balance(np.ones((4, 2)), ["age"], ARMS)),
    "an unknown spread": ("balance-spread", lambda: balance(np.ones((4, 1)), ["age"], ARMS, spread="all")),
    "a missing outcome": ("contrast-not-finite", lambda: mean_contrast(ONES * np.nan, ARMS, ONES)),
    "no person-time": ("contrast-no-time", lambda: rate_contrast(ONES, np.array([0, 0, 1.0, 1.0]), ARMS, ONES)),
    "negative follow-up": (
        "contrast-follow-up",
        lambda: FollowUp(exit_=np.array([1]), entry=np.array([2]), event=np.array([False])),
    ),
    "a day nobody is followed to": (
        "contrast-day-beyond-follow-up",
        lambda: survival_contrasts(DAYS, ARMS, ONES, np.array([6])),
    ),
    "no event": ("pooled-no-events", lambda: fit_counts(counts([9.0, 9.0], [0.0, 0.0]))),
    "only events": ("pooled-all-events", lambda: fit_counts(counts([9.0, 9.0], [9.0, 9.0]))),
    "no event on one side": ("pooled-separation", lambda: fit_counts(counts([90.0, 90.0], [5.0, 0.0]))),
    "no event without the drug": ("pooled-separation", lambda: fit_counts(counts([90.0, 90.0], [0.0, 5.0]))),
    "all exposed": ("pooled-collinear", lambda: fit_counts(counts([9.0, 9.0], [1.0, 2.0], [[1.0, 1.0], [1.0, 1.0]]))),
    "more events than persons": ("pooled-counts", lambda: counts([1.0, 1.0], [2.0, 0.0])),
    "a missing covariate": ("pooled-not-finite", lambda: counts([1.0, 1.0], [1.0, 0.0], [[1.0, np.nan], [1.0, 1.0]])),
    "patterns that do not fit": ("pooled-shape", lambda: counts([1.0], [1.0])),
    "a missing row weight": (
        "pooled-weight",
        lambda: fit_rows(SQUARE, ("one", "drug"), np.array([0, 1]), np.array([True, False]), np.array([1.0, np.nan])),
    ),
    "a chance of 0": ("periods-chance", lambda: period_weights(PERIODS, np.array([0.5, 0.0, 1.0]))),
    "a gap": ("periods-gap", lambda: PersonPeriods(person=np.array([1, 1]), period=np.array([1, 3]))),
    "a period twice": ("periods-twice", lambda: PersonPeriods(person=np.array([1, 1]), period=np.array([1, 1]))),
    "no periods": ("periods-shape", lambda: PersonPeriods(person=np.array([], int), period=np.array([], int))),
    "nobody of a strategy": ("clone-empty-strategy", lambda: clone([5, 5], [[0, 0]])),
    "no day of follow-up": ("clone-follow-up", lambda: clone([5, 0], [[9, 9]])),
    "deviations of others": ("clone-shape", lambda: clone([5, 5], [[9]])),
    "a negative grace": ("clone-grace", lambda: clone_censor.starts_within(np.array([3]), -1)),
    "cuts out of order": ("clone-cuts", lambda: clone_censor.cut(clone([5, 5], [[9, 9]]), np.array([3, 3]))),
    "nobody stays": ("clone-nobody-stays", lambda: staying(clone([5, 5], [[2, 2]]), 2)),
    "an unknown comparison": ("bootstrap-compared-by", lambda: boot("luck")),
    "one replicate": ("bootstrap-replicates", lambda: boot("weights", 1)),
    "replicates without answer": ("bootstrap-failed", lambda: boot("weights", 20, lambda w: w * np.nan)),
    "nobody to standardise to": ("standard-nobody", lambda: standard(np.zeros(2))),
    "designs that do not fit": ("standard-shape", lambda: standard(np.ones(3))),
}
PERIODS = PersonPeriods(person=np.array([1, 1, 2]), period=np.array([2, 1, 1]))


def clone(exit_: Any, deviation: Any) -> clone_censor.Clones:
    return clone_censor.cloned(np.array(exit_), np.zeros(len(exit_), dtype=bool), np.array(deviation))


def staying(clones: clone_censor.Clones, day: int) -> Any:
    of = np.arange(len(clones.person))
    return clone_censor.staying_weights(clones, of * 0, of * 0 + day, of)


def boot(by: str, many: int = 50, statistic: Any = lambda w: w.sum(keepdims=True)) -> person_bootstrap.Bootstrap:
    return person_bootstrap.bootstrap(statistic, np.arange(400), replicates=many, compared_by=by)


def standard(n: Any) -> Any:
    fit = fit_counts(counts([90.0, 90.0], [5.0, 9.0]))
    return standardised_risks(fit, SQUARE[[1, 1]], SQUARE[[0, 0]], n)


@pytest.mark.parametrize("case", SAID)
def test_what_cannot_be_answered_is_said(case: str) -> None:
    code, ask = SAID[case]
    with pytest.raises(BadInput) as said:
        ask()
    assert said.value.code == code


def test_the_bootstrap_of_nearest_neighbour_matching_is_refused_by_name() -> None:
    with pytest.raises(Refused) as said:
        boot("nearest-neighbour")
    assert said.value.code == "bootstrap-nearest-neighbour"


def test_arm_covariate_and_stratum_are_named() -> None:
    for case, facts in {
        "nobody treated": {"arm": "treated"},
        "all treated": {"arm": "comparator"},
        "no event on one side": {"term": "drug"},
        "no event without the drug": {"term": "drug"},
        "a covariate that is the treatment": {"term": "drug"},
        "a stratum of one arm": {"stratum": 1},
        "nobody of a strategy": {"strategy": 1},
    }.items():
        with pytest.raises(BadInput) as said:
            SAID[case][1]()
        assert said.value.facts == facts, case


def test_bootstrap_weights_are_poisson_and_come_from_the_draw_alone() -> None:
    draw = np.arange(40_000) * 7919
    first, second = person_bootstrap.replicate_weights(draw, 0), person_bootstrap.replicate_weights(draw, 1)
    assert first.mean() == pytest.approx(1, abs=0.02)
    assert first.var() == pytest.approx(1, abs=0.05)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    turned = person_bootstrap.replicate_weights(draw[::-1], 0)[::-1]
    assert turned.tolist() == first.tolist()
    assert boot("weights", 300).error()[0] == pytest.approx(20, rel=0.15)


def test_weights_stabilised_truncated_and_their_effective_size() -> None:
    weight = weights(MIXED, stabilised=True)
    assert weight == pytest.approx([0.5 / 0.3, 0.5 / 0.6, 0.5 / 0.8, 0.5 / 0.5])
    assert weights(MIXED, target="overlap", stabilised=True)[:2].sum() == pytest.approx(2)
    assert effective_size(np.array([1.0, 3.0, 2.0, 2.0]), ARMS).treated == pytest.approx(16 / 10)
    held = truncate(np.arange(101.0), lower=0.01, upper=0.99)
    assert (held.lower, held.upper, int(held.changed.sum())) == (1.0, 99.0, 2)


def test_preference_of_a_half_is_the_share_of_the_treated() -> None:
    few = Scored(score=np.array([0.25, 0.5, 0.25, 0.1]), treated=np.array([True, False, False, False]))
    assert preference(few)[0] == pytest.approx(0.5)
    assert trim_preference(few).keep.tolist() == [True, False, True, False]


def test_period_weights_in_any_order_and_told_by_period() -> None:
    own = chance_of_own(np.array([True, False, True]), np.array([0.5, 0.2, 0.25]))
    assert own.tolist() == [0.5, 0.8, 0.25]
    weight = period_weights(PERIODS, own)
    assert weight == pytest.approx([2.5, 1.25, 4.0])
    assert period_weights(PERIODS, own, lagged=True) == pytest.approx([1.25, 1.0, 1.0])
    told = reported(PERIODS, weight)
    assert (told.period.tolist(), told.largest.tolist(), told.truncated) == ([1, 2], [4.0, 2.5], 0)


def test_the_day_of_deviation_holds_events_first_and_strategies_say_whom_they_leave_out() -> None:
    start = np.array([0, 20, clone_censor.NEVER])
    assert clone_censor.starts_within(start, 30).tolist() == [clone_censor.NEVER, clone_censor.NEVER, 30]
    assert clone_censor.never_starts(start).tolist() == start.tolist()
    assert clone_censor.keeps_on(start, np.array([9, 40, 50])).tolist() == [9, 0, 0]
    event = np.array([True, True, True])
    found = clone_censor.cloned(np.array([30, 20, 30]), event, np.array([[30, 10, clone_censor.NEVER]]))
    assert found.event.tolist() == [True, False, True]
    assert found.deviated.tolist() == [False, True, False]
    assert found.exit_.tolist() == [30, 10, 30]
    assert clone_censor.monthly(90).tolist() == [30, 60]
    assert clone_censor.deviation_days(found).tolist() == [10]


def test_cloning_takes_away_the_immortal_time_that_later_exposure_gives() -> None:
    """Nobody's hazard depends on the drug; who starts late must have lived so long."""
    chance = np.random.default_rng(612)
    n = 20_000
    death, start = chance.geometric(1 / 60, n), chance.integers(1, 40, n)
    exit_, event = np.minimum(death, 60), death <= 60
    ever = start < exit_
    naive = mean_contrast(event.astype(float), ever, np.ones(n))
    assert naive.difference < -0.2
    taken = np.where(ever, start, clone_censor.NEVER)
    clones = clone_censor.cloned(
        exit_, event, np.vstack([clone_censor.starts_within(taken, 30), clone_censor.never_starts(taken)])
    )
    rows = clone_censor.cut(clones, clone_censor.deviation_days(clones))
    weight = clone_censor.staying_weights(clones, clones.person * 0, rows.entry, rows.clone)
    (fair,) = survival_contrasts(
        FollowUp(entry=rows.entry, exit_=rows.exit_, event=rows.event),
        clones.strategy[rows.clone] == 0,
        weight,
        np.array([38]),
        unit=clones.person[rows.clone],
    )
    assert abs(fair.difference) < 4 * fair.difference_error < 0.1
