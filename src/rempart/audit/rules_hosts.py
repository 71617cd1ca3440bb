# SPDX-License-Identifier: Apache-2.0
"""Were hosts and nodes declared by two officers, and did each commit and each key go where the declaration of that day allowed it?

A declaration is not an attestation: these rules prove who said what, never that it is true. What a declaration allows is asked of
the checks that the book was given; without them only the signatures are looked at.
"""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from rempart.audit.book import Book, day_of, instant
from rempart.audit.findings import Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.descriptor import HOST, NODE
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent

KINDS = {"host": HOST, "node": NODE}
REVOCATION = "rempart.node-revocation/1"
OFFICERS = 2
FOUNDING_DAYS = 90

Declared = list[tuple[int, str, Mapping[str, Any] | None]]
"""Leaf index, name and body of each declaration, in order; one that is named again is no newer for it. None: taken back there."""


def descriptor_officers(book: Book) -> Iterator[Bad]:
    """Each host and node was declared by two officers, the first ones by one officer at ``init``; the leaf names what is declared."""
    for kind in KINDS:
        for index, event, document in _leaves(book, kind):
            book.counts["declarations"] += 1
            try:
                _check(book, index, event, document, kind)
            except RempartError as error:
                yield index, {"kind": kind, "name": event.fact("name") or "?", "code": error.code}
        yield from _others(book, kind)


def _others(book: Book, kind: str) -> Iterator[Bad]:
    """Leaves of that kind that declare nothing: they take a declaration back, signed by as many officers as the trust file asks for."""
    for index, event, _, _ in book.done(kind):
        if event.fact("descriptor") is not None:
            continue
        try:
            signed = book.document(event, "revocation", REVOCATION)
            if len({entry.actor for entry in book.signers(index, signed, "officer")}) < book.trust_at(index).quorum:
                raise NotTrusted("descriptor-officers", name=event.fact("name") or "?")
        except RempartError as error:
            yield index, {"kind": kind, "name": event.fact("name") or "?", "code": error.code}


def commit_host(book: Book) -> Iterator[Bad]:
    """Each snapshot was committed on a host that might hold it that day, from the first declaration of a host on."""
    if "host" not in book.checks:
        return
    declared = _declared(book, "host")
    for index, event in book.of_kind("commit", "effect"):
        host = event.fact("host") or "?"
        bad = _unqualified(book, declared, "host", host, index)
        if bad is not None:
            yield index, {"host": host, "code": bad}


def key_node(book: Book) -> Iterator[Bad]:
    """Each key went to a node that might compute that day."""
    if "node" not in book.checks:
        return
    declared = _declared(book, "node")
    for index, event in book.of_kind("key-grant", "effect"):
        node = event.fact("node")
        bad = None if node is None else _unqualified(book, declared, "node", node, index)
        if node is not None and bad is not None:
            yield index, {"node": node, "code": bad}


def _leaves(book: Book, kind: str) -> Iterator[tuple[int, LedgerEvent, str]]:
    """The leaf that names each declaration first: a copy of it with other signatures is no newer for it."""
    seen = set[str]()
    done = [*book.done("init"), *book.done(kind)]
    for index, event, _, _ in sorted(done, key=lambda item: item[0]):
        document = event.fact("descriptor" if event.kind == kind else kind)
        if document is not None and not {document, body := _body(book, document, kind)} & seen:
            seen |= {document, body}
            yield index, event, document


def _body(book: Book, document: str, kind: str) -> str:
    """What is signed in it; of what cannot be read, the document itself."""
    try:
        return SignedDocument.from_bytes(book.fetch(document), schema=KINDS[kind]).over
    except RempartError:
        return document


def _check(book: Book, index: int, event: LedgerEvent, document: str, kind: str) -> None:
    signed = SignedDocument.from_bytes(book.fetch(document), schema=KINDS[kind])
    officers = {entry.actor for entry in book.signers(index, signed, "officer")}
    if len(officers) < (1 if event.kind == "init" else OFFICERS):
        raise NotTrusted("descriptor-officers", name=str(signed.body.get("name"))[:40])
    if event.fact("name") not in {None, signed.body.get("name")}:
        raise NotTrusted("document-form", expected=KINDS[kind])


def _declared(book: Book, kind: str) -> Declared:
    """Declarations that can be read; those that cannot are told of by ``descriptor_officers``."""
    found: Declared = []
    for index, event, document in _leaves(book, kind):
        try:
            body = SignedDocument.from_bytes(book.fetch(document), schema=KINDS[kind]).body
            founding = event.kind == "init"
            found.append((index, str(body.get("name")), _capped(body, instant(event)) if founding else body))
        except RempartError:
            continue
    found += [(index, event.fact("name") or "", None) for index, event in _taken_back(book, kind)]
    return sorted(found, key=lambda item: item[0])


def _taken_back(book: Book, kind: str) -> Iterator[tuple[int, LedgerEvent]]:
    return ((index, event) for index, event, _, _ in book.done(kind) if event.fact("revocation") is not None)


def _capped(body: Mapping[str, Any], when: datetime.datetime) -> Mapping[str, Any]:
    """What one officer said at ``init`` counts for so many days at most."""
    cap = (when.date() + datetime.timedelta(days=FOUNDING_DAYS)).isoformat()
    return {**body, "valid": [body["valid"][0], min(body["valid"][1], cap)]}


def _unqualified(book: Book, declared: Declared, kind: str, name: str, index: int) -> str | None:
    """Why what was done at ``name`` should not have been; None when all is well or nothing was declared yet."""
    before = [(known, body) for at, known, body in declared if at < index]
    bodies = [body for known, body in before if known == name]
    if not before:
        return None
    if not bodies or bodies[-1] is None:
        return "host-undeclared"
    try:
        book.checks[kind](bodies[-1], day_of(book.events[index]))
    except RempartError as error:
        return error.code
    return None
