# SPDX-License-Identifier: Apache-2.0
"""Who is one person: cards of every delivery in, persons out, with what was decided and from how many choices."""

from typing import Any

import pytest

from tests.gross_rows import Compacted, Row, Rows, bit, card, certificate, claim, condition, day, drug, stay, whole

VISITS = "SELECT person_no, visit_concept_id AS c FROM research_visit_occurrence ORDER BY ALL"


def made(rows: Rows, sql: str, **switches: bool) -> list[list[Any]]:
    """Rows of a question, as lists."""
    with Compacted(rows, **switches) as done:
        done.kept()
        return [list(row.values()) for row in done.rows(sql)]


def found(rows: Rows) -> dict[str, int]:
    """The findings of person resolution."""
    with Compacted(rows) as done:
        return dict(done.counts.found)


def second(**changed: Any) -> Row:
    """A further card of the same person, under another pseudonym."""
    return card(psa=101, card=11) | changed


def stranger(**changed: Any) -> Row:
    """Another person's card."""
    return card(psa=200, card=20, person=2, own=2) | changed


def test_two_pseudonyms_with_one_person_key_are_one_person() -> None:
    rows = whole() | {
        "gross_card": [card(), second()],
        "gross_claim": [claim(card=11), drug()],
        "gross_stay": [stay(psa=101)],
    }
    assert made(rows, VISITS) == [[1, 262], [1, 9202]]
    assert (found(rows)["persons"], found(rows)["persons-with-several-cards"]) == (1, 1)


def test_a_card_of_the_archive_alone_keeps_its_claims() -> None:
    rows = whole() | {"gross_card": [card(), stranger(archived=True)], "gross_claim": [claim(card=20)]}
    assert [row[0] for row in made(rows, VISITS)] == [1, 2]
    assert found(rows)["persons-from-archive-only"] == 1


def test_twins_are_told_apart_in_claims_and_left_out_of_hospital_events() -> None:
    rows = whole() | {"gross_card": [card(), stranger(psa=100)], "gross_claim": [claim(card=20)]}
    assert made(rows, VISITS) == [[2, 9202]]
    findings = found(rows)
    assert (findings["pseudonyms-shared-by-several-persons"], findings["persons-sharing-a-pseudonym"]) == (1, 2)
    with Compacted(rows) as done:
        assert done.dropped()["mco_stays"] == done.dropped()["mco_chaining"] == {"R2": 1}
        assert done.rows("SELECT shared_pseudonyms AS n FROM research_person_decision") == [{"n": 1}, {"n": 1}]
    with Compacted(rows, R2=False) as done:
        assert done.kept()["mco_stays"] == 1


def test_an_uncertified_person_is_counted_as_such() -> None:
    rows = whole() | {"gross_card": [card(certified=False)]}
    assert found(rows)["persons-never-certified"] == 1


def test_of_one_card_twice_the_certified_then_the_latest_row_counts() -> None:
    later = card(person=2, certified=False, updated=day("2016-01-01"))
    rows = whole() | {"gross_card": [card(), later]}
    with Compacted(rows) as done:
        assert done.rows("SELECT person_no, born FROM net_person") == [{"person_no": 1, "born": 1950}]
        assert done.dropped()["beneficiaries"] == {"B1": 1}
        assert done.kept()["beneficiaries"] == 1


def test_two_rows_of_a_card_with_the_same_dates_go_by_what_they_tell_not_by_our_names_for_their_keys() -> None:
    told = [
        made(
            whole() | {"gross_card": [card(sex=one), card(person=2, sex=other)]},
            "SELECT gender_source_value FROM research_person",
        )
        for one, other in ("12", "21")
    ]
    assert told[0] == told[1] != []


def test_a_key_from_before_certification_still_finds_the_certificate() -> None:
    before = card(person=2, certified=False, archived=True, updated=day("2012-01-01"))
    rows = whole() | {"gross_card": [card(), before], "gross_death": [certificate(person=2)]}
    assert made(rows, "SELECT person_no, death_source_value FROM research_death") == [[1, "KI_CCI_R"]]


def test_a_key_that_only_a_superseded_card_file_knew_still_finds_the_certificate() -> None:
    before = card(person=2, certified=False, unit=-1)
    rows = whole() | {"gross_card": [card()], "superseded_card": [before], "gross_death": [certificate(person=2)]}
    assert made(rows, "SELECT person_no, death_source_value FROM research_death") == [[1, "KI_CCI_R"]]


def test_a_certificate_is_his_who_has_the_card_of_its_key_not_of_one_who_took_another_card_later() -> None:
    ever = [card(person=3, unit=-3), card(unit=-2), stranger(person=1, unit=-2)]
    rows = whole() | {
        "gross_card": [card(), stranger()],
        "superseded_card": ever,
        "gross_death": [certificate(person=3)],
    }
    assert made(rows, "SELECT person_no FROM research_death") == [[1]]


