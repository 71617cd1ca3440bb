# SPDX-License-Identifier: Apache-2.0
"""Checks of flows, links and doubled stays find planted defects and nothing in a clean delivery; spells and pregnancies are no events."""

import datetime
from collections.abc import Iterator, Mapping

import pytest

from rempart.adapters import package_data
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.ingest.quality import Measured, Settings, settings, status_of
from rempart.ingest.quality_battery import Battery
from rempart.ingest.quality_flows import Reaching, Twice, flow_checks, linked_checks, stay_sql, twice_checks, twice_sql
from rempart.ingest.quality_lag import Arrived, expected_share, month_name
from rempart.records.omop import TableLayout

TODAY = datetime.date(2020, 6, 30)
FIRST, MONTHS, LAG = 168, 48, 27
"""Care from 2014-01 to 2017-12; flows from the month of the first care to 27 months after the last."""


@pytest.fixture(scope="module")
def rules() -> Settings:
    return settings(package_data.toml("ingest/quality.toml"), today=TODAY)


@pytest.fixture
def query() -> Iterator[DuckDBQuery]:
    with_one = DuckDBQuery(threads=1, memory_limit="500MB")
    yield with_one
    with_one.close()


def delivered(rules: Settings) -> list[Arrived]:
    """A clean series: volumes by working days, low in August, growing, the first two months weak for want of earlier care."""
    found = []
    for n in range(MONTHS):
        month = FIRST + n
        days = workdays(month)
        volume = 90 * days * (1 + 0.004 * n) * (0.7 if month % 12 == 7 else 1) * {0: 0.7, 1: 0.8}.get(n, 1)
        for lag in range(LAG + 1):
            came = expected_share(lag, rules) - (expected_share(lag - 1, rules) if lag else 0)
            found.append(Arrived(flow=month + lag, month=month, lines=round(volume * came)))
    return found


