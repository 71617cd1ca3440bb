# SPDX-License-Identifier: Apache-2.0
"""Every description of a rule cohort the whole way: permit, grant, workers, result, disclosure; counted from the project's rows."""

from types import SimpleNamespace
from typing import cast

import pytest

from rempart.adapters.package_data import toml
from rempart.disclosure.check import check
from tests.faults.warehouse.place import Place
from tests.faults.warehouse.test_rule_cohort_runs import MORE, most_seen, of_project, permit_with
from tests.journeys.house import House
from tests.journeys.raw_result import raw_rows

DRUG = [*MORE["drug_exposure"], "quantity", "dispensing_provider_id", "drug_exposure_end_date", "days_supply"]
TABLES = {**MORE, "drug_exposure": DRUG, "delivery": ["target_population", "fraction", "weight"]}
STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0002"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
[codes.packs]
system = "CIP13"
include = PACKS
[codes.any]
system = "CIM10"
include = ["C", "E", "I"]
[cohorts.users]
entry = { any = [{ domain = "drug", codes = "packs" }] }
exit = { days = 200 }
[cohorts.women]
sex = ["female"]
entry = { any = [{ cohort = "users" }] }
[cohorts.rest]
of = { difference = ["users", "women"] }
[exposures.packs]
domain = "drug"
codes = "packs"
supply = [{ rule = "fixed", days = 30 }]
[outcomes.illness]
any = [{ domain = "condition", codes = "any" }]
[populations.town]
source = "a census"
date = 2013-01-01
rows = [{ persons = 1000 }]
[covariates.age]
type = "age"
bands = [50, 65]
[covariates.sex]
type = "sex"
ANALYSES
"""
ALL = {
    "attrition": 'inputs = { cohort = "users" }',
    "table_one": 'inputs = { cohorts = ["women", "rest"] }',
    "incidence_rate": 'inputs = { cohort = "users", standard = "esp2013" }\nparameters = { by = ["age*sex", "place"], bands = [50, 65] }',
    "prevalence": 'inputs = { cohort = "users" }\nparameters = { points = [2013-07-01], lookback_days = 100 }',
    "drug_utilisation": 'inputs = { cohort = "users" }',
    "pathways": 'inputs = { cohort = "users" }',
    "follow_up": 'inputs = { cohort = "users" }',
    "person_time": 'inputs = { cohort = "users" }\nparameters = { bands = [50, 65] }',
}


@pytest.fixture
def granted(place: Place) -> Place:
    """A project with what the descriptions ask for."""
    permit_with(place, TABLES)
    done = place.grant("second")
    assert done.code == 0, done.told
    return place


def study(place: Place, analyses: dict[str, str], packs: list[str]) -> str:
    """The study file with these descriptions."""
    blocks = [
        f'[[analyses]]\nid = "{kind}"\ntype = "{kind}"\ndesign = "cohort"\n{text}\n' for kind, text in analyses.items()
    ]
    file = place.root / "described.toml"
    text = STUDY.replace("PACKS", str(packs)).replace("ANALYSES", "\n".join(blocks))
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_every_description_runs_and_is_checked(granted: Place) -> None:
    query = of_project(granted)
    packs = most_seen(query, "drug_exposure", "drug_source_value", 40)
    ran = granted.run("study", "run", study(granted, ALL, packs), "--key", granted.key("alice"), "--workers", "1")
    assert ran.code == 0, ran.told
    rows = raw_rows(cast(House, SimpleNamespace(warehouse=granted.directory)), str(ran.answer["data"]["run"]))
    users = query.table(
        "SELECT count(DISTINCT person_id) AS n FROM drug_exposure AS d SEMI JOIN observation_period AS o ON o.person_id = d.person_id "
        "AND drug_exposure_start_date BETWEEN o.observation_period_start_date AND o.observation_period_end_date "
        f"WHERE list_contains({packs}, drug_source_value) AND year(drug_exposure_start_date) = 2013"
    )
    persons = {
        row.n_persons
        for row in rows
        if row.output in {"pathways", "follow_up_reasons"} and row.row_key["level"] == "all"
    }
    assert persons == {users.column("n")[0].as_py()}
    ends = {
        row.persons_ref
        for row in rows
        if row.row_key.get("level") == "all" and row.output != "drug_use" and row.value in persons
    }
    assert len(ends) == 1, "one person set has one name in every output"
    tables = check(rows, toml("disclosure/rules.toml"))
    assert {table.output for table in tables} >= {
        "incidence_by",
        "incidence_standardised",
        "prevalence",
        "drug_use",
        "person_time",
    }
    assert not any(
        row.value is not None and 0 < row.value < 11 for table in tables for row in table.rows if row.unit == "persons"
    )


def test_a_rate_of_a_population_that_no_delivery_declares_is_refused(granted: Place) -> None:
    packs = ["3400935563248"]
    claims = 'parameters = { claims = "all insured persons" }'
    for kind, denominator in (("incidence_rate", "observed"), ("prevalence", "town")):
        inputs = f'inputs = {{ cohort = "users", denominator = "{denominator}" }}'
        file = study(granted, {kind: f"{inputs}\n{claims}"}, packs)
        checked = granted.run("study", "check", file)
        assert checked.code == 0, checked.told
        ran = granted.run("study", "run", file, "--key", granted.key("alice"), "--workers", "1")
        assert ran.error == "rate-of-a-selection", ran.told
    unsaid = study(granted, {"incidence_rate": 'inputs = { cohort = "users", denominator = "town" }'}, packs)
    told = granted.run("study", "check", unsaid)
    assert (told.error, "parameters.claims" in str(told.told)) == ("study-field", True), told.told