def test_a_key_whose_cards_are_nobodys_any_more_is_followed_through_the_keys_after_it() -> None:
    ever = [card(person=2, card=12, unit=-2), card(person=3, card=12, unit=-1), card(person=3, unit=-1)]
    rows = whole() | {"superseded_card": ever, "gross_death": [certificate(person=2)]}
    assert made(rows, "SELECT person_no FROM research_death") == [[1]]


@pytest.mark.parametrize("where", ["gross_card", "superseded_card"])
def test_a_certificate_under_a_key_that_two_persons_had_is_nobodys_and_is_counted(where: str) -> None:
    ago = {"person": 9, "certified": False, "archived": True, "updated": day("2010-01-01"), "unit": -1}
    twins, before = [card(), stranger(psa=100)], [card(**ago), stranger(psa=100, **ago)]
    rows = whole() | {"gross_death": [certificate(person=9), certificate(person=9, kind="cause", code="I10")]}
    rows |= {"gross_card": twins, "superseded_card": []} | {where: [*before, *(twins if where == "gross_card" else ())]}
    with Compacted(rows, passes=2) as done:
        assert done.rows(DEATH) == []
        assert done.kept().get("deaths", 0) == 0
        assert {word: done.dropped()[word] for word in ("deaths", "causes")} == {
            "deaths": {"R3": 1},
            "causes": {"R3": 1},
        }
        assert done.counts.found["certificates-under-a-key-of-several-persons"] == 1


def test_a_fictive_card_drops_with_what_only_it_told() -> None:
    rows = whole() | {"gross_card": [card(), stranger(hits=bit("B2"))], "gross_claim": [claim(card=20)]}
    with Compacted(rows) as done:
        assert done.dropped() == {"beneficiaries": {"B2": 1}, "claims": {"R1": 1}}
    with Compacted(rows, B2=False) as done:
        assert done.dropped() == {}
        assert done.kept()["beneficiaries"] == 2


def test_the_latest_card_gives_address_and_month_of_birth() -> None:
    cards = [
        card(),
        second(department="02A", commune="2A004", updated=day("2015-12-30")),
        second(psa=102, card=12, department="013", commune="13055", birth_month=7, updated=None),
    ]
    asked = "SELECT location_source_value, commune_source_value, year_of_birth, month_of_birth, gender_concept_id FROM research_person"
    assert made(whole() | {"gross_card": cards}, asked) == [["02A", "2A004", 1950, 3, 8532]]
    asked = "SELECT cards, pseudonyms, births, communes, told_on FROM research_person_decision"
    assert made(whole() | {"gross_card": cards}, asked) == [[3, 3, 2, 3, day("2015-12-30")]]


def test_a_person_met_in_simplified_claims_alone_is_nobody_until_a_register_names_it() -> None:
    keyed = {"person": 1, "card": 77, "archived": None}
    rows = whole() | {
        "gross_card": [card(), keyed, {"person": 5, "card": 78}],
        "gross_claim": [claim(card=77), claim(card=78)],
    }
    with Compacted(rows) as done:
        assert [row["person_no"] for row in done.rows(VISITS)] == [1, 1]
        assert done.dropped() == {"claims": {"R1": 1}}
        assert done.kept()["beneficiaries"] == 1


DEATH = "SELECT death_source_value, death_date, death_month, cause_source_value FROM research_death"


def test_a_death_is_taken_from_the_register_with_the_cause_of_the_certificate() -> None:
    cause = certificate(kind="cause", code="I10", line=2, rank=1)
    rows = whole() | {
        "gross_card": [card(died=day("2015-11-20"))],
        "gross_death": [certificate(), cause, cause | {"code": "E11", "line": 1}],
    }
    assert made(rows, DEATH) == [["IR_BEN_R", day("2015-11-20"), day("2015-11-01"), "C679"]]
    assert made(rows, "SELECT associated_causes_source_value AS c FROM research_death") == [["E11 I10"]]
    with Compacted(rows) as done:
        assert (done.kept()["deaths"], done.kept()["causes"]) == (1, 2)


def test_a_death_unknown_to_the_register_is_found_in_the_certificate_then_in_the_stay() -> None:
    rows = whole() | {"gross_stay": [stay(exit_mode="9")]}
    assert made(rows, DEATH)[0][:2] == ["MCO", day("2015-05-06")]
    assert found(rows)["deaths-known-only-from-a-stay"] == 1
    rows |= {"gross_death": [certificate(), certificate(certificate=901, died=day("2015-12-01"))]}
    assert made(rows, DEATH)[0][:2] == ["KI_CCI_R", day("2015-11-20")]
    assert found(rows)["deaths-dated-differently-by-two-sources"] == 1
    with Compacted(rows) as done:
        assert done.dropped() == {"deaths": {"K2": 1}}


