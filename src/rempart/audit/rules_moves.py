# SPDX-License-Identifier: Apache-2.0
"""Did the warehouse change hosts only by what two officers signed, and was each snapshot committed on the host that was active then?"""

from collections.abc import Iterator

from rempart.audit.book import Book
from rempart.audit.findings import Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.event import LedgerEvent

SCHEMA = "rempart.cutover/1"
OFFICERS = 2


def cutover_officers(book: Book) -> Iterator[Bad]:
    """Each cut-over names a document that two officers signed, over the same move, hosts and inventory, from the host that was active;
    and no move is cut over twice."""
    active: str | None = None
    first = {end for end, _ in _moves(book)}
    for index, _, end, effect in book.done("cutover"):
        book.counts["cutovers"] += 1
        target = effect.fact("to") or "?"
        try:
            _check(book, index, effect)
            if end not in first or (active is not None and effect.fact("from") != active):
                raise NotTrusted("commit-chain")
        except RempartError as error:
            yield end, {"host": target, "code": error.code}
        active = target if end in first else active


def commit_active(book: Book) -> Iterator[Bad]:
    """Since the first cut-over each snapshot, and each rotation of one, was committed on the host that was active then."""
    moves = _moves(book)
    for index, event in book.of_kind("commit", "effect"):
        before = [target for end, target in moves if end < index]
        if before and event.fact("host") != before[-1]:
            yield index, {"host": event.fact("host") or "?", "active": before[-1] or "?"}


def _moves(book: Book) -> list[tuple[int, str | None]]:
    """Leaf and target of each move's first cut-over: naming it again makes no host active."""
    first: dict[str, tuple[int, str | None]] = {}
    for _, _, end, effect in book.done("cutover"):
        first.setdefault(effect.fact("move") or str(end), (end, effect.fact("to")))
    return sorted(first.values(), key=lambda move: move[0])


def _check(book: Book, index: int, effect: LedgerEvent) -> None:
    signed = book.document(effect, "document", SCHEMA)
    if len({entry.actor for entry in book.signers(index, signed, "officer")}) < OFFICERS:
        raise NotTrusted("document-form", expected=SCHEMA)
    for name in ("move", "from", "to", "inventory", "objects", "bytes"):
        if effect.fact(name) != str(signed.body.get(name)):
            raise NotTrusted("document-form", expected=SCHEMA)
