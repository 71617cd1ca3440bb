# SPDX-License-Identifier: Apache-2.0
"""Was each protocol frozen before anything was read for it, signed by whom its permit names, and are its amendments one chain in time?

Judges what was written when, never what a protocol says.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rempart.audit.book import Book, day_of, permit_id
from rempart.audit.findings import Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent

_SCHEMA = "rempart.study/1"


def protocol_document(book: Book) -> Iterator[Bad]:
    """A frozen protocol is the study that its leaf names, signed by a researcher of its permit; an amendment continues a frozen version."""
    grants = book.grants()
    frozen: dict[tuple[str, str], Mapping[str, Any]] = {}
    for index, event, _, _ in book.done("protocol"):
        book.counts["protocols"] += 1
        name = permit_id(event) or ""
        try:
            signed = book.document(event, "study", _SCHEMA)
            signers = book.signers(index, signed, "researcher")
            if name not in grants or signed.body.get("permit") != name or event.fact("protocol") != signed.over:
                raise NotTrusted("document-form", expected=_SCHEMA)
            for signer in signers:
                grants[name].at(index).check_names(signer.actor)
            _check_amends(book, event, signed, name, frozen)
        except RempartError as error:
            yield index, {"permit": name or "?", "code": error.code}
        else:
            frozen[name, signed.over] = signed.body


def _amendments(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(body.get("protocol", {}).get("amendments", ()))


def _check_amends(
    book: Book,
    event: LedgerEvent,
    signed: SignedDocument,
    permit: str,
    frozen: Mapping[tuple[str, str], Mapping[str, Any]],
) -> None:
    """The leaf says which version the study amends, and that one was frozen before with the amendments before."""
    amendments = _amendments(signed.body)
    amends = str(amendments[-1]["amends"]) if amendments else None
    if event.fact("amends") != amends:
        raise NotTrusted("document-form", expected=_SCHEMA)
    book.counts["amendments"] += amends is not None
    if amends is not None and (
        (permit, amends) not in frozen or _amendments(frozen[permit, amends]) != amendments[:-1]
    ):
        raise NotTrusted("protocol-chain", amends=amends[:23])


def protocol_fork(book: Book) -> Iterator[Bad]:
    """Of any two amended versions of one protocol one continues the other. Variants of one file bear the same amendments."""
    longest: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for index, permit, study, amendments in _frozen(book):
        if not amendments:
            continue
        known = longest.setdefault((permit, str(amendments[0]["amends"])), amendments)
        both = min(len(known), len(amendments))
        if known[:both] != amendments[:both]:
            yield index, {"permit": permit, "study": study[:23]}
        elif len(amendments) > both:
            longest[permit, str(amendments[0]["amends"])] = amendments


def protocol_dates(book: Book) -> Iterator[Bad]:
    """An amendment was decided on the day on which the version that it changes was frozen or later, and not after it was frozen itself."""
    days: dict[tuple[str, str], str] = {}
    for index, permit, study, amendments in _frozen(book):
        today = day_of(book.events[index]).isoformat()
        days.setdefault((permit, study), today)
        if amendments:
            last = amendments[-1]
            began = days.get((permit, str(last["amends"])), "")
            if not began <= str(last["date"]) <= today:
                yield index, {"permit": permit, "study": study[:23]}


def _frozen(book: Book) -> Iterator[tuple[int, str, str, list[Mapping[str, Any]]]]:
    """Index of the intent, permit, content id and amendments of each frozen protocol whose document can be read."""
    for index, event, _, _ in book.done("protocol"):
        try:
            signed = SignedDocument.from_bytes(book.fetch(event.fact("study") or ""), schema=_SCHEMA)
            amendments: list[Mapping[str, Any]] = [
                {"amends": "", "date": "", **one} for one in _amendments(signed.body)
            ]
        except (RempartError, TypeError, AttributeError):
            continue
        yield index, permit_id(event) or "?", signed.over, amendments


def protocol_before(book: Book) -> Iterator[Bad]:
    """No study began before its protocol was frozen; a log that froze none is of a version that could not yet."""
    ends = {end: intent for _, intent, end, _ in book.done("protocol")}
    frozen: set[tuple[str, str | None]] = set()
    for index, event in book.leaves.named(("protocol", "study")):
        if index in ends:
            frozen.add((event.basis, ends[index].fact("protocol")))
        elif frozen and (event.kind, event.phase) == ("study", "intent"):
            study = _study_of(book, event)
            if study and (event.basis, study) not in frozen:
                yield index, {"permit": permit_id(event) or "?", "study": study[:23]}


def _study_of(book: Book, event: LedgerEvent) -> str:
    """The study's content id; '' where the document proves nothing, which another rule names."""
    try:
        return book.document(event, "study", _SCHEMA).over
    except RempartError:
        return ""
