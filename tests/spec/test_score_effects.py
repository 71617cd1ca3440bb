# SPDX-License-Identifier: Apache-2.0
"""The effect after a propensity score: definitions written out, derivatives of the whole procedure, planted confounding taken away."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from rempart.errors import BadInput
from rempart.records.scores import ADJUSTMENTS, ScoreUse
from rempart.study.cells import Cells
from rempart.study.estimators import logistic
from rempart.study.estimators.cox_days import risk_days
from rempart.study.estimators.cox_input import CoxRows
from rempart.study.estimators.cox_rows import fitted
from rempart.study.estimators.score_influence import weight_slopes, with_estimation
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_weights import weights
from rempart.study.estimators.weighted_incidence import Leaving, incidences
from rempart.study.score_balance import difference
from rempart.study.score_effect import effect, hazard_ratio
from rempart.study.score_model import fit_score
from rempart.study.score_results import answered
from rempart.study.score_use import TARGET_OF, Compared, compared
from rempart.study.scored import Persons, draws, persons_of
from tests.planted_scores import DAYS, planted


def persons(rows: Sequence[tuple[str, str, int, int]]) -> Persons:
    """The persons of planted rows, through cells as the product has them."""
    counted = sorted(Counter(rows).items())
    keys = [key for key, _ in counted]
    levels = [key[1].split("|") for key in keys]
    return persons_of(
        Cells(
            arm=np.array([key[0] for key in keys]),
            levels={"age": np.array([level[0] for level in levels]), "sex": np.array([level[1] for level in levels])},
            entry=np.zeros(len(keys), dtype=np.int64),
            exit=np.array([key[2] for key in keys], dtype=np.int64),
            status=np.array([key[3] for key in keys], dtype=np.int64),
            n=np.array([n for _, n in counted], dtype=np.int64),
            outcome="o",
            suffix="",
        ),
        ("age", "sex"),
    )


def incidence_by_hand(rows: list[tuple[int, int, int, float]], day: int) -> float:
    """Weighted Aalen–Johansen, day after day, from (entry, exit, status, weight)."""
    free, risk = 1.0, 0.0
    for today in range(1, day + 1):
        at = sum(w for entry, exit_, _, w in rows if entry < today <= exit_)
        mine = sum(w for _, exit_, status, w in rows if exit_ == today and status == 1)
        other = sum(w for _, exit_, status, w in rows if exit_ == today and status > 1)
        if at:
            risk += free * mine / at
            free *= 1 - (mine + other) / at
    return risk


def crowd(seed: int, n: int = 60) -> tuple[Leaving, np.ndarray, np.ndarray]:
    """A few persons with late entry and ties: follow-up, arm, weight."""
    draw = np.random.default_rng(seed)
    entry = draw.integers(0, 4, n)
    leaving = Leaving(entry=entry, exit_=entry + draw.integers(1, 12, n), status=draw.integers(0, 3, n))
    return leaving, draw.random(n) < 0.5, draw.uniform(0.2, 3, n)


@pytest.mark.parametrize("seed", range(6))
def test_weighted_incidence_is_the_definition_written_out(seed: int) -> None:
    leaving, treated, weight = crowd(seed)
    for told in incidences(leaving, treated, weight, (3, 7)):
        for at, arm in enumerate((treated, ~treated)):
            rows = list(zip(leaving.entry[arm], leaving.exit_[arm], leaving.status[arm], weight[arm], strict=True))
            assert told.risk[at] == pytest.approx(incidence_by_hand(rows, told.day), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_its_influence_is_the_derivative_by_each_weight(seed: int) -> None:
    leaving, treated, weight = crowd(seed, n=40)
    (told,) = incidences(leaving, treated, weight, (7,))
    for person in range(0, 40, 5):
        ends = []
        for sign in (-1, 1):
            moved = weight.copy()
            moved[person] *= 1 + sign * 1e-5
            ends.append(np.array(incidences(leaving, treated, moved, (7,))[0].risk))
        assert told.moves[:, person] == pytest.approx((ends[1] - ends[0]) / 2e-5, abs=1e-9)


def test_a_day_beyond_an_arm_is_refused_by_the_name_of_the_arm() -> None:
    leaving = Leaving(entry=np.zeros(4, int), exit_=np.array([9, 9, 5, 5]), status=np.array([1, 0, 1, 0]))
    with pytest.raises(BadInput, match="contrast-day-beyond-follow-up") as caught:
        incidences(leaving, np.array([True, True, False, False]), np.ones(4), (7,))
    assert caught.value.facts["arm"] == "comparator"


@pytest.mark.parametrize("adjustment", sorted(TARGET_OF))
def test_influences_with_the_scores_estimation_are_derivatives_of_the_whole_procedure(adjustment: str) -> None:
    """Each person's case weight is moved, the score fitted again, the weights made again, ratio and risks estimated again."""
    people = persons(planted(300, 4, rate=0.004))
    x = people.x[people.row]

    def whole(case: np.ndarray) -> np.ndarray:
        fit = logistic.fit(x, people.treated, people.terms, weight=case)
        scored = Scored(score=logistic.probabilities(fit, x), treated=people.treated)
        mass = case * weights(scored, target=TARGET_OF[adjustment])
        risks = incidences(_leaving(people), people.treated, mass, (200,))[0].risk
        rows = CoxRows(
            x=people.treated.astype(float)[:, None],
            terms=("t",),
            exit_=people.exit_,
            event=people.status == 1,
            entry=people.entry,
            weight=mass,
        )
        return np.array([fitted(risk_days(rows), ties="efron", robust=False)[0].beta[0], *risks])

    fit = fit_score(people, ScoreUse(adjustment=adjustment), 1)
    used = compared(fit.scored, ScoreUse(adjustment=adjustment), 1)
    _, _, moves = hazard_ratio(people, used)
    told = incidences(_leaving(people), people.treated, used.weight, (200,))[0]
    slopes = weight_slopes(fit.scored, TARGET_OF[adjustment])
    found = with_estimation(np.vstack([moves, told.moves]), slopes, fit.scored, people.x, people.row)
    for person in (0, 77, 150, 299):
        ends = []
        for sign in (-1, 1):
            case = np.ones(300)
            case[person] += sign * 1e-3
            ends.append(whole(case))
        assert found[:, person] == pytest.approx((ends[1] - ends[0]) / 2e-3, rel=2e-3, abs=2e-7)


