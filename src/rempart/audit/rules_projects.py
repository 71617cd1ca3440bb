# SPDX-License-Identifier: Apache-2.0
"""Did each project go its way: every act a document that its signers signed, each in its turn, and no dataset before the agreement?"""

from collections.abc import Iterator

from rempart.audit.book import Book, instant, permit_id
from rempart.audit.findings import ANOMALY, Bad
from rempart.errors import NotTrusted, RempartError
from rempart.records.event import LedgerEvent
from rempart.records.project import ProjectAct, ProjectState, step
from rempart.records.project_act import KIND, SCHEMA, read_act

_PERMIT = "permit"


def project_document(book: Book) -> Iterator[Bad]:
    """An act on a project that took effect is a document whose signatures prove themselves, and the leaf says what it says."""
    for index, event, _, _ in book.done(KIND):
        book.counts["project-acts"] += 1
        try:
            _read(book, index, event)
        except RempartError as error:
            yield index, {"permit": permit_id(event) or "?", "code": error.code}


def project_step(book: Book) -> Iterator[Bad]:
    """Each act was one that the table of states lets its signers do at that moment; a dataset, where an application stood, came after
    the agreement. An act that lost a race to another has no effect and is an anomaly."""
    states: dict[str, ProjectState] = {}
    for end, index, event in sorted(
        (end, index, event) for kind in (KIND, _PERMIT) for index, event, end, _ in book.done(kind)
    ):
        try:
            act = _read(book, index, event) if event.kind == KIND else _granted(book, end, event)
        except RempartError:
            continue  # other rules name it
        try:
            states[act.permit] = step(states.get(act.permit, ProjectState(permit=act.permit)), act, book.projects)
        except RempartError as error:
            lost = {"family": ANOMALY} if error.code == "project-previous" else {}
            yield index, {"permit": act.permit, "act": act.act, "code": error.code, **lost}


def _read(book: Book, index: int, event: LedgerEvent) -> ProjectAct:
    trust = book.trust_at(index)
    book.counts["documents"] += 1
    data = book.fetch(event.fact("document") or "")
    signed, act = read_act(data, trust=trust, on=trust.moment(instant(event)), fetch=book.fetch)
    book.counts["signatures"] += len(signed.signatures)
    told = (permit_id(event), event.fact("act"), event.fact("previous") or "")
    if told != (act.permit, act.act, act.previous):
        raise NotTrusted("document-form", expected=SCHEMA)
    return act


def _granted(book: Book, end: int, event: LedgerEvent) -> ProjectAct:
    act = book.projects.by_kind[_PERMIT]
    return ProjectAct(act=act, permit=permit_id(event) or "", time=instant(book.events[end]), facts={})
