# SPDX-License-Identifier: Apache-2.0
"""The cases of rule cohorts that stand in the reference of the study file are what the engine makes."""

import tomllib
from collections.abc import Iterator

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from tests.rule_histories import Person, answer, study_of
from tests.spec.rule_cohort_cases import RULES, Periods, Rule


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all cases."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.about)
def test_a_rule_of_the_reference_makes_the_days_that_it_shows(query: DuckDBQuery, rule: Rule) -> None:
    cohorts = tomllib.loads(f"[cohorts.x]\n{rule.text}\n")["cohorts"]
    people = {number: Person(lines=tuple(lines.split("; "))) for number, (lines, _) in enumerate(rule.histories, 1)}
    found = answer(query, study_of(cohorts), people).periods
    shown: dict[int, Periods] = {number: periods for number, (_, periods) in enumerate(rule.histories, 1)}
    assert {number: tuple(found.get(number, ())) for number in people} == shown
