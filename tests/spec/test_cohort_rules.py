# SPDX-License-Identifier: Apache-2.0
"""Cohort rules on hand-made histories: what happens on the edge days. Days are numbered as in study_histories (period 10 to 30)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from tests.properties.study_histories import (
    COMPARATOR,
    OTHER,
    TARGET,
    Person,
    Rules,
    answer,
    attrition,
    cells,
)

STARTS = Person(drugs=((12, TARGET, 20),))
ON_TREATMENT = Rules(estimand="on-treatment")


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def outcome(query: DuckDBQuery, person: Person, rules: Rules | None = None) -> tuple[Any, ...] | None:
    """(arm, entry, exit, status) of one person at risk, or None."""
    found = list(cells(answer(query, rules or Rules(), {7: person})))
    return None if not found else (found[0][0], *found[0][2:])


def with_drug(day: int, code: str = TARGET, end: int | None = None) -> Person:
    """STARTS with one more dispensing."""
    return replace(STARTS, drugs=(*STARTS.drugs, (day, code, day if end is None else end)))


def with_diagnosis(day: int, code: str = "C670", status: str = "DP", person: Person = STARTS) -> Person:
    """A person with one diagnosis."""
    return replace(person, diagnoses=((day, code, status),))


def test_a_new_user_is_followed_to_the_last_day_of_data(query: DuckDBQuery) -> None:
    assert outcome(query, STARTS) == ("target", 0, 33, 0)


@pytest.mark.parametrize(("day", "enters"), [(9, False), (10, True), (30, True), (31, False)])
def test_time_zero_lies_in_the_period_both_ends_included(query: DuckDBQuery, day: int, enters: bool) -> None:
    person = Person(drugs=((day, TARGET, day),))
    assert (outcome(query, person) is not None) is enters


def test_another_drug_starts_nothing(query: DuckDBQuery) -> None:
    assert outcome(query, Person(drugs=((12, OTHER, 12),))) is None


@pytest.mark.parametrize("code", [TARGET, COMPARATOR])
@pytest.mark.parametrize(("day", "enters"), [(6, True), (7, False), (9, False)])
def test_the_washout_is_the_days_before_and_holds_for_both_drugs(
    query: DuckDBQuery, day: int, enters: bool, code: str
) -> None:
    assert (outcome(query, with_drug(day, code), Rules(washout=5)) is not None) is enters


def test_the_washout_reaches_the_day_before_time_zero(query: DuckDBQuery) -> None:
    assert outcome(query, Person(drugs=((9, TARGET, 9), (10, TARGET, 10))), Rules(washout=1)) is None
    assert outcome(query, Person(drugs=((8, TARGET, 8), (10, TARGET, 10))), Rules(washout=1)) is not None


def test_the_first_dispensing_in_the_period_decides_even_when_a_later_one_would_pass(query: DuckDBQuery) -> None:
    person = Person(drugs=((8, TARGET, 8), (11, TARGET, 11), (29, TARGET, 29)))
    found = answer(query, Rules(washout=5), {1: person})
    assert attrition(found) == [1, 1, 1, 0, 0]


def test_both_drugs_on_one_day_are_counted_and_left_out(query: DuckDBQuery) -> None:
    found = answer(query, Rules(), {1: with_drug(12, COMPARATOR), 2: STARTS})
    assert attrition(found) == [2, 1, 1, 1]
    assert attrition(found, "target") == [1, 1, 1, 1]
    assert attrition(found, "comparator") == [0, 0, 0, 0]


@pytest.mark.parametrize(("start", "enters"), [(7, True), (8, False)])
def test_prior_observation_counts_whole_days(query: DuckDBQuery, start: int, enters: bool) -> None:
    person = replace(STARTS, observed=((start, 60),))
    assert (outcome(query, person, Rules(prior=5)) is not None) is enters


def test_observation_of_another_time_does_not_count(query: DuckDBQuery) -> None:
    assert outcome(query, replace(STARTS, observed=((-400, 11), (13, 60)))) is None
    assert outcome(query, replace(STARTS, observed=((-400, 20), (22, 60)))) == ("target", 0, 8, 0)


@pytest.mark.parametrize(("day", "enters"), [(6, True), (7, False), (12, False), (13, True)])
def test_an_exclusion_window_includes_both_ends(query: DuckDBQuery, day: int, enters: bool) -> None:
    found = outcome(query, with_diagnosis(day, status="DAS"), Rules(exclude=(-5, 0)))
    assert (found is not None) is enters


@pytest.mark.parametrize(("born", "enters"), [(1954, True), (1955, False), (1953, True), (1952, False), (None, False)])
def test_age_is_the_difference_of_years_both_limits_included(
    query: DuckDBQuery, born: int | None, enters: bool
) -> None:
    assert (outcome(query, replace(STARTS, born=born), Rules(age=(60, 61))) is not None) is enters


@pytest.mark.parametrize(
    ("day", "expected"), [(12, ("target", 0, 33, 0)), (13, ("target", 0, 1, 1)), (45, ("target", 0, 33, 1))]
)
def test_an_outcome_counts_after_time_zero_and_on_the_last_day(
    query: DuckDBQuery, day: int, expected: tuple[Any, ...]
) -> None:
    assert outcome(query, with_diagnosis(day)) == expected


@pytest.mark.parametrize(("code", "status"), [("C679", "DP"), ("C680", "DP"), ("C670", "DAS")])
def test_other_codes_and_other_kinds_of_diagnosis_are_no_outcome(query: DuckDBQuery, code: str, status: str) -> None:
    assert outcome(query, with_diagnosis(20, code, status)) == ("target", 0, 33, 0)


@pytest.mark.parametrize(("day", "expected"), [(17, None), (18, ("target", 5, 6, 1))])
def test_the_lag_removes_who_has_the_outcome_in_it(
    query: DuckDBQuery, day: int, expected: tuple[Any, ...] | None
) -> None:
    assert outcome(query, with_diagnosis(day), Rules(lag=5)) == expected


def test_the_outcome_comes_before_death_and_death_before_censoring(query: DuckDBQuery) -> None:
    both = replace(with_diagnosis(20), death=20)
    assert outcome(query, both) == ("target", 0, 8, 1)
    ended = replace(STARTS, death=20, observed=((-400, 20),))
    assert outcome(query, ended) == ("target", 0, 8, 2)
    assert outcome(query, replace(with_diagnosis(20), observed=((-400, 20),))) == ("target", 0, 8, 1)
    assert outcome(query, replace(with_diagnosis(21), observed=((-400, 20),))) == ("target", 0, 8, 0)


def test_a_death_known_by_its_month_ends_with_observation_or_with_the_month(query: DuckDBQuery) -> None:
    month = Rules(death="month")  # day 18 is 28 February 2014; day 12 is the 22nd
    assert outcome(query, replace(STARTS, death=14), month) == ("target", 0, 6, 2)
    assert outcome(query, replace(STARTS, death=14, observed=((-400, 16),)), month) == ("target", 0, 4, 2)
    assert outcome(query, replace(STARTS, death=25, observed=((-400, 18),)), month) == ("target", 0, 6, 0)
    assert outcome(query, replace(STARTS, death=14), Rules(death="ignore")) == ("target", 0, 33, 0)


def test_follow_up_has_its_length(query: DuckDBQuery) -> None:
    assert outcome(query, with_diagnosis(22), Rules(follow_up=10)) == ("target", 0, 10, 1)
    assert outcome(query, with_diagnosis(23), Rules(follow_up=10)) == ("target", 0, 10, 0)


@pytest.mark.parametrize(("day", "expected"), [(23, 33), (24, 11)])
def test_treatment_goes_on_while_the_next_dispensing_falls_within_the_grace(
    query: DuckDBQuery, day: int, expected: int
) -> None:
    found = outcome(query, with_drug(day, end=60), replace(ON_TREATMENT, grace=3))  # covered to day 20, grace to day 23
    assert found == ("target", 0, expected, 0)


def test_a_short_dispensing_does_not_cut_a_longer_one(query: DuckDBQuery) -> None:
    assert outcome(query, with_drug(14, end=14), ON_TREATMENT) == ("target", 0, 8, 0)


def test_a_switch_ends_treatment_but_not_initiation(query: DuckDBQuery) -> None:
    switched = replace(with_diagnosis(16), drugs=((12, TARGET, 20), (16, COMPARATOR, 30)))
    assert outcome(query, switched, ON_TREATMENT) == ("target", 0, 4, 1)
    assert outcome(query, replace(switched, diagnoses=()), ON_TREATMENT) == ("target", 0, 4, 0)
    assert outcome(query, replace(switched, diagnoses=())) == ("target", 0, 33, 0)


def test_a_non_user_is_censored_on_starting_the_target(query: DuckDBQuery) -> None:
    person = Person(drugs=((12, COMPARATOR, 12), (18, TARGET, 18)))
    assert outcome(query, person, Rules(non_users=True)) == ("comparator", 0, 6, 0)


def test_a_former_user_is_no_non_user_and_no_new_user(query: DuckDBQuery) -> None:
    for code in (TARGET, COMPARATOR):
        person = Person(drugs=((-5, TARGET, -5), (12, code, 12)))
        assert outcome(query, person, Rules(non_users=True)) is None


def test_a_user_of_the_entry_drug_may_start_the_target(query: DuckDBQuery) -> None:
    person = Person(drugs=((-5, COMPARATOR, -5), (12, TARGET, 12)))
    assert outcome(query, person, Rules(non_users=True)) == ("target", 0, 33, 0)


def test_what_happens_after_time_zero_does_not_change_who_enters(query: DuckDBQuery) -> None:
    future = replace(STARTS, drugs=((12, TARGET, 12), (13, COMPARATOR, 13)), diagnoses=((13, "C67", "DAS"),), death=40)
    rules = Rules(washout=9, prior=9, exclude=(-9, 0), history=(-9, 0), age=(50, 70))
    assert attrition(answer(query, rules, {1: future})) == attrition(answer(query, rules, {1: STARTS}))


def test_person_time_and_tables_are_left_behind_by_nothing(query: DuckDBQuery) -> None:
    answer(query, Rules(), {1: STARTS})
    left = query.table("SELECT table_name FROM duckdb_tables()")
    assert left.num_rows == 0
