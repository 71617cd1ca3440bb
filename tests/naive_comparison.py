# SPDX-License-Identifier: Apache-2.0
"""A comparison of two cohorts person by person, as a reader of docs/designs.md would do it by hand. Slow, plain, without SQL."""

import datetime
from collections import Counter
from collections.abc import Iterable

from tests.described_people import DAY, SEXES, Person

Row = tuple[str, int, int, int, str, str]  # arm, entry, exit, status, age band, sex


def naive_rows(persons: Iterable[Person], cut: datetime.date, *, lag: int, follow_up: int | None) -> Counter[Row]:
    """Rows of all who are at risk, counted."""
    found: Counter[Row] = Counter()
    for person in persons:
        row = _row(person, cut, lag, follow_up)
        if row is not None:
            found[row] += 1
    return found


def _row(person: Person, cut: datetime.date, lag: int, follow_up: int | None) -> Row | None:
    entries = [
        (start, end, arm) for arm, of in (("target", person.cohort), ("comparator", person.other)) for start, end in of
    ]
    if not entries:
        return None
    zero = min(start for start, _, _ in entries)
    arms = {arm for start, _, arm in entries if start == zero}
    if len(arms) > 1:
        return None
    last = min(max(end for start, end, _ in entries if start == zero), cut)
    if follow_up is not None:
        last = min(last, zero + follow_up * DAY)
    day = zero
    status = 0
    while day < last:
        day += DAY
        if day in person.events:
            status = 1
        elif day == person.died:
            status = 2
        if status:
            break
    exit_day = (day - zero).days
    if exit_day <= lag:
        return None
    return (*arms, lag, exit_day, status, _band(person, zero), SEXES[person.sex])


def _band(person: Person, day: datetime.date) -> str:
    if person.born is None:
        return "unknown"
    age = day.year - person.born
    return "0-29" if age < 30 else "30-59" if age < 60 else "60+"
