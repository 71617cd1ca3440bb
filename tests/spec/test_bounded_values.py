# SPDX-License-Identifier: Apache-2.0
"""Values of the right form that cannot be: years and months of birth, days inside stays, keys that are nobody's, quantities that lack."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.errors import BadInput
from rempart.ingest.quality import settings
from rempart.ingest.quality_values import Count, code_checks
from tests.gross_rows import Compacted, card, claim, stay, whole
from tests.one_session import read_whole
from tests.small_delivery import OWN, PSA, TWIN, Tables, act, dropped, known, pack, read, write
from tests.small_delivery import card as delivered_card
from tests.small_delivery import claim as delivered_claim
from tests.small_delivery import whole as delivered

PERSON = "SELECT year_of_birth AS year, month_of_birth AS month FROM research_person"
BEGINS = "SELECT CAST(observation_period_start_date AS VARCHAR) AS day FROM research_observation_period"


def of_card(asked: str, **changed: Any) -> tuple[list[list[Any]], dict[str, int]]:
    """Rows of a question where the one card says otherwise, and the findings."""
    with Compacted(whole() | {"gross_card": [card(**changed)]}) as done:
        done.kept()
        return [list(row.values()) for row in done.rows(asked)], dict(done.counts.found)


@pytest.mark.parametrize("month", [13, 20, 30, 42, 50, 99])
def test_a_fictive_month_of_birth_is_unknown_and_counted(month: int) -> None:
    rows, found = of_card(PERSON, birth_month=month)
    assert (rows, found["months-of-birth-set-aside"]) == ([[1950, None]], 1)
    assert of_card(BEGINS, birth_month=month)[0] == of_card(BEGINS)[0]
    assert of_card("SELECT rules FROM research_person_decision", birth_month=month)[0] == [["E4"]]


@pytest.mark.parametrize("month", [1, 12, None])
def test_a_month_of_birth_is_believed(month: int | None) -> None:
    rows, found = of_card(PERSON, birth_month=month)
    assert (rows, found["months-of-birth-set-aside"]) == ([[1950, month]], 0)


@pytest.mark.parametrize("year", [2017, 2199, 9999])
def test_a_year_of_birth_after_all_that_is_known_is_unknown_and_care_stays(year: int) -> None:
    rows, found = of_card(PERSON, born=year)
    assert (rows, found["years-of-birth-set-aside"]) == ([[None, 3]], 1)
    assert of_card("SELECT count(*) AS n FROM research_visit_occurrence", born=year)[0] == [[2]]
    assert of_card("SELECT rules FROM research_person_decision", born=year)[0] == [["E3"]]


def test_care_before_a_year_of_birth_that_can_be_still_goes() -> None:
    with Compacted({"gross_card": [card(born=2016)], "gross_claim": [claim()], "gross_stay": [stay()]}) as done:
        assert done.counts.found["years-of-birth-set-aside"] == 0
        assert done.dropped()["claims"] == {"X1": 1}


@pytest.mark.parametrize("year", ["9999999", "2000000000", "-2000000000", "99999", "-10000"])
def test_a_number_longer_than_its_column_is_refused_with_its_place(year: str, tmp_path: Path) -> None:
    write(tmp_path, delivered() | {"IR_BEN_R": [delivered_card(), delivered_card(BEN_NAI_ANN=year)]})
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    said = {"file": "IR_BEN_R.csv", "line": 3, "column": "BEN_NAI_ANN"}
    assert (caught.value.code, caught.value.facts) == ("csv-number", said)


def ingested(
    folder: Path, tables: Tables, asked: str, **switches: bool
) -> tuple[list[list[Any]], dict[str, dict[str, int]]]:
    """Rows of a question about a delivery, and what was dropped."""
    write(folder, tables)
    query, report = read_whole(folder, known(), **switches)
    try:
        return [list(row.values()) for row in query.table(asked).to_pylist()], dropped(report)
    finally:
        query.close()


ACTS = "SELECT CAST(procedure_date AS VARCHAR) AS day FROM research_procedure_occurrence"


@pytest.mark.parametrize("delay", ["400", "-400", "6", "2000000000", "-2000000000"])
def test_an_act_that_is_not_in_its_stay_goes_or_counts_on_the_day_of_entry(delay: str, tmp_path: Path) -> None:
    tables = delivered() | {"T_MCO15A": [act(ENT_DAT_DEL=delay)]}
    assert ingested(tmp_path / "on", tables, ACTS) == ([], {"T_MCOaaA": {"P12": 1}})
    assert ingested(tmp_path / "off", tables, ACTS, P12=False) == ([["2015-05-02"]], {})


@pytest.mark.parametrize(("nbj", "gone"), [("1", {}), ("2000000000", {"T_HADaaB": {"P12": 2}})])
def test_sequences_at_home_that_add_up_beyond_the_stay_go_and_their_diagnoses_stay(
    nbj: str, gone: dict[str, dict[str, int]], tmp_path: Path
) -> None:
    place = {"ETA_NUM_EPMSI": "010009991", "RHAD_NUM": "7"}
    codes = "NIR_RET NAI_RET SEX_RET SEJ_RET FHO_RET PMS_RET DAT_RET COH_NAI_RET COH_SEX_RET".split()
    stays = [
        place
        | {"NIR_ANO_17": PSA, "EXE_SOI_DTD": "2015-05-02", "EXE_SOI_DTF": "2015-05-06"}
        | dict.fromkeys(codes, "0")
    ]
    weeks = [place | {"SEQ_NUM": str(n), "SSEQ_NUM": "1", "SSEQ_NBJ": nbj, "DGN_PAL": f"C67{n}"} for n in (1, 2, 3)]
    lacking = {
        name: table
        for table in known().tables.values()
        for name in [table.name]
        if table.name in ("T_HADaaB", "T_HADaaC")
    }
    for rows, name in ((stays, "T_HADaaC"), (weeks, "T_HADaaB")):
        for row in rows:
            row |= {column: "" for column in (*lacking[name].key, *lacking[name].needed) if column not in row}
    tables: Tables = {"IR_BEN_R": [delivered_card()], "T_HAD15C": stays, "T_HAD15B": weeks}
    diagnoses = "SELECT condition_source_value AS code FROM research_condition_occurrence ORDER BY ALL"
    assert ingested(tmp_path, tables, diagnoses) == ([["C671"], ["C672"], ["C673"]], gone)


@pytest.mark.parametrize("key", ["X" * 17, "0" * 17, "x" * 16 + "S"])
def test_strangers_under_a_key_that_is_nobodys_are_not_one_person(key: str, tmp_path: Path) -> None:
    cards = [
        delivered_card(BEN_IDT_ANO=key),
        delivered_card(BEN_NIR_PSA=TWIN, BEN_IDT_ANO=key, BEN_SEX_COD="1"),
        delivered_card(BEN_NIR_PSA="C" * 16 + "3"),
    ]
    tables = delivered() | {"IR_BEN_R": cards}
    rows, gone = ingested(tmp_path, tables, "SELECT count(*) AS n FROM research_person")
    assert (rows, gone["IR_BEN_R"], gone["ER_PRS_F"]) == ([[1]], {"B5": 2}, {"R1": 2})


def test_a_card_under_a_pseudonym_that_is_nobodys_draws_no_claims(tmp_path: Path) -> None:
    nobody = "X" * 17
    cards = [
        delivered_card(),
        delivered_card(BEN_NIR_PSA=nobody, BEN_IDT_ANO=nobody + "1", BEN_IDT_TOP="0"),
        delivered_card(BEN_NIR_PSA="0" * 17, BEN_IDT_ANO=TWIN),
    ]
    claims = [
        delivered_claim(1),
        delivered_claim(2, PRS_NAT_REF="3313", BSE_PRS_NAT="3313"),
        delivered_claim(9, BEN_NIR_PSA=nobody),
        delivered_claim(10, BEN_NIR_PSA="0" * 17),
    ]
    tables = delivered() | {"IR_BEN_R": cards, "ER_PRS_F_201503": claims}
    rows, gone = ingested(tmp_path, tables, "SELECT DISTINCT source_person AS p FROM research_visit_occurrence")
    assert (rows, gone["IR_BEN_R"], gone["ER_PRS_F"]) == ([[OWN]], {"B5": 1, "B6": 1}, {"R1": 2})


def test_a_pack_of_the_short_code_alone_is_kept_and_packs_without_rank_are_two(tmp_path: Path) -> None:
    packs = [pack(2, PHA_PRS_C13="", PHA_PRS_IDE="3335563", PHA_ORD_NUM=""), pack(2, PHA_ORD_NUM="", PHA_PRS_IDE="")]
    asked = "SELECT drug_source_value AS code, quantity FROM research_drug_exposure ORDER BY ALL"
    assert ingested(tmp_path, delivered() | {"ER_PHA_F_201503": packs}, asked) == (
        [["3335563", 1], ["3400935563248", 1]],
        {},
    )


def test_a_consultation_without_quantity_goes_under_its_own_name_or_counts_as_one(tmp_path: Path) -> None:
    tables = delivered()
    tables["ER_PRS_F_201503"][0]["PRS_ACT_QTE"] = ""
    asked = "SELECT count(*) AS n FROM research_visit_occurrence WHERE visit_source_value LIKE 'DCIR%'"
    assert ingested(tmp_path / "on", tables, asked) == ([[0]], {"ER_PRS_F": {"D8": 1}})
    assert ingested(tmp_path / "off", tables, asked, D8=False) == ([[1]], {})


@pytest.mark.parametrize(
    "day", ["2015-02", "20XX", "2015-13-01", "99999", "infinity", "2015/01/01", "1700", "2250-01-01", "0001-01-01"]
)
def test_an_exposure_of_no_year_and_no_day_is_refused_with_its_place(day: str, tmp_path: Path) -> None:
    line = {"COM": "75056", "DATE": "2015", "VALUE": "1", "UNIT": "ug", "SOURCE": "s"}
    write(tmp_path, delivered() | {"ENV_PM25_2015": [line, line | {"DATE": day}]})
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    said = {"file": "ENV_PM25_2015.csv", "line": 3, "column": "DATE", "expected": "YYYY, YYYY-MM-DD"}
    assert (caught.value.code, caught.value.facts) == ("csv-day", said)


def test_lines_of_an_exposure_are_kept_or_dropped_by_a_rule(tmp_path: Path) -> None:
    line = {"COM": "75056", "DATE": "2015", "VALUE": "1", "UNIT": "ug", "SOURCE": "s"}
    lines = [line, line, line | {"DATE": "2015-02-01"}, line | {"COM": "99999"}, line | {"COM": "75001"}]
    people = [{"COM": "75056", "SEX": "1", "AGE": "40", "POP": "1000"}]
    write(tmp_path, delivered() | {"ENV_PM25_2015": lines, "REF_POPULATION_2017": people})
    query, report = read(tmp_path)
    query.close()
    (sheet,) = [sheet for sheet in report.reconciliation if sheet.table == "ENV"]
    assert (sheet.lines, sheet.kept, dict(sheet.dropped)) == (5, 2, {"G1": 2, "K2": 1})


def test_quality_asks_of_months_and_years_near_rows_alone_however_far_apart_these_are() -> None:
    said = settings(package_data.toml("ingest/quality.toml"), today=datetime.date(2026, 11, 22))
    months = [
        Count(what="month", values=(month,), rows=9, persons=9)
        for month in ("2015-01", "2015-02", "2015-04", "5477642-07")
    ]
    years = [Count(what="year", values=("CCAM", "J", year), rows=9, persons=9) for year in ("2015", "2016", "5477642")]
    asked = [found.check for found in code_checks("procedure_occurrence", [*months, *years], said)]
    assert [check.detail for check in asked if check.kind == "month-gap"] == [
        "2015-02",
        "2015-03",
        "2015-04",
        "2015-05",
        "5477642-06",
    ]
    assert [check.detail for check in asked if check.kind == "year-break"] == ["2016", "2017"]
