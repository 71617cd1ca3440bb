# SPDX-License-Identifier: Apache-2.0
"""Exposure at the place of residence, against a day-by-day count: days in each commune, merged communes, days without a value."""

import calendar
import datetime
import random
from typing import Any

import pytest

from rempart.errors import BadInput
from tests.spec.context_house import Shard
from tests.spec.test_geography import claim

DAY = datetime.date
STEPS = ("context", "context_observation", "context_residence", "location_history", "external_exposure")
EXPOSED = """SELECT person_no, exposure_source_value, year(exposure_start_date), round(value_as_number, 6), days_known, days_observed,
    unit_source_value FROM research_external_exposure ORDER BY ALL"""


def value(commune: str, year: int, amount: float, **more: Any) -> dict[str, Any]:
    """A value of a whole year."""
    days = {"first_day": DAY(year, 1, 1), "last_day": DAY(year, 12, 31)}
    return {
        "exposure": "pm25",
        "commune": commune,
        "value": amount,
        "measured_in": "µg/m³",
        "source": "invented",
        **days,
        **more,
    }


def test_a_mover_has_the_mean_of_both_places_by_days() -> None:
    shard = Shard()
    shard.person(1)
    shard.add("gross_claim", claim(1, "2015-02-10", commune="75056"), claim(1, "2015-09-07", commune="13055"))
    shard.add("gross_environment", value("75056", 2015, 16.0), value("13055", 2015, 10.0))
    shard.run(*STEPS)
    before = (DAY(2015, 9, 7) - DAY(2015, 1, 1)).days
    expected = round((16 * before + 10 * (365 - before)) / 365, 6)
    assert shard.rows(EXPOSED) == [(1, "pm25", 2015, expected, 365, 365, "µg/m³")]


def test_days_without_a_value_are_counted_and_not_guessed() -> None:
    shard = Shard()
    shard.person(1)
    shard.person(2)
    shard.add("gross_claim", claim(1, "2015-02-10", commune="75056"), claim(1, "2015-09-07", commune="13055"))
    shard.add("gross_claim", claim(2, "2015-02-10", commune="33063"))
    shard.add("gross_environment", value("75056", 2015, 16.0))
    shard.run(*STEPS)
    before = (DAY(2015, 9, 7) - DAY(2015, 1, 1)).days
    assert shard.rows(EXPOSED) == [
        (1, "pm25", 2015, 16.0, before, 365, "µg/m³"),
        (2, "pm25", 2015, None, 0, 365, "µg/m³"),
    ]


def test_communes_that_were_merged_share_the_mean_by_their_people() -> None:
    shard = Shard()
    shard.person(1)
    change = {"effective": DAY(2018, 1, 1), "kind": "32", "after": "01001"}
    shard.add("gross_commune_change", {**change, "before": "01001"}, {**change, "before": "01002"})
    shard.add(
        "gross_population",
        {"vintage": 2021, "commune": "01001", "persons": 1000.0},
        {"vintage": 2015, "commune": "01002", "persons": 250.0},
    )
    shard.add("gross_population", {"vintage": 2015, "commune": "01001", "persons": 750.0})
    shard.add("gross_environment", value("01001", 2015, 10.0), value("01002", 2015, 20.0))
    shard.add("gross_claim", claim(1, "2015-02-10", commune="01002"))
    shard.run(*STEPS)
    assert shard.rows(EXPOSED)[0][3] == pytest.approx((10 * 1000 + 20 * 250) / 1250)


def test_one_exposure_in_two_units_is_refused() -> None:
    shard = Shard()
    shard.add("gross_environment", value("75056", 2015, 16.0), value("13055", 2015, 0.016, measured_in="mg/m³"))
    with pytest.raises(BadInput) as caught:
        shard.run(*STEPS)
    assert caught.value.code == "environment-units"


def test_against_a_count_day_by_day() -> None:
    draw = random.Random(5)
    shard = Shard()
    communes = ["75056", "13055", "33063"]
    monthly = {
        (c, y, m): draw.uniform(5, 18)
        for c in communes[:2]
        for y in (2014, 2015)
        for m in range(1, 13)
        if draw.random() < 0.8
    }
    for (commune, year, month), amount in monthly.items():
        last = DAY(year, month, calendar.monthrange(year, month)[1])
        shard.add("gross_environment", value(commune, year, amount, first_day=DAY(year, month, 1), last_day=last))
    moves: dict[int, list[tuple[datetime.date, str]]] = {}
    for person in range(1, 13):
        shard.person(person, born=2014 if person % 4 == 0 else 1960, birth_month=5)
        there, days = draw.sample(communes, 2), sorted(draw.sample(range(120, 700), 1))
        moves[person] = [(DAY(2014, 1, 1), there[0]), (DAY(2014, 1, 1) + datetime.timedelta(days=days[0]), there[1])]
        shard.add(
            "gross_claim",
            claim(person, "2014-01-02", commune=there[0]),
            claim(person, moves[person][1][0].isoformat(), commune=there[1]),
        )
    shard.add("gross_claim", claim(1, "2015-12-30"))
    shard.run(*STEPS)
    expected = []
    for person, spells in moves.items():
        start = DAY(2014, 5, 1) if person % 4 == 0 else DAY(2014, 1, 1)
        for year in (2014, 2015):
            days = [DAY(year, 1, 1) + datetime.timedelta(days=n) for n in range(365)]
            days = [day for day in days if day >= start]
            found = [
                monthly.get((next(c for d, c in reversed(spells) if d <= day), day.year, day.month)) for day in days
            ]
            known = [amount for amount in found if amount is not None]
            mean = round(sum(known) / len(known), 6) if known else None
            expected.append((person, "pm25", year, mean, len(known), len(days), "µg/m³"))
    for ours, theirs in zip(shard.rows(EXPOSED), sorted(expected), strict=True):
        assert ours[:3] + ours[4:] == theirs[:3] + theirs[4:]
        assert ours[3] == pytest.approx(theirs[3], abs=1e-5)
