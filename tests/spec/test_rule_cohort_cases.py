# SPDX-License-Identifier: Apache-2.0
"""The cases of rule cohorts that stand in the reference of the study file are what the engine makes."""

import tomllib
from collections.abc import Iterator

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from tests.rule_histories import answer, study_of
from tests.spec.rule_cohort_cases import DRAWN, RULES, Drawn, Periods, Rule, person
from tests.spec.test_matched_cohorts import served


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all cases."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.about)
def test_a_rule_of_the_reference_makes_the_days_that_it_shows(query: DuckDBQuery, rule: Rule) -> None:
    body = tomllib.loads(f"[cohorts.x]\n{rule.text}\n\n{rule.more}\n")
    people = {number: person(lines) for number, (lines, _) in enumerate(rule.histories, 1)}
    found = answer(query, study_of(**body), people, "x").periods
    shown: dict[int, Periods] = {number: periods for number, (_, periods) in enumerate(rule.histories, 1)}
    assert {number: tuple(found.get(number, ())) for number in people} == shown


@pytest.mark.parametrize("drawn", DRAWN, ids=lambda drawn: drawn.about)
def test_who_serves_in_the_reference_is_who_serves(drawn: Drawn) -> None:
    asked = tomllib.loads(f"match = {{ {drawn.text} }}")["match"]
    assert served(asked.pop("kind"), asked.pop("on"), **asked) == drawn.who
