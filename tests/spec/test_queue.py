# SPDX-License-Identifier: Apache-2.0
"""Working days of a turn, by hand: week-ends and public holidays do not count, nor the day on which it began."""

import datetime

import pytest

from rempart.release.turns import days_left, last_day

CHRISTMAS = frozenset({datetime.date(2026, 12, 25)})


@pytest.mark.parametrize(
    ("since", "days", "due"),
    [
        ("2026-11-23", 2, "2026-11-25"),  # Monday
        ("2026-11-26", 2, "2026-11-30"),  # Thursday: Friday, Monday
        ("2026-11-28", 1, "2026-11-30"),  # Saturday
        ("2026-12-24", 1, "2026-12-28"),  # Friday is Christmas
        ("2026-11-23", 10, "2026-12-07"),
    ],
)
def test_a_turn_ends_on_a_working_day(since: str, days: int, due: str) -> None:
    assert last_day(datetime.date.fromisoformat(since), days, CHRISTMAS) == datetime.date.fromisoformat(due)


@pytest.mark.parametrize(
    ("today", "left"),
    [
        ("2026-12-21", 4),  # 22, 23, 24, and 28 after Christmas and the week-end
        ("2026-12-24", 1),
        ("2026-12-28", 0),
        ("2026-12-29", -1),
        ("2027-01-04", -5),  # 29, 30, 31, 1 January is not in this list of holidays, 4
    ],
)
def test_days_left_are_counted_to_the_last_day_and_below_zero_after_it(today: str, left: int) -> None:
    assert days_left(datetime.date.fromisoformat(today), datetime.date(2026, 12, 28), CHRISTMAS) == left