def _leaving(people: Persons) -> Leaving:
    return Leaving(entry=people.entry, exit_=people.exit_, status=people.status)


@pytest.fixture(scope="module")
def confounded() -> Persons:
    """A treatment without effect, given to those who have the outcome anyway."""
    return persons(planted(12_000, 1))


def test_the_crude_ratio_of_a_confounded_population_is_wrong(confounded: Persons) -> None:
    log, error, _ = hazard_ratio(confounded, Compared(weight=np.ones(len(confounded.treated))))
    assert log - 4 * error > 0


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
@pytest.mark.parametrize("trimming", ["none", "crump", "preference", "percentiles", "shared-range"])
def test_every_use_of_the_score_takes_it_away(confounded: Persons, adjustment: str, trimming: str) -> None:
    use = ScoreUse(adjustment=adjustment, trimming=trimming, strata=10, risk_days=(DAYS,))
    answer = answered(confounded, use, seed=3, ties="efron")
    assert answer.why == ""
    assert answer.effect is not None
    ratio, (risk,) = answer.effect.ratio, answer.effect.risks
    assert abs(ratio.log) < 2.6 * ratio.error
    assert ratio.error < 0.08
    assert risk.difference.lower < 0 < risk.difference.upper
    assert risk.arms[0].lower < risk.arms[1].value < risk.arms[0].upper or abs(risk.difference.value) < 0.02


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_covariates_lie_together_afterwards(confounded: Persons, adjustment: str) -> None:
    use = ScoreUse(adjustment=adjustment, strata=10)
    answer = answered(confounded, use, seed=3, ties="efron")
    assert answer.found is not None
    for at in range(len(confounded.levels)):
        held = confounded.of_level[confounded.row, at]
        after = difference(held, confounded.treated, answer.found.weight)
        assert after is not None
        assert abs(after) < 0.05
    before = difference(confounded.of_level[confounded.row, 0], confounded.treated, np.ones(len(confounded.treated)))
    assert before is not None
    assert abs(before) > 0.3


def test_a_planted_ratio_comes_back() -> None:
    people = persons(planted(12_000, 2, log_ratio=np.log(2)))
    answer = answered(people, ScoreUse(adjustment="strata", strata=10), seed=3, ties="efron")
    assert answer.effect is not None
    assert answer.effect.ratio.told.lower < 2 < answer.effect.ratio.told.upper


def test_robust_errors_are_those_of_a_bootstrap_that_does_everything_anew() -> None:
    people = persons(planted(700, 6, rate=0.004))
    for adjustment in ("weights", "overlap"):
        use = ScoreUse(adjustment=adjustment, risk_days=(200,))
        plain = answered(people, use, seed=3, ties="efron").effect
        again = answered(
            people, ScoreUse(adjustment=adjustment, risk_days=(200,), replicates=80), seed=3, ties="efron"
        ).effect
        assert plain is not None
        assert again is not None
        assert again.ratio.log == plain.ratio.log
        assert again.ratio.error == pytest.approx(plain.ratio.error, rel=0.25)
        widths = [told.risks[0].difference.upper - told.risks[0].difference.lower for told in (plain, again)]
        assert widths[1] == pytest.approx(widths[0], rel=0.25)


