# SPDX-License-Identifier: Apache-2.0
"""What a study file is told for its author's slips: the slip itself, once, by the name of what holds it, in the reader's language."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.figure_words import Words
from rempart.cli.voice import Voice
from rempart.cohort.required import required_columns
from rempart.errors import Refused, RempartError
from rempart.permits.check_study import check_study
from rempart.records.omop import layouts, whole_layouts
from rempart.records.study import study_or_problems
from rempart.release.tables import value_text
from rempart.wiring.study_files import judge_study
from tests.disclosure_rows import row
from tests.journeys.house import call
from tests.rule_histories import Person, answer, day, study_of
from tests.spec.test_rule_cohort_refusals import permit

EXAMPLE = package_data.text("examples/glitazones/study.toml")
ENTRY = 'entry = { any = [{ domain = "drug", codes = "pioglitazone" }] }'
RULE = f"[cohorts.takers]\n{ENTRY}\n"
_PARSED = package_data.toml("records/omop54.toml")
KNOWN = {**layouts(_PARSED), **whole_layouts(_PARSED)}
DIABETES = {"any": [{"domain": "condition", "codes": "diabetes"}]}


def wrong(tmp_path: Path, text: str) -> list[RempartError]:
    """All that is wrong with a study file of that text."""
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    return judge_study(tmp_path / "s.toml")[1]


def test_an_analysis_of_a_rule_cohort_that_forgot_its_design_is_told_so(tmp_path: Path) -> None:
    asked = '[[analyses]]\nid = "mine"\ntype = "incidence_rate"\ninputs = { cohort = "takers" }\n'
    error, *more = wrong(tmp_path, f"{EXAMPLE}\n{RULE}\n{asked}")
    assert (error.code, error.facts["name"], more) == ("design-cohort", "takers", [])
    assert 'design = "cohort"' in Voice("fr", as_json=False).hint(error)


def test_an_id_that_comes_twice_is_named_with_its_line(tmp_path: Path) -> None:
    asked = '[[analyses]]\nid = "{}"\ntype = "attrition"\ndesign = "cohort"\ninputs = {{ cohort = "takers" }}\n'
    text = f"{EXAMPLE}\n{RULE}\n{asked.format('one')}{asked.format('one')}"
    (error,) = wrong(tmp_path, text)
    assert "one comes twice" in str(error.facts["expected"])
    assert error.facts["line"] == text[: text.rindex("[[analyses]]")].count("\n") + 1


def problems(**more: Any) -> list[RempartError]:
    """All that is wrong with a study of two drugs."""
    base: Mapping[str, Any] = study_of({"x": {"entry": DIABETES}}).as_dict()
    return study_or_problems({**base, **more})[1]


def test_an_exposure_that_cannot_be_read_is_told_once() -> None:
    pack = {"code": "3400935563248", "units": 30, "strength": 5}
    other = {"domain": "drug", "codes": "insulin", "supply": [{"rule": "fixed", "days": 30}], "switch_to": "target"}
    target = {"domain": "drug", "codes": "metformin", "supply": [{"rule": "fixed", "days": 30}], "packs": [pack]}
    told = [error.facts.get("field") for error in problems(exposures={"target": target, "comparator": other})]
    assert told == ["exposures.target.dose_unit"]
    told = [error.facts.get("field") for error in problems(exposures={"comparator": other})]
    assert told == ["exposures.comparator.switch_to"]


def test_a_key_that_is_absent_is_said_to_be_missing() -> None:
    target = {"domain": "drug", "codes": "metformin", "supply": [{"rule": "fixed", "days": 30}], "stockpiling": "cap"}
    (error,) = problems(exposures={"target": target})
    assert str(error.facts["expected"]).endswith("(it is missing)")
    assert "(la clé manque)" in Voice("fr", as_json=False).error_line(error)


def test_a_cohorts_own_period_outside_the_permit_names_the_cohort() -> None:
    study = study_of({"x": {"entry": DIABETES, "period": [day(-1), day(9)]}})
    with pytest.raises(Refused) as caught:
        check_study(study, permit(), KNOWN, required=required_columns(study, KNOWN))
    assert (caught.value.code, caught.value.facts["what"]) == ("study-period", "cohorts.x.period")
    assert "resserrez cohorts.x.period" in Voice("fr", as_json=False).hint(caught.value)


def test_a_cohort_of_the_last_entry_is_told_the_landmark_that_it_needs() -> None:
    (error,) = problems(cohorts={"x": {"entry": {**DIABETES, "limit": "last"}}})
    assert error.code == "reads-after-time-zero"
    assert 'landmark = "period_end"' in Voice("fr", as_json=False).hint(error)


@pytest.mark.parametrize("name", ["insuline dans l'année", "l’année", "a'; DROP TABLE person; --", 'une "autre"'])
def test_a_rules_name_may_hold_an_apostrophe_and_stays_what_it_is(name: str) -> None:
    rule = {"domain": "drug", "codes": "insulin", "days": [-365, 0], "name": name}
    study = study_of({"x": {"entry": DIABETES, "include": [rule], "exclude": [rule]}})
    query = DuckDBQuery(threads=1, memory_limit="256MB")
    told = answer(query, study, {7: Person()})
    query.close()
    assert told.steps[-2:] == [name, f"without {name}"]


def test_french_of_a_wrong_name_has_no_english_word() -> None:
    (error,) = problems(
        exposures={}, analyses=[{"id": "a", "type": "pathways", "design": "cohort", "inputs": {"exposures": ["z"]}}]
    )
    assert "none is defined" not in Voice("fr", as_json=False).error_line(error)


@pytest.mark.parametrize("more", [(), ("--every-variant",)])
def test_a_plan_without_a_warehouse_says_what_can_be_had_without(tmp_path: Path, more: tuple[str, ...]) -> None:
    (tmp_path / "s.toml").write_text(EXAMPLE, encoding="utf-8")
    told = call("study", "plan", tmp_path / "s.toml", *more, "--dir", tmp_path / "none", "--json")
    assert told.error["code"] == "plan-warehouse"
    assert "--dry-run" in told.error["hint"]


def test_nothing_is_written_as_less_than_nothing() -> None:
    small = replace(row("means", "mean", {}, "all", "mean", -0.0), status="rounded")
    assert value_text(small) == "0.0"
    words = Words(data=package_data.toml("adapters/figures.toml"), language="fr", names={}, about={})
    assert words.estimate(-0.04, form=".1f") == "0,0"
    assert words.estimate(-0.4, form=".1f") == "−0,4"
