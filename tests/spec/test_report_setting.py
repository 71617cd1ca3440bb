# SPDX-License-Identifier: Apache-2.0
"""What a report says that a study sets: what something reads, the effect of each analysis, the grace that holds, arms by what they are, ids
as they are written."""

from typing import Any

import pytest

from rempart.adapters.package_data import toml
from rempart.records.study import study_from_dict
from rempart.release.labels import reader_labels
from rempart.release.reader_table import Reader
from rempart.release.report_setting import cohorts_told, parameters_told, setting_lines
from rempart.release.report_words import Speaker
from rempart.wiring.spoken import spoken
from tests.figure_cells import table
from tests.spec.test_report import made, texts

OWN, WORDS = toml("release/report.toml"), spoken()


def body(name: str) -> dict[str, Any]:
    parsed = toml(f"examples/{name}.toml")
    return study_from_dict({key: value for key, value in parsed.items() if key != "variants"}).as_dict()


def setting(study: dict[str, Any], language: str = "en", *, estimand: bool = False) -> dict[str, str]:
    return dict(setting_lines(study, Speaker(own=OWN, language=language), estimand=estimand))


def test_a_case_series_has_no_estimand_lag_or_grace_and_a_trial_the_effect_of_each_analysis() -> None:
    rest = {"period", "deaths known by", "order within a day"}
    assert set(setting(body("templates/self_controlled.en"))) == rest
    told = setting(body("glitazone_trials/study"))
    assert set(told) == rest | {"effect of each analysis", "grace that holds (days)"}
    assert told["effect of each analysis"] == (
        "started, risk: of starting (intention to treat) · kept_to, cloned: of keeping to the strategy (per-protocol)"
    )
    assert "selon le protocole" in setting(body("glitazone_trials/study"), "fr")["effet de chaque analyse"]


def test_a_comparison_keeps_its_estimand_and_its_lag() -> None:
    told = setting(body("glitazones/study"), estimand=True)
    assert told["estimand"] == "initiation (intention to treat)" and told["lag (days)"] == "30"
    assert not any("grace" in key for key in told)


def test_the_grace_told_is_the_longer_of_both() -> None:
    study = body("anticoagulant_switch/study")
    assert setting(study, estimand=True)["grace that holds (days)"] == "60"
    assert {name: cohorts_told(study)[name]["exit"]["grace_days"] for name in ("users", "switchers")} == {
        "users": 60,
        "switchers": 60,
    }
    longer = {**study, "cohorts": {**study["cohorts"]}}
    users = study["cohorts"]["users"]
    longer["cohorts"]["users"] = {**users, "exit": {**users["exit"], "grace_days": 90}}
    assert setting(longer)["grace that holds (days)"] == "switchers: 60 · users: 90"


def test_the_grace_of_a_comparison_on_treatment_is_its_arms_own_where_that_is_longer() -> None:
    study = body("glitazones/study")
    supplied = {"supply": {"rule": "fixed", "days": 30}, "grace_days": 30}
    study = {
        **study,
        "protocol": {**study["protocol"], "estimand": "on-treatment", "grace_days": 0},
        "exposures": {name: {**item, **supplied} for name, item in study["exposures"].items()},
    }
    assert setting(study)["grace that holds (days)"] == "30"
    study["protocol"]["grace_days"] = 45
    assert setting(study)["grace that holds (days)"] == "45"


def test_a_cloned_trial_tells_no_parameter_that_does_nothing_for_it() -> None:
    study = body("glitazone_trials/study")
    (cloned,) = [item for item in study["analyses"] if item["id"] == "cloned"]
    assert not {"clock", "trials", "effect", "washout_days"} & set(parameters_told(study, cloned))
    assert parameters_told(study, study["analyses"][0])["trials"] == 12


def test_keys_mean_what_their_table_means_by_them() -> None:
    speaker = Speaker(own=OWN, language="en")
    assert speaker.value({"death": "competes"}, "parameters") == "the dead: stay at risk (competing risk)"
    assert speaker.value({"rule": "fixed", "days": 30}, "supply") == "rule: fixed · days: 30"
    assert dict(speaker.definition({"exit": [{"death": True}]})) == {"exit": "with death: yes"}
    assert Speaker(own=OWN, language="fr").word("not given") == "non indiquée"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_id_is_no_word_and_a_type_is_one_of_its_own_table(language: str) -> None:
    cells = [({"analysis": "risk", "of": "first", "model": "crude", "term": "risk"}, "", "hazard_ratio", 1.5)]
    item = table("hazard_ratio", "hazard_ratio", cells)
    labels = reader_labels([item], study={}, words=WORDS, language=language)
    ((line, _),) = Reader(language, WORDS, labels).grid(item).lines
    assert line[:2] == ("risk", "first")
    speaker = Speaker(own=OWN, language=language, names=labels)
    assert speaker.word("risk") == OWN["values"][language]["risk"] != labels["risk"]
    assert speaker.value({"analysis": "risk"}).endswith(" risk")


def test_a_hazard_ratio_and_a_risk_ratio_have_two_french_names() -> None:
    heads, titles = WORDS["heads"]["fr"], WORDS["titles"]["fr"]
    assert (heads["hazard_ratio"], heads["risk_ratio"]) == ("rapport de risques instantanés", "rapport de risques")
    assert titles["calibrated"].startswith("Rapport de risques instantanés")
    figures = toml("adapters/figures.toml")["fr"]
    for key in ("title", "head", "axis"):
        assert "instantanés" in figures["hazard_ratio"][key] and "instantanés" not in figures["risk_ratio"][key]
    for name in ("fr", "demo.fr", "commands.fr"):
        said = str(toml(f"locale/{name}.toml"))
        assert said.count("apport de risques planté") == 0 and said.count("apport de risques de {") == 0


def test_arms_of_matched_sides_are_called_by_what_they_are_where_a_study_compares_several_pairs() -> None:
    study = body("anticoagulant_switch/study")
    cells = [({"step": "01 in it"}, arm, "n", 20.0) for arm in ("target", "comparator")]
    item = table("hazard_ratio_main", "hazard_ratio", cells)
    alone = reader_labels([item], study=study, words=WORDS, language="en")
    assert (alone["target"], alone["comparator"]) == ("switchers", "continuing")
    (main,) = [each for each in study["analyses"] if each["id"] == "main"]
    other = {**main, "id": "crude", "inputs": {**main["inputs"], "target": "switchers", "comparator": "users"}}
    several = reader_labels([item], study={**study, "analyses": [main, other]}, words=WORDS, language="en")
    assert several["hazard_ratio_main:target"] == "switchers"
    assert several["hazard_ratio_main:target versus comparator"] == "switchers versus continuing"


def test_a_table_one_after_a_lag_says_whom_it_counts() -> None:
    study = body("glitazones/study")
    item = table("table_one", "table_one", [({"variable": "sex", "level": "female"}, "target", "n", 20.0)])
    said = "Counted are the persons at risk after the lag of 30 days, as they were at time zero."
    whole = texts(made(study=study, state="synthetic", tables=(item,)))
    assert said in whole
    soon = {**study, "protocol": {**study["protocol"], "lag_days": 0}}
    assert not [
        text for text in texts(made(study=soon, state="synthetic", tables=(item,))) if "after the lag of" in text
    ]
