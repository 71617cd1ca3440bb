# SPDX-License-Identifier: Apache-2.0
"""Each cleaning rule of the line on lines that can be read: what is delivered, which rules the gross row then carries.

The same cases, written out, are docs/cleaning.md. Rules that need all deliveries are shown in test_persons and test_research_tables.
"""

import functools
from dataclasses import replace

import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.gross_definitions import gross_definitions, known_rules
from rempart.errors import BadInput, Refused
from rempart.ingest.gross import add_unit, begin
from rempart.ingest.rules import LINE, met
from tests.gross_units import GrossPlan, plan, put
from tests.spec.cleaning_page import TARGET, page
from tests.spec.rule_cases import DROPPED, KEPT, PERIODS, Case, Rows, base, detail, line

TABLES = (
    "gross_card",
    "gross_claim",
    "gross_condition",
    "gross_maternity",
    "gross_dose",
    "gross_death",
    "gross_stay",
    "gross_stay_fact",
)


@functools.cache
def session() -> DuckDBQuery:
    """One engine for all cases."""
    return DuckDBQuery(threads=1, memory_limit="1GB")


def made(unit: Rows, product: str, period: str, given: GrossPlan | None = None) -> list[dict[str, object]]:
    """All gross rows of a unit, with the rules that each meets."""
    known, query = given or plan(), session()
    begin(query, known)
    for name in known.made_of(product):
        for word in known.words[name]:
            put(query, known, word, unit.get(word, ()))
    add_unit(query, known, product=product, period=period, number=1)
    rows = [row | {"table": table} for table in TABLES for row in query.table(f"SELECT * FROM new_{table}").to_pylist()]
    return [row | {"rules": met(known.choice.rules, row["hits"])} for row in rows]


@functools.cache
def half(word: str) -> GrossPlan:
    """The plan of one field alone: stays and outpatient care come in one unit."""
    known = plan()
    return replace(known, products={**known.products, "mco": [word.partition("_")[0]]})


