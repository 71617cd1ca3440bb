# SPDX-License-Identifier: Apache-2.0
"""What propensity models say where there is nothing to fit, and what they promise about scales, folds and order."""

from collections.abc import Callable

import numpy as np
import pytest

from rempart.errors import BadInput
from rempart.study.estimators import covariate_selection as selection
from rempart.study.estimators import l1_loops, l1_steps, logistic
from rempart.study.estimators.binary_columns import BinaryColumns, from_dense, from_pairs, twins
from rempart.study.estimators.l1_cross_validation import cross_validate, folds_of
from rempart.study.estimators.l1_logistic import falling, fit_at, fit_path, greatest_penalty, linear_predictor
from rempart.study.estimators.propensity import overlap, preference, sampled_intercept

DRAW = np.random.default_rng(613)
X = (DRAW.random((60, 5)) < 0.4).astype(float)
EXPOSED = DRAW.random(60) < 1 / (1 + np.exp(-X[:, 0] + 0.5 * X[:, 1]))
TERMS = ("age 70", "statin", "diabetes", "stroke", "asthma")
COLUMNS = from_dense(X, TERMS)
WAY = np.array([4.0, 2.0])
NO, YES = np.zeros(60, dtype=bool), np.ones(60, dtype=bool)


def with_column(values: object, name: str = "new") -> BinaryColumns:
    """The covariates and one more."""
    return from_dense(np.column_stack([X, np.broadcast_to(np.asarray(values, dtype=float), 60)]), (*TERMS, name))


def raw(start: list[int], person: list[int], terms: tuple[str, ...], persons: int = 3) -> BinaryColumns:
    places = np.array(person, dtype=np.int32)
    return BinaryColumns(persons=persons, start=np.array(start, dtype=np.int64), person=places, terms=terms)


def apart() -> object:
    """Two covariates that tell the arms apart only together."""
    exposed = np.arange(60) < 30
    x = np.column_stack([np.arange(60) < 15, (np.arange(60) >= 15) & (np.arange(60) < 30), np.arange(60) % 2]).astype(
        float
    )
    return fit_path(from_dense(x, ("a", "b", "c")), exposed, falling(5.0, ratio=1e-6))


