# SPDX-License-Identifier: Apache-2.0
"""Residence in one vintage of communes, schemes over time, observation of persons: cases that a domain expert can check."""

import datetime
from typing import Any

import pytest

from rempart.adapters.package_data import toml
from rempart.ingest.geography import Change, event_kinds, to_vintage
from tests.spec.context_house import Shard

DAY = datetime.date
KINDS = event_kinds(toml("ingest/geography.toml"))
HISTORY = [
    # Two communes become one; the new one is merged again.
    Change(effective=DAY(2012, 1, 1), kind="32", before="01002", after="01001"),
    Change(effective=DAY(2012, 1, 1), kind="32", before="01001", after="01001"),
    Change(effective=DAY(2016, 1, 1), kind="32", before="01001", after="01009"),
    Change(effective=DAY(2016, 1, 1), kind="32", before="01009", after="01009"),
    # One commune is split: the old code stays with one part.
    Change(effective=DAY(2014, 1, 1), kind="21", before="02010", after="02010"),
    Change(effective=DAY(2014, 1, 1), kind="21", before="02010", after="02011"),
    # A commune changes its department.
    Change(effective=DAY(2010, 1, 1), kind="41", before="03005", after="04005"),
    # A merge after the vintage.
    Change(effective=DAY(2022, 1, 1), kind="32", before="05001", after="05002"),
    Change(effective=DAY(2022, 1, 1), kind="32", before="05002", after="05002"),
    # A commune that only a later vintage knows, out of one that it knows.
    Change(effective=DAY(2022, 1, 1), kind="41", before="06001", after="07001"),
]
KNOWN = {"01009", "02010", "02011", "04005", "05001", "05002", "06001", "75056"}


@pytest.mark.parametrize(
    ("code", "commune", "how"),
    [
        ("75056", "75056", "same"),
        ("01001", "01009", "merged"),
        ("01002", "01009", "merged"),
        ("02010", "02010", "same"),
        ("03005", "04005", "moved"),
        ("05001", "05001", "same"),
        ("07001", "06001", "moved"),
        ("99999", None, "unknown"),
    ],
)
def test_a_code_is_brought_to_the_vintage(code: str, commune: str | None, how: str) -> None:
    found = to_vintage([code], HISTORY, year=2021, known=KNOWN, kinds=KINDS)[code]
    assert (found.commune, found.how) == (commune, how)


def test_a_commune_without_event_is_the_same_when_no_list_is_loaded() -> None:
    found = to_vintage(["75056", "01002"], HISTORY, year=2021, known=(), kinds=KINDS)
    assert (found["75056"].commune, found["75056"].how) == ("75056", "same")
    assert found["01002"].commune == "01009"


def test_without_any_reference_a_code_stays_and_says_so() -> None:
    found = to_vintage(["75056"], [], year=2021, known=(), kinds=KINDS)["75056"]
    assert (found.commune, found.how) == ("75056", "unconverted")


def test_a_commune_merged_then_restored_is_itself_again() -> None:
    history = [
        Change(effective=DAY(1973, 1, 1), kind="33", before="08001", after="08002"),
        Change(effective=DAY(1990, 1, 1), kind="21", before="08002", after="08001"),
        Change(effective=DAY(1990, 1, 1), kind="21", before="08002", after="08002"),
    ]
    for known in ((), {"08001", "08002"}):
        found = to_vintage(["08001", "08002"], history, year=2021, known=known, kinds=KINDS)
        assert [place.commune for place in found.values()] == ["08001", "08002"]


def claim(card: int, day: str, **more: Any) -> dict[str, Any]:
    """A line of care."""
    care = DAY.fromisoformat(day)
    flow = (care.year - 2000) * 12 + care.month + 1
    return {"card": card, "care": care, "flow": flow, **more}


RESIDENCE = ("context", "context_observation", "context_residence", "location_history")
PLACES = """SELECT person_no, commune_source_value, location_history_start_date, location_history_end_date
    FROM research_location_history ORDER BY ALL"""


def test_who_moves_lives_in_the_old_place_until_the_first_claim_from_the_new() -> None:
    shard = Shard()
    shard.person(1)
    shard.add("gross_claim", claim(1, "2015-02-10", commune="75056"), claim(1, "2015-03-01", commune="75056"))
    shard.add("gross_claim", claim(1, "2015-09-07", commune="13055"), claim(1, "2015-11-07", commune="13055"))
    shard.run(*RESIDENCE)
    assert shard.rows(PLACES) == [
        (1, "13055", "2015-09-07", "2015-12-31"),
        (1, "75056", "2015-01-01", "2015-09-06"),
    ]


