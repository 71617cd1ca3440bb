# SPDX-License-Identifier: Apache-2.0
"""Observation without affiliation dates: what a domain expert would expect of the rules, case by case."""

import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.package_data import toml
from rempart.errors import BadInput
from rempart.ingest.observation import (
    Counted,
    UsableInterval,
    first_of,
    lag_curve,
    last_of,
    month_of,
    observation_rules,
    scheme_sql,
    usable_intervals,
)

RULES = observation_rules(toml("ingest/observation.toml"))
DAY = datetime.date
# Share of a month's lines by lag in months, as CNAM tells it: nearly all within six months, a tail to 27.
ARRIVAL = {0: 0.30, 1: 0.45, 2: 0.12, 3: 0.06, 4: 0.04, 5: 0.02, 6: 0.004, 12: 0.004, 27: 0.002}


def month(text: str) -> int:
    """Months since January 2000 of YYYY-MM."""
    return month_of(DAY.fromisoformat(f"{text}-01"))


def claims(first: str, last: str, flows: tuple[str, str], lines: int = 10_000) -> list[Counted]:
    """Claims of every month of care, as the flows between two months brought them."""
    opened, cut = month(flows[0]), month(flows[1])
    return [
        Counted(source="dcir", scheme="general", month=care, flow=care + lag, lines=round(lines * share))
        for care in range(month(first), month(last) + 1)
        for lag, share in ARRIVAL.items()
        if opened <= care + lag <= cut and round(lines * share)
    ]


def whole(found: tuple[UsableInterval, ...], source: str, scheme: str = "") -> tuple[str, str, str]:
    """First day, last day and reason of one interval."""
    (one,) = [i for i in found if (i.source, i.scheme) == (source, scheme)]
    return one.first_day.isoformat(), one.last_day.isoformat(), one.reason


@pytest.mark.parametrize(
    ("care", "flows", "expected"),
    [
        # All flows of the tail delivered: every month of care is usable, none is lost.
        (("2010-01", "2015-12"), ("2010-01", "2018-03"), ("2010-01-01", "2015-12-31", "last-month-of-care")),
        # Flows stop with the last month of care: six months are still coming in.
        (("2010-01", "2015-12"), ("2010-01", "2015-12"), ("2010-01-01", "2015-06-30", "flow-lag")),
        # Flows begin in the middle: care of long before comes as a trickle, care of the month before the first flow is there.
        (("2010-01", "2015-12"), ("2012-01", "2018-03"), ("2012-01-01", "2015-12-31", "last-month-of-care")),
    ],
)
def test_claims_are_usable_until_their_lag_has_passed(
    care: tuple[str, str], flows: tuple[str, str], expected: tuple[str, str, str]
) -> None:
    assert whole(usable_intervals(claims(*care, flows), RULES), "dcir") == expected


def test_a_flow_that_was_not_delivered_cuts_the_interval() -> None:
    lines = [one for one in claims("2010-01", "2015-12", ("2010-01", "2018-03")) if one.flow != month("2012-05")]
    first, last, _ = whole(usable_intervals(lines, RULES), "dcir")
    # Some lines of a month come at once, so its own flow is needed too.
    assert (first, last) == ("2012-06-01", "2015-12-31")


def test_a_flow_that_nobody_would_miss_cuts_nothing() -> None:
    lines = claims("2010-01", "2015-12", ("2010-01", "2018-03"), lines=100)
    assert sum(one.lines for one in lines) >= RULES.least_lines
    # In so small a delivery the flows of the tail hold no line at all.
    assert month("2016-10") not in {one.flow for one in lines}
    assert whole(usable_intervals(lines, RULES), "dcir")[:2] == ("2010-01-01", "2015-12-31")


def test_a_scheme_that_came_late_begins_late() -> None:
    lines = claims("2006-01", "2010-12", ("2006-01", "2013-03"))
    lines += [
        Counted(source="dcir", scheme="agricultural", month=one.month, flow=one.flow, lines=one.lines) for one in lines
    ]
    found = usable_intervals(lines, RULES)
    assert whole(found, "dcir", "agricultural") == ("2008-01-01", "2010-12-31", "scheme-begins")
    assert whole(found, "dcir", "general")[0] == "2006-01-01"


def test_the_lag_curve_is_that_of_the_arrivals_although_recent_months_are_still_coming_in() -> None:
    full = lag_curve(claims("2010-01", "2015-12", ("2010-01", "2018-03")))
    cut = lag_curve(claims("2010-01", "2015-12", ("2010-01", "2015-12")))
    expected = [sum(share for lag, share in ARRIVAL.items() if lag <= k) for k in range(28)]
    assert full == pytest.approx(expected, abs=1e-3)
    assert cut == pytest.approx(expected, abs=1e-3)


