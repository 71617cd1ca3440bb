# SPDX-License-Identifier: Apache-2.0
"""Pregnancies and the links of mother and child, over shards: cases that a domain expert can check."""

import datetime
from typing import Any

import pytest

from tests.spec.context_house import Shard

DAY = datetime.date
STEPS = ("context", "context_observation", "context_pregnancy", "pregnancy", "mother_child")
MOTHER, CHILD, TWIN = 1, 2, 3
BORN = DAY(2015, 6, 10)


def house(**delivery: Any) -> Shard:
    """A mother, her delivery stay (key 10 of the year's link), and a child in the register."""
    shard = Shard()
    shard.person(MOTHER, born=1985)
    shard.person(CHILD, born=2015, birth_month=6)
    delivered(shard, **delivery)
    return shard


def delivered(shard: Shard, *, stay: str = "m1", visit: int = 100, psa: int = MOTHER, acts: tuple[str, ...] = ("JQGD010",),
              diagnoses: tuple[str, ...] = ("Z370",), **more: Any) -> None:  # fmt: skip
    """A stay of the mother's."""
    row = {
        "field": "mco",
        "stay": stay,
        "entry": DAY(2015, 6, 10),
        "leaving": DAY(2015, 6, 14),
        "legal_facility": "750000001",
    } | more
    birth = row.pop("birth", None)
    shard.add("gross_stay", {"psa": psa, "birth": birth, "has_stay": True, "has_chain": True, **row})
    shard.add("net_stay", {"person_no": psa, "visit_no": visit, **row})
    for code in diagnoses:
        shard.add("net_fact", {"visit_no": visit, "kind": "diagnosis", "code": code})
    for code in acts:
        shard.add("net_fact", {"visit_no": visit, "kind": "act", "code": code, "day": DAY(2015, 6, 11)})


def born(shard: Shard, *, stay: str = "b1", psa: int = CHILD, **more: Any) -> None:
    """A birth stay."""
    row = {"mother": MOTHER, "legal_facility": "750000001", "entry": BORN, "leaving": DAY(2015, 6, 14), "entry_mode": "8",
           "grouped": "15M05A", "age_days": 0, "weight": 3300, "sex": "1", "gestation": 39} | more  # fmt: skip
    shard.add("gross_stay", {"field": "mco", "stay": stay, "psa": psa, "has_stay": True, "has_chain": True, **row})


LINKS = """SELECT person_no, CAST(right(child_person_id, 2) AS INTEGER), birth_weight, child_source_value, link_source_value
    FROM research_mother_child ORDER BY ALL"""
EPISODES = "SELECT pregnancy_start_date, pregnancy_end_date, start_source_value, live_births, stillbirths FROM research_pregnancy"


def counts(shard: Shard) -> dict[str, int]:
    """What the preparation counted."""
    assert shard.prepared is not None
    return {what: count for what, count in shard.prepared.counts if what.startswith("births")}


def test_a_birth_is_linked_by_the_mothers_pseudonym_the_facility_and_the_day() -> None:
    shard = house()
    born(shard)
    shard.run(*STEPS)
    assert shard.rows(LINKS) == [(MOTHER, CHILD, 3300, "own", "entry")]
    assert counts(shard) == {
        "births": 1, "births-without-mother-key": 0, "births-of-nobody-in-the-register": 0, "births-sharing-a-pseudonym": 0,
    }  # fmt: skip


def test_two_births_are_two_where_the_engines_hash_of_their_stays_is_one() -> None:
    shard = house()
    shard.person(4, born=1990)
    shard.person(5, born=2015, birth_month=6)
    delivered(shard, stay="m2", visit=200, psa=4)
    born(shard, stay="mco|2014|440009998|0000000011")
    born(shard, stay="mco|2015|440009998|0000100011", psa=5, mother=4)
    shard.run(*STEPS)
    assert [row[:2] for row in shard.rows(LINKS)] == [(MOTHER, CHILD), (4, 5)]


@pytest.mark.parametrize(
    ("change", "linked"),
    [
        ({"entry": DAY(2015, 6, 9)}, "entry"),
        ({"entry": DAY(2015, 6, 11)}, "entry"),
        # The mother came in days before the birth.
        ({"entry": DAY(2015, 6, 13)}, "stay"),
        ({"entry": DAY(2015, 6, 8)}, None),
        ({"entry": DAY(2015, 6, 15)}, None),
        ({"legal_facility": "750000002"}, None),
        ({"mother": 77}, None),
        ({"mother": None}, None),
    ],
)
def test_a_birth_elsewhere_or_at_another_time_is_not_linked(change: dict[str, Any], linked: str | None) -> None:
    shard = house()
    born(shard, **change)
    shard.run(*STEPS)
    assert [row[4] for row in shard.rows(LINKS)] == ([linked] if linked else [])
    assert counts(shard)["births"] == 1
    assert counts(shard)["births-without-mother-key"] == int(change.get("mother", 1) is None)


