# SPDX-License-Identifier: Apache-2.0
"""Delivered tables sealed beside as they were read: only those that the warehouse's permit names, each row with its person."""

import datetime
import re
from pathlib import Path

import pytest

from rempart.adapters.delivery_reader import ingest_definitions
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.gross_definitions import gross_definitions, with_native_tables
from rempart.adapters.unit_shares import make_empty
from rempart.errors import BadInput, NotTrusted, Refused
from rempart.ingest.gross import add_unit, begin
from rempart.journeys.recorded import recorded
from rempart.records.native import NativePermit, native_permit
from rempart.wiring.native import native_in_force
from rempart.wiring.signing import signer
from tests.faults.warehouse import place as warehouse_place
from tests.faults.warehouse.place import Outcome, Place
from tests.ingest_house import bring, empty_warehouse, whole_delivery

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
    words = [
        word
        for word in plan.reads
        if not word.startswith(("commune", "population", "environment", "drug_ref", "condition_codes"))
    ]
    given = with_native_tables(plan, known, words)
    for word in words:
        layout = given.layouts[f"snds_{word}"]
        if word not in {"homes", "rip_ambulatory", "rip_ambulatory_diagnoses"}:
            assert layout.place, word
        assert not {
            name for name in layout.columns if name.startswith(("BEN_NIR", "BEN_IDT_ANO", "NIR_ANO", "PFS_", "IPP"))
        }, word


GIVEN = {
    "schema": "rempart.native/1",
    "tables": ["claims"],
    "until": datetime.date(2026, 11, 21),
    "basis": "decision 14",
}


def test_without_a_permit_there_is_none() -> None:
    assert NativePermit().words(TODAY) == ()
    assert not [name for name in gross_definitions().layouts if name.startswith("snds_")]


def test_an_ended_permit_and_a_strange_one_are_refused() -> None:
    with pytest.raises(Refused, match="native-expired"):
        native_permit(GIVEN, file="f").words(TODAY)
    again = native_permit(native_permit(GIVEN | {"until": TODAY}, file="f").body, file="f")
    assert again.words(TODAY) == ("claims",)
    for changed in ({"basis": " "}, {"until": "22/11/2026"}, {"tables": "claims"}, {"schema": "x"}, {"more": 1}):
        with pytest.raises(BadInput, match="native-field"):
            native_permit(GIVEN | changed, file="f")
    with pytest.raises(BadInput, match="native-table") as raised:
        with_native_tables(gross_definitions(), ingest_definitions(), ["claims", "no_such"], file="n2.toml")
    assert (raised.value.facts["file"], raised.value.facts["word"]) == ("n2.toml", "no_such")


def test_the_page_lists_every_word_of_a_delivered_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "snds.md").read_text(encoding="utf-8")
    listed = page.partition("Words of tables: ")[2].partition("\n")[0]
    assert re.findall(r"`(\w+)` \(", listed) == list(gross_definitions().reads)


def allow(place: Place, key: str, **changed: str) -> Outcome:
    """Ask for native claims and drugs."""
    told = {"tables": '["claims", "drugs"]', "until": "2099-12-31", "basis": '"decision 14"'} | changed
    lines = "".join(f"{name} = {value}\n" for name, value in told.items())
    file = place.root / "native.toml"
    file.write_text('schema = "rempart.native/1"\n' + lines, encoding="utf-8")
    return place.run("vault", "native", str(file), "--key", place.key(key))


def test_only_what_an_officer_signed_is_sealed_beside_and_an_ingest_looks_at_the_signature(tmp_path: Path) -> None:
    whole = whole_delivery(tmp_path, persons=25)
    with empty_warehouse(tmp_path / "house") as place:
        warehouse_place._people(place)
        assert allow(place, "officer", until="2020-01-01").answer["error"]["code"] == "native-expired"
        assert allow(place, "claire").answer["error"]["code"] == "role-missing"
        assert allow(place, "officer", tables='["no_such"]').answer["error"]["code"] == "native-table"
        document = allow(place, "officer").answer["data"]["document"]
        path = place.directory / "controller" / "documents" / document.removeprefix("sha256:")
        signed = path.read_bytes()
        path.write_bytes(signed.replace(b"drugs", b"homes"))
        with pytest.raises(NotTrusted, match="document-altered"):
            bring(place, whole, later=True)
        path.write_bytes(signed)
        bring(place, whole, later=True)
        body = place.body("warehouse").body
        assert body.facts["native"] == document
        native = {part.table for part in body.parts if part.table.startswith("snds_")}
        assert native == {"snds_claims", "snds_drugs"}
        assert sum(part.rows for part in body.parts if part.table == "snds_claims") > 100
        bring(place, whole)
        assert native <= {part.table for part in place.body("warehouse").body.parts}
        assert place.run("audit", "verify", "--deep").answer["data"]["findings"] == []
        assert allow(place, "officer", tables="[]").code == 0
        assert native_in_force(place.warehouse()).tables == ()


def test_a_permit_that_no_officer_signed_is_refused_whatever_the_ledger_says(tmp_path: Path) -> None:
    with empty_warehouse(tmp_path / "house") as place:
        warehouse_place._people(place)
        warehouse = place.warehouse()
        claire = signer(warehouse.trust, Path(place.key("claire")), str)
        document = warehouse.documents.put(claire.document(native_permit(GIVEN, file="f").body).data)
        with recorded(warehouse.recorder, "native", basis="operation:native", objects=[f"document:{document}"]):
            pass
        with pytest.raises(Refused, match="role-missing"):
            native_in_force(place.warehouse())
