# SPDX-License-Identifier: Apache-2.0
"""What is no code of its column's system reaches no table and is counted; it takes no line with it unless it is a person's identifier."""

import functools
import re
from pathlib import Path

import pytest

from rempart.adapters.delivery_reader import ingest_definitions, list_delivery, unit_parts
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.definitions import Definitions
from rempart.ingest.schema import table_schema
from rempart.ingest.survey import survey
from tests.small_delivery import claim, keys, whole, write

CODES = {
    "ccam": (["JDFA001", "JDFA001-01", "JDFA0011 0"], ["JEAN DUPONT", "0612345678", "1850175123456", "DUPONT", "JDFA01"]),
    "csarr": (["ALQ+183", "ALQ183"], ["DUPONT", "JEANNE"]),
    "cim": (["E11", "E119", "C509", "B24+0", "T310", "Z51100", "A170*"], ["DUPONT", "061234", "JEAN"]),
    "cip": (["3400935563248", "0000003355632", "9999999999999"], ["1850175123456", "0000612345678", "JEAN-DUPONT-X"]),
    "seven": (["9123456", "0000009123456", "3400891234567"], ["0612345678", "1850175123456", "612345678"]),
    "vaccine": (["COMIRNATY", "COMIRNATY 30", "3400930302644"], ["DUPONT JEAN", "0612345678", "1850175123456"]),
    "group": (["06C041", "28Z14Z", "0103A1"], ["DUPONT", "JEANNE"]),
}  # fmt: skip


@functools.cache
def known() -> Definitions:
    """The data files."""
    return ingest_definitions()


@pytest.mark.parametrize("system", CODES)
def test_a_form_holds_the_codes_of_its_system_and_no_name_or_number_of_a_person(system: str) -> None:
    shape = known().tables["claims"].format.shapes[system]
    right, wrong = CODES[system]
    assert [code for code in right if not re.fullmatch(shape.pattern, code)] == []
    assert [text for text in wrong if re.fullmatch(shape.pattern, text)] == []
    assert all(re.fullmatch(shape.pattern, str(number)) for number in (shape.least, shape.most) if number)


def test_every_column_of_codes_that_research_tables_show_has_a_form() -> None:
    shown = re.compile(
        r"CAM_PRS_IDE|CCAM_COD|CCAM_ACT|CDC_ACT|CSARR_COD|\w*CIM_COD|\w*DGN_\w*|ASS_DGN|MOR_PRP|VAC_PRD|PHA_PRS_C13|U?UCD_COD|TIP_PRS_IDE"
    )
    without = {
        (table.name, name)
        for table in known().tables.values()
        for name in table.made
        if shown.fullmatch(name) and table.product != "reference"
        for column in (table.columns.get(name),)
        if column and not column.shape
    }
    assert without <= {("IR_CIM_V", "CIM_COD")}


def test_a_form_that_nobody_knows_is_no_schema() -> None:
    raw = {"name": "T", "product": "p", "form": "", "period": "none", "columns": {"A": "code 7 @none"}}
    with pytest.raises(ValueError, match="no form none"):
        table_schema("t", raw, known().tables["claims"].format)


def acts(folder: Path, *codes: str) -> tuple[list[str | None], dict[tuple[str, str, str], int]]:
    """What the unit holds of a month with acts of these codes, and what was kept out."""
    tables = whole()
    act = {"PRS_ORD_NUM": "003", "CAM_ACT_COD": "1", "CAM_TRT_PHA": "0"}
    tables["ER_PRS_F_201503"].append(claim(3, PRS_NAT_REF="1352", BSE_PRS_NAT="1352"))
    tables["ER_CAM_F_201503"] = [
        keys(3) | act | {"CAM_ORD_NUM": str(number), "CAM_PRS_IDE": code} for number, code in enumerate(codes, 1)
    ]
    write(folder, tables)
    query = DuckDBQuery(threads=1, memory_limit="1GB")
    try:
        units = survey(list_delivery(folder).files, known().tables).units
        (unit,) = (unit for unit in units if unit.product == "dcir")
        for part in unit_parts(query, unit, known()):
            held = query.table("SELECT CAM_PRS_IDE FROM unit_claim_acts ORDER BY CAM_ORD_NUM").column(0).to_pylist()
            return held, dict(part.quarantine)
    finally:
        query.close()
    return [], {}


def test_what_is_no_code_is_emptied_and_counted_and_a_persons_name_takes_its_line(tmp_path: Path) -> None:
    held, left_out = acts(tmp_path / "d", "JDFA001", "0612345678", "1850175123456", "JEAN DUPONT", " jdfa.001")
    assert held == ["JDFA001", None, None, "JDFA001"]
    assert left_out == {
        ("ER_CAM_F", "CAM_PRS_IDE", "form"): 2, ("ER_CAM_F", "CAM_PRS_IDE", "name"): 1, ("ER_CAM_F", "*", "lines"): 1,
    }  # fmt: skip


def test_codes_alone_leave_nothing_out(tmp_path: Path) -> None:
    assert acts(tmp_path / "d", "JDFA001", "JDFA0010 1", "") == (["JDFA001", "JDFA0010 1", None], {})