REFUSED: dict[str, tuple[Callable[[], object], dict[str, object]]] = {
    "propensity-shape": (lambda: fit_path(COLUMNS, EXPOSED[1:], WAY), {"persons": 59}),
    "propensity-term-twice": (lambda: from_dense(X[:, :2], ("a", "a")), {"term": "a"}),
    "propensity-person-unknown": (lambda: raw([0, 1, 2], [0, 3], ("a", "b")), {"term": "b"}),
    "propensity-person-twice": (lambda: raw([0, 1, 1, 3], [0, 2, 2], ("a", "b", "c")), {"term": "c"}),
    "propensity-not-binary": (lambda: with_column(np.inf), {"term": "new"}),
    "propensity-weight": (lambda: fit_path(COLUMNS, EXPOSED, WAY, weight=np.full(60, -1.0)), {}),
    "propensity-none-exposed": (lambda: fit_path(COLUMNS, NO, WAY), {}),
    "propensity-all-exposed": (lambda: fit_path(COLUMNS, YES, WAY), {}),
    "propensity-constant": (lambda: fit_path(with_column(1.0), EXPOSED, WAY), {"term": "new"}),
    "propensity-is-exposure": (lambda: fit_path(with_column(~EXPOSED), EXPOSED, WAY), {"term": "new"}),
    "propensity-twin": (lambda: fit_path(with_column(X[:, 1]), EXPOSED, WAY), {"term": "new", "other": "statin"}),
    "propensity-penalty": (lambda: fit_path(COLUMNS, EXPOSED, WAY[::-1]), {}),
    "propensity-separation": (apart, {}),
    "propensity-folds": (lambda: cross_validate(COLUMNS, EXPOSED, WAY, np.zeros(60, dtype=np.int64)), {}),
    "propensity-fraction": (lambda: sampled_intercept(0.0, 0.0), {}),
    "propensity-score-not-finite": (lambda: preference(np.full(60, np.nan), EXPOSED), {}),
    "selection-limits": (lambda: selection.prevalent(COLUMNS, least=0, keep=1), {}),
    "selection-counts": (
        lambda: selection.recurrence(3, np.array([0]), np.array([0]), np.array([0]), ["a"]),
        {},
    ),
    "selection-outcome": (lambda: selection.rank(COLUMNS, EXPOSED, NO), {}),
    "logistic-shape": (lambda: logistic.fit(X, EXPOSED, TERMS[1:]), {"covariates": 4}),
    "logistic-not-finite": (lambda: logistic.fit(np.where(X == 1, np.inf, X), EXPOSED, TERMS), {"term": "age 70"}),
    "logistic-weight": (lambda: logistic.fit(X, EXPOSED, TERMS, weight=np.full(60, np.nan)), {}),
    "logistic-no-event": (lambda: logistic.fit(X, NO, TERMS), {}),
    "logistic-all-events": (lambda: logistic.fit(X, YES, TERMS), {}),
    "logistic-constant": (lambda: logistic.fit(X * [1, 1, 0, 1, 1], EXPOSED, TERMS), {"term": "diabetes"}),
    "logistic-collinear": (lambda: logistic.fit(X[:, [0, 1, 0]], EXPOSED, TERMS[:3]), {"term": "diabetes"}),
    "logistic-separation": (
        lambda: logistic.fit(np.column_stack([X, EXPOSED & (X[:, 0] == 1)]), EXPOSED, (*TERMS, "new")),
        {"term": "new"},
    ),
    "logistic-too-many-terms": (lambda: logistic.fit(X[:5], np.arange(5) < 2, TERMS), {"term": "asthma"}),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_fitted_is_said_with_the_name_of_what_is_to_blame(code: str) -> None:
    act, facts = REFUSED[code]
    with pytest.raises(BadInput) as caught:
        act()
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()


def test_more_covariates_than_persons_are_fitted_with_a_penalty() -> None:
    x = (np.random.default_rng(1).random((40, 120)) < 0.3).astype(float)
    wide = from_dense(x, [f"c{j}" for j in range(120)])
    fit = fit_at(wide.take(selection.distinct(wide)), EXPOSED[:40], 1.0)
    assert 0 < len(fit.beta) < 40
    assert fit.gap <= 1e-7 * fit.loss


def test_the_greatest_penalty_is_where_the_first_covariate_enters() -> None:
    top = greatest_penalty(COLUMNS, EXPOSED)
    path = fit_path(COLUMNS, EXPOSED, np.array([top * 1.0001, top * 0.999]))
    assert [len(fit.beta) for fit in path.fits] == [0, 1]
    assert path.greatest == top
    np.testing.assert_allclose(path.fits[0].loss, path.null_loss)


def test_a_penalty_so_small_that_nothing_holds_it_is_the_plain_fit() -> None:
    fit = fit_path(COLUMNS, EXPOSED, falling(4.0, ratio=1e-8), precision=1e-12).fits[-1]
    plain = logistic.fit(X, EXPOSED, TERMS)
    np.testing.assert_allclose([fit.intercept, *fit.beta], plain.beta, rtol=1e-4)
    np.testing.assert_allclose(-fit.loss, plain.log_likelihood, rtol=1e-9)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-linear_predictor(COLUMNS, fit))), logistic.probabilities(plain, X), rtol=1e-4
    )


def test_units_do_not_matter_to_the_plain_fit() -> None:
    small, large = logistic.fit(X * 1e-6, EXPOSED, TERMS), logistic.fit(X * 1e6 + 1e7, EXPOSED, TERMS)
    np.testing.assert_allclose(small.beta[1:] * 1e-12, large.beta[1:], rtol=1e-6)
    np.testing.assert_allclose(small.error[1:] * 1e-12, large.error[1:], rtol=1e-6)


def test_a_person_keeps_the_fold_of_the_draw_and_folds_are_of_a_size() -> None:
    draw = np.arange(10_000, dtype=np.uint64)
    fold = folds_of(draw, 10)
    assert (folds_of(draw[::-1], 10)[::-1] == fold).all()
    assert np.bincount(fold).min() > 900
    with pytest.raises(BadInput, match="propensity-folds"):
        folds_of(draw, 1)


def test_names_of_folds_do_not_matter() -> None:
    fold = folds_of(np.arange(60, dtype=np.uint64), 3)
    one, two = (cross_validate(COLUMNS, EXPOSED, WAY, names) for names in (fold, 10 - fold))
    np.testing.assert_allclose(one.loss, two.loss)
    assert one.folds == 3


