# SPDX-License-Identifier: Apache-2.0
"""What the ledger and its signed documents prove about a request: an open intent, a permit valid today, a signed study.

Reads leaves that the ledger port has checked; believes no database row and no argument.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import NotTrusted, Refused
from rempart.ports.documents import Documents
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.permit import SCHEMA as PERMIT_SCHEMA
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.trust import TrustFile

CLOCK_SKEW = datetime.timedelta(minutes=5)
_TRUST_KINDS = frozenset({"init", "person"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What a request is judged on. ``events``: every leaf of the ledger in order; ``now``: an instant in UTC."""

    events: Sequence[LedgerEvent]
    documents: Documents
    trust: TrustFile
    now: datetime.datetime

    @property
    def today(self) -> datetime.date:
        """The day in UTC."""
        return self.now.date()


def open_intent(events: Sequence[LedgerEvent], index: int, *, now: datetime.datetime, hours: int) -> LedgerEvent:
    """The intent at ``index``, still open and younger than ``hours``.

    Raises Refused ``grant-no-intent``, ``grant-closed`` or ``grant-old``.
    """
    if not 0 <= index < len(events) or events[index].phase != "intent":
        raise Refused("grant-no-intent", intent=index)
    intent = events[index]
    if _ends(events, index):
        raise Refused("grant-closed", intent=index)
    age = now - datetime.datetime.fromisoformat(intent.time)
    if not -CLOCK_SKEW <= age <= datetime.timedelta(hours=hours):
        raise Refused("grant-old", intent=index, hours=hours)
    return intent


def valid_permit(proofs: Proofs, index: int) -> Permit:
    """The permit that the intent at ``index`` rests on: granted in the ledger, signed by the committee, valid today.

    Raises Refused ``grant-basis``, ``grant-no-permit``, ``grant-unsigned``, ``permit-expired`` or ``permit-not-yet``; NotTrusted.
    """
    intent = proofs.events[index]
    prefix, _, name = intent.basis.partition(":")
    if prefix != "permit":
        raise Refused("grant-basis", kind=intent.kind, basis=intent.basis)
    leaf = intent if intent.kind == "permit" else _permit_leaf(proofs.events[:index], intent.basis)
    document = signed_document(proofs, leaf, fact="permit", schema=PERMIT_SCHEMA)
    require_signature(proofs, document, role="committee", on=day_of(leaf))
    permit = permit_from_dict(document.body)
    if permit.id != name:
        raise Refused("grant-no-permit", permit=name)
    permit.check_valid_on(proofs.today)
    return permit


def signed_document(proofs: Proofs, leaf: LedgerEvent, *, fact: str, schema: str) -> SignedDocument:
    """The document that ``leaf`` names by ``fact``; raises Refused ``grant-no-document``, Missing or NotTrusted."""
    name = leaf.fact(fact)
    if name is None:
        raise Refused("grant-no-document", kind=leaf.kind, document=fact)
    return SignedDocument.from_bytes(proofs.documents.get(name), schema=schema)


def require_signature(
    proofs: Proofs,
    document: SignedDocument,
    *,
    role: str,
    on: datetime.date,
    permit: Permit | None = None,
    count: int = 1,
) -> None:
    """Signatures by ``count`` holders of ``role`` on that day, named in ``permit`` where one is given; a false signature is an alarm.

    Raises Refused ``grant-unsigned``, ``grant-signatures`` or ``permit-person``; NotTrusted ``signature`` or ``actor-unknown``.
    """
    signers = []
    for signature in document.signatures:
        try:
            signers.append(proofs.trust.check(signature, over=document.over, role=role, on=on).actor)
        except Refused as error:
            if error.code != "role-missing":
                raise
    if not signers:
        raise Refused("grant-unsigned", role=role)
    if len(set(signers)) < count:
        raise Refused("grant-signatures", role=role, count=count)
    if permit is not None and not set(signers) & set(permit.persons):
        raise Refused("permit-person", permit=permit.id, actor=signers[0])


def require_result(proofs: Proofs, intent: LedgerEvent) -> None:
    """A study under the same permit has ended with a result (the one the intent names, if it names one)."""
    wanted = intent.fact("result")
    for event in proofs.events:
        if event.kind == "study" and event.phase == "effect" and event.basis == intent.basis:
            result = event.fact("result")
            if result is not None and wanted in {None, result}:
                return
    raise Refused("grant-no-result", kind=intent.kind)


def check_trust(events: Sequence[LedgerEvent], trust: TrustFile) -> None:
    """The trust file is not older than the ledger's last enrolment; raises NotTrusted ``trust-rolled-back``."""
    named: list[str] = []
    for index, event in enumerate(events):
        version = event.fact("trust") if event.kind in _TRUST_KINDS else None
        if version is None:
            continue
        if event.phase == "effect" or any(end.phase == "effect" for end in _ends(events, index)):
            named.clear()
        named.append(version)
    if named and trust.id not in named:
        raise NotTrusted("trust-rolled-back", version=trust.version)


def day_of(event: LedgerEvent) -> datetime.date:
    """The day of a leaf, UTC."""
    return datetime.datetime.fromisoformat(event.time).date()


def _ends(events: Sequence[LedgerEvent], index: int) -> list[LedgerEvent]:
    kind = events[index].kind
    return [event for event in events[index + 1 :] if event.of == index and event.kind == kind]


def _permit_leaf(before: Sequence[LedgerEvent], basis: str) -> LedgerEvent:
    """The newest grant of that permit that did not fail."""
    for index in range(len(before) - 1, -1, -1):
        leaf = before[index]
        granting = leaf.kind == "permit" and leaf.phase == "intent" and leaf.basis == basis
        if granting and not any(end.phase == "failed" for end in _ends(before, index)):
            return leaf
    raise Refused("grant-no-permit", permit=basis.partition(":")[2])


def document_rule(
    proofs: Proofs, intent: LedgerEvent, permit: Permit | None, rule: Mapping[str, str]
) -> SignedDocument:
    """The signed document that a rule wants (``fact``, ``schema``, ``role``, ``count`` of signers): under a permit, by a person it
    names and for it.

    Raises Refused ``grant-other-permit``, ``grant-unsigned``, ``grant-signatures``, ``permit-person``…; NotTrusted.
    """
    document = signed_document(proofs, intent, fact=rule["fact"], schema=rule["schema"])
    count = int(rule.get("count", "1"))
    require_signature(proofs, document, role=rule["role"], on=day_of(intent), permit=permit, count=count)
    if permit is not None and document.body.get("permit") != permit.id:
        raise Refused("grant-other-permit", permit=permit.id)
    return document
