# SPDX-License-Identifier: Apache-2.0
"""Declare hosts and nodes: two officers sign, the document is kept, a leaf names it; and look the declarations up again.

What a declaration allows is judged in ``hosts.guard``. One officer's word is enough for ``init`` alone, where there is no second.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import Missing, NotTrusted, Refused
from rempart.hosts.guard import Ending, check_store
from rempart.hosts.rules import Rules
from rempart.journeys.chain import active_host, leaves_of
from rempart.journeys.recorded import Recorder, recorded
from rempart.keys.node_register import proof_facts
from rempart.ports.documents import Documents
from rempart.records.canonical import parse_canonical
from rempart.records.descriptor import HOST, NODE, Declaration
from rempart.records.descriptor_form import host_from_body, node_from_body
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.trust import TrustFile
from rempart.records.trust_chain import quorum_signers

KINDS: Mapping[str, str] = {"host": HOST, "node": NODE}
OFFICERS = 2
FOUNDING_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A declaration as the ledger holds it. ``document``: its id; ``time``: of its leaf; ``officers``: who signed it."""

    kind: str
    name: str
    document: str
    body: Mapping[str, Any]
    time: datetime.datetime
    officers: tuple[str, ...]

    @property
    def declaration(self) -> Declaration:
        """What is declared; raises NotTrusted ``document-form``."""
        read = host_from_body if self.kind == "host" else node_from_body
        return read(self.body).declaration


def register(
    recorder: Recorder,
    documents: Documents,
    trust: TrustFile,
    signed: SignedDocument,
    *,
    kind: str,
    actor: str,
    facts: Sequence[str] = (),
) -> Registered:
    """Keep a declaration that two officers signed, and write its leaf; ``actor``: the first of them, salted; ``facts``: more to tell.

    A declaration that was made before is refused, since an older one must never come back by being named again. Raises Refused
    ``officers-two``, ``role-missing`` or ``declaration-repeated``, NotTrusted ``signature``.
    """
    now = trust.moment(recorder.clock.now())
    for signature in signed.signatures:
        trust.check(signature, over=signed.over, role="officer", on=now)
    signers = quorum_signers(signed.signatures, over=signed.over, trust=trust, on=now)
    if len(signers) < OFFICERS:
        raise Refused("officers-two", signed=len(signers))
    name = str(signed.body["name"])
    if _was_told(recorder.ledger.leaves(), documents, signed, kind):
        raise Refused("declaration-repeated", name=name)
    document = documents.put(signed.data)
    objects = [f"name:{name}", f"descriptor:{document}", *proof_facts(signed), *facts]
    with recorded(recorder, kind, basis=f"operation:{kind}", objects=objects, actor=actor):
        pass
    officers = tuple(entry.actor for entry in signers)
    return Registered(kind=kind, name=name, document=document, body=signed.body, time=now, officers=officers)


def registered(leaves: Sequence[bytes], documents: Documents, trust: TrustFile, kind: str) -> dict[str, Registered]:
    """Name → its newest declaration of that kind, proven: two officers' signatures, or one where ``init`` declared it.

    Raises Missing ``document-missing``; NotTrusted ``document-altered``, ``document-form``, ``signature``, ``descriptor-officers``.
    """
    newest: dict[str, tuple[LedgerEvent, str]] = {}
    gone = _revoked(leaves, documents, kind)
    for event, document, signed in _declarations(leaves, documents, kind):
        if document not in gone:
            newest[str(signed.body.get("name"))] = (event, document)
    return {
        name: _proven(event, document, documents, trust, kind) for name, (event, document) in sorted(newest.items())
    }


def _declarations(
    leaves: Sequence[bytes], documents: Documents, kind: str
) -> Iterator[tuple[LedgerEvent, str, SignedDocument]]:
    """The leaf that names each declaration first: one that is named again, or a copy of it with other signatures, is no newer for it."""
    events, seen = dict(leaves_of(leaves, {kind, "init"})), set[str]()
    done = {event.of for event in events.values() if event.phase == "effect"}
    for index, event in events.items():
        document = event.fact("descriptor" if event.kind == kind else kind)
        if event.phase == "intent" and index in done and document is not None:
            signed = SignedDocument.from_bytes(documents.get(document), schema=KINDS[kind])
            if signed.over not in seen:
                seen.add(signed.over)
                yield event, document, signed


def _was_told(leaves: Sequence[bytes], documents: Documents, signed: SignedDocument, kind: str) -> bool:
    return any(signed.over == made.over for _, _, made in _declarations(leaves, documents, kind))


def _revoked(leaves: Sequence[bytes], documents: Documents, kind: str) -> frozenset[str]:
    """Documents that officers took back; the key broker and the audit check their signatures."""
    named = [event.fact("revocation") for _, event in leaves_of(leaves, {kind}) if event.phase == "intent"]
    bodies = [parse_canonical(documents.get(name), what="revocation")["body"] for name in named if name]
    return frozenset(str(document) for body in bodies for document in body.get("descriptors", ()))


def check_writable(
    leaves: Sequence[bytes], documents: Documents, trust: TrustFile, rules: Rules, *, label: str, on: datetime.date
) -> tuple[Ending, ...]:
    """Whether the active host may be given sealed bytes that day; what ends soon. ``label``: the host of the configuration.

    A warehouse that no host was ever declared for, made before there were declarations, is let be. Raises Refused ``store-…``,
    Missing ``host-undeclared``; NotTrusted as ``registered``.
    """
    hosts = registered(leaves, documents, trust, "host")
    if not hosts:
        return ()
    name = active_host(leaves) or label
    if name not in hosts:
        raise Missing("host-undeclared", host=name)
    return check_store(hosts[name].body, on, rules).warnings


def _proven(event: LedgerEvent, document: str, documents: Documents, trust: TrustFile, kind: str) -> Registered:
    signed = SignedDocument.from_bytes(documents.get(document), schema=KINDS[kind])
    when = datetime.datetime.fromisoformat(event.time)
    signers = quorum_signers(signed.signatures, over=signed.over, trust=trust, on=when)
    name, founding = str(signed.body.get("name")), event.kind == "init"
    needed = 1 if founding else OFFICERS
    if len(signers) < needed or event.fact("name") not in {None, name}:
        raise NotTrusted("descriptor-officers", name=name[:40])
    return Registered(
        kind=kind,
        name=name,
        document=document,
        body=_founding(signed.body, when) if founding else signed.body,
        time=when,
        officers=tuple(entry.actor for entry in signers),
    )


def _founding(body: Mapping[str, Any], when: datetime.datetime) -> Mapping[str, Any]:
    """What one officer said at ``init`` counts for so many days at most, whatever it says itself."""
    first, last = body["valid"]
    cap = (when.date() + datetime.timedelta(days=FOUNDING_DAYS)).isoformat()
    return {**body, "valid": [first, min(last, cap)]}
