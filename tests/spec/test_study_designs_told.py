# SPDX-License-Identifier: Apache-2.0
"""What ``study check`` says of each design: its own time zero, no estimand that nothing reads, the design that a near name means, and no
protocol that ignores the deaths which it ends with."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.cli.expected_words import in_language
from rempart.cli.study_times import zero_in_words
from rempart.cli.voice import Voice
from rempart.cohort.study_times import times_of
from rempart.errors import BadInput
from rempart.records.study import study_from_dict, study_or_problems
from rempart.records.study_forms import ANY_ANALYSIS
from rempart.wiring.study_files import judge_study
from tests.journeys.house import call
from tests.rule_histories import study_of

TEMPLATES = sorted({name.split(".")[0] for name in package_data.names("examples/templates", ".toml")})
READ = {"comparison", "prevalent_new_user"}  # templates whose analyses read the estimand
NAMES = package_data.toml("records/design_names.toml")["names"]


def template(name: str, lang: str = "en") -> str:
    return package_data.text(f"examples/templates/{name}.{lang}.toml")


def zeros(text: str, lang: str) -> dict[str, str]:
    """Analyses → their time zero in words."""
    told = times_of(study_from_dict(tomllib.loads(text)))
    return {name: zero_in_words(Voice(lang, as_json=False), one) for one in told for name in one.analyses}


@pytest.mark.parametrize(
    ("name", "analysis", "english", "french"),
    [
        (
            "target_trial",
            "started",
            "last day of the interval in which drug_a is started, or not: one every 30 days",
            "dernier jour de l'intervalle où",
        ),
        ("self_controlled", "series", "each case is compared with itself", "chaque cas est comparé à lui-même"),
        ("case_crossover", "crossed", "day of the event (ill)", "jour de l'événement (ill)"),
        ("nested_case_control", "main", "index day: the case's event (ill)", "jour index : l'événement du cas (ill)"),
    ],
)
def test_a_design_s_own_time_zero_is_told(name: str, analysis: str, english: str, french: str) -> None:
    for lang, words in (("en", english), ("fr", french)):
        told = zeros(template(name, lang), lang)[analysis]
        assert words in told
        assert "entry event" not in told and "événement d'entrée" not in told


def test_a_trial_by_the_calendar_and_a_cloned_one_have_their_own() -> None:
    sequential = template("target_trial").replace(
        "{ every_days = 30, trials = 24", '{ clock = "calendar", every_days = 30, trials = 24'
    )
    assert "from the first day of the period" in zeros(sequential, "en")["started"]
    study = package_data.toml("examples/glitazone_trials/study.toml")
    told = times_of(study_from_dict({key: value for key, value in study.items() if key != "variants"}))
    assert {one.zero for one in told} >= {"trial", "cloned"}


def test_an_outcome_whose_lags_are_compared_is_its_own_time_zero() -> None:
    study = package_data.toml("examples/fine_particles/study.toml")
    inputs = {
        key: value
        for key, value in study["analyses"][-1]["inputs"].items()
        if key in {"cohort", "environment", "outcome"}
    }
    lagged = {"id": "lagged", "type": "distributed_lag", "design": "environmental-exposure", "inputs": inputs}
    study["analyses"] = [*study["analyses"], lagged]
    told = {name: one.zero for one in times_of(study_from_dict(study)) for name in one.analyses}
    assert {name for name, zero in told.items() if zero == "outcome"} == {"lagged"}


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_names_an_estimand_exactly_where_something_reads_it(name: str, lang: str, tmp_path: Path) -> None:
    assert ("estimand" in tomllib.loads(template(name, lang))["protocol"]) == (name in READ)
    file = tmp_path / "s.toml"
    file.write_text(template(name, lang), encoding="utf-8")
    told = call("study", "check", file, "--dir", tmp_path, lang=lang)
    assert told.code == 0, told
    line = next(line for line in told.out.splitlines() if "estimand" in line)
    assert (("initiation" in line) or ("on-treatment" in line)) == (name in READ), line
    data = call("study", "check", file, "--dir", tmp_path, "--json").data
    assert (data["estimand"] is not None) == (name in READ)


def test_an_estimand_that_is_read_must_be_said_and_one_that_is_not_changes_no_id() -> None:
    read = {key: value for key, value in tomllib.loads(template("comparison")).items() if key != "variants"}
    del read["protocol"]["estimand"]
    (error,) = study_or_problems(read)[1]
    assert error.facts["field"] == "protocol.estimand" and "(it is missing)" in str(error.facts["expected"])
    bare = tomllib.loads(template("self_controlled"))
    said = {**bare, "protocol": {**bare["protocol"], "estimand": "initiation"}}
    assert study_from_dict(bare).content_id == study_from_dict(said).content_id


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - READ))
def test_on_treatment_is_refused_where_nothing_reads_it(name: str) -> None:
    body = tomllib.loads(template(name))
    body["protocol"]["estimand"] = "on-treatment"
    (error,) = study_or_problems(body)[1]
    assert error.facts["field"] == "protocol.estimand"
    told = str(error.facts["expected"])
    assert "no such line" in told and in_language(told, "fr") != told


@pytest.mark.parametrize("given", ["sccs", "SCCS", "self controlled case series", "série de cas"])
def test_a_design_by_another_name_is_told_the_one_that_it_means(given: str, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        template("self_controlled").replace('design = "self-controlled"', f'design = "{given}"'), encoding="utf-8"
    )
    found, (error,) = judge_study(file)
    assert found is None
    assert (error.code, error.facts["near"]) == ("study-field", "self-controlled")
    assert "did you mean self-controlled" in Voice("en", as_json=False).hint(error)


def test_every_other_name_is_of_a_design_that_is_there_and_of_one_alone(tmp_path: Path) -> None:
    others = [other for each in NAMES.values() for other in each]
    assert set(NAMES) == set(ANY_ANALYSIS.cases)
    assert len(set(others)) == len(others) and not set(others) & set(NAMES)
    file, text = tmp_path / "s.toml", template("self_controlled")
    for design, each in NAMES.items():
        for other in each:
            file.write_text(text.replace('design = "self-controlled"', f'design = "{other}"'), encoding="utf-8")
            assert [error.facts.get("near") for error in judge_study(file)[1]] == [design], other


def test_a_design_that_resembles_none_is_told_all_of_them_and_no_other_slip(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        template("self_controlled").replace('design = "self-controlled"', 'design = "zzz"'), encoding="utf-8"
    )
    (error,) = judge_study(file)[1]
    assert error.code == "study-field" and "near" not in error.facts
    assert "self-controlled" in str(error.facts["expected"])


ENTRY = {"any": [{"domain": "drug", "codes": "metformin"}]}


@pytest.mark.parametrize(
    ("cohort", "words"),
    [
        ({"entry": ENTRY, "exit": {"death": True}}, "the cohort x ends with death"),
        ({"entry": ENTRY, "exit": {"event": {"domain": "death"}}}, "a rule of the cohort x asks for deaths"),
        ({"entry": {"any": [{"domain": "death"}]}}, "a rule of the cohort x asks for deaths"),
    ],
)
def test_deaths_that_are_ignored_end_no_cohort(cohort: dict[str, Any], words: str) -> None:
    assert study_of({"x": cohort}, death="month").protocol.death == "month"
    with pytest.raises(BadInput, match="study-field") as caught:
        study_of({"x": cohort}, death="ignore")
    told = str(caught.value.facts["expected"])
    assert caught.value.facts["field"] == "protocol.death" and words in told
    assert in_language(told, "fr") != told


def test_deaths_that_are_ignored_are_no_outcome() -> None:
    body = tomllib.loads(template("time_varying"))
    body["analyses"] = [
        item | {"inputs": {**item.get("inputs", {}), "outcome": "death"}}
        for item in body["analyses"]
        if item["type"] == "cox"
    ]
    body["outcomes"] = {}
    for cohort in body["cohorts"].values():
        cohort.pop("exit", None)
    assert study_from_dict(body).designs
    body["protocol"]["death"] = "ignore"
    errors = study_or_problems(body)[1]
    assert [error.facts["field"] for error in errors] == ["protocol.death"]
    told = str(errors[0].facts["expected"])
    assert "is death" in told and in_language(told, "fr") != told


def test_a_cohort_that_does_not_end_with_death_may_ignore_it() -> None:
    assert study_of({"x": {"entry": ENTRY}}, death="ignore").protocol.death == "ignore"
