# SPDX-License-Identifier: Apache-2.0
"""Nobody is followed through days that are a member's only by what comes later: such cohorts are refused to rates, by name and line."""

from pathlib import Path
from typing import Any

import pytest

from rempart.errors import Refused
from rempart.wiring.study_files import read_study
from tests.atlas_house import entry
from tests.rule_histories import study_of
from tests.spec.test_atlas_rows import drug
from tests.spec.test_atlas_study_file import FLOW, HEAD, ILL, problems, written

FOLLOW = ("incidence_rate", "person_time", "follow_up")
OTHERS = ("attrition", "prevalence", "drug_utilisation")
DRUG = {"domain": "drug", "codes": "metformin"}
PLAIN = {"entry": {"any": [DRUG]}}
EVERY = {"entry": {"any": [DRUG], "limit": "every"}, "exit": {"days": 10}}
GAP = {**EVERY, "collapse_days": 31}
EXACT = {"kind": "exact", "ratio": 1, "on": ["sex"]}
MORE = {
    "outcomes": {"ill": {"any": [{"domain": "condition", "codes": "tumour"}]}},
    "exposures": {"metformin": DRUG},
}


def asked(kind: str, cohorts: dict[str, Any], cohort: str = "x") -> None:
    """A study with one description of one of the cohorts is read."""
    analysis = {"id": "d", "type": kind, "design": "cohort", "inputs": {"cohort": cohort}}
    study_of(cohorts, analyses=[analysis], **MORE)


BRIDGED: dict[str, tuple[dict[str, Any], str, int]] = {
    "collapse_days": ({"x": GAP}, "x", 30),
    "a union of bridged periods": ({"x": {"of": {"union": ["a", "b"]}}, "a": GAP, "b": PLAIN}, "x", 30),
    "a union that bridges": (
        {"x": {"of": {"union": ["a", "b"]}, "collapse_days": 8}, "a": EVERY, "b": PLAIN},
        "x",
        7,
    ),
    "controls of such a pool": ({"x": PLAIN, "b": GAP, "m": {"match": {"to": "x", "from": "b", **EXACT}}}, "m", 30),
    "such cases": ({"x": GAP, "b": PLAIN, "m": {"match": {"to": "x", "from": "b", **EXACT}}}, "m_cases", 30),
}


@pytest.mark.parametrize("kind", FOLLOW)
@pytest.mark.parametrize("which", BRIDGED)
def test_nobody_is_followed_through_a_gap_that_a_later_period_bridges(which: str, kind: str) -> None:
    cohorts, name, days = BRIDGED[which]
    with pytest.raises(Refused) as caught:
        asked(kind, cohorts, name)
    error = caught.value
    assert (error.code, error.facts["field"]) == ("gap-followed", "analyses[1].inputs.cohort")
    assert (error.facts["cohort"], error.facts["days"]) == (name, days)


@pytest.mark.parametrize("kind", FOLLOW)
@pytest.mark.parametrize(
    ("cohorts", "name"),
    [
        ({"x": {**EVERY, "collapse_days": 1}}, "x"),  # periods that touch: the day is a member's own
        ({"x": {**PLAIN, "collapse_days": 31}}, "x"),  # one period a person
        ({"x": {"entry": {"any": [{"cohort": "a"}], "limit": "every"}, "exit": {"days": 90}}, "a": GAP}, "x"),
        ({"x": GAP, "b": PLAIN, "m": {"match": {"to": "x", "from": "b", **EXACT}}}, "m"),
        ({"x": PLAIN, "b": GAP, "m": {"match": {"to": "x", "from": "b", **EXACT}}}, "m_cases"),
    ],
)
def test_whose_days_are_known_at_once_is_followed(kind: str, cohorts: dict[str, Any], name: str) -> None:
    asked(kind, cohorts, name)


@pytest.mark.parametrize("kind", OTHERS)
def test_what_sums_no_time_may_be_told_of_bridged_periods(kind: str) -> None:
    asked(kind, {"x": GAP})


TIME = '\n[[analyses]]\nid = "time"\ntype = "person_time"\ndesign = "cohort"\ninputs = { cohort = "ill" }\n'
ENTERED = '\n[cohorts.followed]\nentry = { any = [{ cohort = "ill" }] }\nexit = { days = 90 }\n'


def era(gap: int) -> dict[str, Any]:
    """A definition that ends with the drug's era."""
    return entry(drug(7), EndStrategy={"CustomEra": {"DrugCodesetId": 7, "GapDays": gap, "Offset": 0}})


def padded(days: int) -> dict[str, Any]:
    """One whose periods near one another are one."""
    ends = {"DateOffset": {"DateField": "StartDate", "Offset": 30}}
    return entry(drug(7), EndStrategy=ends, CollapseSettings={"CollapseType": "ERA", "EraPad": days})


@pytest.mark.parametrize("definition", [era(30), padded(60)])
def test_of_an_atlas_cohort_too_at_the_line_of_the_analysis(tmp_path: Path, definition: dict[str, Any]) -> None:
    path = written(tmp_path, definition, ILL, FLOW + TIME)
    (error,) = problems(path)
    line = (HEAD + ILL + FLOW + TIME).splitlines().index('inputs = { cohort = "ill" }', 20) + 1
    assert (error.code, error.facts["line"], error.facts["analysis"]) == ("gap-followed", line, "time")
    read_study(written(tmp_path, definition, ILL + ENTERED, FLOW + TIME.replace('"ill"', '"followed"')))


@pytest.mark.parametrize("definition", [era(0), era(1), padded(0), padded(1)])
def test_an_atlas_cohort_that_bridges_nothing_is_followed(tmp_path: Path, definition: dict[str, Any]) -> None:
    read_study(written(tmp_path, definition, ILL, FLOW + TIME))