def test_a_certificate_of_a_stranger_and_its_causes_are_dropped() -> None:
    rows = whole() | {"gross_death": [certificate(person=9), certificate(person=9, kind="cause", code="I10")]}
    with Compacted(rows) as done:
        assert done.dropped() == {"deaths": {"R1": 1}, "causes": {"R1": 1}}
        assert not done.rows(DEATH)


def test_a_death_before_birth_or_after_all_that_is_known_is_set_aside_and_said() -> None:
    for died, rule in (("1949-01-01", "E1"), ("2031-01-01", "E2")):
        rows = whole() | {"gross_card": [card(died=day(died))]}
        assert made(rows, DEATH) == []
        assert made(rows, "SELECT rules, register_deaths FROM research_person_decision") == [[rule, 1]]
        assert found(rows)["register-deaths-set-aside"] == 1
        assert len(made(rows, DEATH, **{rule: False})) == 1


def test_care_before_birth_and_a_stay_that_ends_before_it_begins_go_and_late_care_goes_when_asked() -> None:
    rows = whole() | {
        "gross_card": [card(died=day("2012-01-01"))],
        "gross_claim": [claim(care=day("1940-01-01")), claim(), drug(care=day("2012-06-01"))],
        "gross_stay": [stay(leaving=day("2015-05-01"))],
    }
    with Compacted(rows) as done:
        assert done.dropped()["claims"] == {"X1": 1}
        assert done.dropped()["mco_stays"] == done.dropped()["mco_acts"] == {"X3": 1}
    with Compacted(rows, X2=True) as done:
        assert done.dropped()["claims"] == {"X1": 1, "X2": 1}
        assert done.kept()["drugs"] == 1


@pytest.mark.parametrize(("care", "late"), [("2012-12-30", 0), ("2012-12-31", 0), ("2013-01-01", 1)])
def test_care_is_late_from_the_day_after_a_year_from_death(care: str, late: int) -> None:
    rows = whole() | {
        "gross_card": [card(died=day("2012-01-01"))],
        "gross_claim": [claim(care=day(care))],
        "gross_stay": [stay(entry=day(care), leaving=day(care))],
        "gross_stay_fact": [],
    }
    with Compacted(rows, X2=True) as done:
        told = {word: done.dropped().get(word, {}) for word in ("claims", "mco_stays")}
        assert told == dict.fromkeys(told, {"X2": 1} if late else {})


def test_a_condition_is_one_from_a_day_and_open_if_one_of_its_lines_is() -> None:
    lines = [condition(last_day=day("2012-01-01")), condition(), condition(code="I10", last_day=day("2014-01-01"))]
    rows = whole() | {"gross_condition": [*lines, condition(card=99)]}
    asked = """SELECT condition_source_value, condition_end_date FROM research_condition_occurrence
        WHERE condition_status_source_value = 'ALD' ORDER BY 1"""
    assert made(rows, asked) == [["E11", None], ["I10", day("2014-01-01")]]
    with Compacted(rows) as done:
        assert done.dropped()["conditions"] == {"K2": 1, "R1": 1}


KEYED = {"card": 77, "person": 9, "archived": None}
"""What simplified claims tell of a card: the person key that they came under."""


@pytest.mark.parametrize("where", ["gross_card", "superseded_card"])
def test_a_simplified_claim_under_a_key_from_before_certification_is_its_persons(where: str) -> None:
    before = card(person=9, certified=False, archived=True, updated=day("2012-01-01"), unit=-1)
    rows = whole() | {"gross_card": [card(), stranger(), KEYED], "gross_claim": [claim(card=77)]}
    rows[where] = [*rows.get(where, []), before]
    with Compacted(rows, passes=2) as done:
        assert done.kept()["claims"] == 1
        assert "claims" not in done.dropped()
        visits = "SELECT person_no FROM whole_visit_occurrence WHERE visit_concept_id = 9202"
        assert done.rows(visits) == [{"person_no": 1}]


def test_a_simplified_claim_under_a_key_that_two_persons_had_is_nobodys_and_is_counted() -> None:
    ago = {"person": 9, "certified": False, "unit": -1}
    rows = whole() | {"gross_card": [card(), stranger(), KEYED], "superseded_card": [card(**ago), stranger(**ago)]}
    rows["gross_claim"] = [claim(card=77, commune="13055"), drug(card=77)]
    with Compacted(rows, passes=2) as done:
        assert done.rows("SELECT person_no FROM card_person WHERE card = 77") == [{"person_no": None}], (
            "nor does it tell of anybody's residence"
        )
        assert (done.dropped()["claims"], done.dropped()["drugs"]) == ({"R3": 2}, {"R3": 1})
        assert "claims" not in done.kept()
