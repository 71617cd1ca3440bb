# SPDX-License-Identifier: Apache-2.0
"""Before a run is held against the register: how often its project was told that its tables are too close, and whether its data moved.

Read from the ledger; what was close to what stands in no leaf.
"""

import datetime
from collections.abc import Sequence

from rempart.errors import Refused
from rempart.records.event import LedgerEvent
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
    if chosen not in ("none", "") and option == chosen:
        return
    for event in log:
        shown = (event.kind, event.phase, event.basis) == (KIND, "effect", f"permit:{permit}") and event.fact(
            "register"
        )
        if shown and (log[event.of or 0].fact("head") or head) != head:
            raise Refused("release-snapshot-moved", permit=permit, option=chosen)
