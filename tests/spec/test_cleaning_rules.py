# SPDX-License-Identifier: Apache-2.0
"""Each cleaning rule on lines that can be read: what is delivered, which line is dropped, by which rule.

The same cases, written out, are docs/cleaning.md: ``python -m tests.spec.cleaning_page`` writes it.
"""

from pathlib import Path

import pytest

from tests.small_delivery import claim, dropped, pack, read, whole, write
from tests.spec.cleaning_page import CASES, KEPT, Case, page
from tests.spec.mapping_tables import PAGE, with_tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule}-{number}" for number, case in enumerate(CASES)])
def test_a_line_is_dropped_by_its_rule(case: Case, tmp_path: Path) -> None:
    query, report = read(write(tmp_path / "d", case.delivery()))
    query.close()
    found = {(table, rule, count) for table, by_rule in dropped(report).items() for rule, count in by_rule.items()}
    assert (case.table, case.rule, case.lines) in found
    assert all(sheet.balanced for sheet in report.reconciliation)


@pytest.mark.parametrize("case", KEPT, ids=[case.words for case in KEPT])
def test_a_line_that_only_looks_like_it_is_kept(case: Case, tmp_path: Path) -> None:
    query, report = read(write(tmp_path / "d", case.delivery()))
    query.close()
    assert case.table not in dropped(report)


def test_nothing_is_dropped_from_a_clean_delivery(tmp_path: Path) -> None:
    query, report = read(write(tmp_path / "d", whole()))
    query.close()
    assert dropped(report) == {}
    assert report.rows == {
        "person": 1, "observation_period": 1, "visit_occurrence": 2, "condition_occurrence": 3, "procedure_occurrence": 1,
        "drug_exposure": 1, "death": 0,
    }  # fmt: skip


def test_a_line_that_meets_two_rules_counts_once_and_shows_in_the_overlap(tmp_path: Path) -> None:
    tables = whole()
    tables["ER_PRS_F_201503"][0] |= {"DPN_QLF": "71", "BSE_PRS_NAT": "0"}
    query, report = read(write(tmp_path / "d", tables))
    query.close()
    (sheet,) = [sheet for sheet in report.reconciliation if sheet.table == "ER_PRS_F"]
    assert sheet.dropped == (("D1", 1),)
    assert sheet.overlaps == ((("D1", "D3"), 1),)


def test_two_equal_lines_are_one_dispensing_of_two_boxes(tmp_path: Path) -> None:
    tables = whole()
    tables["ER_PRS_F_201503"].append(claim(3, PRS_NAT_REF="3313", BSE_PRS_NAT="3313"))
    tables["ER_PHA_F_201503"].append(pack(3))
    query, report = read(write(tmp_path / "d", tables))
    rows = query.table("SELECT quantity, total_paid FROM research_drug_exposure").to_pylist()
    query.close()
    assert rows == [{"quantity": 2.0, "total_paid": 44.34}]
    assert dropped(report) == {"ER_PHA_F": {"D5": 1}}


def test_a_correction_leaves_the_right_quantity(tmp_path: Path) -> None:
    tables = whole()
    tables["ER_PHA_F_201503"][0]["PHA_ACT_QSN"] = "3"
    for line, boxes in ((3, "-3"), (4, "1")):
        tables["ER_PRS_F_201503"].append(claim(line, PRS_NAT_REF="3313", BSE_PRS_NAT="3313"))
        tables["ER_PHA_F_201503"].append(pack(line, PHA_ACT_QSN=boxes))
    query, report = read(write(tmp_path / "d", tables))
    rows = query.table("SELECT quantity FROM research_drug_exposure").to_pylist()
    query.close()
    assert rows == [{"quantity": 1.0}]
    assert dropped(report)["ER_PHA_F"] == {"D5": 2}


def test_an_amount_is_not_counted_twice_when_a_line_has_two_details(tmp_path: Path) -> None:
    tables = whole()
    tables["ER_PHA_F_201503"].append(pack(2, PHA_ORD_NUM="2", PHA_PRS_C13="3400935563538", PHA_ACT_PRU="1.00"))
    query, _ = read(write(tmp_path / "d", tables))
    rows = query.table("SELECT total_paid FROM research_drug_exposure ORDER BY 1").to_pylist()
    query.close()
    assert rows == [{"total_paid": 1.0}, {"total_paid": 22.17}]


def test_the_page_of_the_rules_is_up_to_date() -> None:
    written = (ROOT / "docs" / "cleaning.md").read_text(encoding="utf-8")
    assert written == page(), "run python -m tests.spec.cleaning_page"


def test_the_tables_on_the_mapping_page_are_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == with_tables(written), "run python -m tests.spec.mapping_tables"
