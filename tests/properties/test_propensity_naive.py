# SPDX-License-Identifier: Apache-2.0
"""Propensity models against their definitions written out in plain Python on a handful of persons."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rempart.errors import BadInput
from rempart.study.estimators import logistic
from rempart.study.estimators.binary_columns import BinaryColumns, from_dense
from rempart.study.estimators.covariate_selection import distinct, prevalent, rank, recurrence
from rempart.study.estimators.l1_input import Arms
from rempart.study.estimators.l1_logistic import fit_at, fit_path, linear_predictor, path_of
from rempart.study.estimators.propensity import overlap

ROWS = st.lists(st.tuples(*[st.booleans()] * 5), min_size=8, max_size=14)
PENALTIES = st.floats(0.05, 3.0)
# A crowded machine is no fault of the data drawn.
CALM = (HealthCheck.too_slow, HealthCheck.filter_too_much)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=CALM)


def people(rows: Sequence[Sequence[bool]]) -> tuple[BinaryColumns, Any]:
    """Exposure first, then covariates that differ; none of them the exposure itself."""
    table = np.array(rows)
    exposed = table[:, 0]
    assume(exposed.any() and not exposed.all())
    columns = from_dense(table[:, 1:].astype(float), [f"c{j}" for j in range(4)])
    columns = columns.take(distinct(columns))
    dense = columns.dense() == 1
    assume(len(columns.terms) and not any((c == exposed).all() or (c != exposed).all() for c in dense.T))
    return columns, exposed


def objective(rows: Any, y: Sequence[bool], at: Sequence[float], penalty: float) -> float:
    """Σ log loss + λΣ|β|, ``at`` = (intercept, β …)."""
    total = penalty * sum(abs(b) for b in at[1:])
    for row, exposed in zip(rows, y, strict=True):
        eta = at[0] + sum(b * v for b, v in zip(at[1:], row, strict=True))
        total += math.log1p(math.exp(-eta if exposed else eta))
    return total


def lowest(f: Callable[[float], float]) -> float:
    """The least place of a convex function within ±12, by thirds; 0 where it is as good (a corner lies there)."""
    low, high = -12.0, 12.0
    for _ in range(80):
        one, two = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, two) if f(one) < f(two) else (one, high)
    return min((0.0, (low + high) / 2), key=f)


def naive(rows: Any, y: Sequence[bool], penalty: float) -> float:
    """The least objective, one coordinate after another."""
    at = [0.0] * (len(rows[0]) + 1)
    before = math.inf
    for _ in range(100):
        for k in range(len(at)):
            at[k] = lowest(lambda value, k=k: objective(rows, y, [*at[:k], value, *at[k + 1 :]], penalty))  # type: ignore[misc]
        after = objective(rows, y, at, penalty)
        if before - after < 1e-8:
            break
        before = after
    return after


@settings(max_examples=8, deadline=None, suppress_health_check=CALM)
@given(ROWS, st.floats(0.3, 3.0))
def test_no_coefficients_do_better_than_the_fit(rows: Any, penalty: float) -> None:
    columns, exposed = people(rows)
    fit = fit_at(columns, exposed, penalty)
    best = naive(columns.dense().tolist(), exposed.tolist(), penalty)
    assert fit.objective <= best + 1e-6
    assert best <= fit.objective + 1e-5


@QUICK
@given(ROWS, PENALTIES)
def test_the_fit_keeps_the_conditions_of_its_minimum(rows: Any, penalty: float) -> None:
    columns, exposed = people(rows)
    fit = fit_path(columns, exposed, np.array([4.0, penalty]), precision=1e-12).fits[-1]
    rest = exposed - 1 / (1 + np.exp(-linear_predictor(columns, fit)))
    slopes = columns.dense().T @ rest
    assert abs(rest.sum()) < 1e-4
    assert (np.abs(slopes) <= penalty + 1e-4).all()
    assert np.allclose(slopes[fit.columns], penalty * np.sign(fit.beta), atol=1e-4)
    np.testing.assert_allclose(
        fit.objective,
        objective(columns.dense()[:, fit.columns].tolist(), exposed.tolist(), [fit.intercept, *fit.beta], penalty),
    )


@QUICK
@given(ROWS, PENALTIES, st.randoms(use_true_random=False))
def test_neither_the_order_nor_persons_written_as_weights_matter(rows: Any, penalty: float, chance: Any) -> None:
    columns, exposed = people(rows)
    dense, way = columns.dense(), np.array([4.0, penalty])
    order = list(range(len(exposed)))
    chance.shuffle(order)
    fit = fit_path(columns, exposed, way).fits[-1]
    shuffled = fit_path(from_dense(dense[order], columns.terms), exposed[order], way).fits[-1]
    np.testing.assert_allclose(shuffled.objective, fit.objective, rtol=1e-6)
    weight = np.array([chance.choice([0.0, 1.0, 2.0]) for _ in order])
    assume(0 < (weight * exposed).sum() < weight.sum())
    times = np.repeat(np.arange(len(order)), weight.astype(int))
    weighted = path_of(columns, Arms(exposed=exposed, weight=weight), way, 1e-7)
    written = path_of(from_dense(dense[times], columns.terms), Arms(exposed=exposed[times]), way, 1e-7)
    np.testing.assert_allclose(weighted.fits[-1].objective, written.fits[-1].objective, rtol=1e-6)


def separated(x: Any, y: Any) -> bool:
    """Whether some direction parts the outcomes, ties allowed: then, and only then, there is no finite estimate."""
    signed = np.column_stack([np.ones(len(y)), x]) * np.where(y, 1, -1)[:, None]
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(y)), bounds=(-1, 1))
    return bool(-found.fun > 1e-7)


@settings(max_examples=60, deadline=None, suppress_health_check=CALM)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.booleans()), min_size=3, max_size=14))
def test_plain_logistic_ends_where_the_score_is_zero_or_says_that_there_is_no_such_place(rows: Any) -> None:
    table = np.array([(False, 0, False), (True, 1, False), (True, 0, True), *rows], dtype=float)
    y, x = table[:, 0] == 1, table[:, 1:]
    try:
        fit = logistic.fit(x, y, ["level", "flag"])
    except BadInput as error:
        few = min(y.sum(), (~y).sum()) < 2
        assert error.code == ("logistic-too-few-events" if few else "logistic-separation")
        assert few or separated(x, y)
        return
    assert not separated(x, y)
    p = logistic.probabilities(fit, x)
    whole = np.column_stack([np.ones(len(y)), x])
    assert np.abs(whole.T @ (y - p)).max() < 1e-6
    np.testing.assert_allclose(
        fit.covariance, np.linalg.inv((whole * (p * (1 - p))[:, None]).T @ whole), rtol=1e-4, atol=1e-9
    )


@QUICK
@given(ROWS, st.integers(1, 4))
def test_covariates_are_ranked_by_the_bias_that_each_could_cause(rows: Any, least: int) -> None:
    columns, exposed = people([row for row in rows for _ in (0, 1)])
    outcome = np.array([row[-1] ^ row[0] for row in rows for _ in (0, 1)])
    outcome[:2] = (True, False)
    found = rank(columns, exposed, outcome)
    size = []
    for j, has in enumerate((columns.dense() == 1).T.tolist()):
        cells = [[0.0, 0.0], [0.0, 0.0]]
        for holds, sick in zip(has, outcome.tolist(), strict=True):
            cells[holds][sick] += 1
        if not all(map(all, cells)):
            cells = [[value + 0.1 for value in row] for row in cells]
        ratio = (cells[1][1] / sum(cells[1])) / (cells[0][1] / sum(cells[0]))
        np.testing.assert_allclose(found.risk_ratio[j], ratio)
        strength = max(ratio, 1 / ratio)
        p1 = sum(h for h, e in zip(has, exposed, strict=True) if e) / exposed.sum()
        p0 = sum(h for h, e in zip(has, exposed, strict=True) if not e) / (~exposed).sum()
        np.testing.assert_allclose(found.multiplier[j], (p1 * (strength - 1) + 1) / (p0 * (strength - 1) + 1))
        size.append(abs(math.log(found.multiplier[j])))
    assert [size[j] for j in found.order] == sorted(size, reverse=True)
    held = [int(min(n, len(exposed) - n)) for n in columns.held]
    assert [j for j, n in enumerate(held) if n >= least] == prevalent(columns, least=least, keep=9).tolist()


@QUICK
@given(st.dictionaries(st.tuples(st.integers(0, 9), st.integers(0, 2)), st.integers(1, 6), min_size=1))
def test_recurrence_is_counted_among_those_who_have_the_code(counts: Any) -> None:
    person, code, count = (np.array(part) for part in zip(*[(*pair, n) for pair, n in counts.items()], strict=True))
    found = recurrence(10, person, code, count, ["a", "b", "c"]).dense()
    for place, name in enumerate("abc"):
        own = sorted(n for (_, c), n in counts.items() if c == place)
        for level, share in enumerate((0.0, 0.5, 0.75)):
            bar = own[max(math.ceil(share * len(own)) - 1, 0)] if own else 99
            for who in range(10):
                assert found[who, 3 * place + level] == (counts.get((who, place), 0) >= bar), (name, level)


@QUICK
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=4, max_size=20))
def test_discrimination_is_the_share_of_pairs_in_order(rows: Any) -> None:
    exposed, linear = np.array([e for e, _ in rows]), np.array([float(s) for _, s in rows])
    assume(exposed.any() and not exposed.all())
    pairs = [(a > b) + (a == b) / 2 for a in linear[exposed] for b in linear[~exposed]]
    found = overlap(linear, exposed)
    np.testing.assert_allclose(found.c_statistic, sum(pairs) / len(pairs))
    assert found.bins.sum(axis=1).tolist() == [found.exposed, found.unexposed]
    assert found.outside[0] == sum(a < min(linear[~exposed]) or a > max(linear[~exposed]) for a in linear[exposed])
