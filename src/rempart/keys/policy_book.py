# SPDX-License-Identifier: Apache-2.0
"""The house's policy as the broker reads it: from the ledger and its documents, in its own process."""

from rempart.keys.intents import Proofs
from rempart.records.event import LedgerEvent
from rempart.records.policy import Form, Policy, in_force, read_policy, undecided


def policy_of(proofs: Proofs, form: Form, *, before: int | None = None) -> Policy:
    """The policy in force now, or before the leaf at ``before``."""

    def read(index: int, intent: LedgerEvent) -> Policy:
        data = proofs.documents.get(intent.fact("document") or "")
        return read_policy(data, trust=proofs.trust_at(index), on=proofs.moment(index), form=form)

    return in_force(enumerate(proofs.events[:before]), read, start=undecided(form))
