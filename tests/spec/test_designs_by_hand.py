# SPDX-License-Identifier: Apache-2.0
"""Case series, case-crossover, nested case-control on histories of a few lines, with answers that a pencil gives."""

from collections.abc import Iterator
from math import exp, sqrt
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from tests.design_people import ALPHA, NESTED, asked, crossing, pairs, series, value
from tests.naive_designs import DAY, FIRST, rows_of


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all."""
    made = DuckDBQuery(threads=1, memory_limit="1GB")
    yield made
    made.close()


# ---------------------------------------------------------------------------------------------------------- case series


def test_events_a_day_in_the_window_over_events_a_day_outside(query: DuckDBQuery) -> None:
    """12 events on 10 days each, 27 on 90: (12 / 10) / (27 / 90) = 4; the error of its logarithm is √(1/12 + 1/27)."""
    people = series([20, 29] * 6 + [19, 30, 100] * 9)
    rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, {"windows": [{"days": [0, 9]}]}), people)
    assert value(rows, "cases", "window") == 12, "both ends of a window belong to it"
    assert value(rows, "person_days", "window") == 39 * 10
    assert value(rows, "person_days", "reference") == 39 * 90, "the first day of the period is not at risk, the last is"
    assert value(rows, "ratio") == pytest.approx(4.0)
    error = 1.959963984540054 * sqrt(1 / 12 + 1 / 27)
    assert value(rows, "lower") == pytest.approx(4 * exp(-error))
    assert value(rows, "upper") == pytest.approx(4 * exp(error))


@pytest.mark.parametrize(
    ("more", "cells"),
    [
        ({"pre_exposure_days": 5}, {"day 0": 1, "pre-exposure": 5}),
        ({"washout_days": 7}, {"day 0": 1, "washout": 7}),
        (
            {"windows": [{"days": [0, 0]}, {"days": [1, 7]}, {"days": [8, 21]}]},
            {"day 0": 1, "days 1 to 7": 7, "days 8 to 21": 14},
        ),
        ({"windows": [{"days": [0, 3], "dose": 2}, {"days": [0, 0]}]}, {"dose 2, days 0 to 3": 0, "day 0": 1}),
        ({"windows": [{"days": [0, 200]}]}, {"days 0 to 200": 81}),
    ],
    ids=str,
)
def test_each_window_has_its_own_days(query: DuckDBQuery, more: dict[str, Any], cells: dict[str, int]) -> None:
    parameters = {"windows": [{"days": [0, 0]}], **more}
    rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), series([50]))
    for window, length in cells.items():
        assert value(rows, "person_days", "window", window=window) == length
    assert value(rows, "person_days", "reference", window=next(iter(cells))) == 100 - sum(cells.values())


@pytest.mark.parametrize(("overlap", "first", "second"), [("later", 5, 20), ("earlier", 20, 5)])
def test_where_windows_of_two_doses_meet_one_takes_the_days(
    query: DuckDBQuery, overlap: str, first: int, second: int
) -> None:
    """Doses on days 20 and 25, each with 20 days: 25 days in all, and an event on day 30 that is of the dose that takes it."""
    (person,) = series([30])
    person.doses["alpha"].append(FIRST + 25 * DAY)
    windows = [{"days": [0, 19], "dose": 1}, {"days": [0, 19], "dose": 2}]
    parameters = {"windows": windows, "overlap": overlap}
    rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), [person])
    assert value(rows, "person_days", "window", window="dose 1, days 0 to 19") == first
    assert value(rows, "person_days", "window", window="dose 2, days 0 to 19") == second
    takes = 1 if overlap == "earlier" else 2
    for number in (1, 2):
        assert value(rows, "cases", "window", window=f"dose {number}, days 0 to 19") == int(number == takes)


def test_observation_can_begin_with_the_exposure(query: DuckDBQuery) -> None:
    people = [*series([10, 60]), *series([60], dose=20_000)]
    for number, person in enumerate(people):
        person.number = number
    parameters = {"windows": [{"days": [0, 9]}], "from_exposure": True}
    rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), people)
    assert value(rows, "cases", "all") == 1, "an event before the exposure is not looked at, nor who has no exposure"
    assert value(rows, "person_days", "all") == 81


@pytest.mark.parametrize(("dose", "why"), [(184, "conditional-collinear"), (183, ""), (185, "")])
def test_a_group_of_age_begins_on_new_years_day(query: DuckDBQuery, dose: int, why: str) -> None:
    """1 January 2015 is 184 days after 1 July 2014: a window from that day on says what the age of 60 and more says, no other does."""
    people = series([40, 100, 150, 160, 184, 185, 186, 190, 200], dose=dose, length=300, born=1955)
    parameters = {"windows": [{"days": [0, 300]}], "age_bands": [60]}
    rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), people)
    assert value(rows, "person_days", "window") == 9 * (301 - dose)
    (found,) = [row.rule for row in rows if row.statistic == "ratio"]
    assert found == why or (not why and found in {"", "conditional-separation"})


def test_a_window_without_an_event_has_no_ratio_and_a_word_for_it(query: DuckDBQuery) -> None:
    parameters = {"windows": [{"days": [0, 9]}, {"days": [10, 19]}]}
    rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), series([22, 25, 60, 70, 80]))
    told = {row.row_key["window"]: (row.value, row.rule) for row in rows if row.statistic == "ratio"}
    assert told["days 10 to 19"] == (None, "conditional-separation")
    assert told["days 0 to 9"][0] == pytest.approx((2 / 10) / (3 / 80)), "the days of the other window are set aside"


def test_recurrent_events_count_each_day_once_and_first_ones_a_person_once(query: DuckDBQuery) -> None:
    (person,) = series([21])
    person.events += [FIRST + 21 * DAY, FIRST + 70 * DAY, FIRST + 400 * DAY]
    for events, cases, counted in (("first", 1, None), ("every", 1, 2)):
        parameters = {"windows": [{"days": [0, 9]}], "events": events}
        rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), [person])
        assert value(rows, "cases", "all") == cases
        if counted is not None:
            assert value(rows, "events", "all") == counted


def test_too_few_observations_that_ended_by_themselves_give_no_model_of_the_ends(query: DuckDBQuery) -> None:
    parameters = {"windows": [{"days": [0, 9]}], "ends": "event-dependent"}
    people = series([20, 29] * 6 + [19, 30, 100] * 9)
    rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), people)
    assert value(rows, "cases", "window") == 12
    assert [(row.value, row.rule) for row in rows if row.statistic == "ratio"] == [(None, "sccs-ends-model")]


def test_a_model_of_the_ends_takes_part_of_a_window_that_deaths_cut_short(query: DuckDBQuery) -> None:
    """Half of the cases die within days of the event, which thins the days after it: the plain ratio is too high."""
    people = series([22, 24, 26, 28] * 6 + [30, 40, 50, 60, 70, 80, 90, 95] * 6, length=440)
    for person in people[::2]:
        end = person.events[0] + (1 + person.number % 5) * DAY
        person.cohort, person.observed = [(FIRST, end)], (person.observed[0], end)
    told = {}
    for ends in ("independent", "event-dependent"):
        parameters = {"windows": [{"days": [0, 9]}], "ends": ends}
        rows = rows_of(query, asked("case_series", "self-controlled", ALPHA, parameters), people)
        told[ends] = value(rows, "ratio")
    assert told["independent"] is not None
    assert told["event-dependent"] is not None
    assert told["independent"] != pytest.approx(told["event-dependent"], rel=0.02)


# -------------------------------------------------------------------------------------- case-crossover, case-time-control


def test_a_case_crossover_with_one_reference_is_the_ratio_of_discordant_pairs(query: DuckDBQuery) -> None:
    subject = asked("odds_ratio", "case-crossover", ALPHA, {"risk_window": [-6, 0], "apart": [-28]})
    rows = rows_of(query, subject, crossing(24, 12, 5, 30))
    assert value(rows, "ratio") == pytest.approx(2.0)
    assert value(rows, "upper") == pytest.approx(2 * exp(1.959963984540054 * sqrt(1 / 24 + 1 / 12)))
    assert [value(rows, "cases", arm) for arm in ("risk", "reference", "alike", "all")] == [24, 12, 35, 71]


def test_the_change_among_controls_is_taken_out(query: DuckDBQuery) -> None:
    inputs = {**ALPHA, "controls": "others"}
    subject = asked("odds_ratio", "case-crossover", inputs, {"risk_window": [-6, 0], "apart": [-28]})
    people = [*crossing(24, 12, 5, 30), *crossing(30, 20, 1, 50, controls=True)]
    rows = rows_of(query, subject, people)
    assert value(rows, "ratio", model="cases") == pytest.approx(2.0)
    assert value(rows, "ratio", model="controls") == pytest.approx(1.5)
    assert value(rows, "ratio", model="case-time-control") == pytest.approx(2 / 1.5)
    error = 1.959963984540054 * sqrt(1 / 24 + 1 / 12 + 1 / 30 + 1 / 20)
    assert value(rows, "lower", model="case-time-control") == pytest.approx(2 / 1.5 * exp(-error))


def test_a_window_that_is_not_observed_does_not_count(query: DuckDBQuery) -> None:
    people = crossing(24, 12, 5, 30)
    for person in people:
        person.observed = (FIRST + 27 * DAY, person.observed[1])
    for apart, all_of_them in (([-27], 71), ([-28], 0)):
        subject = asked("odds_ratio", "case-crossover", ALPHA, {"risk_window": [-6, 0], "apart": apart})
        assert value(rows_of(query, subject, people), "cases", "all") == all_of_them


# ----------------------------------------------------------------------------------------------------- nested case-control


def test_matched_pairs_give_the_ratio_of_the_discordant_ones(query: DuckDBQuery) -> None:
    people = pairs(("alpha", "", 30), ("", "alpha", 10), ("", "", 40), ("alpha", "alpha", 5))
    rows = rows_of(query, asked("odds_ratio", "nested-case-control", NESTED, {}), people, shards=3)
    assert value(rows, "ratio", term="alpha") == pytest.approx(3.0)
    assert value(rows, "cases", "exposed", term="alpha") == 35
    assert value(rows, "controls", "exposed", term="alpha") == 15
    assert value(rows, "cases", "all", term="beta") == 85
    assert [row.rule for row in rows if row.statistic == "ratio" and row.row_key["term"] == "beta"] == [
        "conditional-constant"
    ]


def test_who_stands_in_the_reference_is_part_of_the_question(query: DuckDBQuery) -> None:
    """Both drugs triple the risk: 30 and 10 pairs with each against none; with users of the other in the reference the ratio falls."""
    people = pairs(
        ("alpha", "", 30), ("", "alpha", 10), ("beta", "", 30), ("", "beta", 10), ("alpha", "beta", 20), ("beta", "alpha", 20)
    )  # fmt: skip
    found = {}
    for siblings in ("excluded", "kept", "adjusted"):
        rows = rows_of(query, asked("odds_ratio", "nested-case-control", NESTED, {"siblings": siblings}), people)
        found[siblings] = value(rows, "ratio", term="alpha")
        assert value(rows, "cases", "unexposed", term="alpha") == (20 if siblings == "excluded" else 70)
    assert found["excluded"] == pytest.approx(3.0)
    assert found["kept"] == pytest.approx((30 + 20) / (10 + 20))
    assert found["adjusted"] == pytest.approx(3.0, rel=1e-6)


def test_a_level_that_no_case_bears_is_set_aside_with_the_rows_that_bear_it(query: DuckDBQuery) -> None:
    """Twenty controls had heart failure, no case did: adjusted for it their pairs say nothing, and 30 over 10 is left."""
    people = pairs(("alpha", "", 30), ("", "alpha", 10), ("alpha", "", 20))
    for control in people[-39::2]:
        control.ill_before.append(FIRST + 30 * DAY)
    inputs = {**NESTED, "exposures": ["alpha"], "covariates": ["heart", "sex"]}
    rows = rows_of(query, asked("odds_ratio", "nested-case-control", inputs, {}), people)
    assert value(rows, "ratio", model="crude") == pytest.approx(5.0)
    assert value(rows, "ratio", model="adjusted") == pytest.approx(3.0)
