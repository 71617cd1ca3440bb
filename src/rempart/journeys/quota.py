# SPDX-License-Identifier: Apache-2.0
"""Before a run is held against the register: how often its project was told that its tables are too close, and whether its data moved.

Read from the ledger; what was close to what stands in no leaf.
"""

import datetime
from collections.abc import Sequence

from rempart.errors import Refused
from rempart.records.event import LedgerEvent
from rempart.records.moved import let_by, moved
from rempart.records.policy import Policy

KIND, TOO_CLOSE = "fingerprint", "too-close"


def check_quota(log: Sequence[LedgerEvent], permit: str, *, policy: Policy, now: datetime.datetime) -> None:
    """Raises Refused ``release-quota`` once the permit was told so as often as the policy lets it within its days."""
    most, days = policy.number("disclosure.too_close"), policy.number("disclosure.too_close_days")
    since = now - datetime.timedelta(days=days)
    told = [
        event
        for event in log
        if (event.kind, event.phase, event.basis) == (KIND, "effect", f"permit:{permit}")
        and event.fact("verdict") == TOO_CLOSE
        and datetime.datetime.fromisoformat(event.time) > since
    ]
    if len(told) >= most:
        again = datetime.datetime.fromisoformat(told[-most].time) + datetime.timedelta(days=days)
        raise Refused("release-quota", permit=permit, days=days, again=again.date().isoformat())


def check_snapshot(log: Sequence[LedgerEvent], permit: str, head: str, *, policy: Policy, option: str = "") -> None:
    """A project whose data changed since it first showed something (persons objected) shows everybody who left by showing all again.

    ``option``: what hides single persons in the tables, '' for none. Raises Refused ``release-snapshot-moved`` unless it is the one that
    the policy lets a later state of the data take on.
    """
    chosen = policy.text("disclosure.snapshot_moved")
    if moved(log, permit, head) and not let_by(option, chosen):
        raise Refused("release-snapshot-moved", permit=permit, option=chosen)


def check_compared(log: Sequence[LedgerEvent], *, run: str, result: str, permit: str, register: str) -> None:
    """Raises Refused ``release-not-compared`` unless that entry of the register was made of this result under this permit."""
    for event in reversed(log):
        if (event.kind, event.phase, event.fact("register")) == (KIND, "effect", register):
            told = log[event.of or 0]
            if (told.fact("result"), told.basis) == (result, f"permit:{permit}"):
                return
    raise Refused("release-not-compared", run=run)
