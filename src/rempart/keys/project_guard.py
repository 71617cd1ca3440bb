# SPDX-License-Identifier: Apache-2.0
"""Keys wait for the project: a grant's for the agreement where an application stands, every other act's for a state that opens them.

Folds the ledger's signed acts in the broker's own process; believes no state that a leaf names. A document that proves nothing has
no effect, as everywhere; it does not make the way short. One that is gone from under a leaf stops whatever rests on it: a suspension
or a freeze is not lifted by removing a file.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rempart.errors import NotTrusted, Refused, RempartError
from rempart.keys.intents import Proofs, gone
from rempart.records.amendment import KIND as AMENDMENT
from rempart.records.application import Application
from rempart.records.canonical import parse_canonical
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.freeze import KIND as FREEZE
from rempart.records.freeze import FreezeAct, read_freeze
from rempart.records.freeze import fold as fold_freezes
from rempart.records.permit import SCHEMA, Permit, permit_from_dict
from rempart.records.permit_contents import absent, listed
from rempart.records.project import Parties, ProjectAct, ProjectState, ProjectTable, fold, step
from rempart.records.project_act import KIND, read_act
from rempart.records.project_log import PERMIT, LogReader, done, project_acts

WATCHED = frozenset({KIND, FREEZE, AMENDMENT})
"""Kinds of leaves after which what was granted on a permit is judged anew."""


def require_agreed(proofs: Proofs, index: int, table: ProjectTable, *, full: bool) -> Parties | None:
    """Of the open grant at ``index``, whose agreement it is; ``full``: also where nobody filed an application. Raises Refused
    ``grant-not-agreed``, also where the ledger has acts and no application that can be read."""
    permit = proofs.events[index].basis.partition(":")[2]
    if not full and not _has_acts(proofs, index, before=index):
        return None
    now = _state(proofs, permit, table, _reader(proofs), before=index)
    if now.parties is None:
        raise Refused("grant-not-agreed", permit=permit, state=now.state)
    provision = ProjectAct(act=table.by_kind[PERMIT], permit=permit, time=proofs.moment(index), facts={})
    try:
        step(now, provision, table)
    except Refused as error:
        raise Refused("grant-not-agreed", permit=permit, state=now.state) from error
    return now.parties


def require_contents(proofs: Proofs, permit: Permit, parties: Parties | None, form: Mapping[str, Any]) -> None:
    """A permit, or the application that was agreed, tells all that a permit holds; raises Refused ``permit-incomplete``, Missing."""
    asked = None
    if parties is not None:
        asked = Application(body=parse_canonical(proofs.documents.get(parties.application), what="application"))
    lacks = absent(permit, asked, form)
    if lacks:
        raise Refused("permit-incomplete", permit=permit.id, contents=listed(lacks))


def require_open(proofs: Proofs, index: int, table: ProjectTable) -> None:
    """Of the act on a permit at ``index``, at this moment, whatever was granted before.

    Raises Refused ``grant-frozen``, ``grant-project-shut`` or, where a document that decides is gone, ``grant-act-lost``.
    """
    intent = proofs.events[index]
    if intent.kind in table.always:
        return
    frozen = fold_freezes(_freezes(proofs))
    if frozen.since is not None:
        raise Refused("grant-frozen", date=frozen.since.date().isoformat())
    if intent.kind == PERMIT or not _has_acts(proofs, index, before=len(proofs.events)):
        return
    permit = intent.basis.partition(":")[2]
    reader = _reader(proofs, lost=_stops(intent.basis))
    now = _state(proofs, permit, table, reader, before=len(proofs.events))
    if not table.allows(now.state, intent.kind):
        raise Refused("grant-project-shut", permit=permit, state=now.state, kind=intent.kind)


def _has_acts(proofs: Proofs, index: int, *, before: int) -> bool:
    """Whether acts on the project of the intent at ``index`` took effect before a leaf."""
    basis = proofs.events[index].basis
    return any((event.kind, event.phase, event.basis) == (KIND, "effect", basis) for event in proofs.events[:before])


def _state(proofs: Proofs, permit: str, table: ProjectTable, reader: LogReader, *, before: int) -> ProjectState:
    acts = project_acts(done(proofs.events[:before]), table, reader)
    return fold(permit, [act for _, act in acts], table)


def _reader(
    proofs: Proofs, *, lost: Callable[[int, LedgerEvent, RempartError], None] = lambda index, event, error: None
) -> LogReader:
    def told(index: int, intent: LedgerEvent) -> ProjectAct:
        data = proofs.documents.get(intent.fact("document") or "")
        trust, on = proofs.trust_at(index), proofs.moment(index)
        act = read_act(data, trust=trust, on=on, fetch=proofs.documents.get)[1]
        if intent.basis != f"permit:{act.permit}":
            raise NotTrusted("document-form", expected=KIND)
        return act

    def granted(index: int, intent: LedgerEvent) -> Permit:
        signed = SignedDocument.from_bytes(proofs.documents.get(intent.fact("permit") or ""), schema=SCHEMA)
        return permit_from_dict(signed.body)  # whose signature is asked for where the permit itself is

    return LogReader(told=told, granted=granted, lost=lost)


def _stops(basis: str) -> Callable[[int, LedgerEvent, RempartError], None]:
    """A document that is gone or altered under an act on this permit decides nothing, and is not passed over."""

    def lost(index: int, intent: LedgerEvent, error: RempartError) -> None:
        if intent.basis == basis and gone(error):
            raise Refused("grant-act-lost", leaf=index, reason=error.code) from error

    return lost


def _freezes(proofs: Proofs) -> Iterator[FreezeAct]:
    """Freezes and liftings that took effect and prove themselves; raises Refused ``grant-act-lost``."""
    for index, intent, _, _ in done(proofs.events):
        if intent.kind == FREEZE:
            try:
                data = proofs.documents.get(intent.fact("document") or "")
                yield read_freeze(data, trust=proofs.trust_at(index), on=proofs.moment(index))
            except RempartError as error:
                if gone(error):
                    raise Refused("grant-act-lost", leaf=index, reason=error.code) from error
