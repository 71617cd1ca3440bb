# SPDX-License-Identifier: Apache-2.0
"""A key of the protocol that would do nothing in a study is refused by its name; where an analysis reads it, it stands."""

import copy
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters.package_data import text, toml
from rempart.cli.expected_words import in_language
from rempart.errors import BadInput
from rempart.records.study import study_from_dict, study_or_problems
from rempart.records.study_variants import variants
from rempart.wiring.study_files import judge_study
from tests.rule_histories import study_of

ENTRY = {"any": [{"domain": "drug", "codes": "metformin"}]}
SUPPLY = [{"rule": "fixed", "days": 30, "per": "dispensing", "source": "x", "date": "2026-01-01"}]
METFORMIN = {"metformin": {"domain": "drug", "codes": "metformin", "supply": SUPPLY}}


def changed(example: str, **protocol: Any) -> dict[str, Any]:
    """An example's file with these keys of the protocol."""
    body = copy.deepcopy(toml(f"examples/{example}/study.toml"))
    body["protocol"] |= protocol
    return body


@pytest.mark.parametrize(
    ("protocol", "fields"),
    [
        ({"lag_days": 180}, ["lag_days"]),
        ({"grace_days": 60}, ["grace_days"]),
        ({"follow_up_days": 900}, ["follow_up_days"]),
        ({"estimand": "on-treatment"}, ["estimand"]),
        ({"estimand": "on-treatment", "lag_days": 1, "grace_days": 2}, ["estimand", "lag_days", "grace_days"]),
    ],
)
def test_a_key_that_nothing_reads_is_refused_by_its_line(
    protocol: dict[str, Any], fields: list[str], tmp_path: Path
) -> None:
    written = text("examples/glitazone_match/study.toml")
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in protocol.items() if key != "estimand"]
    estimand = f'estimand = "{protocol.get("estimand", "initiation")}"'
    file = tmp_path / "s.toml"
    file.write_text(written.replace('estimand = "initiation"', "\n".join([estimand, *lines])), encoding="utf-8")
    found, problems = judge_study(file)
    assert found is None
    assert [problem.facts["field"] for problem in problems] == [f"protocol.{field}" for field in fields]
    at = written[: written.index("estimand")].count("\n") + 1
    expected = [at + [*{"estimand": 0} | protocol].index(field) for field in fields]
    assert [problem.facts["line"] for problem in problems] == expected
    for problem in problems:
        told = str(problem.facts["expected"])
        assert in_language(told, "fr") != told


@pytest.mark.parametrize("key", ["lag_days", "grace_days"])
def test_a_default_that_is_written_out_changes_nothing(key: str) -> None:
    body = changed("glitazone_match")
    assert study_from_dict(changed("glitazone_match", **{key: 0})).content_id == study_from_dict(body).content_id


def test_follow_up_days_end_the_curve_of_a_description() -> None:
    study_from_dict(changed("diabetes", follow_up_days=900))


def test_follow_up_days_end_the_curve_of_persistence_where_the_analysis_has_no_days() -> None:
    body = changed("glitazone_match", follow_up_days=900) | {"exposures": METFORMIN}
    body["codes"]["metformin"] = {"system": "CIP13", "include": ["3400930114506"]}
    cohort = next(name for name, item in body["cohorts"].items() if "entry" in item)
    inputs = {"cohort": cohort, "exposures": ["metformin"]}
    periods = {"id": "p", "type": "exposure_periods", "design": "cohort", "inputs": inputs}
    body["analyses"].append(periods)
    study_from_dict(body)
    body["analyses"][-1] = {**periods, "parameters": {"days": 365}}
    with pytest.raises(BadInput, match="study-field") as caught:
        study_from_dict(body)
    assert caught.value.facts["field"] == "protocol.follow_up_days"


def test_grace_acts_on_treatment_alone() -> None:
    with pytest.raises(BadInput, match="study-field") as caught:
        study_from_dict(changed("glitazones", grace_days=30))
    assert caught.value.facts["field"] == "protocol.grace_days"
    study_from_dict(changed("glitazones", grace_days=30, estimand="on-treatment"))


