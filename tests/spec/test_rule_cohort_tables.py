# SPDX-License-Identifier: Apache-2.0
"""Rule cohorts on histories that a doctor could check: a few lines in, persons and days out. Day 0 is 2014-01-01.

Entries may fall on days 0 to 364, data end on day 729, and everybody is observed on days -1000 to 1000 unless said otherwise.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from tests.rule_histories import CUT, Person, answer, day, study_of

DIABETES = {"domain": "condition", "codes": "diabetes"}
DIABETES_STAY = {**DIABETES, "status": ["DP"]}
METFORMIN = {"domain": "drug", "codes": "metformin"}
TUMOUR = {"domain": "condition", "codes": "tumour"}
Periods = list[tuple[int, int]]


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def cohort(*events: Mapping[str, Any], limit: Any = "first", **rules: Any) -> dict[str, Any]:
    """A cohort that is entered at any of the events."""
    return {"entry": {"any": [dict(event) for event in events or (DIABETES_STAY,)], "limit": limit}, **rules}


def periods(query: DuckDBQuery, asked: Mapping[str, Any], *lines: str, **person: Any) -> Periods:
    """The periods of one person with these lines in one cohort."""
    study = study_of({"x": asked}, death=person.pop("dated", "date"))
    found = answer(query, study, {7: Person(lines=lines, **person)})
    return found.periods.get(7, [])


FOUR = ("-5 condition E110 DP", "10 condition E110 DP", "30 condition E112 DP", "90 condition E119 DP")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("first", [(10, CUT)]),
        ({"nth": 1}, [(10, CUT)]),
        ({"nth": 2}, [(30, CUT)]),
        ({"nth": 3}, [(90, CUT)]),
        ({"nth": 4}, []),
        ("every", [(10, CUT)]),  # three periods that overlap are one
    ],
)
def test_entry_is_by_the_days_with_an_event_in_the_period(query: DuckDBQuery, limit: Any, expected: Periods) -> None:
    assert periods(query, cohort(limit=limit), *FOUR) == expected


def test_two_records_of_one_day_are_one_event(query: DuckDBQuery) -> None:
    twice = ("10 condition E110 DP", "10 condition E119 DP", "40 condition E110 DP")
    assert periods(query, cohort(limit={"nth": 2}), *twice) == [(40, CUT)]


def test_each_entry_has_a_period_of_its_own_and_near_ones_are_collapsed(query: DuckDBQuery) -> None:
    every = cohort(limit="every", exit={"days": 15})
    assert periods(query, every, *FOUR) == [(10, 25), (30, 45), (90, 105)]
    assert periods(query, {**every, "collapse_days": 4}, *FOUR) == [(10, 25), (30, 45), (90, 105)]
    assert periods(query, {**every, "collapse_days": 5}, *FOUR) == [(10, 45), (90, 105)]
    assert periods(query, {**every, "collapse_days": 45}, *FOUR) == [(10, 105)]


OBSERVED = {"domain": "observation"}


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (((10, 200),), [(10, 200)]),
        (((-5, 200),), []),  # observation began before the period
        (((0, 3), (9, 40), (364, 900)), [(0, 3)]),
        (((365, 900),), []),
    ],
)
def test_persons_may_enter_when_their_observation_begins(
    query: DuckDBQuery, observed: tuple[tuple[int, int], ...], expected: Periods
) -> None:
    assert periods(query, cohort(OBSERVED), observed=observed) == expected


def test_every_period_of_observation_may_open_one_and_rules_count_from_its_first_day(query: DuckDBQuery) -> None:
    two = ((0, 30), (100, 140))
    assert periods(query, cohort(OBSERVED, limit="every"), observed=two) == [(0, 30), (100, 140)]
    ill = cohort(OBSERVED, limit="every", exclude=[{**DIABETES, "days": [-365, 0]}])
    assert periods(query, ill, "20 condition E11 DP", observed=two) == [(0, 30)]
    seen = [{**OBSERVED, "days": [-60, -40], "overlap": True, "name": "observed two months before"}]
    assert periods(query, cohort(include=seen), "60 condition E11 DP", observed=((0, 10), (50, 90))) == [(60, 90)]
    assert periods(query, cohort(include=seen), "71 condition E11 DP", observed=((0, 10), (50, 90))) == []


@pytest.mark.parametrize(
    ("line", "enters"),
    [
        ("10 condition E110 DP", True),
        ("10 condition E110 DAS", False),
        ("10 condition E110 ALD", False),
        ("10 condition E10 DP", False),
        ("-1 condition E110 DP", False),
        ("0 condition E110 DP", True),
        ("364 condition E110 DP", True),
        ("365 condition E110 DP", False),
        ("10 drug metformin", False),
    ],
)
def test_a_principal_diagnosis_in_the_period_enters(query: DuckDBQuery, line: str, enters: bool) -> None:
    assert bool(periods(query, cohort(), line)) is enters


def test_the_period_of_a_cohort_can_be_its_own(query: DuckDBQuery) -> None:
    asked = cohort(period=[day(50), day(60)])
    assert periods(query, asked, "40 condition E11 DP", "55 condition E11 DP") == [(55, CUT)]


def test_any_of_several_events_enters(query: DuckDBQuery) -> None:
    asked = cohort(DIABETES_STAY, METFORMIN)
    assert periods(query, asked, "50 condition E11 DP", "20 drug metformin") == [(20, CUT)]


@pytest.mark.parametrize(
    ("event", "line", "enters"),
    [
        ({**METFORMIN, "where": {"quantity": ">= 2"}}, "5 drug metformin x1", False),
        ({**METFORMIN, "where": {"quantity": ">= 2"}}, "5 drug metformin x2", True),
        ({**METFORMIN, "where": {"quantity": "< 2"}}, "5 drug metformin x1", True),
        ({**METFORMIN, "specialty": ["07"]}, "5 drug metformin @01", False),
        ({**METFORMIN, "specialty": ["01", "07"]}, "5 drug metformin @01", True),
        ({**METFORMIN, "specialty": ["01"]}, "5 drug metformin", False),
        ({"domain": "visit", "setting": ["inpatient"]}, "5..9 visit inpatient #1", True),
        ({"domain": "visit", "setting": ["home"]}, "5..9 visit inpatient #1", False),
        ({"domain": "residence", "place": ["75"]}, "5..90 residence 75", True),
        ({"domain": "residence", "place": ["75056"]}, "5..90 residence 75101", False),
        ({"domain": "residence", "place": ["75101"]}, "5..90 residence 75101", True),
    ],
)
def test_events_have_value_specialty_setting_and_place(
    query: DuckDBQuery, event: dict[str, Any], line: str, enters: bool
) -> None:
    assert bool(periods(query, cohort(event), line)) is enters


MEASURED = {"sugar": {"system": "NABM", "include": ["0552"]}, "pump": {"system": "LPP", "include": ["1164740"]}}


@pytest.mark.parametrize(
    ("event", "line", "enters"),
    [
        ({**METFORMIN, "where": {"days_supply": ">= 28"}}, "5 drug metformin ~27", False),
        ({**METFORMIN, "where": {"days_supply": ">= 28"}}, "5 drug metformin ~28", True),
        ({**METFORMIN, "where": {"days_supply": "< 28"}}, "5 drug metformin", False),  # nobody knows for how long
        ({**METFORMIN, "where": {"days_supply": ">= 28", "quantity": "= 1"}}, "5 drug metformin x2 ~28", False),
        ({"domain": "procedure", "codes": "act", "where": {"quantity": "> 1"}}, "5 procedure JDFA001 x1", False),
        ({"domain": "procedure", "codes": "act", "where": {"quantity": "> 1"}}, "5 procedure JDFA001 x2", True),
        ({"domain": "measurement", "codes": "sugar", "where": {"quantity": "<= 2"}}, "5 measurement 0552 x3", False),
        ({"domain": "measurement", "codes": "sugar", "where": {"quantity": "<= 2"}}, "5 measurement 0552 x2", True),
        ({"domain": "device", "codes": "pump", "where": {"quantity": "= 2"}}, "5 device 1164740 x1", False),
        ({"domain": "device", "codes": "pump", "where": {"quantity": "= 2"}}, "5 device 1164740 x2", True),
    ],
)
def test_numbers_of_every_kind_of_record_can_be_compared(
    query: DuckDBQuery, event: dict[str, Any], line: str, enters: bool
) -> None:
    codes = {**study_of({"x": cohort()}).as_dict()["codes"], **MEASURED}
    found = answer(query, study_of({"x": cohort(event)}, codes=codes), {7: Person(lines=(line,))})
    assert found.rows == ([(7, 5, CUT)] if enters else [])


def test_a_diagnosis_can_be_asked_for_by_the_setting_of_its_visit(query: DuckDBQuery) -> None:
    lines = ("5 visit outpatient #1", "5 condition E11 DP #1", "9..12 visit inpatient #2", "10 condition E11 DP #2")
    assert periods(query, cohort({**DIABETES, "setting": ["inpatient"]}), *lines) == [(10, CUT)]


@pytest.mark.parametrize(("start", "enters"), [(-355, True), (-354, False), (11, False)])
def test_prior_observation_is_counted_in_whole_days(query: DuckDBQuery, start: int, enters: bool) -> None:
    asked = cohort(prior_observation_days=365)
    assert bool(periods(query, asked, "10 condition E11 DP", observed=((start, 900),))) is enters


@pytest.mark.parametrize(("before", "enters"), [(-91, True), (-90, False), (9, False)])
def test_the_washout_lies_before_entry_and_counts_days_before_the_period(
    query: DuckDBQuery, before: int, enters: bool
) -> None:
    found = periods(query, cohort(washout_days=100, limit="every"), f"{before} condition E11 DP", "10 condition E11 DP")
    assert ((10, CUT) in found) is enters


@pytest.mark.parametrize(("born", "enters"), [(1974, True), (1975, False), (1954, True), (1953, False), (None, False)])
def test_age_is_the_difference_of_years_at_entry(query: DuckDBQuery, born: int | None, enters: bool) -> None:
    assert bool(periods(query, cohort(age=[40, 60]), "10 condition E11 DP", born=born)) is enters


def test_sex_and_place_are_those_of_the_day_of_entry(query: DuckDBQuery) -> None:
    assert periods(query, cohort(sex=["female"]), "10 condition E11 DP", sex=8532) == [(10, CUT)]
    assert periods(query, cohort(sex=["female"]), "10 condition E11 DP", sex=8507) == []
    moved = ("-400..9 residence 75", "10..700 residence 2A", "10 condition E11 DP")
    assert periods(query, cohort(place=["75"]), *moved) == []
    assert periods(query, cohort(place=["2A", "75"]), *moved) == [(10, CUT)]


def test_residence_history_can_be_asked_for_before_entry(query: DuckDBQuery) -> None:
    lived = {
        "domain": "residence",
        "place": ["75"],
        "days": [-365, -300],
        "overlap": True,
        "name": "lived in Paris a year before",
    }
    assert periods(query, cohort(include=[lived]), "-900..-300 residence 75", "10 condition E11 DP") == [(10, CUT)]
    assert periods(query, cohort(include=[lived]), "-900..-356 residence 75", "10 condition E11 DP") == []


WINDOW = [(-91, False), (-90, True), (-1, True), (0, False), (5, False)]


@pytest.mark.parametrize(("at", "inside"), WINDOW)
def test_a_window_includes_both_ends(query: DuckDBQuery, at: int, inside: bool) -> None:
    lines = ("100 condition E11 DP", f"{100 + at} drug metformin")
    rule = {**METFORMIN, "days": [-90, -1]}
    assert bool(periods(query, cohort(include=[rule]), *lines)) is inside
    assert bool(periods(query, cohort(exclude=[rule]), *lines)) is not inside


@pytest.mark.parametrize(
    ("count", "distinct", "enters"),
    [
        (">= 3", "record", True),
        (">= 4", "record", False),
        (">= 2", "day", True),
        (">= 3", "day", False),
        (">= 1", "code", True),
        (">= 2", "code", False),
        ("= 3", "record", True),
        ("<= 2", "record", False),
        ("< 4", "record", True),
        ("> 2", "record", True),
        (">= 2", "visit", True),
        (">= 3", "visit", False),
    ],
)
def test_records_are_counted_or_their_days_codes_visits(
    query: DuckDBQuery, count: str, distinct: str, enters: bool
) -> None:
    lines = ("100 condition E11 DP", "50 drug metformin #1", "50 drug metformin #1", "60 drug metformin #2")
    rule = {**METFORMIN, "days": [-90, 0], "count": count, "distinct": distinct}
    assert bool(periods(query, cohort(include=[rule]), *lines)) is enters


def test_none_is_a_count_too(query: DuckDBQuery) -> None:
    rule = {**METFORMIN, "days": [-90, 0], "count": "= 0"}
    assert periods(query, cohort(include=[rule]), "100 condition E11 DP") == [(100, CUT)]
    assert periods(query, cohort(include=[rule]), "100 condition E11 DP", "99 drug metformin") == []


@pytest.mark.parametrize(
    ("stay", "enters"),
    [
        ("60..69 visit inpatient #1", False),
        ("60..70 visit inpatient #1", True),
        ("95..140 visit inpatient #1", True),
        ("101..102 visit inpatient #1", False),
    ],
)
def test_a_stay_may_overlap_a_window(query: DuckDBQuery, stay: str, enters: bool) -> None:
    rule = {"domain": "visit", "setting": ["inpatient"], "days": [-30, 0], "overlap": True}
    assert bool(periods(query, cohort(include=[rule]), "100 condition E11 DP", stay)) is enters


def test_days_may_count_from_another_event(query: DuckDBQuery) -> None:
    around = {"event": {"domain": "procedure", "codes": "act", "days": [-365, 0]}}
    rule = {**METFORMIN, "days": [-30, 0], "relative_to": around, "name": "metformin in the month before the act"}
    entry = "300 condition E11 DP"
    assert periods(query, cohort(include=[rule]), entry, "100 procedure JDFA001", "80 drug metformin") == [(300, CUT)]
    assert periods(query, cohort(include=[rule]), entry, "100 procedure JDFA001", "60 drug metformin") == []
    assert periods(query, cohort(include=[rule]), entry, "80 drug metformin") == []


def test_days_may_count_from_the_beginning_of_observation(query: DuckDBQuery) -> None:
    rule = {**METFORMIN, "days": [0, 90], "relative_to": "observation_start"}
    asked = cohort(include=[rule], prior_observation_days=100)
    entry = "100 condition E11 DP"
    assert periods(query, asked, entry, "-20 drug metformin", observed=((-50, 800),)) == [(100, CUT)]
    assert periods(query, asked, entry, "60 drug metformin", observed=((-50, 800),)) == []


def test_groups_nest(query: DuckDBQuery) -> None:
    before = {"days": [-90, 0]}
    two = {
        "name": "two of three, one of them itself a choice",
        "at_least": [
            {**METFORMIN, **before},
            {"domain": "drug", "codes": "insulin", **before},
            {"any": [{"domain": "procedure", "codes": "act", **before}, {"domain": "visit", **before}]},
        ],
        "number": 2,
    }
    entry = "100 condition E11 DP"
    assert periods(query, cohort(include=[two]), entry, "90 drug metformin", "80..85 visit inpatient #1") == [
        (100, CUT)
    ]
    assert periods(query, cohort(include=[two]), entry, "80..85 visit inpatient #1", "81 procedure JDFA001 #1") == []
    most = {"name": "one at most", "at_most": two["at_least"], "number": 1}
    assert periods(query, cohort(include=[most]), entry, "90 drug metformin") == [(100, CUT)]
    assert periods(query, cohort(include=[most]), entry) == [(100, CUT)]
    assert periods(query, cohort(include=[most]), entry, "90 drug metformin", "91 drug insulin") == []


def test_records_of_the_same_visit(query: DuckDBQuery) -> None:
    rule = {"domain": "procedure", "codes": "act", "days": [-5, 0], "same_visit": True}
    entry = "100 condition E11 DP #4"
    assert periods(query, cohort(include=[rule]), entry, "98 procedure JDFA001 #4") == [(100, CUT)]
    assert periods(query, cohort(include=[rule]), entry, "98 procedure JDFA001 #3") == []
    assert periods(query, cohort(include=[rule]), "100 condition E11 DP", "98 procedure JDFA001") == []


@pytest.mark.parametrize(
    ("way", "lines", "expected"),
    [
        ("observation", (), (100, 500)),
        ({"days": 30}, (), (100, 130)),
        ({"days": 900}, (), (100, 500)),
        ({"event": TUMOUR}, ("130 condition C670 DP",), (100, 130)),
        ({"event": TUMOUR}, ("100 condition C670 DP",), (100, 500)),  # it counts after the day of entry
        ({"event": TUMOUR}, ("130 condition C679 DP",), (100, 500)),
        ({"event": [TUMOUR, METFORMIN]}, ("150 condition C670 DP", "120 drug metformin"), (100, 120)),
        ({"event": TUMOUR, "days": 20}, ("130 condition C670 DP",), (100, 120)),
    ],
)
def test_persons_leave_at_the_first_of_all_ways_out(
    query: DuckDBQuery, way: Any, lines: tuple[str, ...], expected: tuple[int, int]
) -> None:
    found = periods(query, cohort(exit=way), "100 condition E11 DP", *lines, observed=((-1000, 500),))
    assert found == [expected]


def test_days_may_count_from_the_end_of_the_entry_event(query: DuckDBQuery) -> None:
    stay = {"domain": "visit", "setting": ["inpatient"]}
    assert periods(query, cohort(stay, exit={"days": 30, "of": "end"}), "100..110 visit inpatient #1") == [(100, 140)]


def test_death_ends_membership_by_its_day_or_its_month(query: DuckDBQuery) -> None:
    asked = cohort(exit="death")
    assert periods(query, asked, "100 condition E11 DP", death=140) == [(100, 140)]  # 21 May
    assert periods(query, asked, "100 condition E11 DP", death=140, dated="month") == [(100, 150)]  # to 31 May
    seen = ((-1000, 145),)
    assert periods(query, asked, "100 condition E11 DP", death=140, dated="month", observed=seen) == [(100, 145)]


def test_the_end_of_exposure_comes_with_a_grace(query: DuckDBQuery) -> None:
    exposures = {
        "metformin": {"domain": "drug", "codes": "metformin", "supply": [{"rule": "fixed", "days": 30}]},
    }
    lines = ("100 drug metformin", "135 drug metformin", "300 drug metformin")
    for grace, end in ((0, 129), (4, 133), (5, 169), (6, 170)):
        asked = cohort(METFORMIN, exit={"exposure": "metformin", "grace_days": grace})
        found = answer(query, study_of({"x": asked}, exposures=exposures), {7: Person(lines=lines)})
        assert found.periods[7] == [(100, end)], grace


def exposed(query: DuckDBQuery, lines: tuple[str, ...], grace: int, **choices: Any) -> Periods:
    """Who enters by metformin and leaves with its exposure."""
    supply = [{"rule": "fixed", "days": 30}]
    exposures = {"metformin": {"domain": "drug", "codes": "metformin", "supply": supply, **choices}}
    if "switch_to" in choices:
        exposures["insulin"] = {"domain": "drug", "codes": "insulin"}
    asked = cohort(METFORMIN, exit={"exposure": "metformin", "grace_days": grace})
    return answer(query, study_of({"x": asked}, exposures=exposures), {7: Person(lines=lines)}).periods[7]


@pytest.mark.parametrize(("grace", "end"), [(0, 229), (50, 229), (120, 249)])
def test_no_refill_makes_nobody_s_exposure_shorter(query: DuckDBQuery, grace: int, end: int) -> None:
    once, again = ("100 drug metformin",), ("100 drug metformin", "180 drug metformin")
    assert exposed(query, once, grace, grace_days=100) == [(100, end)]
    assert exposed(query, again, grace, grace_days=100) == [(100, end + 80)]


def test_days_away_that_extend_are_covered_whoever_comes_back(query: DuckDBQuery) -> None:
    stay, first = "125..150 visit inpatient #1", "100 drug metformin"
    away = {"hospital_days": "extend", "grace_days": 10}
    once = exposed(query, (first, stay), 0, **away)
    again = exposed(query, (first, stay, "165 drug metformin"), 0, **away)
    assert once[0][1] >= 164
    assert again[0][1] > once[0][1]


def test_grace_ends_where_exposure_is_cut(query: DuckDBQuery) -> None:
    switched = ("100 drug metformin", "120 drug insulin")
    assert exposed(query, switched, 0, grace_days=100, switch_to="insulin") == [(100, 119)]
    assert exposed(query, ("100 drug metformin",), 0, grace_days=100, switch_to="insulin") == [(100, 229)]


def test_nobody_is_followed_beyond_the_earliest_usable_interval_of_the_sources_used(query: DuckDBQuery) -> None:
    person = {7: Person(lines=("100 condition E11 DP", "90 drug metformin"))}
    usable = {"dcir": 600, "mco": 400, "certificates": 150}
    stays, both = cohort(), cohort(include=[{**METFORMIN, "days": [-30, 0]}])
    claims = cohort(METFORMIN)
    assert answer(query, study_of({"x": stays}), person, usable=usable).periods[7] == [(100, 400)]
    assert answer(query, study_of({"x": both}), person, usable=usable).periods[7] == [(100, 400)]
    assert answer(query, study_of({"x": claims}), person, usable=usable).periods[7] == [(90, 600)]
    assert answer(query, study_of({"x": claims}), person, usable={}).periods[7] == [(90, CUT)]


def test_a_rule_that_varies_with_time_lets_persons_enter_when_it_is_met(query: DuckDBQuery) -> None:
    rule = {**METFORMIN, "days": [0, 365], "count": ">= 2", "distinct": "day", "time_varying": True}
    asked = cohort(include=[rule], exit="death")
    entry = "10 condition E11 DP"
    lines = (entry, "40 drug metformin", "40 drug metformin", "90 drug metformin", "120 drug metformin")
    assert periods(query, asked, *lines) == [(90, CUT)]
    assert periods(query, asked, *lines, death=89) == []
    assert periods(query, asked, *lines[:3]) == []


def test_how_long_a_stay_lasts_is_known_when_it_has_lasted_so_long(query: DuckDBQuery) -> None:
    def stay(nights: str) -> dict[str, Any]:
        return cohort({"domain": "visit", "where": {"nights": nights}}, landmark_days=5, exit="death")

    line = "5..9 visit inpatient #1"
    assert periods(query, stay(">= 4"), line) == [(10, CUT)]
    assert periods(query, stay("> 4"), line) == []
    assert periods(query, stay(">= 4"), line, death=9) == []
    rule = {"domain": "visit", "days": [-90, -30], "where": {"nights": ">= 30"}}
    asked = cohort(include=[rule], exit="death")
    entry = "100 condition E11 DP"
    assert periods(query, asked, entry, "70..100 visit inpatient #1", death=100) == [(100, 100)]
    assert periods(query, asked, entry, "70..99 visit inpatient #1") == []


@pytest.mark.parametrize(
    ("distinct", "lines", "start"),
    [
        ("record", ("40 condition I10 DP", "40 condition I10 DP"), 40),
        ("day", ("40 condition I10 DP", "40 condition I10 DP"), None),
        ("code", ("40 condition I10 DP", "50 condition I10 DP"), None),
        ("code", ("40 condition I10 DP", "50 condition I10 DP", "70 condition I109 DP"), 70),
        ("visit", ("40 condition I10 DP #4", "45 condition I10 DP #4", "47 condition I10 DP"), None),
        ("visit", ("40 condition I10 DP #4", "45 condition I10 DP #4", "60 condition I10 DP #5"), 60),
    ],
)
def test_what_varies_with_time_counts_records_days_codes_or_visits(
    query: DuckDBQuery, distinct: str, lines: tuple[str, ...], start: int | None
) -> None:
    rule = {"domain": "condition", "codes": "pressure", "days": [0, 365], "count": ">= 2", "distinct": distinct}
    asked = cohort(include=[{**rule, "time_varying": True}])
    expected = [] if start is None else [(start, CUT)]
    assert periods(query, asked, "10 condition E11 DP", *lines) == expected


def test_days_of_what_varies_with_time_count_from_the_entry_event_always(query: DuckDBQuery) -> None:
    drug = {**METFORMIN, "days": [0, 60], "time_varying": True}
    other = {"domain": "drug", "codes": "insulin", "days": [0, 60], "time_varying": True}
    entry, both = "10 condition E11 DP", cohort(include=[drug, other])
    assert periods(query, both, entry, "60 drug metformin", "100 drug insulin") == []
    assert periods(query, both, entry, "60 drug metformin", "20 drug insulin") == [(60, CUT)]
    moved = cohort(landmark_days=30, include=[drug])
    assert periods(query, moved, entry, "90 drug metformin") == []
    assert periods(query, moved, entry, "70 drug metformin") == [(70, CUT)]
    assert periods(query, moved, entry, "20 drug metformin") == [(40, CUT)]


def test_who_died_before_the_entry_event_does_not_enter(query: DuckDBQuery) -> None:
    people = {number: Person(lines=("10 condition E11 DP",), death=died) for number, died in enumerate((9, 10, 40))}
    found = answer(query, study_of({"x": cohort(exit="death")}), people)
    assert found.rows == [(1, 10, 10), (2, 10, 40)]
    assert found.steps[-1] == "alive on the day of entry"
    assert found.attrition == [3, 3, 2]
    monthly = answer(query, study_of({"x": cohort(exit="death")}, death="month"), people)
    assert [who for who, _, _ in monthly.rows] == [0, 1, 2]


def test_the_last_event_is_known_to_be_the_last_at_the_end_of_the_period(query: DuckDBQuery) -> None:
    asked = cohort(limit="last", landmark="period_end", include=[{**METFORMIN, "days": [-30, 0]}])
    lines = ("10 condition E11 DP", "90 condition E11 DP", "5 drug metformin")
    assert periods(query, asked, *lines) == []
    assert periods(query, asked, *lines, "80 drug metformin") == [(364, CUT)]


def test_cohorts_are_put_together_as_sets_of_days(query: DuckDBQuery) -> None:
    base = {
        "a": cohort(exit={"days": 100}),
        "b": cohort(METFORMIN, exit={"days": 100}),
        "both": {"of": {"intersection": ["a", "b"]}},
        "either": {"of": {"union": ["a", "b"]}},
        "only": {"of": {"difference": ["a", "b"]}},
        "apart": {"of": {"difference": ["b", "a"]}},
    }
    people = {
        1: Person(lines=("10 condition E11 DP", "50 drug metformin")),
        2: Person(lines=("10 condition E11 DP",)),
        3: Person(lines=("10 condition E11 DP", "111 drug metformin")),
        4: Person(lines=("50 condition E11 DP", "10 drug metformin")),
    }
    study = study_of(base)
    assert answer(query, study, people, "both").rows == [(1, 50, 110), (4, 50, 110)]
    assert answer(query, study, people, "either").rows == [(1, 10, 150), (2, 10, 110), (3, 10, 211), (4, 10, 150)]
    assert answer(query, study, people, "only").rows == [(1, 10, 49), (2, 10, 110), (3, 10, 110), (4, 111, 150)]
    assert answer(query, study, people, "apart").attrition == [4, 3]


def test_a_cohort_can_be_entered_from_another(query: DuckDBQuery) -> None:
    cohorts = {
        "second": cohort({"cohort": "first"}, exclude=[{"cohort": "first", "days": [-365, -1]}], limit="every"),
        "first": cohort(METFORMIN),
    }
    found = answer(query, study_of(cohorts), {1: Person(lines=("50 drug metformin",))}, "second")
    assert found.rows == [(1, 50, CUT)]


def test_attrition_counts_persons_and_everybody_s_last_step(query: DuckDBQuery) -> None:
    asked = cohort(
        limit="every",
        prior_observation_days=30,
        age=[18, 120],
        exclude=[{**TUMOUR, "days": [-365, 0], "name": "tumour"}],
    )
    people = {
        1: Person(lines=("10 condition E11 DP", "60 condition E11 DP", "5 condition C67 DP")),
        2: Person(lines=("10 condition E11 DP", "300 condition E11 DP"), observed=((0, 800),)),
        3: Person(lines=("10 condition E11 DP",), born=2005),
        4: Person(lines=("10 condition E11 DP",), observed=((11, 800),)),
        5: Person(lines=("10 drug metformin",)),
    }
    found = answer(query, study_of({"x": asked}), people)
    assert found.attrition == [4, 3, 2, 1]
    assert found.reached == {1: 3, 2: 4, 3: 2, 4: 1}
    assert found.steps == [
        "every day with diabetes (condition) from 2014-01-01 to 2014-12-31",
        "observed 30 days before",
        "aged 18 to 120",
        "without tumour",
    ]
    assert found.rows == [(2, 300, CUT)]


@pytest.mark.parametrize("people", [{}, {1: Person()}, {1: Person(lines=("10 condition E11 DP",))}])
def test_a_cohort_of_nobody_and_of_one_is_a_cohort(query: DuckDBQuery, people: dict[int, Person]) -> None:
    found = answer(query, study_of({"x": cohort()}), people)
    assert found.attrition == [len(found.rows)] * 2


def test_a_session_is_left_as_it_was(query: DuckDBQuery) -> None:
    answer(
        query,
        study_of({"x": cohort(exit={"event": TUMOUR}), "y": {"of": {"union": ["x", "z"]}}, "z": cohort()}),
        {1: Person()},
        "y",
    )
    assert query.table("SELECT table_name FROM duckdb_tables()").num_rows == 0
