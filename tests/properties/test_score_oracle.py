# SPDX-License-Identifier: Apache-2.0
"""The uses of a propensity score against brute force on small data, ties and all."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rempart.errors import BadInput
from rempart.study.estimators import clone_censor
from rempart.study.estimators.balance import balance
from rempart.study.estimators.marginal_structural import PersonPeriods, period_weights
from rempart.study.estimators.matching_loops import (
    plain_split,
    plain_take_each_once,
    plain_take_freely,
    plain_tell,
    take_each_once,
    take_freely,
)
from rempart.study.estimators.score_input import Scored
from rempart.study.estimators.score_matching import MatchRule, match
from rempart.study.estimators.score_strata import crump_edge, score_strata, trim_crump
from rempart.study.estimators.score_weights import weights
from rempart.study.estimators.weighted_contrast import FollowUp, mean_contrast, survival_contrasts
from tests.naive_scores import matched, risk_by, staying

# Multiples of 1/32: differences are exact, and many are equal.
SCORES = st.integers(1, 31).map(lambda k: k / 32)
PERSON = st.tuples(SCORES, st.booleans(), st.integers(0, 5))


@st.composite
def people(draw: st.DrawFn, most: int = 24) -> Any:
    """Scores, arms and draws of a few persons, somebody in each arm."""
    rows = draw(st.lists(PERSON, min_size=2, max_size=most))
    score, treated, number = (np.array(column) for column in zip(*rows, strict=True))
    assume(treated.any() and not treated.all())
    return Scored(score=score, treated=treated), number


@settings(max_examples=120, deadline=None)
@given(
    people(),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from(["largest", "smallest", "draw"]),
    st.none() | st.floats(0, 3),
)
def test_matching_is_what_looking_at_everyone_finds(
    given_: Any, ratio: int, replace: bool, order: str, caliper: float | None
) -> None:
    scored, draw = given_
    rule = MatchRule(ratio=ratio, replace=replace, order=order, caliper=caliper, scale="score", spread="all")
    width = np.inf if caliper is None else caliper * scored.score.std(ddof=1)
    told = matched(scored.score.tolist(), scored.treated.tolist(), draw.tolist(), width, (ratio, replace, order))
    if not told:
        with pytest.raises(BadInput, match="matching-none"):
            match(scored, draw, rule)
        return
    found = match(scored, draw, rule)
    assert sorted(zip(found.treated.tolist(), found.comparator.tolist(), strict=True)) == told
    assert found.weights.sum() == pytest.approx(2 * len({t for t, _ in told}))
    assert found.unmatched == int(scored.treated.sum()) - len({t for t, _ in told})


@settings(max_examples=40, deadline=None)
@given(people())
def test_the_order_of_rows_changes_no_match_where_draws_differ(given_: Any) -> None:
    scored, _ = given_
    draw, turned = np.arange(len(scored.score)) * 7 % 31, np.arange(len(scored.score))[::-1]
    rule = MatchRule(caliper=None, scale="score")
    one = match(scored, draw, rule)
    other = match(Scored(score=scored.score[turned], treated=scored.treated[turned]), draw[turned], rule)
    pairs = sorted(zip(turned[other.treated].tolist(), turned[other.comparator].tolist(), strict=True))
    assert pairs == sorted(zip(one.treated.tolist(), one.comparator.tolist(), strict=True))


@settings(max_examples=40, deadline=None)
@given(people(), st.booleans())
def test_compiled_and_plain_loops_say_the_same(given_: Any, replace: bool) -> None:
    scored, draw = given_
    rule = MatchRule(ratio=2, replace=replace, caliper=None)
    quick = match(scored, draw, rule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rempart.study.estimators.score_matching.take_each_once", plain_take_each_once)
        patch.setattr("rempart.study.estimators.score_matching.take_freely", plain_take_freely)
        patch.setattr("rempart.study.estimators.score_matching.split", plain_split)
        patch.setattr("rempart.study.estimators.score_matching.tell", plain_tell)
        plain = match(scored, draw, rule)
    assert take_each_once is not plain_take_each_once
    assert take_freely is not plain_take_freely
    assert (plain.comparator.tolist(), plain.weights.tolist()) == (quick.comparator.tolist(), quick.weights.tolist())


@settings(max_examples=40, deadline=None)
@given(people())
def test_the_crump_edge_has_the_smallest_variance_of_all_edges(given_: Any) -> None:
    scored, _ = given_
    near = np.minimum(scored.score, 1 - scored.score)

    def variance(edge: float) -> float:
        kept = scored.score[near >= edge]
        return float((1 / (kept * (1 - kept))).sum() / len(kept) ** 2)

    best = min(variance(edge) for edge in near.tolist())
    assert variance(crump_edge(scored)) == pytest.approx(best)
    try:
        trimmed = trim_crump(scored, edge=None)
    except BadInput as error:
        assert error.code == "score-all-trimmed"
    else:
        assert trimmed.keep.tolist() == (near >= crump_edge(scored)).tolist()


@settings(max_examples=40, deadline=None)
@given(people(), st.integers(2, 5))
def test_weights_of_strata_make_the_arms_alike(given_: Any, count: int) -> None:
    scored, _ = given_
    try:
        strata = score_strata(scored, count=count, quantiles_of="all")
        weight = strata.weights(target="all")
    except BadInput as error:
        assert error.code in {"score-strata-count", "score-stratum-one-arm"}
        return
    for arm in (scored.treated, ~scored.treated):
        share = np.bincount(strata.number[arm], weights=weight[arm], minlength=len(strata.treated))
        assert share == pytest.approx(strata.treated + strata.comparators)


@settings(max_examples=40, deadline=None)
@given(people(), st.sampled_from(["all", "treated", "untreated", "overlap", "matching"]))
def test_weights_tilt_both_arms_to_one_population(given_: Any, target: str) -> None:
    scored, _ = given_
    e = scored.score
    weight = weights(scored, target=target)
    tilt = weight * np.where(scored.treated, e, 1 - e)
    known = {
        "all": 1 + 0 * e,
        "treated": e,
        "untreated": 1 - e,
        "overlap": e * (1 - e),
        "matching": np.minimum(e, 1 - e),
    }
    assert tilt == pytest.approx(known[target])


ROW = st.tuples(
    st.integers(0, 6), st.integers(1, 8), st.booleans(), st.integers(1, 5), st.booleans(), st.integers(0, 4)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=4, max_size=16), st.integers(1, 12))
def test_weighted_survival_and_its_error_are_the_curve_moved_by_one_person_at_a_time(rows: Any, day: int) -> None:
    entry, length, event, mass, treated, unit = (np.array(column) for column in zip(*rows, strict=True))
    assume(treated.any() and not treated.all())
    weight, follow_up = mass.astype(float), FollowUp(entry=entry, exit_=entry + length, event=event)
    try:
        (found,) = survival_contrasts(follow_up, treated, weight, np.array([day]), unit=unit)
    except BadInput as error:
        assert error.code == "contrast-day-beyond-follow-up"
        return

    def risks(using: Any) -> list[float]:
        table = list(zip(entry.tolist(), (entry + length).tolist(), event.tolist(), using.tolist(), strict=True))
        return [risk_by([row for row, t in zip(table, treated, strict=True) if t == arm], day) for arm in (True, False)]

    assert [found.treated, found.comparator] == pytest.approx(risks(weight))
    assume(0 < found.treated < 1 and 0 < found.comparator < 1)
    moves = []
    for one in np.unique(unit):
        up, down = weight.copy(), weight.copy()
        up[unit == one] *= 1 + 1e-5
        down[unit == one] *= 1 - 1e-5
        moves.append((np.array(risks(up)) - np.array(risks(down))) / 2e-5)
    table = np.array(moves)
    assert found.difference_error == pytest.approx(np.sqrt(((table[:, 0] - table[:, 1]) ** 2).sum()), abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(1, 4)), min_size=4, max_size=14))
def test_a_mean_is_as_uncertain_as_one_person_can_move_it(rows: Any) -> None:
    treated, y, mass = (np.array(column) for column in zip(*rows, strict=True))
    assume(treated.any() and not treated.all())
    found = mean_contrast(y.astype(float), treated, mass.astype(float))
    means = [np.average(y[arm], weights=mass[arm]) for arm in (treated, ~treated)]
    assert [found.treated, found.comparator] == pytest.approx(means)
    parts = sum(
        ((mass[a] * (y[a] - m)) ** 2).sum() / mass[a].sum() ** 2
        for a, m in zip((treated, ~treated), means, strict=True)
    )
    assert found.difference_error == pytest.approx(np.sqrt(parts))


@settings(max_examples=40, deadline=None)
@given(people(16), st.lists(st.integers(1, 4), min_size=16, max_size=16))
def test_whole_weights_balance_like_persons_repeated(given_: Any, counts: Any) -> None:
    scored, _ = given_
    n = np.array(counts[: len(scored.score)])
    x = np.column_stack([scored.score, scored.score > 0.5]).astype(float)
    try:
        found = balance(x, ["score", "high"], scored.treated, n.astype(float)).after
    except BadInput as error:
        assert error.code == "balance-no-spread"
        return
    many = np.repeat(np.arange(len(n)), n)
    for arm, means in ((scored.treated, found.treated), (~scored.treated, found.comparator)):
        assert x[many][arm[many]].mean(axis=0) == pytest.approx(means)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.1, 1), st.floats(0.1, 1)), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_period_weights_are_products_of_the_periods_so_far(rows: Any, random: Any, lagged: bool) -> None:
    seen: dict[int, int] = {}
    table = []
    for person, below, above in rows:
        seen[person] = seen.get(person, 0) + 1
        table.append((person, seen[person], below, above))
    random.shuffle(table)
    person, period, below, above = (np.array(column) for column in zip(*table, strict=True))
    found = period_weights(PersonPeriods(person=person, period=period), below, above, lagged=lagged)
    for row, weight in zip(table, found.tolist(), strict=True):
        told = 1.0
        for other in table:
            if other[0] == row[0] and (other[1] < row[1] or (other[1] == row[1] and not lagged)):
                told *= other[3] / other[2]
        assert weight == pytest.approx(told)


CLONE = st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 10), st.integers(0, 10), st.integers(0, 1))


@settings(max_examples=40, deadline=None)
@given(st.lists(CLONE, min_size=1, max_size=14), st.lists(st.integers(1, 9), max_size=4, unique=True))
def test_clones_and_their_weights_are_what_following_each_day_finds(rows: Any, cuts: Any) -> None:
    exit_, event, first, second, stratum = (np.array(column) for column in zip(*rows, strict=True))
    try:
        clones = clone_censor.cloned(exit_, event, np.vstack([first, second]))
    except BadInput as error:
        assert error.code == "clone-empty-strategy"
        return
    for c, (person, strategy) in enumerate(zip(clones.person.tolist(), clones.strategy.tolist(), strict=True)):
        until = min(int(exit_[person]), int((first, second)[strategy][person]))
        assert clones.exit_[c] == until
        assert clones.event[c] == (event[person] and exit_[person] == until)
    parts = clone_censor.cut(clones, np.array(sorted(cuts), dtype=np.int64))
    assert (parts.exit_ - parts.entry).min() > 0
    assert np.bincount(parts.clone, weights=parts.exit_ - parts.entry).tolist() == clones.exit_.tolist()
    assert int(parts.event.sum()) == int(clones.event.sum())
    of = stratum[clones.person]
    weight = clone_censor.staying_weights(clones, of, parts.entry, parts.clone)
    told = list(zip(clones.exit_.tolist(), clones.event.tolist(), clones.deviated.tolist(), strict=True))
    for row, c in enumerate(parts.clone.tolist()):
        alike = [one for k, one in enumerate(told) if clones.strategy[k] == clones.strategy[c] and of[k] == of[c]]
        assert weight[row] == pytest.approx(1 / staying(alike, int(parts.entry[row])))
