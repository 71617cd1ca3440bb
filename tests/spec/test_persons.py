# SPDX-License-Identifier: Apache-2.0
"""Who is one person: cards in, persons out, and what each person's life in the data looks like."""

import datetime
from pathlib import Path
from typing import Any

from rempart.ingest.report import IngestReport
from tests.small_delivery import OWN, PSA, TWIN, Tables, card, certificate, claim, dropped, read, whole, write

OTHER = "NNNNNNNNNNNNNNNN2"


def ingested(folder: Path, tables: Tables, sql: str) -> tuple[list[dict[str, Any]], IngestReport]:
    """Rows of a question to the research tables, and the report."""
    query, report = read(write(folder / "d", tables))
    rows = query.table(sql).to_pylist()
    query.close()
    return rows, report


def found(report: IngestReport) -> dict[str, int]:
    """The findings of person resolution."""
    return {step.what: step.count for step in report.persons}


def test_two_pseudonyms_with_one_person_key_are_one_person(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"].append(card(BEN_NIR_PSA=TWIN))
    tables["ER_PRS_F_201503"][0]["BEN_NIR_PSA"] = TWIN
    tables["T_MCO15C"][0]["NIR_ANO_17"] = TWIN
    asked = "SELECT source_person FROM research_visit_occurrence UNION SELECT source_person FROM research_drug_exposure"
    rows, report = ingested(tmp_path, tables, asked)
    assert rows == [{"source_person": OWN}]
    assert (found(report)["persons"], found(report)["persons-with-several-cards"]) == (1, 1)


def test_a_card_of_the_archive_alone_keeps_its_claims(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R_ARC"] = [card(BEN_NIR_PSA=TWIN, BEN_IDT_ANO=OTHER, BEN_NIR_ANO=OTHER)]
    tables["ER_PRS_F_201503"][0]["BEN_NIR_PSA"] = TWIN
    rows, report = ingested(
        tmp_path, tables, "SELECT count(*) AS n FROM research_visit_occurrence WHERE source_person <> 'x'"
    )
    assert rows == [{"n": 2}]
    assert found(report)["persons-from-archive-only"] == 1
    assert dropped(report) == {}


def test_twins_are_told_apart_in_claims_and_left_out_of_hospital_events(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"].append(card(BEN_RNG_GEM="02", BEN_IDT_ANO=OTHER, BEN_NIR_ANO=OTHER))
    tables["ER_PRS_F_201503"][0]["BEN_RNG_GEM"] = "2"
    rows, report = ingested(tmp_path, tables, "SELECT source_person, visit_concept_id FROM research_visit_occurrence")
    assert rows == [{"source_person": OTHER, "visit_concept_id": 9202}]
    assert found(report)["pseudonyms-shared-by-several-persons"] == 1
    assert found(report)["persons-sharing-a-pseudonym"] == 2
    assert dropped(report)["T_MCOaaB"] == {"R2": 1}


def test_an_uncertified_person_is_counted_as_such(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"] = [card(BEN_NIR_ANO="", BEN_IDT_ANO=PSA + "1", BEN_IDT_TOP="0")]
    rows, report = ingested(tmp_path, tables, "SELECT source_person FROM research_person")
    assert rows == [{"source_person": PSA + "1"}]
    assert found(report)["persons-never-certified"] == 1


def test_the_latest_card_gives_address_and_month_of_birth(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"] += [
        card(BEN_NIR_PSA=TWIN, BEN_RES_DPT="02A", BEN_RES_COM="004", BEN_DTE_MAJ="2015-12-30"),
        card(BEN_NIR_PSA="CCCCCCCCCCCCCCCC3", BEN_RES_DPT="013", BEN_DTE_MAJ="1600-01-01"),
    ]
    asked = "SELECT location_source_value, commune_source_value, year_of_birth, month_of_birth, gender_concept_id FROM research_person"
    rows, _ = ingested(tmp_path, tables, asked)
    assert list(rows[0].values()) == ["02A", "2A004", 1950, 3, 8532]


PERIOD = "SELECT observation_period_start_date AS a, observation_period_end_date AS b FROM research_observation_period"


def test_observation_runs_over_the_years_delivered_and_never_ends_at_the_last_visit(tmp_path: Path) -> None:
    rows, report = ingested(tmp_path, whole(), PERIOD)
    assert rows == [{"a": datetime.date(2015, 1, 1), "b": datetime.date(2015, 12, 31)}]
    assert (report.first_day, report.last_day) == ("2015-01-01", "2015-12-31")


def test_observation_ends_with_death(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"][0]["BEN_DCD_DTE"] = "2015-08-19"
    rows, _ = ingested(tmp_path, tables, PERIOD)
    assert rows[0]["b"] == datetime.date(2015, 8, 19)


def test_who_is_entered_later_is_observed_from_the_month_of_the_first_trace(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"][0]["BEN_DTE_INS"] = "2015-04-20"
    rows, _ = ingested(tmp_path, tables, PERIOD)
    assert rows[0]["a"] == datetime.date(2015, 2, 1)


def test_an_unknown_day_of_entry_is_no_late_entry(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"][0]["BEN_DTE_INS"] = "0001-01-01"
    rows, _ = ingested(tmp_path, tables, PERIOD)
    assert rows[0]["a"] == datetime.date(2015, 1, 1)


DEATH = "SELECT death_source_value, death_date, death_month, cause_source_value FROM research_death"


def test_a_death_is_taken_from_the_register_with_the_cause_of_the_certificate(tmp_path: Path) -> None:
    tables = whole()
    tables["IR_BEN_R"][0]["BEN_DCD_DTE"] = "2015-11-20"
    tables["KI_CCI_R_2015"] = [certificate()]
    tables["T_MCO15B"][0]["SOR_MOD"] = "9"
    rows, _ = ingested(tmp_path, tables, DEATH)
    assert list(rows[0].values()) == ["IR_BEN_R", datetime.date(2015, 11, 20), datetime.date(2015, 11, 1), "C679"]


def test_a_death_unknown_to_the_register_is_found_in_the_certificate_then_in_the_stay(tmp_path: Path) -> None:
    tables = whole()
    tables["T_MCO15B"][0]["SOR_MOD"] = "9"
    rows, report = ingested(tmp_path / "stay", tables, DEATH)
    assert list(rows[0].values())[:2] == ["MCO", datetime.date(2015, 5, 6)]
    assert found(report)["deaths-known-only-from-a-stay"] == 1
    tables["KI_CCI_R_2015"] = [certificate()]
    rows, report = ingested(tmp_path / "certificate", tables, DEATH)
    assert list(rows[0].values())[:2] == ["KI_CCI_R", datetime.date(2015, 11, 20)]
    assert found(report)["deaths-dated-differently-by-two-sources"] == 1


def test_a_far_end_of_a_condition_is_open_and_diagnoses_keep_their_position(tmp_path: Path) -> None:
    tables = whole()
    tables["T_MCO15B"][0]["DGN_REL"] = "z511"
    asked = """SELECT condition_status_source_value AS s, condition_source_value AS c, condition_status_concept_id AS i,
        condition_end_date AS e FROM research_condition_occurrence ORDER BY s"""
    rows, _ = ingested(tmp_path, tables, asked)
    left = datetime.date(2015, 5, 6)
    assert [list(row.values()) for row in rows] == [
        ["ALD", "E11", 0, None], ["DAS", "I10", 32908, left], ["DP", "C679", 32902, left], ["DR", "Z511", 32908, left],
    ]  # fmt: skip


def test_a_drug_begins_on_the_day_of_dispensing_with_the_prescription_beside(tmp_path: Path) -> None:
    asked = "SELECT drug_exposure_start_date AS a, prescription_date AS b, drug_source_value AS c FROM research_drug_exposure"
    rows, _ = ingested(tmp_path, whole(), asked)
    assert list(rows[0].values()) == [datetime.date(2015, 2, 10), datetime.date(2015, 2, 9), "3400935563248"]


def test_ids_depend_on_the_source_alone(tmp_path: Path) -> None:
    tables = whole()
    asked = """SELECT drug_exposure_id AS i FROM research_drug_exposure
        UNION ALL SELECT visit_occurrence_id FROM research_visit_occurrence ORDER BY i"""
    first, _ = ingested(tmp_path / "a", tables, asked)
    tables["IR_BEN_R"].insert(0, card(BEN_NIR_PSA=TWIN, BEN_IDT_ANO=OTHER))
    tables["ER_PRS_F_201503"].insert(0, claim(9, BEN_NIR_PSA=TWIN, PRS_NAT_REF="9999"))
    second, _ = ingested(tmp_path / "b", tables, asked)
    assert first == second
    assert all(0 <= row["i"] < 2**60 for row in first)