def test_from_2019_on_the_key_of_both_links_wherever_the_entry() -> None:
    shard = house(birth=10, entry=DAY(2015, 6, 1))
    born(shard, mother=None, birth=10)
    shard.run(*STEPS)
    assert shard.rows(LINKS) == [(MOTHER, CHILD, 3300, "own", "key")]


@pytest.mark.parametrize(
    "change",
    [
        {"age_days": 1},
        {"entry_mode": "7"},
        {"grouped": "14Z10A"},
        {"weight": 400, "gestation": 21},
        {"weight": None, "gestation": None},
        {"hits": 4},
    ],
)
def test_what_is_no_birth_stay_is_not_counted(change: dict[str, Any]) -> None:
    shard = house()
    born(shard, **change)
    shard.run(*STEPS)
    assert counts(shard)["births"] == 0


def test_a_light_child_of_enough_weeks_is_a_birth() -> None:
    shard = house()
    born(shard, weight=450, gestation=23)
    shard.run(*STEPS)
    assert counts(shard)["births"] == 1


def test_twins_of_one_sex_share_a_pseudonym_and_are_not_dropped() -> None:
    shard = house(diagnoses=("Z372",))
    shard.person(TWIN, born=2015, birth_month=6, psa=CHILD)
    born(shard, stay="b1", weight=2400)
    born(shard, stay="b2", weight=2600)
    shard.run(*STEPS)
    assert shard.rows(LINKS) == [(MOTHER, CHILD, 2600, "shared", "entry"), (MOTHER, TWIN, 2400, "shared", "entry")]
    assert counts(shard)["births-sharing-a-pseudonym"] == 2
    assert shard.rows(EPISODES)[0][3:] == (2, 0)


def test_one_birth_of_two_persons_who_share_a_pseudonym_is_nobodys_in_particular() -> None:
    shard = house()
    shard.person(TWIN, born=2015, birth_month=6, psa=CHILD)
    born(shard)
    shard.run(*STEPS)
    assert shard.rows(LINKS) == [(MOTHER, None, 3300, "shared", "entry")]


def test_twins_of_two_sexes_are_two_children_of_one_delivery() -> None:
    shard = house(diagnoses=("Z372",))
    shard.person(TWIN, born=2015, birth_month=6)
    born(shard, stay="b1", weight=2400)
    born(shard, stay="b2", weight=2600, psa=TWIN, sex="2")
    shard.run(*STEPS)
    assert shard.rows(LINKS) == [(MOTHER, CHILD, 2400, "own", "entry"), (MOTHER, TWIN, 2600, "own", "entry")]


def test_a_child_that_the_register_does_not_know_keeps_its_birth() -> None:
    shard = house()
    born(shard, psa=55)
    shard.run(*STEPS)
    assert shard.rows(LINKS) == [(MOTHER, None, 3300, "unknown", "entry")]
    assert counts(shard)["births-of-nobody-in-the-register"] == 1


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, True),
        ({"acts": (), "diagnoses": ("Z370", "Z3900")}, True),
        ({"acts": (), "principal": "Z3900"}, True),
        ({"acts": ()}, False),
        ({"diagnoses": ("O800",)}, False),
        ({"hits": 4}, False),
    ],
)
def test_a_delivery_is_an_act_or_z3900_with_an_outcome(change: dict[str, Any], found: bool) -> None:
    shard = house(**change)
    shard.run(*STEPS)
    assert len(shard.rows(EPISODES)) == int(found)


def test_a_pregnancy_begins_with_what_the_claims_say_when_it_fits() -> None:
    shard = house(gestation=41)
    shard.add(
        "gross_claim", {"card": MOTHER, "conceived": DAY(2014, 9, 20)}, {"card": MOTHER, "conceived": DAY(2015, 6, 11)}
    )
    shard.run(*STEPS)
    assert shard.rows(EPISODES) == [("2014-09-20", "2015-06-11", "claim", 1, 0)]


def test_the_register_of_maternity_comes_before_the_claims() -> None:
    shard = house()
    shard.add("gross_claim", {"card": MOTHER, "conceived": DAY(2014, 9, 20)})
    shard.add("gross_maternity", {"card": MOTHER, "conceived": DAY(2014, 9, 17)})
    shard.run(*STEPS)
    assert shard.rows(EPISODES)[0][::2] == ("2014-09-17", "register", 0)


def test_else_the_gestational_age_counts_from_the_last_period_and_else_the_outcome_tells() -> None:
    shard = house(gestation=40)
    shard.add("gross_claim", {"card": MOTHER, "conceived": DAY(2015, 6, 11)})
    shard.run(*STEPS)
    assert shard.rows(EPISODES) == [("2014-09-18", "2015-06-11", "gestation", 1, 0)]
    shard = house(diagnoses=("Z371",))
    shard.run(*STEPS)
    assert shard.rows(EPISODES) == [("2014-11-27", "2015-06-11", "usual", 0, 1)]


def test_a_line_that_a_rule_drops_says_nothing_of_a_pregnancy() -> None:
    shard = house()
    shard.add("gross_claim", {"card": MOTHER, "conceived": DAY(2014, 9, 20), "hits": 1})
    shard.run(*STEPS)
    assert shard.rows(EPISODES)[0][2] == "usual"
