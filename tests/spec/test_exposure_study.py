# SPDX-License-Identifier: Apache-2.0
"""A study file that enters users, follows them to the end of their exposure and describes it: read, planned, computed as a worker does."""

import pyarrow as pa
import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.parts import study_parts
from rempart.cohort.required import required_columns
from rempart.cohort.study_tables import once
from rempart.errors import BadInput
from rempart.records.omop import layouts
from rempart.records.protocol import CohortPlan, TallyPlan
from rempart.records.study import Study, study_from_dict
from rempart.study.evidence import Evidence, compute
from rempart.study.tallies import tallies_of
from tests import exposure_histories as house
from tests.exposure_histories import Stay
from tests.spec.exposure_cases import on

USERS = {
    "entry": {"any": [{"domain": "drug", "codes": "drug"}], "limit": "first"},
    "exit": {"exposure": "target", "grace_days": 10},
}
DESCRIBED = {"id": "use", "type": "exposure_periods", "design": "cohort"}
PARTS = {
    "cohorts": {"users": USERS},
    "analyses": [{**DESCRIBED, "inputs": {"exposures": ["target"]}, "parameters": {"days": 365, "grid_days": 30}}],
}
KEYS = {"grace_days": 30, "hospital_days": "extend", "switch_to": "comparator"}


def planned(study: Study, query: DuckDBQuery) -> Evidence:
    """The study's evidence, its parts made as in a worker."""
    parts = study_parts(study, cut=house.date(1500))
    made = list(once([part.made for part in parts]))
    tallies = [part.plan for part in parts if isinstance(part.plan, TallyPlan)]
    frames = [part.plan for part in parts if isinstance(part.plan, CohortPlan)]
    return compute(
        query,
        frames,
        tallies,
        prepare=[statement for item in made for statement in item.statements],
        clear=[statement for item in made for statement in item.clear],
    )


@pytest.fixture(scope="module")
def found() -> Evidence:
    """The evidence of four persons."""
    query = DuckDBQuery(threads=1, memory_limit="512MB")
    people: dict[int, house.History] = {
        1: (on(1, 29, 80), ()),  # covered to 56, a gap of 23, covered to 107
        2: (on(1), (Stay(first=11, last=21),)),  # to 38
        3: ((*on(1), *on(15, code=house.OTHER)), ()),  # to 14
        4: ((), ()),
    }
    house.register(query, people)
    none = pa.table(
        {
            "source": pa.array([], pa.string()),
            "scheme": pa.array([], pa.string()),
            "last_day": pa.array([], pa.date32()),
        }
    )
    query.register("usable_interval", none)
    query.register("person", pa.table({"person_id": pa.array(list(people), pa.int64())}))
    query.register("death", pa.table({"person_id": pa.array([], pa.int64()), "death_month": pa.array([], pa.date32())}))
    evidence = planned(house.study(KEYS, PARTS), query)
    query.close()
    return evidence


def test_follow_up_ends_with_the_exposure_and_its_grace(found: Evidence) -> None:
    cells = tallies_of(found["tallies"], "use", "persistence/target")
    days = {(cell.key["days"], cell.key["stopped"]): cell.persons for cell in cells}
    assert days == {("00107", "1"): 1, ("00038", "1"): 1, ("00014", "1"): 1}


def test_only_users_are_in_the_cohort(found: Evidence) -> None:
    assert [cell.persons for cell in tallies_of(found["tallies"], "use", "persons")] == [3]


def test_the_switch_is_seen(found: Evidence) -> None:
    cells = tallies_of(found["tallies"], "use", "switch/target")
    assert {cell.key["switched"]: (cell.persons, cell.total) for cell in cells} == {"yes": (1, 14), "no": (2, 0)}


def test_the_columns_of_packs_stays_and_ends_are_asked_of_the_permit() -> None:
    known = layouts(package_data.toml("records/omop54.toml"))
    required = required_columns(house.study(KEYS, PARTS), known)
    assert required["visit_occurrence"] >= {"visit_concept_id", "visit_start_date", "visit_end_date"}
    assert required["drug_exposure"] >= {"quantity", "dose_unit_source_value", "drug_source_value"}


def test_an_exposure_without_a_rule_is_refused_before_anything_runs() -> None:
    asked = {**PARTS, "analyses": [{**DESCRIBED, "inputs": {"exposures": ["comparator"]}}]}
    with pytest.raises(BadInput, match=r"exposure-supply .*inputs\.exposures\[1\]"):
        house.study(KEYS, asked)


def test_the_study_reads_back_and_names_its_defaults() -> None:
    study = house.study(KEYS, PARTS)
    assert study_from_dict(study.as_dict()) == study
    (analysis,) = study.as_dict()["analyses"]
    assert analysis["parameters"] == {"days": 365, "grid_days": 30}