def workdays(month: int) -> int:
    first = datetime.date(2000 + month // 12, month % 12 + 1, 1)
    days = (first + datetime.timedelta(days=n) for n in range(31))
    return sum(1 for day in days if day.month == first.month and day.weekday() < 5)


def failing(measured: list[Measured], rules: Settings) -> list[tuple[str, str]]:
    return [(one.check.kind, one.check.detail) for one in measured if status_of(one, rules) == "failed"]


def scaled(lines: list[Arrived], by: Mapping[tuple[int, int], float]) -> list[Arrived]:
    """Lines of (flow or 0, month or 0) times a share; 0 is any."""

    def share(one: Arrived) -> float:
        return next((s for (flow, month), s in by.items() if flow in {0, one.flow} and month in {0, one.month}), 1.0)

    return [Arrived(flow=one.flow, month=one.month, lines=round(one.lines * share(one))) for one in lines]


def test_a_clean_series_that_starts_and_has_short_months_and_summers_fails_nothing(rules: Settings) -> None:
    measured = list(flow_checks(delivered(rules), rules))
    assert failing(measured, rules) == []
    judged = [one for one in measured if one.check.kind == "flow-arrived" and not one.why]
    assert len(judged) == MONTHS - 1 - rules.facts["lag"]["starting"]


@pytest.mark.parametrize("month", [FIRST + 4, FIRST + 13, FIRST + 19, FIRST + MONTHS - 2])
def test_a_care_month_that_lost_two_fifths_of_its_lines_is_found(rules: Settings, month: int) -> None:
    lines = scaled(delivered(rules), {(0, month): 0.6})
    assert failing(list(flow_checks(lines, rules)), rules) == [("flow-arrived", month_name(month))]


def test_a_flow_that_was_not_delivered_is_blamed_and_not_the_care_in_it(rules: Settings) -> None:
    lines = scaled(delivered(rules), {(FIRST + 20, 0): 0.0})
    assert failing(list(flow_checks(lines, rules)), rules) == [("flow-gap", month_name(FIRST + 20))]


def test_a_flow_that_came_by_half_is_found_in_the_care_of_the_month_before(rules: Settings) -> None:
    lines = scaled(delivered(rules), {(FIRST + 20, 0): 0.4})
    assert ("flow-arrived", month_name(FIRST + 19)) in failing(list(flow_checks(lines, rules)), rules)


def test_months_outside_the_usable_interval_are_not_judged(rules: Settings) -> None:
    lines = scaled(delivered(rules), {(0, FIRST + 10): 0.5})
    told = list(flow_checks(lines, rules, (FIRST + 12, FIRST + 40)))
    assert failing(told, rules) == []
    months = [one.check.detail for one in told if one.check.kind == "flow-arrived"]
    assert (months[0], months[-1]) == (month_name(FIRST + 12), month_name(FIRST + 40))


def test_few_lines_that_reach_nobody_say_nothing_and_many_fail(rules: Settings) -> None:
    rows = [Reaching(table="stay", group="had 2014", rows=11, lost=10)]
    assert failing(list(linked_checks(rows, rules)), rules) == []
    rows = [Reaching(table="stay", group="mco 2014", rows=400, lost=80)]
    assert failing(list(linked_checks(rows, rules)), rules) == [("linked", "mco 2014")]


STAYS = """
CREATE TABLE gross_stay AS SELECT 1 AS unit, 'mco' AS field, 'mco|2014|750000001|' || i AS stay, true AS has_stay,
  CASE WHEN i % 3 = 0 THEN NULL ELSE 'p' || i END AS psa, DATE '2014-05-01' AS entry, DATE '2014-05-04' AS leaving,
  'I10' AS principal, '750000001' AS place_facility, '75000' AS legal_facility, 0::BIGINT AS hits FROM range(300) r(i)
"""


def twice(query: DuckDBQuery, rules: Settings, dead: tuple[int, ...] = ()) -> list[Measured]:
    rows = query.table(twice_sql([9], dead)).to_pylist()
    return list(twice_checks([Twice(group=row.pop("grp"), **row) for row in rows], rules))


def test_stays_delivered_again_under_another_years_name_are_found(query: DuckDBQuery, rules: Settings) -> None:
    query.execute(STAYS)
    assert failing(twice(query, rules), rules) == []
    again = "SELECT * REPLACE (2 AS unit, replace(stay, '2014', '2015') AS stay{}) FROM gross_stay WHERE psa IN ({})"
    some = "'p1', 'p2', 'p4', 'p5', 'p7', 'p8', 'p10', 'p11', 'p13', 'p14', 'p16', 'p17'"
    query.execute(f"INSERT INTO gross_stay {again.format('', some)}")
    (one,) = twice(query, rules)
    assert (one.check.kind, one.check.detail, one.failing, one.persons) == ("stay-twice", "mco 2014", 12, (12, 200))
    assert status_of(one, rules) == "failed"
    assert failing(twice(query, rules, dead=(2,)), rules) == []
    query.execute("UPDATE gross_stay SET hits = 512 WHERE unit = 2")
    assert failing(twice(query, rules), rules) == []
    query.execute("UPDATE gross_stay SET hits = 0, principal = 'I11' WHERE unit = 2")
    assert failing(twice(query, rules), rules) == []


def test_a_stay_without_a_day_is_of_its_deliverys_year(query: DuckDBQuery) -> None:
    query.execute(STAYS)
    query.execute("UPDATE gross_stay SET entry = NULL, leaving = NULL, field = 'ace'")
    assert [row["grp"] for row in query.table(stay_sql([13])).to_pylist()] == ["ace 2014"]


COLUMNS = {
    "location_history": {"location_history_id": "BIGINT", "location_history_start_date": "DATE"},
    "payer_plan_period": {"payer_plan_period_id": "BIGINT", "payer_plan_period_start_date": "DATE"},
    "external_exposure": {
        "external_exposure_id": "BIGINT",
        "exposure_start_date": "DATE",
        "exposure_concept_id": "BIGINT",
    },
    "visit_occurrence": {"visit_occurrence_id": "BIGINT", "visit_start_date": "DATE", "visit_end_date": "DATE"},
    "pregnancy": {
        "pregnancy_id": "BIGINT",
        "pregnancy_start_date": "DATE",
        "pregnancy_end_date": "DATE",
        "visit_occurrence_id": "BIGINT",
    },
    "person": {"year_of_birth": "INTEGER"},
}


def test_spells_exposures_and_pregnancies_are_not_judged_as_events(query: DuckDBQuery, rules: Settings) -> None:
    layouts = {
        name: TableLayout(
            name=name,
            key=next((c for c in columns if c == f"{name}_id"), ""),
            date=next((c for c in columns if c.endswith("_start_date")), ""),
            siblings={"main": columns},
        )
        for name, columns in COLUMNS.items()
    }
    year = "(DATE '2014-01-01' + to_years((i % 3)::INTEGER))::DATE"
    query.execute(
        "CREATE TABLE person AS SELECT 'p' || i AS pseudonym, 1980::INTEGER AS year_of_birth FROM range(3000) r(i)"
    )
    for name in ("location_history", "payer_plan_period", "external_exposure"):
        key, date = layouts[name].key, layouts[name].date
        more = ", 0::BIGINT AS exposure_concept_id" if name == "external_exposure" else ""
        query.execute(
            f"CREATE TABLE {name} AS SELECT 'p' || i AS pseudonym, i AS {key}, {year} AS {date}{more} FROM range(3000) r(i)"
        )
    query.execute(
        "CREATE TABLE visit_occurrence AS SELECT pseudonym, external_exposure_id AS visit_occurrence_id, exposure_start_date "
        "AS visit_start_date, exposure_start_date AS visit_end_date FROM external_exposure"
    )
    query.execute(
        "CREATE TABLE pregnancy AS SELECT pseudonym, visit_occurrence_id AS pregnancy_id, visit_start_date - 270 AS "
        "pregnancy_start_date, visit_end_date AS pregnancy_end_date, visit_occurrence_id FROM visit_occurrence"
    )
    battery = Battery(layouts=layouts, held=tuple(layouts), rules=rules)
    battery.scan(query)
    measured = list(battery.answers(battery.counts(query), None))
    told = {(one.check.kind, one.check.table) for one in measured if status_of(one, rules) == "failed"}
    assert told == {("month-gap", "visit_occurrence")}
