# SPDX-License-Identifier: Apache-2.0
"""Was each run of a researcher's own code signed by a person of its permit, and on a snapshot of its own project?"""

from collections.abc import Callable, Iterator, Mapping

from rempart.audit.book import Book, Grant, permit_id
from rempart.audit.findings import Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.job import KIND, SCHEMA


def job_document(book: Book) -> Iterator[Bad]:
    """A code job that took effect is a document signed by a researcher whom the permit names, of that permit and space, and each file of
    its code is there under the hash that was signed."""
    grants = book.grants()
    for index, event, _, _ in book.done(KIND):
        try:
            _check(book, index, event, grants)
        except RempartError as error:
            yield index, {"permit": permit_id(event) or "?", "code": error.code}


def _check(book: Book, index: int, event: LedgerEvent, grants: Mapping[str, Grant]) -> None:
    signed = book.document(event, "job", SCHEMA)
    grant = grants.get(str(signed.body.get("permit")))
    signers = book.signers(index, signed, "researcher")
    if grant is None or permit_id(event) != grant.permit.id or event.fact("space") != grant.permit.space:
        raise NotTrusted("document-form", expected=SCHEMA)
    for signer in signers:
        grant.at(index).check_names(signer.actor)
    for name in dict(signed.body.get("code", {})).values():
        book.fetch(str(name))


def job_head(book: Book) -> Iterator[Bad]:
    """A code job read a snapshot that the ledger had committed before."""
    committed: set[tuple[str | None, str | None]] = set()
    for index, event in book.leaves.named(("commit", KIND), phases=("intent", "effect")):
        place = (event.fact("space"), event.fact("head"))
        if event.kind == "commit" and event.phase == "effect":
            committed.add(place)
        elif (event.kind, event.phase) == (KIND, "intent") and place not in committed:
            yield index, {"space": event.fact("space") or "?"}


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = {"job-document": job_document, "job-head": job_head}