def test_late_lines_of_care_before_the_first_flow_do_not_slow_the_curve() -> None:
    opened = lag_curve(claims("2010-01", "2015-12", ("2012-01", "2018-03")))
    assert opened == pytest.approx(lag_curve(claims("2012-01", "2015-12", ("2012-01", "2018-03"))), abs=1e-9)


def test_a_naive_share_would_call_recent_months_complete_too_early() -> None:
    lines = claims("2015-07", "2015-12", ("2015-07", "2015-12")) + claims("2010-01", "2015-06", ("2010-01", "2015-12"))
    total = sum(one.lines for one in lines)
    naive = sum(one.lines for one in lines if one.flow is not None and one.flow - one.month <= 1) / total
    assert lag_curve(lines)[1] < naive


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (("2012-01", "2015-12"), ("2012-01-01", "2015-12-31", "last-complete-year")),
        # Discharged from January to September only: the year is not there.
        (("2012-01", "2015-09"), ("2012-01-01", "2014-12-31", "last-year-incomplete")),
    ],
)
def test_stays_are_usable_to_the_last_complete_year_of_discharge(
    months: tuple[str, str], expected: tuple[str, str, str]
) -> None:
    lines = [
        Counted(source="mco", scheme="", month=m, flow=None, lines=900)
        for m in range(month(months[0]), month(months[1]) + 1)
    ]
    assert whole(usable_intervals(lines, RULES), "mco") == expected


def test_causes_of_death_are_usable_to_the_last_linked_year() -> None:
    share = {2012: 0.768, 2013: 0.887, 2014: 0.901, 2015: 0.901, 2016: 0.1}
    lines = [
        Counted(source="certificates", scheme=scheme, month=month(f"{year}-06"), flow=None, lines=lines)
        for year, part in share.items()
        for scheme, lines in (("unlinked", 1000 - round(1000 * part)), ("linked", round(1000 * part)))
    ]
    assert whole(usable_intervals(lines, RULES), "certificates") == ("2012-01-01", "2015-12-31", "last-linked-year")


def test_a_few_lines_say_nothing_of_lags_so_their_calendar_years_count() -> None:
    lines = [Counted(source="dcir", scheme="general", month=month("2015-02"), flow=month("2015-03"), lines=3)]
    assert whole(usable_intervals(lines, RULES), "dcir") == ("2015-01-01", "2015-12-31", "too-few-lines")
    wrong = Counted(source="dcir", scheme="general", month=month("2031-02"), flow=month("2015-12"), lines=1)
    assert whole(usable_intervals([*lines, wrong], RULES), "dcir") == ("2015-01-01", "2015-12-31", "too-few-lines")


def test_ending_observation_at_the_last_contact_is_refused() -> None:
    for months in (0, -3):
        with pytest.raises(BadInput) as caught:
            observation_rules(toml("ingest/observation.toml"), {"months_after_last_contact": months})
        assert caught.value.code == "observation-months"
    assert observation_rules(toml("ingest/observation.toml"), {"months_after_last_contact": 24}).months_after == 24


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        observation_rules(toml("ingest/observation.toml"), {"last_visit": True})
    assert caught.value.code == "unknown-key"


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


@pytest.mark.parametrize(
    ("code", "scheme"),
    [("01C751234", "general"), ("01M931234", "general"), ("02A", "agricultural"), ("034", "self-employed"),
     ("08", "other"), ("90X", "other"), ("919312345", "general"), ("676.4", "other"),
     ("001.1", "general"), ("100.02", "agricultural"), ("5.", "unknown"), ("", "unknown"), (None, "unknown")],
)  # fmt: skip
def test_a_paying_body_belongs_to_a_scheme(query: DuckDBQuery, code: str | None, scheme: str) -> None:
    found: list[dict[str, Any]] = query.table(
        f"SELECT {scheme_sql(RULES, 'code')} AS s FROM (SELECT $code::VARCHAR AS code)", {"code": code}
    ).to_pylist()
    assert found == [{"s": scheme}]


def test_months_and_days_agree() -> None:
    draw = random.Random(3)
    for _ in range(200):
        day = DAY(1990, 1, 1) + datetime.timedelta(days=draw.randrange(20_000))
        number = month_of(day)
        assert first_of(number) <= day <= last_of(number)
        assert first_of(number + 1) - last_of(number) == datetime.timedelta(days=1)
