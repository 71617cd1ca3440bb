# SPDX-License-Identifier: Apache-2.0
"""The potential identifiers: coarse by default, one at a time, and permits of before as they were."""

import datetime
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.errors import BadInput, Refused
from rempart.permits.coarse import CARE_DAYS, FINE
from rempart.permits.compile import compile_permit
from rempart.records.permit import Permit, permit_from_dict
from tests.disclosure_rows import toml
from tests.properties.test_project_rows import LAYOUTS
from tests.properties.test_subset_proof import as_it_is, proof, refused

BODY = toml("examples/glitazones/permit.toml")
TABLES = [
    {"name": "person", "columns": ["year_of_birth", "month_of_birth", "commune_source_value"]},
    {"name": "death", "columns": ["death_month", "death_date"]},
    {"name": "drug_exposure", "columns": ["drug_exposure_start_date", "drug_source_value"]},
]
CARE = [{"name": "drug_exposure", "columns": ["drug_exposure_start_date", "drug_source_value"]}]


def permit(**changes: Any) -> Permit:
    """The example with fields changed."""
    return permit_from_dict({**BODY, **changes})


def code(**changes: Any) -> str:
    """What compiling such a permit says; '' where it goes."""
    try:
        compile_permit(permit(**changes), LAYOUTS)
    except (Refused, BadInput) as error:
        return error.code
    return ""


def test_a_permit_that_says_nothing_of_identifiers_is_as_it_was() -> None:
    assert "identifiers" not in permit().as_dict() and permit().identifiers is None
    assert code(tables=TABLES) == ""
    part = compile_permit(permit(tables=CARE), LAYOUTS)["drug_exposure"]["main"]
    assert part.expressions == part.columns


@pytest.mark.parametrize("name", sorted(name for name, columns in FINE.items() if columns))
def test_each_fine_column_waits_for_its_own_identifier(name: str) -> None:
    for table, column in FINE[name]:
        tables = [{"name": table, "columns": [column]}]
        assert code(tables=tables, identifiers={}) == "permit-identifier"
        assert code(tables=tables, identifiers={CARE_DAYS: "why"}) == "permit-identifier"
        assert code(tables=tables, identifiers={name: "why"}) == ""


def test_one_at_a_time_unless_a_decree_fixes_the_perimeter() -> None:
    two = {"birth-month": "why", "commune": "why"}
    assert code(identifiers=two) == "permit-identifiers"
    assert code(identifiers=two, perimeter="decree of an invented day") == ""
    assert code(identifiers={"face": "why"}) == "permit-field"
    with pytest.raises(BadInput):
        permit(identifiers={"commune": " "})


def test_days_of_care_are_told_by_their_month_unless_the_permit_gives_days() -> None:
    for identifiers, days in (({}, [1]), ({CARE_DAYS: "intervals"}, [17])):
        part = compile_permit(permit(tables=CARE, identifiers=identifiers), LAYOUTS)["drug_exposure"]["main"]
        query = DuckDBQuery(threads=1, memory_limit="128MB")
        told = query.table(
            f"SELECT {part.expressions[0]} AS d FROM (SELECT DATE '2014-03-17' AS drug_exposure_start_date)"
        )
        query.close()
        assert told.column(0).to_pylist() == [datetime.date(2014, 3, days[0])]


@pytest.mark.parametrize("table", ["drug_exposure", "location_history", "mother_child"])
def test_months_in_place_of_days_are_proven_too(table: str) -> None:
    columns = ["drug_exposure_start_date"] if table == "drug_exposure" else list(LAYOUTS[table].columns)
    fine = {"commune": "why"} if table == "location_history" else {}
    months = permit(tables=[{"name": table, "columns": columns}], identifiers=fine)
    days = permit(tables=[{"name": table, "columns": columns}])
    assert refused(proof(table, as_it_is, given=months, told=months)) == ""
    assert refused(proof(table, as_it_is, given=days, told=months)) == "subset-rows"
