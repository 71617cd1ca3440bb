# SPDX-License-Identifier: Apache-2.0
"""What is attested of persons, from the ledger's signed documents: asked of those who submit, vote, decide and look.

Whoever runs a study is asked by the key broker, from the same documents.
"""

import datetime
from collections.abc import Sequence

from rempart.errors import Refused, RempartError
from rempart.journeys.policy import policy_at
from rempart.ports.documents import Documents
from rempart.records.attestation import KIND, Attestation, lacking, read_attestation
from rempart.records.event import LedgerEvent
from rempart.records.policy import Form
from rempart.records.project_log import done
from rempart.records.trust import TrustFile


def attestations(log: Sequence[LedgerEvent], documents: Documents, trust: TrustFile) -> list[Attestation]:
    """Every attestation that took effect, in order; what proves nothing is left out (the audit names it)."""
    found = []
    for _, intent, _, _ in done(log):
        if intent.kind == KIND:
            try:
                found.append(_read(intent, documents, trust))
            except RempartError:
                continue
    return found


def require_attested(
    log: Sequence[LedgerEvent],
    documents: Documents,
    trust: TrustFile,
    form: Form,
    *,
    actor: str,
    day: datetime.date,
) -> None:
    """Raises Refused ``not-attested`` where a person lacks, on that day, a training or the charter that the policy in force asks for."""
    policy = policy_at(log, documents, trust, form)
    charter, months = policy.text("persons.charter"), policy.number("persons.training_months")
    if charter or months:
        for what in lacking(attestations(log, documents, trust), actor, day, charter=charter, months=months):
            raise Refused("not-attested", actor=actor, what=what)


def _read(intent: LedgerEvent, documents: Documents, trust: TrustFile) -> Attestation:
    on = datetime.datetime.fromisoformat(intent.time)
    return read_attestation(documents.get(intent.fact("document") or ""), trust=trust, on=on)
