# SPDX-License-Identifier: Apache-2.0
"""Which node a ledger knows under a name: declared by two officers, not revoked, within its days.

Believes signatures over documents, never the order in which leaves repeat them: a declaration counts from the first leaf that
names it, so that an older one cannot be put back by naming it again. What the declaration allows is judged elsewhere.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rempart.errors import Missing, NotTrusted, Refused
from rempart.keys.intents import Proofs
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
    """The node called ``name``; raises Refused ``node-unknown``, ``node-unsigned``, ``node-revoked`` or ``node-expired``."""
    newest = list(_leaves(proofs.events, name))[::-1]
    if not newest:
        raise Refused("node-unknown", node=name)
    found: DeclaredNode | None = None
    first_error: Refused | None = None
    for index, document in newest:
        try:
            found = _proven(proofs, index, document, name)
            break
        except Refused as error:
            first_error = first_error or error
    if found is None:
        raise first_error or Refused("node-unknown", node=name)
    if found.document in _revoked(proofs, name):
        raise Refused("node-revoked", node=name)
    found.check_valid_on(proofs.today)
    return found


def revocation_body(events: Sequence[LedgerEvent], name: str, *, now: datetime.datetime) -> dict[str, object]:
    """What officers sign to revoke a node: every descriptor that the ledger names for it, so that none can be put back.

    Raises Refused ``node-unknown``.
    """
    descriptors = [document for _, document in _leaves(events, name)]
    if not descriptors:
        raise Refused("node-unknown", node=name)
    return {"schema": REVOCATION, "name": name, "descriptors": descriptors, "made": now.isoformat()}


def _leaves(events: Sequence[LedgerEvent], name: str) -> Iterator[tuple[int, str]]:
    """Where each descriptor of ``name``, or of whatever node ``init`` declared, is first named: leaf index and document."""
    seen: set[str] = set()
    for index, event in enumerate(events):
        if event.phase != "intent":
            continue
        founding = index == 0 and event.kind == "init"
        mine = event.kind == KIND and event.fact("name") == name
        document = event.fact("node") if founding else event.fact("descriptor") if mine else None
        if document is not None and document not in seen:
            seen.add(document)
            yield index, document


def _proven(proofs: Proofs, index: int, document: str, name: str) -> DeclaredNode:
    """The descriptor behind a leaf; raises Refused ``node-unsigned`` (nobody's word, or not enough of them) or ``node-unknown``."""
    needed = 1 if index == 0 else OFFICERS
    node, signed = _read(proofs, index, document)
    if node is None or signed < needed:
        raise Refused("node-unsigned", node=name, needed=needed, signed=signed)
    if node.declaration.name != name:
        raise Refused("node-unknown", node=name)
    until = node.declaration.valid[1]
    if index == 0:
        until = min(until, proofs.moment(0).date() + datetime.timedelta(days=FOUNDING_DAYS))
    return DeclaredNode(node=node, document=document, until=until)


def _read(proofs: Proofs, index: int, document: str) -> tuple[NodeDescriptor | None, int]:
    """The descriptor, None when it is none, and how many officers signed it when the ledger first named it."""
    try:
        signed = SignedDocument.from_bytes(proofs.documents.get(document), schema=NODE)
        return node_from_body(signed.body), _officers(proofs, signed, index)
    except (Missing, NotTrusted):
        return None, 0


def _officers(proofs: Proofs, signed: SignedDocument, index: int) -> int:
    moment = proofs.moment(index)
    return len(quorum_signers(signed.signatures, over=signed.over, trust=proofs.trust, on=moment))


def _revoked(proofs: Proofs, name: str) -> frozenset[str]:
    """Descriptors of ``name`` that as many officers revoked as the trust file asks for."""
    found = set()
    for index, event in enumerate(proofs.events):
        document = event.fact("revocation") if event.kind == KIND and event.phase == "intent" else None
        if document is None or event.fact("name") != name:
            continue
        try:
            signed = SignedDocument.from_bytes(proofs.documents.get(document), schema=REVOCATION)
            if _officers(proofs, signed, index) >= proofs.trust_at(index).quorum:
                found |= set(map(str, signed.body["descriptors"]))
        except (Missing, NotTrusted, KeyError, TypeError):
            continue
    return frozenset(found)
