# SPDX-License-Identifier: Apache-2.0
"""The SQL of one shard says what plain Python says, and evidence adds up however persons are split and ordered."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.study.evidence import decode, empty, encode, merge
from tests.properties.study_histories import (
    COMPARATOR,
    OTHER,
    TARGET,
    Person,
    Rules,
    answer,
    attrition,
    cells,
    expected,
)

DAYS = st.integers(-5, 50)
SOURCES = st.sampled_from(["dcir", "mco", "had", "ace", "certificates"])
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def drugs(draw: st.DrawFn) -> tuple[int, str, int]:
    """A dispensing that covers 0 to 9 days more."""
    at = draw(st.sampled_from([10, 12, 20, 30]) | DAYS)
    return (
        at,
        draw(st.sampled_from([TARGET, TARGET, TARGET, COMPARATOR, COMPARATOR, OTHER])),
        at + draw(st.integers(0, 9)),
    )


@st.composite
def supplies(draw: st.DrawFn, other: str) -> dict[str, Any]:
    """How an arm's dispensings become periods."""
    rules = [
        [{"rule": "recorded"}],
        [{"rule": "fixed", "days": 6}],
        [{"rule": "recorded"}, {"rule": "fixed", "days": 3}],
    ]
    found: dict[str, Any] = {
        "supply": draw(st.sampled_from(rules)),
        "grace_days": draw(st.sampled_from([0, 0, 3, 6])),
        "stockpiling": draw(st.sampled_from(["none", "carry"])),
        "overlap": draw(st.sampled_from(["product", "longest"])),
        "hospital_days": draw(st.sampled_from(["ignore", "extend", "censor"])),
        "lag_days": draw(st.sampled_from([0, 0, 2, 5])),
    }
    return found | ({"switch_to": other} if draw(st.booleans()) else {})


def supplied() -> st.SearchStrategy[dict[str, dict[str, Any]]]:
    """Of neither arm, or of both."""
    found = {"target": supplies("comparator"), "comparator": supplies("target")}
    return st.just({}) | st.fixed_dictionaries(found)


@st.composite
def persons(draw: st.DrawFn) -> Person:
    """A history short enough that days collide."""
    start = draw(st.sampled_from([-400, -400, -400, 2, 5, 12]))
    periods = [(start, draw(st.sampled_from([60, 60, 45, 40, 31, 28, 25, 20])))]
    if draw(st.integers(0, 3)) == 0:
        second = periods[0][1] + draw(st.integers(2, 6))
        periods.append((second, second + draw(st.integers(0, 40))))
    return Person(
        observed=tuple(periods),
        drugs=tuple(draw(st.lists(drugs(), min_size=1, max_size=4))),
        diagnoses=tuple(
            draw(
                st.lists(
                    st.tuples(
                        st.sampled_from([10, 20, 25, 28, 31, 40, 45]) | DAYS,
                        st.sampled_from(["C67", "C670", "C679", "D09"]),
                        st.sampled_from(["DP", "DP", "DAS"]),
                    ),
                    max_size=4,
                )
            )
        ),
        stays=tuple(
            (first, first + draw(st.integers(0, 12))) for first in draw(st.lists(st.integers(0, 45), max_size=2))
        ),
        death=draw(st.none() | st.none() | st.sampled_from([25, 28, 40, 45]) | st.integers(5, 60)),
        born=draw(st.none() | st.sampled_from([1940, 1953, 1954, 1955, 1990])),
        sex=draw(st.sampled_from([8507, 8532, 0])),
    )


def windows() -> st.SearchStrategy[tuple[int, int] | None]:
    """A window that ends at or before time zero, or none."""
    return st.none() | st.tuples(st.integers(-9, -3), st.integers(-3, 0))


def rules() -> st.SearchStrategy[Rules]:
    """Rules of every kind together."""
    return st.builds(
        Rules,
        washout=st.just(0) | st.integers(0, 8),
        prior=st.just(0) | st.integers(0, 8),
        lag=st.just(0) | st.integers(0, 6),
        grace=st.integers(0, 5),
        follow_up=st.none() | st.integers(7, 30),
        estimand=st.sampled_from(["initiation", "on-treatment", "on-treatment"]),
        supply=supplied(),
        non_users=st.booleans(),
        death=st.sampled_from(["month", "date", "ignore"]),
        age=st.none() | st.just((59, 61)),
        exclude=windows(),
        history=windows(),
        bands=st.just(()) | st.just((59, 61, 70)),
        usable=st.just(())
        | st.lists(st.tuples(SOURCES, st.sampled_from([5, 20, 28, 31, 40, 60])), max_size=3).map(tuple),
    )


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all examples."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


@QUICK
@given(st.lists(persons(), min_size=5, max_size=25), rules())
def test_the_sql_of_a_shard_says_what_plain_python_says(query: DuckDBQuery, people: list[Person], how: Rules) -> None:
    population = dict(enumerate(people))
    found = answer(query, how, population)
    steps, counted = expected(population, how)
    assert attrition(found) == steps
    assert cells(found) == counted


@QUICK
@given(
    st.lists(persons(), min_size=5, max_size=25),
    rules(),
    st.fixed_dictionaries({"target": supplies("comparator"), "comparator": supplies("target")}),
)
def test_treatment_ends_by_the_rules_of_supply(
    query: DuckDBQuery, people: list[Person], how: Rules, supply: dict[str, dict[str, Any]]
) -> None:
    treated = replace(how, supply=supply, estimand="on-treatment", non_users=False)
    population = dict(enumerate(people))
    assert cells(answer(query, treated, population)) == expected(population, treated)[1]


@settings(parent=QUICK, max_examples=6)
@given(st.lists(persons(), min_size=2, max_size=12), rules(), st.data())
def test_any_split_into_shards_adds_up_to_the_same_bytes(
    query: DuckDBQuery, people: list[Person], how: Rules, data: st.DataObject
) -> None:
    population = dict(enumerate(people))
    shard = {i: data.draw(st.integers(0, 3)) for i in population}
    parts = [answer(query, how, {i: p for i, p in population.items() if shard[i] == s}) for s in range(4)]
    shuffled = data.draw(st.permutations(parts))
    whole = encode(answer(query, how, population))
    assert encode(merge([decode(encode(part)) for part in shuffled])) == whole
    assert encode(merge([merge(shuffled[:2]), merge(shuffled[2:])])) == whole
    renamed = dict(zip(data.draw(st.permutations(range(100, 100 + len(people)))), people, strict=True))
    prints = {"tallies": empty()["tallies"]}  # fingerprints are of names, counts are not
    assert encode({**answer(query, how, renamed), **prints}) == encode({**decode(whole), **prints})


def test_the_oracle_is_not_empty(query: DuckDBQuery) -> None:
    person = Person(drugs=((12, TARGET, 20),), diagnoses=((20, "C670", "DP"),))
    assert cells(answer(query, Rules(), {1: person})) == {("target", "male", 0, 8, 1): 1}
    assert expected({1: person}, Rules()) == ([1, 1, 1, 1], {("target", "male", 0, 8, 1): 1})
