# SPDX-License-Identifier: Apache-2.0
"""What the house's policy asks for before keys are given: decisions on the warehouse, an entry in the public register, persons who are
trained and have signed the charter. Asks nothing where nothing was decided. Reads signed documents alone.
"""

import datetime
from collections.abc import Iterator
from typing import Protocol, TypeVar

from rempart.errors import Refused, RempartError
from rempart.keys.intents import Proofs
from rempart.records import attestation, register, system_approval
from rempart.records.document import SignedDocument
from rempart.records.permit import Permit
from rempart.records.policy import Policy
from rempart.records.project_log import done
from rempart.records.trust import TrustFile

Paper = TypeVar("Paper", covariant=True)


class _Reader(Protocol[Paper]):
    def __call__(self, data: bytes, *, trust: TrustFile, on: datetime.datetime) -> Paper: ...


def require_decisions(proofs: Proofs, policy: Policy) -> None:
    """Every decision on the warehouse that the policy names stands today; raises Refused ``grant-approval``."""
    asked = policy.names("permits.approvals")
    if asked:
        found = _papers(proofs, system_approval.KIND, system_approval.read_approval)
        for what in system_approval.missing(found, asked, proofs.today):
            raise Refused("grant-approval", what=what)


def require_entry(proofs: Proofs, permit: Permit, policy: Policy) -> None:
    """Where the policy says so, the project stands in the public register; raises Refused ``grant-no-entry``."""
    if policy.flag("register.before_opening"):
        entries = _papers(proofs, register.KIND, register.read_entry)
        if not any(entry["permit"] == permit.id for entry in entries):
            raise Refused("grant-no-entry", permit=permit.id)


def require_attested(proofs: Proofs, document: SignedDocument, policy: Policy) -> None:
    """Who signed a study or a job is trained and has signed the charter that the policy names; raises Refused ``grant-attested``."""
    charter, months = policy.text("persons.charter"), policy.number("persons.training_months")
    if not charter and not months:
        return
    found = list(_papers(proofs, attestation.KIND, attestation.read_attestation))
    for signature in document.signatures:
        for what in attestation.lacking(found, signature.actor, proofs.today, charter=charter, months=months):
            raise Refused("grant-attested", actor=signature.actor, what=what)


def _papers(proofs: Proofs, kind: str, read: _Reader[Paper]) -> Iterator[Paper]:
    """Documents of that kind that took effect and prove themselves; one that is gone gives nothing."""
    for index, intent, _, _ in done(proofs.events):
        if intent.kind == kind:
            try:
                data = proofs.documents.get(intent.fact("document") or "")
                yield read(data, trust=proofs.trust_at(index), on=proofs.moment(index))
            except RempartError:
                continue
