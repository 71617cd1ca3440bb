# SPDX-License-Identifier: Apache-2.0
"""An ATLAS definition the whole way: file beside the study, permit, grant, workers, result; its counts are those of the project's rows."""

import json

import pytest

from tests.atlas_house import entry
from tests.faults.warehouse.place import Place
from tests.faults.warehouse.test_rule_cohort_runs import most_seen, of_project, permit_with, run
from tests.spec.test_atlas_rows import around, rule

MORE = {
    "drug_exposure": [
        "drug_exposure_id", "drug_exposure_start_date", "drug_exposure_end_date", "days_supply", "drug_concept_id",
        "drug_source_concept_id", "drug_source_value", "visit_occurrence_id",
    ],
    "visit_occurrence": ["visit_occurrence_id", "visit_start_date", "visit_end_date", "visit_concept_id"],
}  # fmt: skip
STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0002"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
[cohorts.users]
atlas = "users.json"
[cohorts.women]
entry = { any = [{ cohort = "users" }], limit = "every" }
sex = ["female"]
[[analyses]]
id = "flow"
type = "attrition"
design = "cohort"
inputs = { cohort = "users" }
[[analyses]]
id = "women"
type = "attrition"
design = "cohort"
inputs = { cohort = "women" }
[[analyses]]
id = "time"
type = "person_time"
design = "cohort"
inputs = { cohort = "users" }
"""


@pytest.fixture
def granted(place: Place) -> Place:
    """A project with what the definition asks for."""
    permit_with(place, MORE)
    done = place.grant("second")
    assert done.code == 0, done.told
    return place


def test_an_atlas_definition_runs_from_its_file_to_the_result(granted: Place) -> None:
    query = of_project(granted)
    packs = [int(concept) for concept in most_seen(query, "drug_exposure", "drug_source_concept_id", 30)]
    sets = [{"id": 1, "expression": {"items": [{"concept": {"CONCEPT_ID": concept}} for concept in packs]}}]
    seen = around({"VisitOccurrence": {}}, -365, 0)
    definition = {
        **entry({"DrugExposure": {"DrugSourceConcept": 1}}, InclusionRules=[rule("seen before", seen)]),
        "ConceptSets": sets,
        "EndStrategy": {"DateOffset": {"DateField": "StartDate", "Offset": 30}},
    }
    (granted.root / "users.json").write_text(json.dumps(definition), encoding="utf-8")
    _, steps = run(granted, STUDY)
    entered = (
        "SELECT DISTINCT d.person_id, drug_exposure_start_date AS day, o.observation_period_start_date AS op FROM drug_exposure AS d "
        "JOIN observation_period AS o ON o.person_id = d.person_id AND drug_exposure_start_date BETWEEN "
        f"o.observation_period_start_date AND o.observation_period_end_date WHERE drug_source_concept_id IN ({', '.join(map(str, packs))})"
    )
    met = (
        f"SELECT e.* FROM ({entered}) e SEMI JOIN visit_occurrence v ON v.person_id = e.person_id "
        "AND v.visit_start_date BETWEEN greatest(e.day - 365, e.op) AND e.day"
    )
    # a period begins on a day that no period of thirty days before it reaches
    begun = (
        f"SELECT e.person_id FROM ({met}) e ANTI JOIN ({met}) b ON b.person_id = e.person_id AND b.day < e.day AND b.day + 30 >= e.day "
        "WHERE year(e.day) = 2013"
    )
    of_women = f"SELECT person_id FROM ({begun}) SEMI JOIN (SELECT * FROM person WHERE gender_concept_id = 8532) USING (person_id)"
    entries, kept, first, women = (
        int(query.table(f"SELECT count(DISTINCT person_id) AS n FROM ({sql})").column("n")[0].as_py())
        for sql in (entered, met, begun, of_women)
    )
    found = [int(value or 0) for (output, _), value in sorted(steps.items()) if output == "attrition_flow"]
    assert entries > kept > first > 0
    assert found == [entries, kept, kept, first]
    assert [int(value or 0) for (output, _), value in sorted(steps.items()) if output == "attrition_women"][-1] == women

    definition["InclusionRules"] = [rule("seen before", around({"VisitOccurrence": {}}, None, 0))]
    (granted.root / "users.json").write_text(json.dumps(definition), encoding="utf-8")
    planned = granted.run("study", "plan", str(granted.root / "rules.toml"))
    assert planned.answer["data"]["all_before"] == [{"cohort": "users", "part": "InclusionRules[1] (seen before)"}]
