# SPDX-License-Identifier: Apache-2.0
"""The clocks of a project under a clock that the test sets: every row's last day by hand, ends of months, holidays, pauses, extensions."""

import datetime
from collections.abc import Sequence

import pytest

from rempart.errors import BadInput
from rempart.permits.clocks import Clock, Moment, Period, Running, clocks, moments, period, running, working_day
from rempart.records.project import ProjectState
from tests.disclosure_rows import toml

DATA = toml("permits/clocks.toml")
STATES = toml("permits/states.toml")["states"]
CLOCKS = {clock.name: clock for clock in clocks(DATA)}
HOLIDAYS = frozenset(toml("permits/holidays.toml")["days"])
OUTSIDE = {"granted", "expired", "published"}


def at(text: str) -> datetime.datetime:
    """An instant, from a day or a day and an hour, UTC."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def day(text: str) -> datetime.date:
    """A day."""
    return datetime.date.fromisoformat(text)


def line(*told: str) -> list[Moment]:
    """A timeline from ``2026-03-02 submitted``."""
    found = []
    for one in told:
        when, _, name = one.rpartition(" ")
        found.append((name, at(when)))
    return found


def shown(told: Sequence[str], now: str, regime: str) -> dict[str, Running]:
    """The clocks that are not over, by name."""
    found = running(line(*told), CLOCKS.values(), at(now), regime=regime, holidays=HOLIDAYS)
    return {one.clock.name: one for one in found}


ROWS = [
    # clock, regime, timeline, last day by hand
    ("completeness", "snds", ["2026-03-02 submitted"], "2026-03-09"),
    ("completeness", "snds-simplified", ["2026-02-25 submitted"], "2026-03-04"),
    ("completeness", "mr-007", ["2028-02-25 submitted"], "2028-03-03"),  # a leap year
    ("supplement", "ehds", ["2026-03-02 submitted", "2026-03-05 incomplete"], "2026-04-02"),
    ("supplement", "ehds-holder", ["2026-04-03 incomplete"], "2026-05-04"),  # 1 May is a holiday, then Saturday, Sunday
    ("committee", "snds", ["2026-03-02 submitted", "2026-03-04 complete"], "2026-04-04"),  # a Saturday: not moved
    ("committee", "mr-007", ["2026-01-31 complete"], "2026-02-28"),
    ("regulator", "snds", ["2026-03-04 complete", "2026-03-30 opined"], "2026-05-30"),
    ("regulator", "snds", ["2026-12-31 opined"], "2027-02-28"),
    ("simplified", "snds-simplified", ["2026-03-04 complete"], "2026-03-19"),
    ("decision", "ehds", ["2026-03-02 submitted", "2026-03-20 complete"], "2026-06-02"),
    (
        "accelerated",
        "ehds-accelerated",
        ["2026-03-02 submitted", "2026-03-20 complete"],
        "2026-05-04",
    ),  # 2 May: Saturday
    ("holder", "ehds-holder", ["2026-03-03 submitted", "2026-03-20 complete"], "2026-05-04"),  # 3 May: Sunday
    ("provisioning", "ehds", ["2026-05-15 agreed"], "2026-07-15"),
    ("provisioning", "ehds-holder", ["2026-05-14 agreed"], "2026-07-15"),  # 14 July
    ("access-review", "", ["2026-05-14 granted"], "2027-05-14"),
    ("erasure", "", ["2026-08-31 23:59:59 expired"], "2027-02-28"),
    ("results", "snds", ["2026-08-31 23:59:59 expired"], "2028-02-29"),
]


def test_every_clock_has_a_row_here() -> None:
    assert {row[0] for row in ROWS} == set(CLOCKS)


@pytest.mark.parametrize(("name", "regime", "told", "due"), ROWS)
def test_a_clock_is_due_on_the_day_counted_by_hand(name: str, regime: str, told: list[str], due: str) -> None:
    began = told[-1].partition(" ")[0]
    one = shown(told, f"{began} 23:59:59", regime)[name]
    assert (one.due, one.status) == (day(due), "runs")
    assert one.left == (day(due) - day(began)).days
    if not one.clock.repeats:
        assert shown(told, f"{due} 23:59:59", regime)[name].status == "runs"
        after = day(due) + datetime.timedelta(days=1)
        late = shown(told, after.isoformat(), regime)[name]
        assert (late.status, late.left) == ("overdue", -1)


@pytest.mark.parametrize("name", sorted(CLOCKS))
def test_a_clock_ends_with_each_of_its_ends_and_runs_before_its_start_nowhere(name: str) -> None:
    clock = CLOCKS[name]
    regime = clock.regimes[0] if clock.regimes else ""
    started = f"2026-03-10 {clock.starts[0]}"
    assert name not in shown([started], "2026-03-09", regime)
    assert name in shown([started], "2026-03-10", regime)
    for end in clock.ends:
        assert name in shown([started, f"2026-03-12 {end}"], "2026-03-11", regime)
        assert name not in shown([started, f"2026-03-12 {end}"], "2026-03-12", regime)
        assert name not in shown([started, f"2026-03-12 {end}"], "2031-01-01", regime)


@pytest.mark.parametrize("name", sorted(name for name in CLOCKS if CLOCKS[name].regimes))
def test_a_clock_of_other_regimes_does_not_run(name: str) -> None:
    clock = CLOCKS[name]
    others = {regime for one in CLOCKS.values() for regime in one.regimes} - set(clock.regimes)
    for regime in {*others, ""}:
        assert name not in shown([f"2026-03-10 {clock.starts[0]}"], "2026-03-11", regime)


def test_the_table_speaks_of_states_that_there_are_and_gives_its_sources() -> None:
    for name, row in DATA["clocks"].items():
        named = {*row["starts"], *row["ends"], *row.get("pauses", ()), *([row["from"]] if "from" in row else [])}
        assert named <= set(STATES) | OUTSIDE, name
        assert row["source"] and row["sure"], name
        assert row.get("then", "overdue") in {"overdue", "lapse"}


def test_the_day_of_the_event_is_not_counted_whatever_its_hour() -> None:
    for hour in ("00:00:00", "23:59:59"):
        assert shown([f"2026-03-02 {hour} submitted"], "2026-03-03", "snds")["completeness"].due == day("2026-03-09")


def test_an_incomplete_application_stops_the_clock_and_a_new_one_starts_it_anew() -> None:
    told = ["2026-03-02 submitted", "2026-03-05 incomplete", "2026-03-25 submitted"]
    assert "completeness" not in shown(told, "2026-03-10", "snds")
    again = shown(told, "2026-03-26", "snds")["completeness"]
    assert (again.started, again.due) == (day("2026-03-25"), day("2026-04-01"))


def test_the_decision_is_counted_from_the_application_that_was_found_complete() -> None:
    told = ["2026-03-02 submitted", "2026-03-05 incomplete", "2026-03-25 submitted", "2026-04-10 complete"]
    one = shown(told, "2026-04-10", "ehds")["decision"]
    assert (one.started, one.due) == (day("2026-03-25"), day("2026-06-25"))


def test_a_question_of_the_committee_stops_its_clock_and_the_answer_moves_its_end() -> None:
    asked = ["2026-03-04 complete", "2026-03-10 committee-asks"]
    one = shown(asked, "2026-03-17", "snds")["committee"]
    assert (one.status, one.due) == ("paused", day("2026-04-11"))
    assert shown(asked, "2027-03-17", "snds")["committee"].status == "paused"
    answered = [*asked, "2026-03-20 complete"]
    one = shown(answered, "2026-03-21", "snds")["committee"]
    assert (one.status, one.started, one.due) == ("runs", day("2026-03-04"), day("2026-04-14"))


def test_two_pauses_add_up_and_one_of_a_day_or_less_adds_nothing() -> None:
    told = ["2026-03-30 opined", "2026-04-02 regulator-asks", "2026-04-12 opined", "2026-04-20 regulator-asks"]
    told += ["2026-04-25 opined", "2026-04-26 09:00 regulator-asks", "2026-04-26 17:00 opined"]
    assert shown(told, "2026-05-01", "snds")["regulator"].due == day("2026-06-14")  # 30 May and 10 + 5 + 0 days


def test_a_clock_that_stood_still_at_its_end_of_life_is_over() -> None:
    told = ["2026-03-04 complete", "2026-03-10 committee-asks", "2026-03-12 withdrawn"]
    assert not shown(told, "2026-03-13", "snds")


def test_one_extension_counts_whole_months_from_the_beginning() -> None:
    told = ["2026-12-31 opined", "2027-02-28 extend"]
    one = shown(told, "2027-03-01", "snds")["regulator"]
    assert (one.extended, one.due) == (
        True,
        day("2027-04-30"),
    )  # four months from 31 December, not two from 28 February
    assert shown([*told, "2027-03-05 extend"], "2027-03-06", "snds")["regulator"].due == day("2027-04-30")


def test_an_extension_that_comes_too_late_or_while_the_clock_stands_counts_for_nothing() -> None:
    late = ["2026-03-30 opined", "2026-05-31 extend"]
    one = shown(late, "2026-06-01", "snds")["regulator"]
    assert (one.extended, one.due, one.status) == (False, day("2026-05-30"), "overdue")
    paused = ["2026-03-30 opined", "2026-04-01 regulator-asks", "2026-04-02 extend", "2026-04-03 opined"]
    assert not shown(paused, "2026-04-04", "snds")["regulator"].extended


def test_a_clock_without_an_extension_is_not_made_longer() -> None:
    one = shown(["2026-03-04 complete", "2026-03-05 extend"], "2026-03-06", "snds")["committee"]
    assert (one.extended, one.due) == (False, day("2026-04-04"))


def test_pauses_and_an_extension_together() -> None:
    told = ["2026-03-30 opined", "2026-04-10 regulator-asks", "2026-04-20 opined", "2026-06-09 extend"]
    assert shown(told, "2026-06-10", "snds")["regulator"].due == day("2026-08-09")  # 30 July and 10 days


def test_a_yearly_clock_is_due_at_its_next_end_and_never_overdue() -> None:
    told = ["2028-02-29 granted"]
    ends = {
        "2028-03-01": "2029-02-28",
        "2029-02-28": "2029-02-28",
        "2029-03-01": "2030-02-28",
        "2031-03-01": "2032-02-29",
    }
    for today, due in ends.items():
        one = shown(told, today, "")["access-review"]
        assert (one.due, one.status) == (day(due), "runs")


def test_clocks_are_told_first_due_first() -> None:
    found = running(line("2026-01-01 granted", "2026-08-31 expired"), CLOCKS.values(), at("2026-09-01"), regime="snds")
    assert [one.clock.name for one in found] == ["erasure", "results"]


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2028-01-31", "P1M", "2028-02-29"),
        ("2026-10-31", "P1M", "2026-11-30"),
        ("2026-11-30", "P1M", "2026-12-30"),
        ("2026-12-01", "P1M", "2027-01-01"),
        ("2028-02-29", "P1Y", "2029-02-28"),
        ("2026-08-31", "P18M", "2028-02-29"),
        ("2026-12-25", "P7D", "2027-01-01"),
        ("2026-02-02", "P4W", "2026-03-02"),
    ],
)
def test_a_period_ends_on_the_day_of_the_same_number_or_the_last_of_the_month(start: str, text: str, end: str) -> None:
    assert period(text).after(day(start)) == day(end)


def test_periods_add_their_parts() -> None:
    assert period("P2M") + period("P15D") == Period(months=2, days=15)


@pytest.mark.parametrize("text", ["", "P", "7D", "P7", "P1H", "PT1M", "P-1M", "P1M2D", "P1000D"])
def test_a_period_that_cannot_be_read_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        period(text, clock="committee")
    assert caught.value.code == "clock-table"


@pytest.mark.parametrize(
    ("given", "next_day"),
    [
        ("2026-04-03", "2026-04-03"),  # Good Friday is worked
        ("2026-04-04", "2026-04-07"),  # Saturday, Easter Sunday and Monday
        ("2026-05-14", "2026-05-15"),  # Ascension
        ("2026-12-25", "2026-12-28"),
        ("2027-01-01", "2027-01-04"),
    ],
)
def test_a_working_day_is_no_week_end_and_no_holiday(given: str, next_day: str) -> None:
    assert working_day(day(given), HOLIDAYS) == day(next_day)


def test_holidays_are_the_eleven_of_each_year_and_the_movable_ones_follow_easter() -> None:
    for year in range(2026, 2046):
        own = {one for one in HOLIDAYS if one.year == year}
        easter = _easter(year)
        moved = {easter + datetime.timedelta(days=n) for n in (1, 39, 50)}
        fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
        assert own == moved | {datetime.date(year, *one) for one in fixed}


def _easter(year: int) -> datetime.date:
    """The first Sunday after the paschal full moon, by Gauss's reckoning."""
    golden, century = year % 19, year // 100
    leap = century - century // 4
    shift = (15 + leap - (8 * century + 13) // 25) % 30
    moon = (19 * golden + shift) % 30
    week = (2 * (year % 4) + 4 * (year % 7) + 6 * moon + (4 + leap) % 7) % 7
    if moon == 29 and week == 6:
        return datetime.date(year, 4, 19)
    if moon == 28 and week == 6 and golden > 10:
        return datetime.date(year, 4, 18)
    return datetime.date(year, 3, 22) + datetime.timedelta(days=moon + week)


def test_the_clocks_see_each_entry_into_a_state_and_each_extension_and_nothing_else() -> None:
    passages = (
        ("apply", "submitted", at("2026-03-02")),
        ("complete", "complete", at("2026-03-04")),
        ("extend", "complete", at("2026-03-06")),
        ("favourable", "opined", at("2026-03-08")),
    )
    seen = moments(ProjectState(permit="P-2026-0001", passages=passages), [("expired", at("2026-03-05"))])
    assert [name for name, _ in seen] == ["submitted", "complete", "expired", "extend", "opined"]


def test_a_clock_knows_its_regimes() -> None:
    every = Clock(name="x", regimes=(), starts=("granted",), ends=(), period=Period(days=1))
    assert every.of("") and every.of("snds")
