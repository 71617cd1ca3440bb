# SPDX-License-Identifier: Apache-2.0
"""Did one of the two checkers decide where their votes differ, did an author withdraw, and did nothing leave after that?"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from rempart.audit import rules_clearing
from rempart.audit.book import Book
from rempart.audit.findings import Bad
from rempart.audit.rules_releases import DECISION, Vote, proven, same, submissions_of, votes_of
from rempart.errors import NotTrusted, RempartError

WITHDRAWAL = "rempart.withdrawal/1"
_CLOSES = frozenset({"return", "reject"})


def decision_document(book: Book) -> Iterator[Bad]:
    """A decision is signed by a checker, over a submission of that release that the ledger held before."""
    submissions = submissions_of(book)
    for index, event, _, _ in book.done("decision"):
        book.counts["decisions"] += 1
        try:
            signed = book.document(event, "document", DECISION)
            book.signers(index, signed, "checker")
            same(signed, event, ("release",), DECISION)
            over = [s for s in submissions if s.document == signed.body.get("submission") and s.effect < index]
            if not any(s.release == event.fact("release") for s in over):
                raise NotTrusted("document-form", expected=DECISION)
        except RempartError as error:
            yield index, {"release": event.fact("release") or "?", "code": error.code}


def decision_voter(book: Book) -> Iterator[Bad]:
    """Who decides is one of exactly two checkers whose votes differ; who decides for approval had not approved."""
    votes = votes_of(book)
    for made in votes_of(book, "decision"):
        over = [
            v for v in votes if (v.submission, v.release) == (made.submission, made.release) and v.effect < made.intent
        ]
        own = [v for v in over if v.checkers == made.checkers]
        if not _apart(over) or not own or (made.verdict == "approve" and any(v.verdict == "approve" for v in own)):
            yield made.intent, {"release": made.release}


def _apart(votes: list[Vote]) -> bool:
    return len(votes) == 2 and {v.verdict == "approve" for v in votes} == {True, False}


def withdrawal_document(book: Book) -> Iterator[Bad]:
    """A withdrawal is signed by an author of the release, over a submission of it that the ledger held before."""
    submissions = submissions_of(book)
    for index, event, _, _ in book.done("withdrawal"):
        book.counts["withdrawals"] += 1
        try:
            signed = book.document(event, "document", WITHDRAWAL)
            people = {entry.actor for entry in book.signers(index, signed, "researcher")}
            same(signed, event, ("release",), WITHDRAWAL)
            over = [s for s in submissions if s.release == event.fact("release") and s.effect < index]
            authors = frozenset[str]().union(*(s.authors for s in over))
            if signed.body.get("submission") not in {s.document for s in over} or not people <= authors:
                raise NotTrusted("document-form", expected=WITHDRAWAL)
        except RempartError as error:
            yield index, {"release": event.fact("release") or "?", "code": error.code}


def release_open(book: Book) -> Iterator[Bad]:
    """Nothing was published whose last submission had been returned, rejected or withdrawn."""
    closed = [(v.effect, (v.release, v.submission)) for v in votes_of(book, "decision") if v.verdict in _CLOSES]
    for index, event, end, _ in book.done("withdrawal"):
        signed, _people = proven(book, index, event, WITHDRAWAL, "researcher")
        if signed is not None:
            closed.append((end, (str(signed.body.get("release")), str(signed.body.get("submission")))))
    submissions = submissions_of(book)
    for index, event, end, _ in book.done("release"):
        name = event.fact("release") or "?"
        last = next((s for s in reversed(submissions) if s.release == name and s.effect < index), None)
        if last and any(last.effect < at < index and over == (name, last.document) for at, over in closed):
            yield end, {"release": name}


RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = MappingProxyType(
    {
        "decision-document": decision_document,
        "decision-voter": decision_voter,
        "withdrawal-document": withdrawal_document,
        "release-open": release_open,
        **rules_clearing.RULES,
    }
)
