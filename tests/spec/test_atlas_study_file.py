# SPDX-License-Identifier: Apache-2.0
"""A study file that names an ATLAS definition: what its id holds, what it reads, what its permit must allow, and where it is wrong."""

import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.cohort.required import required_columns
from rempart.errors import BadInput, Refused, RempartError
from rempart.permits.check_study import check_study
from rempart.records.omop import layouts, whole_layouts
from rempart.records.permit import permit_from_dict
from rempart.records.study import Study, study_from_dict
from rempart.wiring.study_files import judge_study, one_study, read_study
from tests.atlas_house import entry
from tests.spec.test_atlas_rows import around, condition, drug, rule

_PARSED = package_data.toml("records/omop54.toml")
KNOWN = {**layouts(_PARSED), **whole_layouts(_PARSED)}
HEAD = """schema = "rempart.study/1"
permit = "P-2026-0001"

[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2015-01-01, 2022-12-31]
"""
FLOW = """
[[analyses]]
id = "flow"
type = "attrition"
design = "cohort"
inputs = { cohort = "ill" }
"""
ILL = '\n[cohorts.ill]\natlas = "phenotype.json"\n'
DIAGNOSED = entry(condition(5), InclusionRules=[rule("not treated", around(drug(7), -365, -1, kind=0, count=0))])


def written(folder: Path, definition: object, cohorts: str = ILL, more: str = FLOW) -> Path:
    """A study file beside a definition."""
    (folder / "phenotype.json").write_text(json.dumps(definition), encoding="utf-8")
    (folder / "study.toml").write_text(HEAD + cohorts + more, encoding="utf-8")
    return folder / "study.toml"


def problems(path: Path) -> list[RempartError]:
    """All that is wrong with a file."""
    study, found = judge_study(path)
    assert study is None
    return found


def test_the_study_s_id_holds_the_content_of_the_definition(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, DIAGNOSED)).study
    assert study_from_dict(study.as_dict()) == study
    assert "phenotype.json" not in json.dumps(study.as_dict(), default=str)
    changed = json.loads(json.dumps(DIAGNOSED).replace("365", "366"))
    assert read_study(written(tmp_path, changed)).study.content_id != study.content_id
    (tmp_path / "other.json").write_text(json.dumps(DIAGNOSED, indent=3), encoding="utf-8")
    other = written(tmp_path, {}, ILL.replace("phenotype", "other"))
    assert read_study(other).study.content_id == study.content_id  # neither its name nor its spaces
    unused = {**DIAGNOSED, "ConceptSets": DIAGNOSED["ConceptSets"][:7]}
    assert read_study(written(tmp_path, unused)).study.content_id == study.content_id
    assert study_from_dict(study.as_dict()).content_id == study.content_id  # when the file is gone, too


def test_concepts_stand_in_a_file_beside_it(tmp_path: Path) -> None:
    wide = {"concept": {"CONCEPT_ID": 5}, "includeDescendants": True}
    definition = {**DIAGNOSED, "ConceptSets": [{"id": n, "expression": {"items": [wide]}} for n in (5, 7)]}
    path = written(tmp_path, definition)
    (error,) = problems(path)
    assert (error.code, error.facts["number"]) == ("atlas-concepts", 5)
    (tmp_path / "c.csv").write_text("concept_set;concept_id;name\n5;50;a\n5;51;b\n7;70;c\n", encoding="utf-8")
    path = written(tmp_path, definition, ILL + 'concepts = "c.csv"\n')
    study = read_study(path).study
    atlas = study.rules["ill"].atlas
    assert atlas is not None
    assert {n: [entry[0] for entry in given.include] for n, given in atlas.code_sets.items()} == {5: [50, 51], 7: [70]}
    (tmp_path / "c.csv").write_text("concept_set;concept_id\n7;70\n5;51\n5;50\n", encoding="utf-8")
    assert read_study(path).study.content_id == study.content_id


