# SPDX-License-Identifier: Apache-2.0
"""Subtraction within one submission: outcomes, cohorts, steps and variables that differ by a few persons."""

from dataclasses import replace
from itertools import combinations

import pytest

from rempart.disclosure.check import check
from rempart.errors import BadInput
from rempart.records.result import ResultRow
from rempart.records.study import study_from_dict
from tests.disclosure_rows import RULES, attrition, counts_shown, frequency, rates, row, toml

ARMS = {"all": (3500, 66, 9000.0), "target": (1200, 23, 3000.0), "comparator": (2300, 43, 6000.0)}


def renamed(rows: list[ResultRow], suffix: str) -> list[ResultRow]:
    """The same rows as another output of the submission, of another set of persons."""
    return [
        replace(item, output=item.output + suffix, persons_ref=item.persons_ref and item.persons_ref + suffix)
        for item in rows
    ]


def shown_apart(rows: list[ResultRow], statistic: str, row_name: str = "") -> set[int]:
    """Differences between two published counts of one arm and statistic."""
    found: dict[str, list[int]] = {}
    for (_, name, arm, kind), count in counts_shown(check(rows, RULES)).items():
        if kind == statistic and count is not None and row_name in name:
            found.setdefault(arm, []).append(count)
    return {abs(a - b) for counts in found.values() for a, b in combinations(counts, 2)}


def small(differences: set[int]) -> set[int]:
    """Those that count 1 to 10 persons."""
    return {difference for difference in differences if 1 <= difference <= 10}


def test_two_outcomes_that_differ_by_one_person_are_not_both_published() -> None:
    wider = {"all": (3500, 67, 8990.0), "target": (1200, 24, 2990.0), "comparator": (2300, 43, 6000.0)}
    rows = rates(ARMS) + [replace(item, output="incidence_wide") for item in rates(wider, outcome="wide")]
    assert not small(shown_apart(rows, "events"))


def test_two_outcomes_far_apart_are_both_published() -> None:
    wider = {"all": (3500, 266, 8990.0), "target": (1200, 123, 2990.0), "comparator": (2300, 143, 6000.0)}
    rows = rates(ARMS) + [replace(item, output="incidence_wide") for item in rates(wider, outcome="wide")]
    assert {200, 100} <= shown_apart(rows, "events")


def test_steps_of_two_cohorts_that_differ_by_a_few_persons_are_not_both_published() -> None:
    rows = attrition([5000, 4400, 3500]) + renamed(attrition([5000, 4397, 3000]), "_near")
    assert not small(shown_apart(rows, "n"))


def test_a_level_of_two_cohorts_that_differs_by_a_few_persons_is_not_published_twice() -> None:
    rows = frequency({"target": {"men": 600, "women": 600}}) + renamed(
        frequency({"target": {"men": 300, "women": 597}}), "_near"
    )
    assert not small(shown_apart(rows, "n", "women"))


def test_two_histories_that_differ_by_a_few_persons_are_not_both_published() -> None:
    rows = frequency({"target": {"no": 1080, "yes": 120}}, variable="year")
    rows += [
        row("table_one", "frequency", {"variable": "half_year", "level": level}, "target", "n", count)
        for level, count in (("no", 1083), ("yes", 117))
    ]
    assert not small(shown_apart(rows, "n", "yes"))
    assert not small(shown_apart(rows, "n", "no"))


def test_tables_cut_age_in_one_way_only() -> None:
    study = toml("examples/glitazones/study.toml")
    covariates = {**study["covariates"], "age_two": {"type": "age", "bands": [51, 56]}}
    with pytest.raises(BadInput) as caught:
        study_from_dict({**study, "covariates": covariates})
    assert str(caught.value.facts["field"]).endswith("inputs.covariates")
    one = {"covariates": ["age_band"]}
    only = [{**item, "inputs": one} if item["type"] == "table_one" else item for item in study["analyses"]]
    assert study_from_dict({**study, "covariates": covariates, "analyses": only}).covariates["age_two"].bands == (
        51,
        56,
    )