def test_one_month_of_another_commune_between_two_of_the_same_is_no_move() -> None:
    shard = Shard()
    shard.person(1)
    for day, commune in (
        ("2015-02-10", "75056"),
        ("2015-05-10", "13055"),
        ("2015-07-10", "75056"),
        ("2015-08-01", "75056"),
    ):
        shard.add("gross_claim", claim(1, day, commune=commune))
    shard.run(*RESIDENCE)
    assert shard.rows(PLACES) == [(1, "75056", "2015-01-01", "2015-12-31")]


def test_two_months_elsewhere_are_a_move_and_a_return() -> None:
    shard = Shard()
    shard.person(1)
    for day, commune in (
        ("2015-02-10", "75056"),
        ("2015-05-10", "13055"),
        ("2015-06-10", "13055"),
        ("2015-08-01", "75056"),
    ):
        shard.add("gross_claim", claim(1, day, commune=commune))
    shard.run(*RESIDENCE)
    assert [row[1:] for row in sorted(shard.rows(PLACES), key=lambda r: r[2])] == [
        ("75056", "2015-01-01", "2015-05-09"),
        ("13055", "2015-05-10", "2015-07-31"),
        ("75056", "2015-08-01", "2015-12-31"),
    ]


def test_the_register_gives_the_address_of_who_has_no_claim_and_the_latest_move() -> None:
    shard = Shard()
    shard.person(1, commune="69123")
    shard.person(2, commune="69123", updated=DAY(2015, 10, 5))
    shard.add("gross_claim", claim(2, "2015-02-10", commune="75056"))
    shard.run(*RESIDENCE)
    assert shard.rows(PLACES) == [
        (1, "69123", "2015-01-01", "2015-12-31"),
        (2, "69123", "2015-10-05", "2015-12-31"),
        (2, "75056", "2015-01-01", "2015-10-04"),
    ]


def test_a_merge_of_communes_is_no_move() -> None:
    shard = Shard()
    shard.person(1)
    for change in HISTORY:
        shard.add("gross_commune_change", {n: getattr(change, n) for n in ("effective", "kind", "before", "after")})
    for commune in sorted(KNOWN):
        shard.add("gross_population", {"vintage": 2021, "commune": commune, "persons": 100.0})
    shard.add("gross_claim", claim(1, "2015-02-10", commune="01002"), claim(1, "2015-06-10", commune="01009"))
    shard.run(*RESIDENCE)
    asked = """SELECT commune_source_value, commune_delivered_value, commune_conversion, commune_vintage, department_source_value
        FROM research_location_history"""
    assert shard.rows(asked) == [("01009", "01002", "merged", 2021, "001")]
    assert shard.prepared is not None and ("communes-merged", 1) in shard.prepared.counts


def test_an_unknown_code_is_kept_as_delivered_and_counted() -> None:
    shard = Shard()
    shard.person(1)
    shard.add("gross_population", {"vintage": 2021, "commune": "75056", "persons": 1.0})
    shard.add("gross_claim", claim(1, "2015-02-10", commune="97999"))
    shard.run(*RESIDENCE)
    asked = """SELECT commune_source_value, commune_delivered_value, commune_conversion, department_source_value
        FROM research_location_history"""
    assert shard.rows(asked) == [(None, "97999", "unknown", "979")]
    assert shard.prepared is not None and ("communes-unknown", 1) in shard.prepared.counts


def test_geographic_codes_of_stays_are_never_read_as_communes() -> None:
    shard = Shard()
    shard.person(1)
    shard.add("gross_claim", claim(1, "2015-02-10", commune="75056"))
    shard.add("gross_stay", {"psa": 1, "field": "mco", "stay": "a", "entry": DAY(2015, 6, 1), "residence": "13001"})
    shard.run(*RESIDENCE)
    assert {row[1] for row in shard.rows(PLACES)} == {"75056"}


OBSERVED = ("context", "context_observation", "payer_plan_period")
PERIODS = "SELECT person_no, first_day, last_day FROM context_observed ORDER BY ALL"
PLANS = """SELECT payer_source_value, payer_plan_period_start_date, payer_plan_period_end_date
    FROM research_payer_plan_period ORDER BY payer_plan_period_start_date"""


