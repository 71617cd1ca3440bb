# SPDX-License-Identifier: Apache-2.0
"""Set the house's policy and look it up: two officers sign, the document is kept, a leaf names it."""

import datetime
from collections.abc import Sequence

from rempart.errors import Refused
from rempart.journeys.permits import events
from rempart.journeys.recorded import Recorder, recorded
from rempart.ports.documents import Documents
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.policy import KIND, Form, Policy, in_force, read_policy, undecided
from rempart.records.trust import TrustFile


def policy_at(
    log: Sequence[LedgerEvent], documents: Documents, trust: TrustFile, form: Form, *, before: int | None = None
) -> Policy:
    """The policy in force at the end of the log, or before the leaf at ``before``; the defaults where none was signed."""

    def read(index: int, intent: LedgerEvent) -> Policy:
        data = documents.get(intent.fact("document") or "")
        return read_policy(data, trust=trust, on=datetime.datetime.fromisoformat(intent.time), form=form)

    return in_force(enumerate(log[:before]), read, start=undecided(form))


def set_policy(
    recorder: Recorder, documents: Documents, trust: TrustFile, form: Form, *, signed: SignedDocument, actor: str
) -> Policy:
    """Log a policy that two officers signed; the one in force afterwards. ``actor``: salted, of the first officer.

    Raises Refused ``policy-version`` unless it is the version after the one in force; what ``records.policy.read_policy`` raises.
    """
    new = read_policy(signed.data, trust=trust, on=recorder.clock.now(), form=form)
    now = policy_at(events(recorder.ledger), documents, trust, form)
    if new.version != now.version + 1:
        raise Refused("policy-version", version=new.version, expected=now.version + 1)
    document = documents.put(signed.data)
    objects = [f"document:{document}", f"version:{new.version}"]
    with recorded(recorder, KIND, basis=f"operation:{KIND}", objects=objects, actor=actor):
        pass
    return policy_at(events(recorder.ledger), documents, trust, form)