def test_a_study_with_both_kinds_of_analyses_keeps_what_its_comparisons_read() -> None:
    body = changed("glitazones", estimand="on-treatment", grace_days=30)
    body["cohorts"]["users"] = {"entry": {"any": [{"domain": "drug", "codes": "pioglitazone"}]}}
    body["analyses"].append({"id": "users", "type": "attrition", "design": "cohort", "inputs": {"cohort": "users"}})
    assert study_from_dict(body).protocol.lag_days == 30


def test_a_description_is_on_treatment_where_a_cohort_ends_with_it() -> None:
    leaves = study_of({"x": {"entry": ENTRY, "exit": {"exposure": "metformin"}}}, exposures=METFORMIN).as_dict()
    leaves["protocol"]["estimand"] = "on-treatment"
    assert study_from_dict(leaves).protocol.on_treatment
    users = {"entry": ENTRY, "exit": {"exposure": "metformin"}}
    for cohorts in ({"x": {"entry": ENTRY}, "y": users}, {"x": {"entry": {"any": [{"cohort": "y"}]}}, "y": users}):
        stays = study_of(cohorts, exposures=METFORMIN).as_dict()  # x is what is described
        stays["protocol"]["estimand"] = "on-treatment"
        with pytest.raises(BadInput, match="study-field") as caught:
            study_from_dict(stays)
        assert caught.value.facts["field"] == "protocol.estimand"


ARMS = {"target": SUPPLY, "comparator": SUPPLY}


@pytest.mark.parametrize(
    "keys", [{}, {"grace_days": 30}, {"lag_days": 3, "induction_days": 5, "switch_to": "comparator"}]
)
def test_periods_that_nothing_reads_are_refused_by_the_exposure_s_name(keys: dict[str, Any]) -> None:
    """With ``initiation`` no treatment ends: a grid over these keys would be several studies with one set of figures."""
    body = changed("glitazones")
    for arm in ARMS:
        body["exposures"][arm]["supply"] = SUPPLY
    body["exposures"]["target"] |= keys
    found, problems = study_or_problems(body)
    assert found is None
    assert [problem.facts["field"] for problem in problems] == [f"exposures.{name}.supply" for name in sorted(ARMS)]
    told = str(problems[0].facts["expected"])
    assert in_language(told, "fr") != told


def test_periods_that_something_reads_stand() -> None:
    body = changed("glitazones", estimand="on-treatment")
    for arm in ARMS:
        body["exposures"][arm]["supply"] = SUPPLY
    assert study_from_dict(body).content_id
    leaves = {"x": {"entry": ENTRY, "exit": {"exposure": "metformin"}}}
    assert study_of(leaves, exposures=METFORMIN).content_id
    body["protocol"]["estimand"] = "initiation"
    body["cohorts"]["users"] = {"entry": {"any": [{"domain": "drug", "codes": "pioglitazone"}]}}
    described = {"type": "pathways", "design": "cohort", "inputs": {"cohort": "users", "exposures": [*ARMS]}}
    body["analyses"].append({"id": "paths", **described})
    assert study_from_dict(body).content_id


def test_a_variant_on_treatment_brings_the_rules_of_supply() -> None:
    level = {"protocol.estimand": "on-treatment", **{f"exposures.{arm}.supply": SUPPLY for arm in ARMS}}
    (item,) = variants(changed("glitazones") | {"variants": {"v": {"axis": {"stop": level}}}})
    assert study_from_dict(item.parsed).protocol.on_treatment


@pytest.mark.parametrize(("supplied", "bare"), [("target", "comparator"), ("comparator", "target")])
def test_both_arms_or_neither_say_how_long_a_supply_lasts(supplied: str, bare: str) -> None:
    """Else who leaves treatment leaves by arm: after months of packs, or a day after the first."""
    body = changed("glitazones", estimand="on-treatment")
    body["exposures"][supplied]["supply"] = SUPPLY
    with pytest.raises(BadInput, match=rf"study-field .*inputs\.{bare}.*supply") as caught:
        study_from_dict(body)
    told = str(caught.value.facts["expected"])
    assert in_language(told, "fr") != told
