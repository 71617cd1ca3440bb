# SPDX-License-Identifier: Apache-2.0
"""Which node a ledger knows under a name: declared by two officers, not revoked, within its days.

Believes signatures over bodies, never the order in which leaves repeat them: a declaration counts from the first leaf that names
its body, so that an older one cannot be put back by naming it again, nor a copy of it with its signatures in another order; and a
document that is gone is missed. What the declaration allows is judged elsewhere.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rempart.errors import Missing, NotTrusted, Refused
from rempart.keys.intents import Proofs, signed_by
from rempart.records.descriptor import NODE, NodeDescriptor
from rempart.records.descriptor_form import node_from_body
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.trust_chain import quorum_signers

KIND = "node"
REVOCATION = "rempart.node-revocation/1"
OFFICERS = 2
FOUNDING_DAYS = 90
"""How long the word of the one officer that there is at ``init`` is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredNode:
    """A node as it stands today. ``document``: id of its descriptor; ``until``: the last day on which it may be given keys."""

    node: NodeDescriptor
    document: str
    until: datetime.date

    def check_valid_on(self, today: datetime.date) -> None:
        """Raises Refused ``node-expired``."""
        if not self.node.declaration.valid[0] <= today <= self.until:
            raise Refused("node-expired", node=self.node.declaration.name, date=self.until.isoformat())


def declared_node(proofs: Proofs, name: str) -> DeclaredNode:
    """The node called ``name``; raises Refused ``node-unknown``, ``node-unsigned``, ``node-revoked`` or ``node-expired``, Missing
    ``document-missing`` when the newest descriptor that the ledger proves was taken away: an older one says something else."""
    entries = [_entry(proofs, index, document, name) for index, document in _leaves(proofs.events, name)]
    sound = [entry for entry in entries if entry.error is None]
    first = [entry for at, entry in enumerate(sound) if not _named_before(entry, sound[:at])]
    if not first:
        raise next((entry.error for entry in entries[::-1] if entry.error), Refused("node-unknown", node=name))
    newest, gone = first[-1], _revoked(proofs, name)
    if newest.body in {entry.body for entry in sound if entry.document in gone}:
        raise Refused("node-revoked", node=name)
    if newest.found is None:
        raise Missing("document-missing", document=newest.document)
    newest.found.check_valid_on(proofs.today)
    return newest.found


def revocation_body(events: Sequence[LedgerEvent], name: str, *, now: datetime.datetime) -> dict[str, object]:
    """What officers sign to revoke a node: every descriptor that the ledger names for it, so that none can be put back.

    Raises Refused ``node-unknown``.
    """
    descriptors = list(dict.fromkeys(document for _, document in _leaves(events, name)))
    if not descriptors:
        raise Refused("node-unknown", node=name)
    return {"schema": REVOCATION, "name": name, "descriptors": descriptors, "made": now.isoformat()}


def proof_facts(signed: SignedDocument) -> list[str]:
    """Facts for the leaf that names a declaration or a revocation: what it proves holds even when the document is taken away."""
    return [f"body:{signed.over}", *(f"signature:{one.sig}" for one in signed.signatures)]


def _leaves(events: Sequence[LedgerEvent], name: str) -> Iterator[tuple[int, str]]:
    """Where descriptors of ``name``, or of whatever node ``init`` declared, are named: leaf index and document."""
    for index, event in enumerate(events):
        if event.phase != "intent":
            continue
        founding = index == 0 and event.kind == "init"
        mine = event.kind == KIND and event.fact("name") == name
        document = event.fact("node") if founding else event.fact("descriptor") if mine else None
        if document is not None:
            yield index, document


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A leaf that names a descriptor. ``body``: what is signed, by which a descriptor is known whatever the order and number of its
    signatures; ``found`` None with no ``error``: the leaf proves a document that is not there."""

    document: str
    body: str
    found: DeclaredNode | None
    error: Refused | None


def _named_before(entry: _Entry, sound: Sequence[_Entry]) -> bool:
    return any(entry.body == older.body for older in sound)


def _entry(proofs: Proofs, index: int, document: str, name: str) -> _Entry:
    try:
        body, found = _proven(proofs, index, document, name)
    except Missing:
        event, told = proofs.events[index], proofs.events[index].fact("body") or ""
        unsigned = Refused("node-unsigned", node=name, needed=OFFICERS, signed=0)
        error = None if _carried(proofs, index, event) >= OFFICERS else unsigned
        return _Entry(document=document, body=told, found=None, error=error)
    except Refused as refused:
        return _Entry(document=document, body="", found=None, error=refused)
    return _Entry(document=document, body=body, found=found, error=None)


def _proven(proofs: Proofs, index: int, document: str, name: str) -> tuple[str, DeclaredNode]:
    """The descriptor behind a leaf and the hash of its body; raises Refused ``node-unsigned`` (nobody's word, or not enough of them) or
    ``node-unknown``, Missing."""
    needed = 1 if index == 0 else OFFICERS
    body, node, signed = _read(proofs, index, document)
    if node is None or signed < needed:
        raise Refused("node-unsigned", node=name, needed=needed, signed=signed)
    if node.declaration.name != name:
        raise Refused("node-unknown", node=name)
    until = node.declaration.valid[1]
    if index == 0:
        until = min(until, proofs.moment(0).date() + datetime.timedelta(days=FOUNDING_DAYS))
    return body, DeclaredNode(node=node, document=document, until=until)


def _read(proofs: Proofs, index: int, document: str) -> tuple[str, NodeDescriptor | None, int]:
    """Hash of the body, the descriptor, None when it is none, and how many officers signed it when the ledger named it."""
    try:
        signed = SignedDocument.from_bytes(_there(proofs, document), schema=NODE)
        return signed.over, node_from_body(signed.body), _officers(proofs, signed, index)
    except NotTrusted:
        return "", None, 0


def _there(proofs: Proofs, document: str) -> bytes:
    """The document; raises Missing ``document-missing``, also where other bytes lie under its name."""
    try:
        return proofs.documents.get(document)
    except NotTrusted as error:
        raise Missing("document-missing", document=document) from error


def _officers(proofs: Proofs, signed: SignedDocument, index: int) -> int:
    moment = proofs.moment(index)
    return len(quorum_signers(signed.signatures, over=signed.over, trust=proofs.trust, on=moment))


def _carried(proofs: Proofs, index: int, event: LedgerEvent) -> int:
    """How many officers signed what a leaf says that they signed, by the signatures that the leaf itself carries."""
    return len(signed_by(proofs.trust.officers(on=proofs.moment(index)), event, over=event.fact("body") or ""))


def _revoked(proofs: Proofs, name: str) -> frozenset[str]:
    """Descriptors of ``name`` that as many officers revoked as the trust file asks for. Of a revocation that was taken away, and that
    its leaf proves, all that were named before it."""
    found = set()
    for index, event in enumerate(proofs.events):
        document = event.fact("revocation") if event.kind == KIND and event.phase == "intent" else None
        if document is None or event.fact("name") != name:
            continue
        quorum = proofs.trust_at(index).quorum
        try:
            signed = SignedDocument.from_bytes(_there(proofs, document), schema=REVOCATION)
            if _officers(proofs, signed, index) >= quorum:
                found |= set(map(str, signed.body["descriptors"]))
        except Missing:
            if _carried(proofs, index, event) >= quorum:
                found |= {named for _, named in _leaves(proofs.events[:index], name)}
        except (NotTrusted, KeyError, TypeError):
            continue
    return frozenset(found)