def rules_met(case: Case) -> set[str]:
    """Rules that any row of the case's unit meets."""
    given = half(case.word) if case.product == "mco" else plan()
    return {rule for row in made(case.unit(), case.product, case.time, given) for rule in row["rules"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", DROPPED, ids=[f"{case.rule} {case.word} {case.words}" for case in DROPPED])
def test_a_line_meets_its_rule(case: Case) -> None:
    assert case.rule in rules_met(case)


@pytest.mark.parametrize("case", KEPT, ids=[f"{case.rule} {case.word} {case.words}" for case in KEPT])
def test_a_line_that_only_looks_like_it_does_not(case: Case) -> None:
    assert case.rule not in rules_met(case)


@pytest.mark.parametrize(
    "product", ["dcir", "cards", "conditions", "maternity", "doses", "deaths", "mco", "ssr", "had", "rip"]
)
def test_nothing_is_marked_in_a_clean_unit(product: str) -> None:
    assert {row["rules"] for row in made(base(product), product, PERIODS.get(product, ""))} == {()}


def test_every_rule_of_the_line_has_a_case() -> None:
    known = {rule.id for rule in plan().choice.rules if rule.phase == LINE}
    assert known - {case.rule for case in DROPPED} == {"L1"}


def test_a_line_that_meets_two_rules_carries_both_and_counts_under_the_first() -> None:
    unit = base("dcir")
    unit["claims"][0] |= {"DPN_QLF": "71", "BSE_PRS_NAT": "0000"}
    marked = [row["rules"] for row in made(unit, "dcir", "201503") if row["rules"]]
    assert marked == [("D1", "D3")]


def test_a_detail_meets_the_rules_of_its_line_and_its_own() -> None:
    unit = base("dcir")
    unit["claims"][1]["DPN_QLF"] = "71"
    unit["drugs"][0]["PHA_PRS_C13"] = None
    assert [row["rules"] for row in made(unit, "dcir", "201503") if row["kind"] == "drug"] == [("D1", "V1")]


def test_every_delivered_line_is_one_leading_row_and_every_detail_one_row() -> None:
    unit = base("dcir")
    unit["claims"] += [line(2, PRS_NAT_REF="3313"), line(4)]
    unit["drugs"] += [
        detail(2, PHA_ORD_NUM=rank, PHA_PRS_C13="3400935563248", PHA_ACT_QSN=1) for rank in ("1", "2")
    ] + [detail(9)]
    rows = made(unit, "dcir", "201503")
    assert sum(bool(row["lead"]) for row in rows) == len(unit["claims"])
    assert sum(bool(row["detail"]) for row in rows) == len(unit["drugs"]) + len(unit["claim_acts"])
    assert all(row["lead"] or row["detail"] for row in rows)


def test_equal_boxes_on_two_lines_stay_two_rows_and_a_taken_back_box_keeps_its_sign() -> None:
    unit = base("dcir")
    unit["claims"] += [line(4, PRS_NAT_REF="3313"), line(5, PRS_NAT_REF="3313")]
    unit["drugs"] += [detail(4, PHA_ORD_NUM="1", PHA_PRS_C13="3400935563248", PHA_ACT_QSN=1, PHA_ACT_PRU=22.17)]
    unit["drugs"] += [detail(5, PHA_ORD_NUM="1", PHA_PRS_C13="3400935563248", PHA_ACT_QSN=-1, PHA_ACT_PRU=22.17)]
    drugs = [(row["quantity"], row["paid"]) for row in made(unit, "dcir", "201503") if row["kind"] == "drug"]
    assert sorted(drugs) == [(-1.0, -22.17), (1.0, 22.17), (1.0, 22.17)]


def test_an_amount_is_not_counted_twice_when_a_line_has_two_details() -> None:
    unit = base("dcir")
    unit["claims"][1]["PRS_PAI_MNT"] = 100
    unit["drugs"] += [detail(2, PHA_ORD_NUM="2", PHA_PRS_C13="3400935563538", PHA_ACT_QSN=2, PHA_ACT_PRU=1.5)]
    unit["labs"] = [detail(1, BIO_ORD_NUM=rank, BIO_PRS_IDE="0552", BIO_ACT_QSN=1) for rank in ("1", "2")]
    rows = made(unit, "dcir", "201503")
    assert sorted(row["paid"] for row in rows if row["kind"] == "drug") == [3.0, 22.17]  # type: ignore[type-var]
    assert sorted(row["paid"] or 0 for row in rows if row["kind"] == "lab") == [0, 25.0]  # type: ignore[type-var]


def test_an_opened_pack_counts_units_at_the_price_of_a_unit() -> None:
    unit = base("dcir")
    unit["drugs"][0] |= {"PHA_DEC_TOP": "D", "PHA_DEC_QSU": 7, "PHA_DEC_PRU": 0.5, "PHA_ACT_PRU": None}
    (row,) = [row for row in made(unit, "dcir", "201503") if row["kind"] == "drug"]
    assert (row["quantity"], row["paid"], row["phase"]) == (7.0, 3.5, "D")


def test_sick_leave_is_counted_by_the_other_column_and_a_salaried_physician_has_no_specialty() -> None:
    unit = base("dcir")
    unit["claims"][0] |= {
        "PRS_NAT_REF": "6111",
        "PRS_ACT_QTE": 1,
        "PRS_ACT_NBR": 12,
        "PSE_SPE_COD": "01",
        "PSE_STJ_COD": "61",
    }
    (row,) = [row for row in made(unit, "dcir", "201503") if row["nature"] == "6111"]
    assert (row["quantity"], row["specialty"]) == (12.0, "99_0")


@pytest.mark.parametrize(
    ("department", "commune", "insee"),
    [
        ("075", "056", "75056"),
        ("02A", "004", "2A004"),
        ("971", "105", "97105"),
        ("01", "053", "01053"),
        (None, "056", None),
    ],
)
def test_a_commune_is_an_insee_code_overseas_too(department: str | None, commune: str, insee: str | None) -> None:
    unit = base("dcir")
    unit["claims"][0] |= {"BEN_RES_DPT": department, "BEN_RES_COM": commune}
    (row,) = [row for row in made(unit, "dcir", "201503") if row["nature"] == "1111"]
    assert row["commune"] == insee


def test_the_simplified_form_joins_by_its_own_key_and_names_the_person() -> None:
    unit: Rows = {
        "claims": [
            {
                "CLE_DCI_JNT": "77",
                "BEN_IDT_ANO": "NNNNNNNNNNNNNNNN1",
                "EXE_SOI_DTD": "2015-02-10",
                "PRS_NAT_REF": "3313",
            }
        ],
        "drugs": [{"CLE_DCI_JNT": "77", "PHA_SEQ_NUM": "1", "PHA_PRS_C13": "3400935563248", "PHA_ACT_QSC": 2}],
    }
    rows = made(unit, "dcir", "201503")
    (row,) = [row for row in rows if row["table"] == "gross_claim"]
    assert (row["kind"], row["card"], row["quantity"], row["rules"]) == ("drug", "NNNNNNNNNNNNNNNN1|", 2.0, ())
    (key,) = [row for row in rows if row["table"] == "gross_card"]
    assert (key["card"], key["person"], key["archived"]) == ("NNNNNNNNNNNNNNNN1|", "NNNNNNNNNNNNNNNN1", None)


def test_an_ambulatory_act_reaches_its_patient_through_the_facilitys_own_number() -> None:
    unit = base("rip")
    unit["rip_ambulatory"] += [dict(unit["rip_ambulatory"][0]) | {"ORD_NUM": "00000002", "IPP_IRR_CRY": "Q"}]
    found = {row["stay"]: row["psa"] for row in made(unit, "rip", "2015") if row["kind"] == "ambulatory"}
    assert found == {
        "rip|2015|010009991|00007/00000001": "AAAAAAAAAAAAAAAA1",
        "rip|2015|010009991|00007/00000002": None,
    }


@pytest.mark.parametrize(
    ("given", "changed", "is_met"),
    [
        ({"duplicate_facilities_until": 2018}, {"ETA_NUM": "750100018"}, True),
        ({"between_facilities": "modes"}, {"ENT_MOD": "0"}, True),
        ({"between_facilities": "modes"}, {"SEJ_TYP": "B"}, False),
        ({"between_facilities": "stay_type_but_sessions"}, {"SEJ_TYP": "B", "GRG_GHM": "28Z04Z"}, False),
        ({"between_facilities": "stay_type_but_sessions"}, {"SEJ_TYP": "B", "GRG_GHM": "28Z14Z"}, True),
    ],
)
def test_parameters_of_a_rules_file_change_what_is_marked(
    given: dict[str, object], changed: dict[str, str], *, is_met: bool
) -> None:
    choice = known_rules({"parameters": given})
    unit = base("mco")
    unit["mco_stays"][0] |= changed
    marked = {rule for row in made(unit, "mco", "2018", gross_definitions(choice)) for rule in row["rules"]}  # type: ignore[attr-defined]
    assert bool(marked & {"P1", "P3"}) is is_met
    assert choice.marks_hash != known_rules().marks_hash


def test_a_switch_changes_what_counts_and_not_what_is_marked() -> None:
    plain, chosen = known_rules(), known_rules({"switch": {"P4": False, "P7": True}})
    bits = {rule.id: rule.mask for rule in plain.rules}
    assert plain.enabled ^ chosen.enabled == bits["P4"] | bits["P7"]
    assert plain.marks_hash == chosen.marks_hash
    assert plain.effective_hash != chosen.effective_hash
    assert set(chosen.facts()["off"]) ^ set(plain.facts()["off"]) == {"P4", "P7"}


@pytest.mark.parametrize(
    ("given", "error", "code"),
    [
        ({"switch": {"Z9": True}}, BadInput, "rules-unknown"),
        ({"switch": {"K1": False}}, Refused, "rule-fixed"),
        ({"switch": {"P4": "no"}}, BadInput, "rules-value"),
        ({"parameters": {"no_such": 1}}, BadInput, "rules-unknown"),
        ({"parameters": {"duplicate_facilities_until": "2018"}}, BadInput, "rules-value"),
        ({"parameters": {"between_facilities": "another"}}, BadInput, "rules-value"),
        ({"parameters": {"act_phases": ["0') OR ('1"]}}, BadInput, "rules-value"),
        ({"rules": []}, BadInput, "rules-unknown"),
    ],
)
def test_a_rules_file_is_checked(given: dict[str, object], error: type[Exception], code: str) -> None:
    with pytest.raises(error) as raised:
        known_rules(given)
    assert getattr(raised.value, "code", "") == code


def test_a_bit_is_never_changed_nor_used_again() -> None:
    written = {
        "K1": 0, "B1": 1, "B2": 2, "B3": 3, "B4": 4, "B5": 5, "D1": 6, "D2": 7, "D3": 8, "P1": 9, "P2": 10, "P3": 11, "P4": 12, "P5": 13,
        "P6": 14, "A1": 15, "C1": 16, "T1": 17, "V1": 18, "P9": 19, "R1": 20, "R2": 21, "J1": 22, "J2": 23, "D4": 24, "M1": 25, "P10": 26,
        "K2": 27, "D5": 28, "D7": 29, "P7": 30, "P8a": 31, "P8b": 32, "P11": 36, "T2": 37, "D6": 33, "L1": 34, "R3": 35,
    }  # fmt: skip
    assert {rule.id: rule.bit for rule in plan().choice.rules if rule.id in written} == written


def test_every_column_that_gross_tables_read_is_one_of_the_schemas() -> None:
    files = [package_data.toml(f"ingest/schemas/{name}") for name in package_data.names("ingest/schemas", ".toml")]
    columns: dict[str, set[str]] = {}
    for raw in files:
        for word, table in raw.get("tables", {}).items():
            columns.setdefault(word, set()).update(table.get("columns", {}), table.get("renamed", {}))
    missing = {word: set(reads.columns) - columns[word] for word, reads in plan().reads.items()}
    assert {word: names for word, names in missing.items() if names} == {}


def test_the_page_of_the_rules_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == page(), "run python -m tests.spec.cleaning_page"
