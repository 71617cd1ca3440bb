# SPDX-License-Identifier: Apache-2.0
"""From gross lines to the events of OMOP: netted, told apart by source, each line under the first rule that it meets."""

from typing import Any

from rempart.ingest.balance import Books
from rempart.ingest.report import unmapped
from tests.gross_rows import Compacted, Row, Rows, bit, claim, day, drug, fact, known, stay, whole
from tests.spec.omop_page import PAGE, filled
from tests.spec.test_persons import made

DRUGS = "SELECT quantity, total_paid, total_reimbursed FROM research_drug_exposure ORDER BY ALL"


def with_claims(*lines: Row) -> Rows:
    """The whole, with these claims in place of its own."""
    return whole() | {"gross_claim": list(lines)}


def inside(*facts: Row, **changed: Any) -> Rows:
    """The whole, with these facts of its stay, the stay changed."""
    return whole() | {"gross_stay": [stay(**changed)], "gross_stay_fact": list(facts)}


def detail(kind: str, code: str, **changed: Any) -> Row:
    """A detail line with its main line."""
    return drug(kind=kind, code=code, **changed)


def test_a_clean_shard_keeps_every_line() -> None:
    with Compacted(whole()) as done:
        assert done.dropped() == {}
        assert done.kept() == {
            "beneficiaries": 1, "claims": 2, "drugs": 1, "mco_stays": 1, "mco_chaining": 1, "mco_diagnoses": 1, "mco_acts": 1,
            "conditions": 1,
        }  # fmt: skip


def test_a_correction_that_comes_in_a_later_flow_leaves_the_right_quantity() -> None:
    rows = with_claims(
        drug(quantity=3.0, paid=66.51), drug(quantity=-3.0, paid=-66.51, flow=190), drug(quantity=1.0, flow=190)
    )
    assert made(rows, DRUGS) == [[1.0, 22.17, 43.23]]
    with Compacted(rows) as done:
        assert done.dropped() == {"drugs": {"D5": 2}}
        assert done.kept()["claims"] == 3


def test_a_dispensing_that_was_taken_back_is_none() -> None:
    rows = with_claims(drug(), drug(quantity=-1.0, paid=-22.17), claim(), claim(quantity=-1.0))
    assert made(rows, DRUGS) == []
    with Compacted(rows) as done:
        assert done.dropped() == {"drugs": {"D5": 2}, "claims": {"D5": 2}}


def test_another_day_code_prescriber_or_dispenser_is_another_dispensing() -> None:
    others: list[Row] = [
        {"care": day("2015-02-11")},
        {"code": "3400935563538"},
        {"prescribing": 9},
        {"executing": 9},
        {"phase": "D"},
    ]
    assert len(made(with_claims(drug(), *(drug(**other) for other in others)), DRUGS)) == 6


def test_ten_thousand_cents_add_up_in_any_order() -> None:
    lines = [drug(paid=0.01 * n, reimbursed=0.1) for n in range(200)]
    assert made(with_claims(*lines), DRUGS) == made(with_claims(*reversed(lines)), DRUGS) == [[200.0, 199.0, 20.0]]


def test_a_main_line_counts_by_its_own_rules_and_its_detail_by_both() -> None:
    rows = with_claims(
        drug(hits=bit("V1")),
        drug(hits=bit("D1", "D3")),
        claim(hits=bit("D4")),
        drug(lead=False, hits=bit("J1"), card=None),
    )
    with Compacted(rows) as done:
        assert done.dropped() == {"claims": {"D1": 1, "D4": 1}, "drugs": {"J1": 1, "V1": 1, "D1": 1}}
        judged = {(word, hits): lines for word, hits, lines in done.counts.judged}
        assert judged["drugs", bit("D1", "D3")] == judged["claims", bit("D1", "D3")] == 1


def test_a_switch_lets_lines_pass_and_counts_them_under_the_next_rule() -> None:
    rows = with_claims(drug(hits=bit("D1", "D3")), claim(hits=bit("D1")))
    with Compacted(rows, D1=False) as done:
        assert done.dropped() == {"claims": {"D3": 1}, "drugs": {"D3": 1}}


