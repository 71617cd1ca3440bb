# SPDX-License-Identifier: Apache-2.0
"""What ``study check`` tells of a design: time zero, estimand, order of one day, what ends follow-up, and what cannot be run yet."""

from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.cohort.study_times import times_of
from tests.journeys.house import call
from tests.rule_histories import study_of

CLONED = """
[cohorts.cloned]
entry = { any = [{ domain = "drug", codes = "metformin" }] }
clone_censor_weight = true
include = [{ name = "later", domain = "device", codes = "strips", days = [0, 90] }]
[codes.strips]
system = "LPP"
include = ["1100028"]
[[analyses]]
id = "cloned"
type = "attrition"
design = "cohort"
inputs = { cohort = "cloned" }
"""


def example(name: str, folder: Path, more: str = "") -> Path:
    """An example's file, with this at its end."""
    file = folder / "study.toml"
    file.write_text(package_data.text(f"examples/{name}/study.toml") + more, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            ("no analysis reads an estimand", "exposure, outcome, censoring", "entry event", "dcir", "followed until"),
        ),
        (
            "fr",
            (
                "aucune analyse ne lit d'estimand",
                "exposition, événement, censure",
                "événement d'entrée",
                "dcir",
                "dernier jour",
            ),
        ),
    ],
)
def test_check_says_when_questions_begin_and_what_ends_their_follow_up(
    tmp_path: Path, lang: str, words: tuple[str, ...]
) -> None:
    told = call("study", "check", example("diabetes", tmp_path), "--dir", tmp_path, lang=lang)
    assert told.code == 0, told
    for word in words:
        assert word in told.out


def test_check_tells_the_same_as_data(tmp_path: Path) -> None:
    told = call("study", "check", example("glitazones", tmp_path), "--dir", tmp_path, "--json").data
    assert (told["estimand"], told["same_day_order"]) == ("initiation", ["exposure", "outcome", "censoring"])
    (asked,) = told["times"]
    assert asked["of"] == "main: target / comparator → bladder_cancer"
    assert asked["analyses"] == ["flow", "baseline", "rates", "risk", "main"]
    assert asked["time_zero"] == {"kind": "dispensing"}
    assert asked["sources"] == ["dcir", "had", "mco", "rip", "ssr"]
    assert (asked["until"], asked["days_beyond"]) == (None, None)


DRUG = {"domain": "drug", "codes": "metformin"}
ENTRY: dict[str, Any] = {"any": [DRUG], "limit": "first"}
MATCH = {"to": "x", "from": "b", "ratio": 1, "on": []}


@pytest.mark.parametrize(
    ("cohorts", "zero", "facts"),
    [
        ({"x": {"entry": ENTRY}}, "entry", {"which": "first"}),
        ({"x": {"entry": {**ENTRY, "limit": {"nth": 2}}}}, "entry", {"which": "nth = 2"}),
        ({"x": {"entry": ENTRY, "landmark_days": 90}}, "landmark", {"days": 90}),
        ({"x": {"entry": ENTRY, "landmark": "period_end"}}, "period-end", {"day": "2014-12-31"}),
        (
            {"x": {"entry": ENTRY, "include": [{**DRUG, "days": [0, 30], "count": ">= 2", "time_varying": True}]}},
            "met",
            {},
        ),
        ({"x": {"of": {"union": ["a", "b"]}}, "a": {"entry": ENTRY}, "b": {"entry": ENTRY}}, "set", {"set": "union"}),
        ({"x": {"atlas": '{"primary":[{"domain":"ObservationPeriod"}]}'}}, "definition", {}),
    ],
)
def test_each_kind_of_time_zero_is_told(cohorts: dict[str, Any], zero: str, facts: dict[str, Any]) -> None:
    (asked,) = times_of(study_of(cohorts))
    assert (asked.whom, asked.zero, dict(asked.facts)) == ("x", zero, facts)


@pytest.mark.parametrize(
    ("kind", "name", "cohort"), [("risk-set", "m", "x"), ("exact", "m", "b"), ("exact", "m_cases", "x")]
)
def test_matched_persons_begin_as_their_set_says(kind: str, name: str, cohort: str) -> None:
    cohorts = {"x": {"entry": ENTRY}, "b": {"entry": ENTRY}, "m": {"match": {**MATCH, "kind": kind}}}
    flow = {"id": "flow", "type": "attrition", "design": "cohort", "inputs": {"cohort": name}}
    (asked,) = times_of(study_of(cohorts, analyses=[flow]))
    assert (asked.zero, dict(asked.facts)) == ("matched", {"cohort": cohort})


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_design_that_is_not_run_yet_is_checked_and_said_to_be_so(tmp_path: Path, lang: str) -> None:
    file = example("diabetes", tmp_path, CLONED)
    line = file.read_text(encoding="utf-8").split("clone_censor_weight")[0].count("\n") + 1
    told = call("study", "check", file, "--dir", tmp_path, lang=lang)
    assert told.code == 10
    assert "device_exposure" in told.out, "columns of its late rule are asked for too"
    assert f"study.toml, {'line' if lang == 'en' else 'ligne'} {line}" in told.err
    assert "cloned" in told.err and "landmark_days" in told.err
    error = call("study", "check", file, "--dir", tmp_path, "--json").error
    assert (error["code"], error["facts"]["line"]) == ("cohort-not-yet-run", line)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_no_hint_recommends_a_design_that_is_not_run_as_one_that_is(tmp_path: Path, lang: str) -> None:
    file = example("diabetes", tmp_path, CLONED.replace("clone_censor_weight = true\n", ""))
    told = call("study", "check", file, "--dir", tmp_path, lang=lang)
    assert told.code == 10
    assert {"en": "two ways run", "fr": "deux voies s'exécutent"}[lang] in told.err


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", "at least 1: a list of CIM10 codes"), ("fr", "au moins 1 : une liste de codes CIM10")],
)
def test_an_empty_code_list_is_told_with_its_line_and_what_it_takes(tmp_path: Path, lang: str, words: str) -> None:
    file = example("diabetes", tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('include = ["I50"]', "include = []"), encoding="utf-8")
    line = text.split('include = ["I50"]')[0].count("\n") + 1
    told = call("study", "check", file, "--dir", tmp_path, lang=lang)
    assert (told.code, told.out) == (40, "")
    assert f"study.toml:{line}" in told.err
    assert words in told.err and "codes.heart_failure.include" in told.err
