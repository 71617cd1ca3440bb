# SPDX-License-Identifier: Apache-2.0
"""Did each project go its way: every act a document that its signers signed, each in its turn, and no dataset before the agreement?"""

from collections.abc import Iterator, Sequence

from rempart.audit.book import Book, instant, permit_id
from rempart.audit.findings import ANOMALY, Bad
from rempart.audit.rules_policy import policy_at
from rempart.errors import NotTrusted, Refused, RempartError
from rempart.records.application import Application
from rempart.records.canonical import parse_canonical
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.freeze import KIND as FREEZE
from rempart.records.freeze import FreezeAct, Frozen, after, read_freeze
from rempart.records.permit import SCHEMA as PERMIT_SCHEMA
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.permit_contents import absent, listed
from rempart.records.policy import KIND as POLICY
from rempart.records.project import ProjectAct, ProjectState, step
from rempart.records.project_act import KIND, SCHEMA, read_act
from rempart.records.project_log import PERMIT, Done, LogReader, project_acts

_WORK = frozenset({"study", "submission", "release"})  # beside every use of keys


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
    for index, _, act in _acts(book):
        try:
            states[act.permit] = step(states.get(act.permit, ProjectState(permit=act.permit)), act, book.projects)
        except RempartError as error:
            lost = {"family": ANOMALY} if error.code == "project-previous" else {}
            yield index, {"permit": act.permit, "act": act.act, "code": error.code, **lost}


def freeze_signed(book: Book) -> Iterator[Bad]:
    """Everything was stopped, and opened again, by those who may, each over the one before."""
    now = Frozen()
    for index, event, _, _ in _by_end(book, {FREEZE}):
        try:
            now = after(now, _freeze(book, index, event))
        except RempartError as error:
            yield index, {"code": error.code}


def acts_in_state(book: Book) -> Iterator[Bad]:
    """Nothing was read, run, submitted or released on a permit whose project was suspended, closed or not yet open, or under a freeze."""
    known = {permit_id(event) for _, event, _, _ in book.done(KIND)}
    states: dict[str, ProjectState] = {}
    shut, frozen = _turns(book), Frozen()
    asked = {*shut, *book.leaves.indexes(("key-grant",)), *book.leaves.indexes(tuple(_WORK), phases=("intent",))}
    for index in sorted(asked):
        event = book.events[index]
        for turn in shut.get(index, ()):
            frozen = _next(frozen, turn) if isinstance(turn, FreezeAct) else frozen
            if isinstance(turn, ProjectAct):
                states[turn.permit] = _moved(states.get(turn.permit, ProjectState(permit=turn.permit)), turn, book)
        name, kind = permit_id(event), _working(book, index, event)
        if name is None or not kind or kind in book.projects.always:
            continue
        stands = states.get(name, ProjectState(permit=name)).state
        if frozen.stands:
            yield index, {"permit": name, "kind": kind, "state": "frozen"}
        elif name in known and kind != PERMIT and not book.projects.allows(stands, kind):
            yield index, {"permit": name, "kind": kind, "state": stands}


def permit_contents(book: Book) -> Iterator[Bad]:
    """Where the policy of the moment asked for the full circuit, each dataset was granted on a permit that, with the application that was
    agreed, tells all that a permit holds."""
    grant, states = book.projects.by_kind[PERMIT], dict[str, ProjectState]()
    for index, _, act in _acts(book) if any(book.done(POLICY)) else ():
        now = states.get(act.permit, ProjectState(permit=act.permit))
        if act.act == grant and policy_at(book, index).text("circuit") == "full":
            try:
                lacks = absent(_granted(book, book.events[index]), _application(book, now), book.contents)
            except RempartError:
                continue  # project-document names it
            if lacks:
                yield index, {"permit": act.permit, "contents": listed(lacks)}
        states[act.permit] = _moved(now, act, book)


def _application(book: Book, now: ProjectState) -> Application | None:
    if now.parties is None or not now.parties.application:
        return None
    return Application(body=parse_canonical(book.fetch(now.parties.application), what="application"))


def _working(book: Book, index: int, event: LedgerEvent) -> str:
    """The kind of work that a leaf is: keys that it was given, or its intent; '' for none."""
    if event.kind == "key-grant":
        begun = book.events.get(-1 if event.of is None else event.of)
        return begun.kind if begun is not None else ""
    return event.kind if event.phase == "intent" and event.kind in _WORK and not book.failed(index) else ""


def _turns(book: Book) -> dict[int, list[ProjectAct | FreezeAct]]:
    """Leaf at which it took effect → what changed for projects."""
    found: dict[int, list[ProjectAct | FreezeAct]] = {}
    for _, end, act in _acts(book):
        found.setdefault(end, []).append(act)
    for index, event, end, _ in _by_end(book, {FREEZE}):
        try:
            found.setdefault(end, []).append(_freeze(book, index, event))
        except RempartError:
            continue  # freeze-signed names it
    return found


def _next(now: Frozen, act: FreezeAct) -> Frozen:
    try:
        return after(now, act)
    except Refused:
        return now


def _moved(now: ProjectState, act: ProjectAct, book: Book) -> ProjectState:
    try:
        return step(now, act, book.projects)
    except RempartError:
        return now  # project-step names it


def _by_end(book: Book, kinds: set[str]) -> list[Done]:
    """What took effect of these kinds, in the order of the effects."""
    return sorted((done for kind in sorted(kinds) for done in book.done(kind)), key=lambda done: done[2])


def _acts(book: Book) -> Sequence[tuple[int, int, ProjectAct]]:
    """(intent, effect, act) of every project; what cannot be read is other rules' to name."""
    reader = LogReader(
        told=lambda index, event: _read(book, index, event), granted=lambda index, event: _granted(book, event)
    )
    kinds = {KIND, *book.projects.by_kind}
    return [(index, book.ends[index], act) for index, act in project_acts(_by_end(book, kinds), book.projects, reader)]


def _read(book: Book, index: int, event: LedgerEvent) -> ProjectAct:
    """The act of a leaf, proven once for the rules that ask."""
    return book.once((KIND, index), lambda: _proven(book, index, event))


def _proven(book: Book, index: int, event: LedgerEvent) -> ProjectAct:
    trust = book.trust_at(index)
    book.counts["documents"] += 1
    data = book.fetch(event.fact("document") or "")
    signed, act = read_act(data, trust=trust, on=trust.moment(instant(event)), fetch=book.fetch)
    book.counts["signatures"] += len(signed.signatures)
    told = (permit_id(event), event.fact("act"), event.fact("previous") or "")
    if told != (act.permit, act.act, act.previous):
        raise NotTrusted("document-form", expected=SCHEMA)
    return act


def _freeze(book: Book, index: int, event: LedgerEvent) -> FreezeAct:
    trust = book.trust_at(index)
    data = book.fetch(event.fact("document") or "")
    return read_freeze(data, trust=trust, on=trust.moment(instant(event)))


def _granted(book: Book, event: LedgerEvent) -> Permit:
    """The permit of a grant, whatever its signatures: permit-document judges those."""
    signed = SignedDocument.from_bytes(book.fetch(event.fact("permit") or ""), schema=PERMIT_SCHEMA)
    return permit_from_dict(signed.body)
