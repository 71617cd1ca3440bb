# SPDX-License-Identifier: Apache-2.0
"""How often a project may be told that its tables lie too close to an earlier release: each time tells a little of others' releases.

Counted from the ledger; what was close to what stands in no leaf.
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
