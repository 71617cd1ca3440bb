# SPDX-License-Identifier: Apache-2.0
"""Delivered tables sealed beside as they were read: only those that the warehouse's permit names, each row with its person."""

import datetime

import pytest

from rempart.adapters.delivery_reader import ingest_definitions
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.gross_definitions import gross_definitions, with_native_tables
from rempart.adapters.native_permit import native_permit
from rempart.adapters.unit_shares import make_empty
from rempart.errors import BadInput, Refused
from rempart.ingest.gross import add_unit, begin

DOCUMENT = "0" * 64
TODAY = datetime.date(2026, 11, 22)


def test_a_native_row_of_a_detail_is_placed_by_the_person_of_its_line() -> None:
    known = ingest_definitions()
    plan = with_native_tables(gross_definitions(), known, ["claims", "drugs"])
    assert plan.layouts["snds_drugs"].place == "holder"
    assert plan.layouts["snds_claims"].place == "BEN_NIR_PSA"
    query = DuckDBQuery(threads=1, memory_limit="1GB")
    try:
        begin(query, plan)
        make_empty(query, known.tables, ["claims", "drugs"])
        query.execute(
            "INSERT INTO unit_claims (line_key, flow, BEN_NIR_PSA, PRS_NAT_REF) VALUES (7, 182, 'AAAAAAAAAAAAAAAA1', '3313')"
        )
        query.execute(
            "INSERT INTO unit_drugs (line_key, flow, PHA_PRS_C13) VALUES (7, 182, '3400935563248'), (9, 182, '3400935563249')"
        )
        add_unit(query, plan, product="dcir", period="201503", number=4)
        drugs = query.table(
            "SELECT holder, PHA_PRS_C13 AS code, unit, flow FROM new_snds_drugs ORDER BY code"
        ).to_pylist()
        claims = query.table(
            "SELECT BEN_NIR_PSA AS psa, PRS_NAT_REF AS nature, line_key FROM new_snds_claims"
        ).to_pylist()
    finally:
        query.close()
    assert drugs == [
        {"holder": "AAAAAAAAAAAAAAAA1", "code": "3400935563248", "unit": 4, "flow": 182},
        {"holder": None, "code": "3400935563249", "unit": 4, "flow": 182},
    ]
    assert claims == [{"psa": "AAAAAAAAAAAAAAAA1", "nature": "3313", "line_key": 3}]


def test_every_table_of_persons_can_be_native_and_none_names_a_person_outside_its_names() -> None:
    known, plan = ingest_definitions(), gross_definitions()
    words = [word for word in plan.reads if not word.startswith(("commune", "population", "environment", "drug_ref", "condition_codes"))]
    given = with_native_tables(plan, known, words)
    for word in words:
        layout = given.layouts[f"snds_{word}"]
        if word not in {"homes", "rip_ambulatory", "rip_ambulatory_diagnoses"}:
            assert layout.place, word
        assert not {
            name for name in layout.columns if name.startswith(("BEN_NIR", "BEN_IDT_ANO", "NIR_ANO", "PFS_", "IPP"))
        }, word


def test_without_the_permit_there_is_none() -> None:
    assert native_permit(None).words(TODAY) == ()
    assert not [name for name in gross_definitions().layouts if name.startswith("snds_")]


def test_an_ended_permit_and_a_strange_one_are_refused() -> None:
    given = {"tables": ["claims"], "until": datetime.date(2026, 11, 21), "document": DOCUMENT}
    with pytest.raises(Refused, match="native-expired"):
        native_permit(given).words(TODAY)
    assert native_permit(given | {"until": TODAY}).words(TODAY) == ("claims",)
    for changed in ({"document": "x"}, {"until": "2026-11-22"}, {"tables": []}):
        with pytest.raises(BadInput, match="config-field"):
            native_permit(given | changed)
    with pytest.raises(BadInput, match="config-field"):
        with_native_tables(gross_definitions(), ingest_definitions(), ["no_such"])
