# SPDX-License-Identifier: Apache-2.0
"""The worked studies that come with Rempart: each fits its own permit and no smaller one, has its page, is told wrong where it is."""

import tomllib
from pathlib import Path

import pytest

from rempart.adapters import package_data
from rempart.cohort.required import required_columns
from rempart.errors import Refused
from rempart.permits.check_study import check_study
from rempart.records.omop import layouts, whole_layouts
from rempart.records.permit import permit_from_dict
from rempart.wiring.study_files import judge_study

WORKED = (
    "diabetes",
    "glitazone_use",
    "glitazone_match",
    "glitazone_trials",
    "anticoagulant_switch",
    "covid_vaccines",
    "progestogens",
    "pioglitazone_bladder",
    "fine_particles",
    "benfluorex_valves",
    "hypoglycaemia",
)
OMOP = package_data.toml("records/omop54.toml")
LAYOUTS = {**layouts(OMOP), **whole_layouts(OMOP)}


def text(name: str, file: str) -> str:
    """A file of a worked study."""
    return package_data.text(f"examples/{name}/{file}")


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_study_fits_its_permit_and_no_smaller_one(name: str, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(text(name, "study.toml"), encoding="utf-8")
    held, problems = judge_study(file)
    assert not problems
    assert held is not None
    given = tomllib.loads(text(name, "permit.toml"))
    required = required_columns(held.study, LAYOUTS)
    check_study(held.study, permit_from_dict(given), LAYOUTS, required=required)
    assert {table["name"]: frozenset(table["columns"]) for table in given["tables"]} == required, "nothing to spare"
    for variant in held.variants.values():
        check_study(variant, permit_from_dict(given), LAYOUTS, required=required_columns(variant, LAYOUTS))
    for table in given["tables"]:
        left = [
            other if other is not table else {**table, "columns": table["columns"][1:]} for other in given["tables"]
        ]
        with pytest.raises(Refused, match="study-column"):
            check_study(held.study, permit_from_dict({**given, "tables": left}), LAYOUTS, required=required)


@pytest.mark.parametrize("name", WORKED)
def test_one_thing_that_is_wrong_is_told_alone(name: str, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    whole = text(name, "study.toml")
    file.write_text(whole.replace('death = "', 'death = "x', 1), encoding="utf-8")
    found, problems = judge_study(file)
    assert found is None
    assert [problem.facts["line"] for problem in problems] == [whole[: whole.index('death = "')].count("\n") + 1]


@pytest.mark.parametrize("name", WORKED)
def test_a_worked_study_has_a_page_of_one_screen_that_names_its_analyses(name: str) -> None:
    page = text(name, "README.md")
    assert len(page.splitlines()) <= 50
    for analysis in tomllib.loads(text(name, "study.toml"))["analyses"]:
        assert f"`{analysis['id']}`" in page