def test_what_is_wrong_has_its_line_or_its_place_in_the_definition(tmp_path: Path) -> None:
    later = entry(condition(5), InclusionRules=[rule("treated", around(drug(7), 0, 30))])
    (error,) = problems(written(tmp_path, later))
    assert (error.code, error.facts["file"], error.facts["line"]) == ("reads-after-time-zero", "study.toml:11", 11)
    assert read_study(written(tmp_path, later, ILL + "landmark_days = 30\n")).study.rules["ill"].landmark == 30
    (error,) = problems(written(tmp_path, entry({"ConditionOccurrence": {"Season": 3}})))
    assert (error.code, error.facts["file"]) == ("cohort-word", "phenotype.json")
    assert error.facts["field"] == "PrimaryCriteria.CriteriaList[0].ConditionOccurrence.Season"
    (error,) = problems(written(tmp_path, DIAGNOSED, ILL.replace("phenotype", "nowhere")))
    assert error.code == "file-missing"
    (error,) = problems(written(tmp_path, DIAGNOSED, ILL + "washout_days = 30\n"))
    assert (error.code, error.facts["key"], error.facts["line"]) == ("unknown-key", "cohorts.ill.washout_days", 12)
    (error,) = problems(written(tmp_path, DIAGNOSED, "\n[cohorts.ill]\natlas = 3\n"))
    assert (error.code, error.facts["field"], error.facts["line"]) == ("study-field", "cohorts.ill.atlas", 11)


def test_it_serves_other_cohorts_matching_and_every_description(tmp_path: Path) -> None:
    cohorts = (
        ILL
        + """
[cohorts.treated]
entry = { any = [{ cohort = "ill" }] }
include = [{ cohort = "ill", days = [-30, 0], overlap = true }]

[cohorts.both]
of = { intersection = ["ill", "treated"] }

[cohorts.controls]
match = { to = "ill", from = "treated", kind = "exact", ratio = 1, on = ["age"] }

[covariates.sex]
type = "sex"

[codes.statin]
system = "CIP13"
include = ["3333333333333"]

[exposures.statin]
domain = "drug"
codes = "statin"
supply = [{ rule = "fixed", days = 30 }]
"""
    )
    kinds = {
        "table_one": 'inputs = { cohorts = ["ill", "controls"], covariates = ["sex"] }',
        "incidence_rate": 'inputs = { cohort = "ill", outcome = "both" }',
        "prevalence": 'inputs = { cohort = "treated", outcome = "ill" }',
        "drug_utilisation": 'inputs = { cohort = "ill", exposures = ["statin"] }',
        "pathways": 'inputs = { cohort = "ill", exposures = ["statin"] }',
        "follow_up": 'inputs = { cohort = "ill" }',
        "person_time": 'inputs = { cohort = "ill" }',
    }
    more = "".join(
        f'\n[[analyses]]\nid = "{kind}"\ntype = "{kind}"\ndesign = "cohort"\n{inputs}\n'
        for kind, inputs in kinds.items()
    )
    study = read_study(written(tmp_path, DIAGNOSED, cohorts, FLOW + more)).study
    assert {"condition_concept_id", "condition_end_date"} <= required_columns(study, KNOWN)["condition_occurrence"]


@pytest.mark.parametrize("offset", [0, 30])
def test_a_cohort_whose_gaps_a_later_refill_bridges_is_no_condition(tmp_path: Path, offset: int) -> None:
    era = entry(drug(7), EndStrategy={"CustomEra": {"DrugCodesetId": 7, "GapDays": 30, "Offset": offset}})
    within = 'include = [{ cohort = "ill", days = [-9, 0], overlap = true, name = "in" }]'
    inside = f'\n[cohorts.x]\nentry = {{ any = [{{ cohort = "ill" }}] }}\n{within}\n'
    (error,) = problems(written(tmp_path, era, ILL + inside))
    assert (error.code, error.facts["field"]) == ("reads-after-time-zero", "cohorts.x.include[1] (in)")
    read_study(written(tmp_path, era, ILL + inside.replace("[-9, 0]", "[-90, -30]")))


