# SPDX-License-Identifier: Apache-2.0
"""How long a turn has lasted and may last, in working days: no Saturday, no Sunday, no public holiday. Knows no clock."""

import datetime

_SATURDAY = 5
_DAY = datetime.timedelta(days=1)


def last_day(since: datetime.date, days: int, holidays: frozenset[datetime.date]) -> datetime.date:
    """The day on which a turn of so many working days ends; the day on which it began does not count."""
    day = since
    while days > 0:
        day += _DAY
        days -= _works(day, holidays)
    return day


def days_left(today: datetime.date, last: datetime.date, holidays: frozenset[datetime.date]) -> int:
    """Working days after today until ``last``, which counts; below zero: working days by which it is late."""
    if today > last:
        return -sum(_works(last + _DAY * n, holidays) for n in range(1, (today - last).days + 1))
    return sum(_works(today + _DAY * n, holidays) for n in range(1, (last - today).days + 1))


def _works(day: datetime.date, holidays: frozenset[datetime.date]) -> bool:
    return day.weekday() < _SATURDAY and day not in holidays
