# SPDX-License-Identifier: Apache-2.0
"""Look a permit up in the ledger by the id that a signed file names; never take one from a caller, a file or a database."""

import datetime
from collections.abc import Iterator, Sequence

from rempart.errors import Missing, RempartError
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.amendment import KIND as AMENDMENT
from rempart.records.amendment import in_force
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.project_log import done
from rempart.records.trust import TrustFile


def events(ledger: Ledger) -> list[LedgerEvent]:
    """Every leaf of the ledger, parsed strictly."""
    return [LedgerEvent.from_leaf(leaf) for leaf in ledger.leaves()]


def find_permit(
    log: Sequence[LedgerEvent], documents: Documents, trust: TrustFile, permit: str, *, before: int | None = None
) -> Permit:
    """The permit granted under this id in the version in force, at the end of the log or before a leaf; committee signatures are
    checked as of their days. Raises Missing ``permit-missing``."""
    log = log[:before]
    first = first_version(log, documents, trust, permit)
    return in_force(first, _amended(log, documents, trust, permit))


def first_version(log: Sequence[LedgerEvent], documents: Documents, trust: TrustFile, permit: str) -> Permit:
    """The permit as it was granted, whatever came later; raises Missing ``permit-missing``."""
    granted = {event.of for event in log if event.kind == "permit" and event.phase == "effect"}
    for index, event in enumerate(log):
        if (
            event.kind == "permit"
            and event.phase == "intent"
            and event.basis == f"permit:{permit}"
            and index in granted
        ):
            return read_permit(documents.get(event.fact("permit") or ""), trust, day=event.time)
    raise Missing("permit-missing", permit=permit)


def _amended(log: Sequence[LedgerEvent], documents: Documents, trust: TrustFile, permit: str) -> Iterator[Permit]:
    """Versions that took effect after the grant, in order; what proves nothing has no effect."""
    for _, intent, _, _ in done(log):
        if intent.kind == AMENDMENT and intent.basis == f"permit:{permit}":
            try:
                yield read_permit(documents.get(intent.fact("permit") or ""), trust, day=intent.time)
            except RempartError:
                continue


def read_permit(data: bytes, trust: TrustFile, *, day: str) -> Permit:
    """A permit from its signed document; raises NotTrusted or Refused ``role-missing`` when no committee member signed it."""
    signed = SignedDocument.from_bytes(data, schema="rempart.permit/1")
    on = datetime.datetime.fromisoformat(day)
    for signature in signed.signatures:
        trust.check(signature, over=signed.over, role="committee", on=on)
    if not signed.signatures:
        raise Missing("permit-missing", permit=str(signed.body.get("id")))
    return permit_from_dict(signed.body)