def test_a_nature_without_a_visit_is_no_visit_and_remote_care_is_told_apart() -> None:
    rows = with_claims(claim(nature="9999"), claim(nature="1191"), claim(nature="1211"), claim())
    asked = """SELECT visit_concept_id, visit_source_value, provider_id, total_paid FROM research_visit_occurrence
        WHERE visit_source_value LIKE 'DCIR%' ORDER BY 1"""
    assert made(rows, asked) == [[5083, "DCIR 1191", 700, 23.0], [9202, "DCIR 1111", 700, 23.0],
        [581476, "DCIR 1211", 700, 23.0],
    ]  # fmt: skip
    with Compacted(rows) as done:
        assert done.dropped() == {"claims": {"M1": 1}}


def test_what_is_not_mapped_is_told_by_nature_and_few_lines_are_not_counted() -> None:
    few = [claim(nature="6111") for _ in range(10)]
    rows = with_claims(
        *(claim(nature="3125") for _ in range(11)), *few, claim(nature=None), claim(nature="2", hits=bit("D1"))
    )
    with Compacted(rows) as done:
        books = Books()
        books.add(done.counts)
        books.add(done.counts)
        once = {key: lines // 2 for key, lines in books.unmapped.items()}
        assert unmapped(known().rules, once) == (("3125", 11), ("", None), ("6111", None))
        assert unmapped(known().rules, books.unmapped) == (("3125", 22), ("6111", 20), ("", None))
        assert done.dropped()["claims"] == {"M1": 22, "D1": 1}


def test_the_anaesthetist_makes_no_second_act() -> None:
    surgeon, other = detail("act", "JDFA001", activity="1"), detail("act", "JDFA001", activity="4", executing=9)
    with Compacted(with_claims(surgeon, other, detail("act", "DEQP003", activity="4"))) as done:
        assert done.dropped() == {"claim_acts": {"P10": 1}}
        acts = done.rows(
            """SELECT procedure_source_value AS c, provider_id AS p FROM research_procedure_occurrence
            WHERE visit_occurrence_id IS NULL ORDER BY 1"""
        )
        assert acts == [{"c": "DEQP003", "p": 700}, {"c": "JDFA001", "p": 700}]


def test_a_surgeon_taken_back_leaves_the_anaesthetist() -> None:
    lines = [
        detail("act", "JDFA001", activity="1"),
        detail("act", "JDFA001", activity="1", quantity=-1.0),
        detail("act", "JDFA001", activity="4"),
    ]
    with Compacted(with_claims(*lines)) as done:
        assert done.dropped() == {"claim_acts": {"D5": 2}}
        assert done.kept()["claim_acts"] == 1


def test_hospital_drugs_tests_and_devices_reach_their_tables() -> None:
    rows = with_claims(
        detail("hospital_drug", "9000001"),
        detail("lab", "1610", quantity=2.0),
        detail("device", "2101234", care_end=day("2015-03-10")),
    )
    assert made(rows, "SELECT drug_source_value, drug_source_vocabulary FROM research_drug_exposure") == [
        ["9000001", "UCD"]
    ]
    assert made(rows, "SELECT measurement_source_value, quantity FROM research_measurement") == [["1610", 2.0]]
    asked = (
        "SELECT device_source_value, device_exposure_start_date, device_exposure_end_date FROM research_device_exposure"
    )
    assert made(rows, asked) == [["2101234", day("2015-02-10"), day("2015-03-10")]]


def test_an_opened_pack_counts_units_and_an_old_code_says_so() -> None:
    rows = with_claims(drug(phase="D"), drug(code="3556324"))
    asked = "SELECT drug_source_vocabulary, dose_unit_source_value FROM research_drug_exposure ORDER BY 1"
    assert made(rows, asked) == [["CIP13", "unit"], ["CIP7", "pack"]]


def test_vaccine_doses_are_exposures_of_their_own_vocabulary() -> None:
    dose = {"card": 10, "day": day("2021-05-01"), "rank": 1, "code": "COMIRNATY"}
    rows = with_claims() | {"gross_dose": [dose, dose, dose | {"card": 99}]}
    assert made(rows, "SELECT drug_source_value, drug_source_vocabulary FROM research_drug_exposure") == [
        ["COMIRNATY", "VAC-SI"]
    ]
    with Compacted(rows) as done:
        assert done.dropped() == {"doses": {"K2": 1, "R1": 1}}


CONDITIONS = """SELECT condition_status_source_value, condition_source_value, condition_status_concept_id, visit_occurrence_id IS NOT NULL
    FROM research_condition_occurrence ORDER BY ALL"""


def test_principal_related_associated_and_long_term_diagnoses_stay_apart() -> None:
    ward = fact("mco_wards", "diagnosis", "C67", status="DP_UM") | {"word": None}
    rows = inside(fact("mco_diagnoses", "diagnosis", "I10", status="DAS"), ward, related="Z511")
    assert made(rows, CONDITIONS) == [
        ["ALD", "E11", 0, False], ["DAS", "I10", 32908, True], ["DP", "C679", 32902, True], ["DP_UM", "C67", 32902, True],
        ["DR", "Z511", 32908, True],
    ]  # fmt: skip


def test_a_diagnosis_twice_in_a_stay_is_one_and_one_without_a_stay_is_dropped() -> None:
    code = fact("mco_diagnoses", "diagnosis", "I10", status="DAS")
    with Compacted(inside(code, code, code | {"stay": "elsewhere"})) as done:
        assert done.dropped() == {"mco_diagnoses": {"K2": 1, "J1": 1}}


def test_what_happens_in_a_stay_meets_the_rules_of_the_stay() -> None:
    rows = inside(fact("mco_acts", "act", "JDFA001"), fact("mco_drugs", "drug", "9000001"), hits=bit("P2"))
    with Compacted(rows) as done:
        assert done.dropped() == {word: {"P2": 1} for word in ("mco_stays", "mco_chaining", "mco_acts", "mco_drugs")}
        assert done.rows("SELECT * FROM research_procedure_occurrence") == []


def test_a_stay_without_chaining_line_is_nobodys() -> None:
    with Compacted(inside(has_chain=False, psa=None)) as done:
        assert done.dropped() == {"mco_stays": {"J2": 1}}


def test_an_act_of_a_stay_falls_on_its_day_once() -> None:
    act = fact("mco_acts", "act", "JDFA001", delay=1, activity="1")
    rows = inside(act, act | {"activity": "4"}, act | {"delay": 2})
    assert made(rows, "SELECT procedure_date FROM research_procedure_occurrence ORDER BY 1") == [
        [day("2015-05-03")],
        [day("2015-05-04")],
    ]
    with Compacted(rows) as done:
        assert done.dropped() == {"mco_acts": {"P10": 1}}


def test_drugs_given_on_top_of_a_stay_are_summed_by_day() -> None:
    dose = fact("mco_drugs", "drug", "9000001", delay=1, quantity=2.0, paid=10.0)
    rows = inside(dose, dose, dose | {"delay": 3}) | {"gross_claim": []}
    asked = "SELECT drug_exposure_start_date, quantity, total_paid, drug_source_vocabulary FROM research_drug_exposure ORDER BY 1"
    assert made(rows, asked) == [
        [day("2015-05-03"), 4.0, 20.0, "UCD"], [day("2015-05-05"), 2.0, 10.0, "UCD"],
    ]  # fmt: skip


def test_parts_of_a_unit_are_netted_as_parts() -> None:
    dose = fact("mco_drugs", "drug", "9000001", delay=1, quantity=0.5, paid=0.0003)
    rows = inside(dose, dose, dose | {"quantity": -0.25, "paid": -0.0001}) | {"gross_claim": []}
    asked = "SELECT quantity, total_paid FROM research_drug_exposure"
    assert made(rows, asked) == [[0.75, 0.0005]]
    box = drug(quantity=0.5, paid=0.25)
    rows = with_claims(box, box, box | {"quantity": -0.25, "paid": -0.125})
    assert made(rows, asked) == [[0.75, 0.375]]


def test_wards_are_details_of_their_stay_and_end_with_it() -> None:
    rows = inside(
        fact("mco_wards", "ward", None, delay=0, duration=2, ward="07"),
        fact("mco_wards", "ward", None, delay=2, duration=9, ward="03"),
    )
    asked = "SELECT visit_detail_start_date, visit_detail_end_date, visit_detail_source_value FROM research_visit_detail ORDER BY 1"
    assert made(rows, asked) == [
        [day("2015-05-02"), day("2015-05-04"), "MCO ward 07"], [day("2015-05-04"), day("2015-05-06"), "MCO ward 03"],
    ]  # fmt: skip


def test_each_field_has_its_kind_of_visit() -> None:
    kinds = [
        ("ace", None, 9202),
        ("ssr", "1", 9201),
        ("ssr", "2", 9202),
        ("had", None, 9201),
        ("rip", None, 9201),
        ("rip", "ambulatory", 9202),
    ]
    stays = [
        stay(field=field, kind=kind, stay=f"{field}{kind}", entry_from=None, grouped=None) for field, kind, _ in kinds
    ]
    rows = whole() | {"gross_claim": [], "gross_stay_fact": [], "gross_stay": stays}
    visits = made(rows, "SELECT trim(visit_source_value), visit_concept_id FROM research_visit_occurrence ORDER BY ALL")
    assert visits == sorted([field.upper(), concept] for field, _, concept in kinds)


def test_an_emergency_department_is_told_by_what_it_bills() -> None:
    service = fact("ace_fees", "service", "ATU", quantity=1.0)
    rows = inside(service, field="ace", grouped=None)
    assert made(rows, "SELECT visit_concept_id FROM research_visit_occurrence ORDER BY 1") == [[9202], [9203]]
    assert made(
        rows, "SELECT procedure_source_value, procedure_source_vocabulary FROM research_procedure_occurrence"
    ) == [["ATU", "NGAP"]]


def test_the_facility_of_the_place_and_the_legal_one_stay_apart() -> None:
    asked = "SELECT care_site_source_value, legal_facility_source_value FROM research_visit_occurrence WHERE visit_concept_id = 262"
    assert made(whole(), asked) == [["010009992", "010009991"]]


def test_ids_are_unique_and_bring_events_to_their_stay() -> None:
    with Compacted(whole()) as done:
        asked = """SELECT count(*) AS n FROM research_condition_occurrence AS c
            JOIN research_visit_occurrence AS v USING (visit_occurrence_id)
            WHERE v.visit_concept_id = 262"""
        assert done.rows(asked) == [{"n": 2}]
        ids = done.rows("SELECT count(*) AS n, count(DISTINCT visit_occurrence_id) AS d FROM research_visit_occurrence")
        assert ids == [{"n": 2, "d": 2}]


def many() -> Rows:
    """Five persons, each with everything, and lines of nobody."""
    rows: Rows = {name: [] for name in whole()} | {"gross_death": []}
    for n in range(1, 6):
        own = {"person": n, "card": 10 * n, "psa": 100 * n, "stay": f"s{n}"}
        for name, table in whole().items():
            rows[name] += [row | {key: value for key, value in own.items() if key in row} for row in table]
    rows["gross_claim"] += [claim(card=999), drug(card=999)]
    rows["gross_stay"].append(stay(psa=998, stay="s998"))
    rows["gross_stay_fact"] += [
        fact("mco_acts", "act", "JDFA001", psa=998, stay="s998"),
        fact("mco_acts", "act", "X", psa=None, stay="s0"),
    ]
    return rows


def test_a_shard_in_several_passes_gives_the_same_rows_and_counts() -> None:
    asked = """SELECT person_no, drug_source_value AS c FROM whole_drug_exposure UNION ALL SELECT person_no, procedure_source_value FROM
        whole_procedure_occurrence UNION ALL SELECT person_no, visit_source_value FROM whole_visit_occurrence ORDER BY ALL"""
    with Compacted(many()) as one, Compacted(many(), passes=3) as three:
        assert one.rows(asked) == three.rows(asked)
        assert len(one.rows(asked)) == 20
        assert one.kept() == three.kept()
        assert one.dropped() == three.dropped() == {
            "claims": {"R1": 2}, "drugs": {"R1": 1}, "mco_stays": {"R1": 1}, "mco_chaining": {"R1": 1}, "mco_acts": {"R1": 1, "J1": 1},
        }  # fmt: skip
        assert dict(one.counts.found) == dict(three.counts.found)
        ids = "SELECT count(*) - count(DISTINCT visit_occurrence_id) AS n FROM whole_visit_occurrence"
        assert three.rows(ids) == [{"n": 0}]


def test_the_tables_on_the_page_of_the_mapping_are_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == filled(written), "run python -m tests.spec.omop_page"
