# SPDX-License-Identifier: Apache-2.0
"""Numbers of long-term conditions: told anew by the code through the operator's IR_CIM_V, the delivered one kept beside (A1)."""

from pathlib import Path
from typing import Any

import pytest

from tests.gross_rows import Row, condition, day, whole
from tests.small_delivery import condition as delivered
from tests.small_delivery import read, write
from tests.small_delivery import whole as small
from tests.spec.test_persons import made

ASKED = """SELECT condition_source_value, ald_number_source_value, ald_number_delivered_value FROM research_condition_occurrence
    WHERE condition_status_source_value = 'ALD' ORDER BY ALL"""
CODES: list[Row] = [{"code": code, "ald": ald} for code, ald in (("E11", 8), ("E112", 19), ("I10", 99), ("C67", 30))]


def numbers(*lines: Row, codes: list[Row] = CODES) -> list[list[Any]]:
    """code, number told, number delivered where it differs."""
    return made(whole() | {"gross_condition": list(lines), "gross_condition_code": codes}, ASKED)


def test_the_longest_code_that_a_diagnosis_begins_with_tells_its_number() -> None:
    lines = [condition(code=code, number="000") for code in ("E119", "E1121", "C679")]
    assert numbers(*lines) == [["C679", "30", "0"], ["E1121", "19", "0"], ["E119", "8", "0"]]


def test_a_number_that_was_delivered_right_is_told_once_and_a_code_of_none_of_the_thirty_is_99() -> None:
    lines = [condition(code="E11", number="008"), condition(code="I10", number="12"), condition(code="C67")]
    assert numbers(*lines) == [["C67", "30", None], ["E11", "8", None], ["I10", "99", "12"]]


def test_a_code_that_the_reference_does_not_know_keeps_the_delivered_number() -> None:
    assert numbers(condition(code="G35", number="25")) == [["G35", "25", None]]
    assert numbers(condition(code="E11", number="008"), codes=[]) == [["E11", "8", None]]


def test_of_two_lines_of_one_condition_the_number_entered_last_counts() -> None:
    older = condition(number="3", inserted=day("2010-02-01"))
    assert numbers(older, condition(number="8", inserted=day("2012-02-01")), codes=[]) == [["E11", "8", None]]


def rebuilt(folder: Path, reference: list[Row], code: str) -> list[dict[str, Any]]:
    """Of a delivery on files, with one condition of that code and number 0."""
    tables = small() | {"IR_IMB_R": [delivered(MED_MTF_COD=code, IMB_ALD_NUM="0")], "IR_CIM_V": reference}
    query, _ = read(write(folder, tables))
    try:
        return query.table(ASKED).to_pylist()
    finally:
        query.close()


def test_an_operators_file_is_read(tmp_path: Path) -> None:
    reference = [
        {"CIM_COD": "E11", "CIM_LIB": "x", "ALD_030_COD": "8"},
        {"CIM_COD": "I10 ", "CIM_LIB": "y", "ALD_030_COD": "99"},
    ]
    (row,) = rebuilt(tmp_path, reference, "E11.9")
    assert list(row.values()) == ["E119", "8", "0"]


@pytest.mark.shared_data
def test_the_published_file_is_read_as_it_is(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "schema-snds" / "nomenclatures" / "ORAVAL" / "IR_CIM_V.csv"
    header, *lines = [line.split(";") for line in file.read_text(encoding="utf-8").splitlines()]
    (row,) = rebuilt(tmp_path, [dict(zip(header, line, strict=True)) for line in lines], "E119")
    assert list(row.values()) == ["E119", "8", "0"]