def test_matching_is_the_same_whenever_it_is_asked_and_differs_by_seed() -> None:
    people = persons(planted(1500, 8))
    use = ScoreUse(adjustment="matching")
    scored = fit_score(people, use, 1).scored
    one, same, other = (compared(scored, use, seed).weight for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_draws_are_even_and_apart_by_use() -> None:
    one, other = draws(5, 4000), draws(5, 4000, use=1)
    assert len(np.unique(np.concatenate([one, other]))) == 8000
    assert abs(float((one / np.float64(2**64)).mean()) - 0.5) < 0.02


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("target", "a|x", 9, 1)] * 30 + [("comparator", "b|x", 9, 1)] * 30, "logistic-separation"),
        ([("target", "a|x", 9, 1)] * 30 + [("comparator", "a|x", 9, 1)] * 30, "score-no-covariates"),
        (
            [
                ("target", "a|x", 9, 0),
                ("target", "b|x", 9, 0),
                ("comparator", "a|x", 9, 1),
                ("comparator", "b|x", 9, 1),
            ],
            "cox-separation",
        ),
    ],
    ids=["a level of one arm alone", "nothing differs", "an arm without outcome"],
)
def test_what_cannot_be_estimated_is_said_and_never_raised(rows: list[tuple[str, str, int, int]], why: str) -> None:
    answer = answered(persons(rows), ScoreUse(adjustment="weights"), seed=1, ties="efron")
    assert answer.effect is None
    assert answer.why.split(" ")[0] == why


def test_a_level_that_tells_the_arms_apart_is_named() -> None:
    rows = [
        ("target", "a|x", 9, 1),
        ("target", "b|x", 8, 1),
        ("comparator", "b|x", 9, 1),
        ("comparator", "b|x", 9, 0),
    ] * 12
    answer = answered(persons(rows), ScoreUse(adjustment="overlap"), seed=1, ties="efron")
    assert answer.why == "logistic-separation age a"


def test_stratified_risks_speak_of_everyone_and_the_ratio_of_each_stratum(confounded: Persons) -> None:
    use = ScoreUse(adjustment="strata", strata=5, risk_days=(DAYS,))
    fit = fit_score(confounded, use, 1)
    used = compared(fit.scored, use, 1)
    told = effect(confounded, fit, used, use)
    assert used.stratum is not None
    size = np.bincount(used.stratum)
    risks = []
    for stratum in range(len(size)):
        inside = used.stratum == stratum
        leaving = Leaving(
            entry=confounded.entry[inside], exit_=confounded.exit_[inside], status=confounded.status[inside]
        )
        risks.append(incidences(leaving, confounded.treated[inside], np.ones(size[stratum]), (DAYS,))[0].risk)
    marginal = size @ np.array(risks) / size.sum()
    assert [arm.value for arm in told.risks[0].arms] == pytest.approx(marginal, rel=0.02)


def test_sets_that_are_all_alike_give_no_ratio_and_say_why() -> None:
    """Everybody has the outcome on one day: within each pair the scores cancel, and an error of 0 is no error."""
    rows = [(arm, f"{age}|f", 10, 1) for age in ("young", "old") for arm in ("target", "comparator") for _ in range(6)]
    told = answered(persons(rows), ScoreUse(adjustment="matching", risk_days=(5,)), seed=1, ties="efron")
    assert told.effect is None
    assert told.why.startswith("contrast-no-spread")


def test_a_risk_of_nobody_has_no_limits_and_lends_none_to_the_difference() -> None:
    rows = [("target", f"{age}|f", day, 1) for age in ("young", "old") for day in (60, 70, 80)] * 5
    rows += [("comparator", f"{age}|f", day, 1) for age in ("young", "old") for day in (20, 30, 75)] * 5
    told = answered(persons(rows), ScoreUse(adjustment="weights", risk_days=(40, 72)), seed=1, ties="efron").effect
    assert told is not None
    early, late = told.risks
    assert (early.arms[0].value, early.arms[0].lower, early.arms[0].upper) == (0.0, None, None)
    assert early.arms[1].lower is not None and 0 < early.arms[1].lower < early.arms[1].value
    assert early.difference.value == pytest.approx(-early.arms[1].value)
    assert (early.difference.lower, early.difference.upper, early.ratio) == (None, None, None)
    assert late.ratio is not None and None not in (late.difference.lower, late.difference.upper)