def test_distinct_covariates_leave_twins_and_constants_out() -> None:
    x = np.column_stack([X[:, 1], np.zeros(60), X, X[:, 1], np.ones(60)])
    columns = from_dense(x, [f"c{j}" for j in range(9)])
    assert selection.distinct(columns).tolist() == [0, 2, 4, 5, 6]
    assert [part.tolist() for part in twins(columns)] == [[3, 7], [0, 0]]


def test_pairs_may_come_in_any_order_and_the_strongest_are_kept() -> None:
    column, person = np.nonzero(X.T)
    back = from_pairs(60, person[::-1], column[::-1], TERMS)
    assert (back.person == COLUMNS.person).all()
    outcome = (X[:, 3] == 1) ^ (np.arange(60) % 7 == 0)
    kept, ranking = selection.select(back, EXPOSED, outcome, keep=2)
    assert set(kept.terms) == {TERMS[j] for j in ranking.order[:2]}
    assert selection.prevalent(back, least=1, keep=1, dimension=np.array([0, 0, 0, 1, 1])).tolist()[1] in {3, 4}


def test_a_sample_of_comparators_moves_the_intercept_alone() -> None:
    rows = np.repeat(np.arange(60), np.where(EXPOSED, 1, 4))
    whole = logistic.fit(X[rows, :1], EXPOSED[rows], TERMS[:1])
    sample = logistic.fit(X[:, :1], EXPOSED, TERMS[:1])
    np.testing.assert_allclose(sampled_intercept(sample.beta[0], 0.25), whole.beta[0])
    np.testing.assert_allclose(sample.beta[1:], whole.beta[1:])


def test_where_covariates_say_nothing_everyone_prefers_both_alike() -> None:
    share = EXPOSED.mean()
    linear = np.full(60, np.log(share / (1 - share)))
    np.testing.assert_allclose(preference(linear, EXPOSED), 0.5)
    found = overlap(linear, EXPOSED)
    assert (found.c_statistic, found.equipoise, found.outside) == (0.5, (1.0, 1.0), (0, 0))


def test_the_compiled_loops_are_their_plain_bodies() -> None:
    outs = []
    for act, dual in ((l1_loops.plain_logistic, l1_loops.plain_dual), (l1_loops.logistic_terms, l1_loops.dual_value)):
        out = (np.empty(60), np.empty(60), np.empty(1))
        act(EXPOSED.astype(float), np.ones(60), np.linspace(-40, 40, 60), out)
        value = np.empty(1)
        dual(EXPOSED.astype(float), np.ones(60), out[0], 0.9, value)
        outs.append(np.concatenate([*out, value]))
    np.testing.assert_allclose(outs[0], outs[1], rtol=1e-12)
    matrix, every = (COLUMNS.start, COLUMNS.person), np.arange(5)
    ends = []
    for act in (l1_loops.plain_descend, l1_loops.descend):
        beta, slope = np.zeros(5), EXPOSED - EXPOSED.mean()
        bends = 0.25 * COLUMNS.held.astype(float)
        act(
            matrix,
            every,
            (beta, slope, np.array([0, slope.sum(), 15.0, 0])),
            (np.full(60, 0.25), bends),
            np.array([1.0, 1e-9, 99]),
        )
        ends.append(beta)
    np.testing.assert_allclose(ends[0], ends[1])
    assert ends[0].any()


def test_sums_over_pairs_of_covariates_change_how_fast_a_fit_ends_and_not_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = np.random.default_rng(614)
    common = draw.random((400, 1)) < 0.5  # what makes covariates go together, and descent creep
    x = np.where(draw.random((400, 12)) < 0.8, common, draw.random((400, 12)) < 0.4).astype(float)
    exposed = draw.random(400) < 1 / (1 + np.exp(1 - x[:, 0] - 0.7 * x[:, 5] + 0.8 * x[:, 7]))
    columns, way = from_dense(x, [f"code {j}" for j in range(12)]), np.array([10.0, 3.0, 1.0])
    quick = fit_path(columns, exposed, way, precision=1e-11).fits
    monkeypatch.setattr(l1_steps, "_PAIRS", 0)
    creeping = fit_path(columns, exposed, way, precision=1e-11).fits
    assert sum(one.steps for one in quick) < sum(one.steps for one in creeping)
    for one, other in zip(quick, creeping, strict=True):
        assert one.columns.tolist() == other.columns.tolist()
        assert one.beta == pytest.approx(other.beta, abs=1e-5)
        assert one.objective == pytest.approx(other.objective, rel=1e-10)
        assert max(one.gap, other.gap) <= 1e-11 * one.loss
