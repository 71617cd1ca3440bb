# SPDX-License-Identifier: Apache-2.0
"""The least permit under which studies run: the columns that they read, the days that they name, nothing beside. Grants nothing."""

import datetime
from collections.abc import Mapping, Sequence

from rempart.records.permit import Permit
from rempart.records.study import Study


def least_permit(
    studies: Sequence[Study],
    *,
    required: Mapping[str, frozenset[str]],
    project: str,
    persons: tuple[str, ...],
    today: datetime.date,
) -> Permit:
    """``studies``: all of one permit's id; ``required``: table → columns that any of them reads. Valid for ``today`` and the day after.

    Raises BadInput ``permit-field`` where no permit can have such days.
    """
    periods = [period for study in studies for period in _periods(study)]
    first, last = min(begins for begins, _ in periods), max(ends for _, ends in periods)
    looks = [
        _days_after(window.begins or study.protocol.period[0], window.first)
        for study in studies
        for window in study.windows()
    ]
    return Permit(
        id=studies[0].permit,
        project=project,
        purpose=studies[0].protocol.title,
        basis="a dry run on invented persons",
        persons=persons,
        valid=(today, today + datetime.timedelta(days=1)),
        lookback=min([first, *looks]),
        period=(first, last),
        rows={},
        tables={table: tuple(sorted(columns)) for table, columns in required.items()},
    )


def _periods(study: Study) -> list[tuple[datetime.date, datetime.date]]:
    return [study.protocol.period, *(rule.period for rule in study.rules.values() if rule.period is not None)]


def _days_after(day: datetime.date, days: int) -> datetime.date:
    """``day`` moved by ``days``, no earlier than the calendar's first day."""
    return datetime.date.fromordinal(max(day.toordinal() + days, 1))
