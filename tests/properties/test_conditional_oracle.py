# SPDX-License-Identifier: Apache-2.0
"""Conditional likelihoods against their definitions written out, and case series against days looked at one by one."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rempart.errors import BadInput
from rempart.study.estimators import case_control, conditional
from rempart.study.estimators.case_control_sets import nested_controls, time_stratified
from rempart.study.estimators.conditional_poisson import time_strata
from rempart.study.estimators.conditional_sets import Sets, sets_of
from rempart.study.estimators.sccs import case_series
from rempart.study.estimators.sccs_design import Cases, Exposure, Levels, Window
from tests.naive_conditional import Set, day_by_day, efron, exact, multinomial

TERMS = ("one", "two")
VALUES = st.sampled_from([0.0, 1.0, 2.0, -0.5])
EPOCH = date(1970, 1, 1)
# What may rightly be refused of small data: nothing to see, or no finite maximum.
NO_ANSWER = frozenset(
    f"conditional-{word}" for word in "no-discordant constant collinear separation too-many-terms".split()
)


def rows(most: int) -> st.SearchStrategy[Any]:
    """One set: covariates, size and events of each row."""
    row = st.tuples(st.tuples(VALUES, VALUES), st.integers(1, 40).map(float), st.integers(0, most))
    return st.lists(row, min_size=1, max_size=5)


def flat(sets: Sequence[Set]) -> tuple[Any, Any, Any, Any]:
    """Set numbers, covariates, events and sizes of all rows, in one order."""
    table = [(number, *row) for number, one in enumerate(sets) for row in one]
    columns = list(zip(*table, strict=True))
    return np.array(columns[0]), np.array(columns[1]), np.array(columns[3], dtype=float), np.array(columns[2])


def peak(likelihood: Callable[[Sequence[Set], Sequence[float]], float], sets: Sequence[Set], fit: Any) -> None:
    """The naive likelihood has its maximum and its curvature where the fit says."""
    beta, h = fit.beta, 1e-3
    size = 1 + abs(fit.log_likelihood)

    def at(*move: float) -> float:
        return likelihood(sets, [b + m for b, m in zip(beta, move, strict=True)])

    assert at(0, 0) == pytest.approx(fit.log_likelihood, abs=1e-8 * size)
    assert likelihood(sets, [0.0, 0.0]) == pytest.approx(fit.log_likelihood_null, abs=1e-8 * size)
    information = np.linalg.inv(fit.covariance)
    slope = np.array([at(h, 0) - at(-h, 0), at(0, h) - at(0, -h)]) / (2 * h)
    assert slope == pytest.approx([0, 0], abs=1e-4 * (1 + information.max()))
    across = (at(h, h) - at(h, -h) - at(-h, h) + at(-h, -h)) / (4 * h * h)
    bend = [
        [(at(h, 0) - 2 * at(0, 0) + at(-h, 0)) / h**2, across],
        [across, (at(0, h) - 2 * at(0, 0) + at(0, -h)) / h**2],
    ]
    assert -np.array(bend) == pytest.approx(information, rel=1e-3, abs=1e-4 * (1 + information.max()))


def fitted(make: Callable[[], Any]) -> Any:
    """A fit, or nothing where the data have no finite answer."""
    try:
        fit = make()
    except BadInput as refusal:
        assert refusal.code in NO_ANSWER
        return None
    # Near the edge of separation the naive differences are of no use.
    return fit if np.abs(fit.beta).max() < 6 else None


@settings(max_examples=120, deadline=None)
@given(st.lists(rows(2), min_size=3, max_size=14))
def test_the_multinomial_fit_is_the_peak_of_the_likelihood_written_out(sets: list[Set]) -> None:
    stratum, x, events, size = flat(sets)
    fit = fitted(lambda: conditional.fit(sets_of(stratum, x, events, size), TERMS))
    assume(fit)
    telling = [one for one in sets if len(one) > 1 and any(n for _, _, n in one)]
    peak(multinomial, telling, fit)
    differing = [one for one in telling if len({x for x, _, _ in one}) > 1]
    assert (fit.sets, fit.left_out) == (len(differing), len(sets) - len(differing))
    assert fit.events == sum(n for one in differing for _, _, n in one)


@settings(max_examples=100, deadline=None)
@given(st.lists(rows(1), min_size=4, max_size=12), st.sampled_from(["exact", "efron"]))
def test_several_cases_in_a_set_are_treated_as_the_definition_says(sets: list[Set], ties: str) -> None:
    stratum, x, events, _ = flat(sets)
    fit = fitted(lambda: case_control.fit(stratum, events > 0, x, TERMS, ties=ties))
    assume(fit)
    telling = [one for one in sets if 0 < sum(n for _, _, n in one) < len(one)]
    peak(exact if ties == "exact" else efron, telling, fit)


@settings(max_examples=60, deadline=None)
@given(st.lists(rows(2), min_size=3, max_size=10), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_their_splitting_nor_repeated_sets_change_the_estimate(
    sets: list[Set], chance: Any
) -> None:
    stratum, x, events, size = flat(sets)
    fit = fitted(lambda: conditional.fit(sets_of(stratum, x, events, size), TERMS))
    assume(fit)
    order = list(range(len(stratum)))
    chance.shuffle(order)
    halves = np.r_[
        order, order
    ]  # each row in two halves of its size, the events in the first, and all sets three times
    stratum = np.concatenate([stratum[halves] + 1000 * copy for copy in range(3)])
    events = np.tile(np.r_[events[order], np.zeros(len(order))], 3)
    again = conditional.fit(sets_of(stratum, np.tile(x[halves], (3, 1)), events, np.tile(size[halves] / 2, 3)), TERMS)
    assert again.beta == pytest.approx(fit.beta, rel=1e-7, abs=1e-7)
    assert again.covariance * 3 == pytest.approx(fit.covariance, rel=1e-6, abs=1e-9)
    assert again.patterns == fit.patterns
    assert (again.sets, again.events) == (3 * fit.sets, 3 * fit.events)


AGE = Levels(cuts=np.array([40, 60]), names=("young", "middle", "old"))
SEASON = Levels(cuts=np.array([10, 20, 30]), names=("cold", "warm"), level=np.array([0, 1, 0, 1]))


@st.composite
def windows(draw: Any) -> Window:
    """A window from the start of an exposure, of one dose or all; to its last day; or after it."""
    kind, begin, more = (
        draw(st.sampled_from(["from", "on", "after"])),
        draw(st.integers(-6, 6)),
        draw(st.integers(0, 5)),
    )
    if kind == "on":
        return Window(name=f"on from {begin}", begin=begin, end=None)
    if kind == "after":
        return Window(name=f"after {begin}+{more}", begin=begin, end=begin + more, anchor="stop")
    dose = draw(st.sampled_from([None, 1, 2]))
    return Window(name=f"{begin}+{more} of {dose}", begin=begin, end=begin + more, dose=dose)


@st.composite
def small_series(draw: Any) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]], list[Exposure]]:
    """Cases (first, last, birth), events and exposures."""
    cases = draw(
        st.lists(st.tuples(st.integers(0, 20), st.integers(0, 25), st.integers(-50, -10)), min_size=1, max_size=4)
    )
    cases = [(first, first + more, birth) for first, more, birth in cases]
    events = [
        (person, draw(st.integers(first, last)))
        for person, (first, last, _) in enumerate(cases)
        for _ in range(draw(st.integers(0, 2)))
    ]
    exposures = []
    for name in ("a", "b"):
        at = st.tuples(st.integers(0, len(cases) - 1), st.integers(-10, 50), st.integers(0, 10))
        found = draw(st.lists(at, max_size=6, unique_by=lambda one: one[:2]))
        person, start, more = (np.array([one[k] for one in found], dtype=np.int64) for k in range(3))
        listed = draw(st.lists(windows(), min_size=1, max_size=3, unique_by=lambda window: window.name))
        overlap = draw(st.sampled_from(["later", "earlier"]))
        exposures.append(
            Exposure(name=name, person=person, start=start, stop=start + more, windows=tuple(listed), overlap=overlap)
        )
    return cases, events, exposures


def told_cells(sets: Sets, terms: Sequence[str], exposures: Sequence[Exposure]) -> tuple[Counter[Any], Counter[Any]]:
    """Days and events of each (case, groups, windows) that the intervals tell."""
    days: Counter[Any] = Counter()
    events: Counter[Any] = Counter()
    for person in range(sets.count):
        for row in range(sets.start[person], sets.start[person + 1]):
            on = [term for term, value in zip(terms, sets.x[sets.code[row]], strict=True) if value]
            named = [
                next((term.split(": ")[1] for term in on if term.startswith(f"{word}: ")), default)
                for word, default in (("age", "young"), ("season", "cold"), *((one.name, "") for one in exposures))
            ]
            days[person, *named] += int(sets.size[row])
            events[person, *named] += int(sets.events[row])
    return days, +events


@settings(max_examples=150, deadline=None)
@given(small_series())
def test_intervals_of_a_case_series_are_its_days_looked_at_one_by_one(drawn: Any) -> None:
    cases, events, exposures = drawn
    first, last, birth = (np.array(column) for column in zip(*cases, strict=True))
    person, day = (np.array([event[k] for event in events], dtype=np.int64) for k in range(2))
    series = case_series(Cases(first=first, last=last, birth=birth), person, day, exposures, age=AGE, season=SEASON)
    assert told_cells(series.sets, series.terms, exposures) == day_by_day(cases, events, exposures, AGE, SEASON)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(1, 12), st.booleans(), st.integers(0, 1)), min_size=1, max_size=30),
    st.integers(1, 4),
    st.integers(0, 99),
)  # fmt: skip
def test_nested_controls_are_all_at_risk_different_and_as_many_as_there_are(
    people: Any, controls: int, seed: int
) -> None:
    entry, more, event, stratum = (np.array(column) for column in zip(*people, strict=True))
    exit_ = entry + more
    chance = np.random.default_rng(seed)
    found = nested_controls(entry, exit_, event, controls=controls, chance=chance, stratum=stratum)
    cases = np.flatnonzero(event)
    for number, case in enumerate(cases):
        day = exit_[case]
        eligible = {
            other
            for other in range(len(people))
            if stratum[other] == stratum[case]
            and entry[other] < day <= exit_[other]
            and not (event[other] and exit_[other] == day)
        }
        chosen = found.person[(found.matched == number) & ~found.case].tolist()
        assert set(chosen) <= eligible
        assert len(chosen) == len(set(chosen)) == min(controls, len(eligible))
        assert set(found.day[found.matched == number]) == {day}
    assert found.person[found.case].tolist() == cases.tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dates(date(1968, 1, 1), date(2031, 1, 1)), min_size=1, max_size=5))
def test_reference_days_share_the_month_and_the_day_of_the_week(dates: list[date]) -> None:
    index = np.array([(one - EPOCH).days for one in dates])
    found = time_stratified(index)
    for case, one in enumerate(dates):
        days = {EPOCH + timedelta(days=int(day)) for day in found.day[found.case == case]}
        around = [one + timedelta(days=k) for k in range(-35, 36)]
        assert days == {
            other
            for other in around
            if (other.year, other.month, other.weekday()) == (one.year, one.month, one.weekday())
        }
    assert found.day[found.index].tolist() == index.tolist()
    strata = time_strata(found.case, found.day)
    assert strata.max() == len(dates) - 1 and all(len(set(strata[found.case == k])) == 1 for k in range(len(dates)))
