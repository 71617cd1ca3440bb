# SPDX-License-Identifier: Apache-2.0
"""By which policy of the house a submission may leave without votes, read from the ledger's documents each time.

A leaf that says so decides nothing: it counts only where the policy in force before it names every type that the author signed, and no
checker has called unsound what left by that policy.
"""

import datetime
from collections.abc import Sequence

from rempart.errors import Refused, RempartError
from rempart.journeys.policy import policy_at
from rempart.ports.documents import Documents
from rempart.records.clearing import why_not
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.moved import why_moved
from rempart.records.policy import KIND, Form, Policy
from rempart.records.trust import TrustFile
from rempart.release.documents import SUBMISSION, read_look

CLEARANCE, LOOK = "clearance", "second-look"


def clearing_policy(
    log: Sequence[LedgerEvent], documents: Documents, trust: TrustFile, form: Form, *, submission: str
) -> Policy:
    """The policy in force at the end of ``log`` by which that submission leaves without votes; raises Refused ``release-not-cleared``
    with the reasons."""
    policy = policy_at(log, documents, trust, form)
    body = SignedDocument.from_bytes(documents.get(submission), schema=SUBMISSION).body
    reasons = [*why_not(body, policy), *why_moved(body, log, policy)]
    if any(index > _since(log, policy) and verdict == "unsound" for index, verdict in looks(log, documents, trust)):
        reasons.append("clear-unsound")
    if reasons:
        raise Refused("release-not-cleared", release=str(body["release"]), reasons=", ".join(reasons))
    return policy


def looks(log: Sequence[LedgerEvent], documents: Documents, trust: TrustFile) -> list[tuple[int, str]]:
    """(index of the effect, verdict) of each second look whose document proves itself."""
    found = []
    for index, event in enumerate(log):
        if (event.kind, event.phase) != (LOOK, "effect"):
            continue
        intent = log[event.of or 0]
        try:
            data, on = documents.get(intent.fact("document") or ""), datetime.datetime.fromisoformat(intent.time)
            found.append((index, str(read_look(data, trust=trust, on=on)[0].body["verdict"])))
        except RempartError:
            continue
    return found


def _since(log: Sequence[LedgerEvent], policy: Policy) -> int:
    """The leaf at which that version took effect."""
    return max(
        (
            index
            for index, event in enumerate(log)
            if (event.kind, event.phase) == (KIND, "effect")
            and log[event.of or 0].fact("version") == str(policy.version)
        ),
        default=-1,
    )
