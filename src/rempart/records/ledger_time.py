# SPDX-License-Identifier: Apache-2.0
"""Ledger time never goes back: a leaf is never older than the one before it."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rempart.errors import Unavailable
from rempart.records.event import LedgerEvent

SLACK = datetime.timedelta(seconds=60)
"""What two writers' clocks may differ by: such a leaf takes the time of the one before it."""


def in_time(events: Sequence[LedgerEvent], before: LedgerEvent | None) -> Iterator[LedgerEvent]:
    """The events to append after ``before``, each no older than the one before it.

    Raises Unavailable ``clock-behind`` for one that is older by more than a minute: its clock, or the one before, is wrong.
    """
    for event in events:
        if before is not None and _instant(event) < _instant(before):
            if _instant(before) - _instant(event) > SLACK:
                raise Unavailable("clock-behind", time=event.time[:19], latest=before.time[:19])
            event = replace(event, time=before.time)
        yield event
        before = event


def _instant(event: LedgerEvent) -> datetime.datetime:
    return datetime.datetime.fromisoformat(event.time)