def permit(columns: dict[str, list[str]], lookback: str = "2014-01-01", **more: Any) -> Any:
    """A permit of these columns."""
    return permit_from_dict(
        {
            "schema": "rempart.permit/1",
            "id": "P-2026-0001",
            "project": "phenotypes",
            "purpose": "t",
            "basis": "b",
            "persons": ["alice"],
            "valid": [datetime.date(2026, 1, 1), datetime.date(2027, 1, 1)],
            "lookback": datetime.date.fromisoformat(lookback),
            "period": [datetime.date(2015, 1, 1), datetime.date(2022, 12, 31)],
            "rows": {},
            "tables": [{"name": name, "columns": given} for name, given in columns.items()],
            **more,
        }
    )


def checked(study: Study, columns: dict[str, list[str]], lookback: str = "2014-01-01", **more: Any) -> None:
    """The study under a permit."""
    check_study(study, permit(columns, lookback, **more), KNOWN, required=required_columns(study, KNOWN))


def test_the_permit_must_name_the_columns_that_it_reads_and_reach_back_as_far(tmp_path: Path) -> None:
    study = one_study(written(tmp_path, DIAGNOSED))
    needed = {table: sorted(columns) for table, columns in required_columns(study, KNOWN).items()}
    assert needed == {
        "condition_occurrence": sorted(
            ["condition_concept_id", "condition_end_date", "condition_occurrence_id", "condition_start_date", "visit_occurrence_id"]
        ),
        "drug_exposure": sorted(
            [
                "days_supply", "drug_concept_id", "drug_exposure_end_date", "drug_exposure_id", "drug_exposure_start_date",
                "visit_occurrence_id",
            ]
        ),
        "observation_period": ["observation_period_end_date", "observation_period_start_date"],
    }  # fmt: skip
    checked(study, needed)
    for table in needed:
        with pytest.raises(Refused, match="study-column"):
            checked(study, {**needed, table: needed[table][1:]})
    with pytest.raises(Refused, match="window-before-lookback") as caught:
        checked(study, needed, "2014-01-02")
    assert caught.value.facts["what"] == "cohorts.ill.atlas.InclusionRules[1] (not treated)"


def test_a_part_that_reads_all_the_days_before_is_refused_under_any_depth(tmp_path: Path) -> None:
    study = one_study(written(tmp_path, entry(condition(5, First=True))))
    needed = {table: sorted(columns) for table, columns in required_columns(study, KNOWN).items()}
    checked(study, needed)
    with pytest.raises(Refused, match="window-beyond-depth") as caught:
        checked(study, needed, depth=99)
    assert caught.value.facts["what"] == "cohorts.ill.atlas.PrimaryCriteria[1] (ConditionOccurrence)"


def test_hand_written_text_runs_no_statement_of_its_own(tmp_path: Path) -> None:
    body = read_study(written(tmp_path, DIAGNOSED)).study.as_dict()
    told = json.loads(body["cohorts"]["ill"]["atlas"])
    for change in (
        {"domain": "person; DROP TABLE person"},
        {"conditions": [{"is": "Number", "attribute": "age) OR (true", "comparison": "gt", "value": 1}]},
    ):
        told["primary"] = [{**told["primary"][0], **change}]
        body["cohorts"]["ill"]["atlas"] = json.dumps(told)
        with pytest.raises(BadInput, match="atlas-not-in-project"):
            required_columns(study_from_dict(body), KNOWN)


def test_the_example_of_the_page_can_be_checked_and_run(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "atlas.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(toml|json|csv)\n(.*?)```", text, re.DOTALL))
    for name, kind in (("study.toml", "toml"), ("fibrillation.json", "json"), ("concepts.csv", "csv")):
        (tmp_path / name).write_text(blocks[kind], encoding="utf-8")
    study = read_study(tmp_path / "study.toml").study
    atlas = study.rules["fibrillation"].atlas
    assert atlas is not None
    assert [entry[0] for entry in atlas.code_sets[0].include] == [313217, 4154290]
    assert set(required_columns(study, KNOWN)) == {"condition_occurrence", "drug_exposure", "observation_period"}