def observed(options: dict[str, Any] | None = None, **person: Any) -> Shard:
    """One person with claims of 2015 and another with claims of 2014 and 2016, so that 2014 to 2016 are usable."""
    shard = Shard(options=options)
    shard.person(1, **person)
    shard.person(9)
    shard.add("gross_claim", claim(9, "2014-01-10", scheme="01C"), claim(9, "2016-12-10", scheme="01C"))
    return shard


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"born": 1950}, ("2014-01-01", "2016-12-31")),
        ({"born": 2015, "birth_month": 6}, ("2015-06-01", "2016-12-31")),
        ({"born": 2015}, ("2015-01-01", "2016-12-31")),
    ],
)
def test_observation_is_from_birth_or_the_first_usable_day_to_the_data_cut(
    person: dict[str, Any], expected: tuple[str, str]
) -> None:
    shard = observed(**person)
    shard.run(*OBSERVED)
    assert shard.rows(PERIODS)[0] == (1, *expected)


def test_observation_ends_with_death_and_who_died_before_is_not_observed() -> None:
    shard = observed()
    shard.person(2)
    shard.add("net_death", {"person_no": 1, "day": DAY(2015, 8, 19)}, {"person_no": 2, "day": DAY(2013, 1, 1)})
    shard.run(*OBSERVED)
    assert shard.rows(PERIODS) == [(1, "2014-01-01", "2015-08-19"), (9, "2014-01-01", "2016-12-31")]


def test_a_gap_without_claims_does_not_end_observation() -> None:
    shard = observed()
    shard.add("gross_claim", claim(1, "2014-02-10", scheme="01C"))
    shard.run(*OBSERVED)
    assert shard.rows(PERIODS)[0] == (1, "2014-01-01", "2016-12-31")


def test_as_an_option_observation_ends_some_months_after_the_last_contact() -> None:
    shard = observed({"months_after_last_contact": 12})
    shard.person(2)
    shard.add("gross_claim", claim(1, "2014-02-10", scheme="01C"))
    shard.run(*OBSERVED)
    assert shard.rows(PERIODS) == [
        (1, "2014-01-01", "2015-02-10"),
        (2, "2014-01-01", "2015-01-01"),
        (9, "2014-01-01", "2016-12-31"),
    ]


def test_as_an_option_observation_begins_with_the_first_contact() -> None:
    shard = observed({"first_contact": True})
    shard.person(2)
    shard.add(
        "net_stay", {"person_no": 1, "field": "mco", "stay": "a", "entry": DAY(2014, 5, 6), "leaving": DAY(2014, 5, 9)}
    )
    shard.run(*OBSERVED)
    assert shard.rows(PERIODS) == [(1, "2014-05-06", "2016-12-31"), (9, "2014-01-10", "2016-12-31")]


def test_a_line_that_a_rule_drops_is_no_contact() -> None:
    shard = observed({"first_contact": True})
    shard.add("gross_claim", claim(1, "2014-03-10", hits=1), claim(1, "2014-07-10"))
    shard.run(*OBSERVED)
    assert shard.rows(PERIODS)[0] == (1, "2014-07-10", "2016-12-31")


def test_a_late_scheme_begins_on_its_first_covered_day() -> None:
    shard = Shard()
    shard.person(1)
    shard.person(2)
    shard.add("gross_claim", claim(1, "2006-05-01", scheme="01C"), claim(2, "2009-05-01", scheme="02A"))
    shard.run(*OBSERVED)
    assert shard.rows(PERIODS) == [(1, "2006-01-01", "2009-12-31"), (2, "2008-01-01", "2009-12-31")]


def test_changes_of_scheme_are_periods_and_an_ended_scheme_passes_its_people_on() -> None:
    shard = Shard()
    shard.person(1)
    shard.add("gross_claim", claim(1, "2018-02-01", scheme="01C"), claim(1, "2018-03-01", scheme="01C"))
    shard.add("gross_claim", claim(1, "2019-04-05", scheme="03X"), claim(1, "2020-01-08", scheme="03X"))
    shard.add("gross_claim", claim(1, "2020-06-01", scheme="01C"), claim(1, "2020-09-01", scheme="01C"))
    shard.run(*OBSERVED)
    assert shard.rows(PLANS) == [
        ("general", "2018-01-01", "2019-04-04"),
        ("self-employed", "2019-04-05", "2019-12-31"),
        ("general", "2020-01-01", "2020-12-31"),
    ]
