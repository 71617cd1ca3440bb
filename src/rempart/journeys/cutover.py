# SPDX-License-Identifier: Apache-2.0
"""The acts of a move in the ledger: the copy, the cut-over that two officers sign, and the deletion on the host left behind.

The cut-over's effect is appended only to the very log whose objects were proven on the target: a commit in between makes it
wait. After it the target is the active host; whoever still commits for the old one loses.
"""

import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted, Refused, Unavailable
from rempart.journeys.cosigning import FACT, Witnessing, unwitnessed
from rempart.journeys.migration import MOVED
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.migration.order import MoveOrder, MoveReport
from rempart.ports.documents import Documents
from rempart.ports.host import Host
from rempart.ports.ledger import Ledger
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.trust import TrustFile
from rempart.records.trust_chain import quorum_signers

SCHEMA = "rempart.cutover/1"
KINDS = frozenset({"move", "cutover", "deletion"})
OFFICERS = 2
_TRIES = 200


def cutover_body(order: MoveOrder, report: MoveReport) -> dict[str, Any]:
    """What the officers sign: from where to where, and the root of the inventory that was proven on the target."""
    return {
        "schema": SCHEMA,
        "warehouse": order.warehouse,
        "move": order.move,
        "from": order.source.name,
        "to": order.target.name,
        "inventory": report.root,
        "objects": report.objects,
        "bytes": report.bytes,
        "size": report.size,
    }


def check_officers(signed: SignedDocument, trust: TrustFile, *, now: datetime.datetime) -> list[str]:
    """Names of the officers who signed, two at least; raises Refused ``cutover-officers``, ``role-missing``, NotTrusted ``signature``."""
    on = trust.moment(now)
    for signature in signed.signatures:
        trust.check(signature, over=signed.over, role="officer", on=on)
    found = quorum_signers(signed.signatures, over=signed.over, trust=trust, on=on)
    if len(found) < OFFICERS:
        raise Refused("cutover-officers", count=len(found), needed=OFFICERS)
    return sorted(entry.actor for entry in found)


@contextmanager
def moving(recorder: Recorder, order: MoveOrder, *, size: int) -> Iterator[Act]:
    """The act ``move``; whoever runs it holds the move, so that an open intent of it is a dead one's and is closed first."""
    close_dead(recorder, order.move)
    objects = [*_facts(order), f"checkpoint:{size}"]
    with recorded(recorder, "move", basis="operation:move", objects=objects) as act:
        yield act


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOverAct:
    """What writing the cut-over needs; ``actor``: salted, of the first officer."""

    recorder: Recorder
    documents: Documents
    actor: str
    named_step: Callable[[str], None]
    witnessing: Witnessing = unwitnessed


def cut_over(act: CutOverAct, order: MoveOrder, report: MoveReport, *, signed: SignedDocument) -> int:
    """Append the cut-over; the index of its effect. ``signed`` has been checked.

    Raises Refused ``cutover-behind`` when the log grew by a commit, a keyring or an erasure since the target was proven.
    """
    close_dead(act.recorder, order.move)
    objects = [*_facts(order), f"document:{act.documents.put(signed.data)}"]
    basis, recorder = "operation:cutover", act.recorder
    index = recorder.append(recorder.event("cutover", "intent", basis=basis, objects=objects, actor=act.actor))
    act.named_step("cutover-intended")
    told = [*objects, f"inventory:{report.root}", f"objects:{report.objects}", f"bytes:{report.bytes}"]
    try:
        document = act.witnessing("cutover", index)
        told += [f"{FACT}:{document}"] if document else []
        return _append_effect(
            recorder,
            recorder.event("cutover", "effect", basis=basis, objects=told, actor=act.actor, of=index),
            since=report.size,
        )
    except Refused as error:
        why = [f"error:{error.family}/{error.code}"]
        recorder.append(recorder.event("cutover", "failed", basis=basis, objects=why, actor=act.actor, of=index))
        error.recorded = True
        raise


def _append_effect(recorder: Recorder, effect: LedgerEvent, *, since: int) -> int:
    """Append to exactly the log that was looked at: whoever commits in between wins, and the cut-over waits."""
    for _ in range(_TRIES):
        size = recorder.ledger.size()
        check_not_behind(recorder.ledger, since=since, size=size)
        try:
            return recorder.append_at(size, [effect])
        except Unavailable as error:
            if error.code != "ledger-moved":
                raise
    raise Unavailable("ledger-moved")


def check_not_behind(ledger: Ledger, *, since: int, size: int) -> None:
    """No commit, keyring or erasure lies in the leaves [since, size); raises Refused ``cutover-behind``."""
    newer = [LedgerEvent.from_leaf(leaf) for leaf in ledger.leaves(since, size)] if since < size else []
    behind = sum(event.kind in MOVED and event.phase == "effect" for event in newer)
    if behind:
        raise Refused("cutover-behind", commits=behind)


def delete_left(recorder: Recorder, order: MoveOrder, host: Host, *, actor: str) -> tuple[int, int]:
    """Ask the host left behind to delete everything it lists; (objects asked for, objects that it still lists after)."""
    close_dead(recorder, order.move)
    objects = [f"move:{order.move}", f"host:{order.source.name}"]
    with recorded(recorder, "deletion", basis="operation:deletion", objects=objects, actor=actor) as act:
        names = list(host.names())
        for name in names:
            host.delete(name)
        left = sum(1 for _ in host.names())
        act.say("asked", len(names))
        act.say("left", left)
    return len(names), left


def close_dead(recorder: Recorder, move: str) -> None:
    """Close as failed every open intent of this move: its process died, since the caller holds the move."""
    for _ in range(_TRIES):
        log = [LedgerEvent.from_leaf(leaf) for leaf in recorder.ledger.leaves()]
        ended = {(event.kind, event.of) for event in log}
        dead = [
            (index, event)
            for index, event in enumerate(log)
            if event.kind in KINDS and event.phase == "intent" and (event.kind, index) not in ended
            if event.fact("move") == move
        ]
        told = ["error:unavailable/run-died"]
        ends = [
            recorder.event(event.kind, "failed", basis=event.basis, objects=told, actor=event.actor, of=index)
            for index, event in dead
        ]
        if not ends:
            return
        try:
            recorder.append_at(len(log), ends)
        except Unavailable as error:
            if error.code != "ledger-moved":
                raise
        else:
            return
    raise Unavailable("ledger-moved")


def cutover_of(log: Sequence[LedgerEvent], move: str) -> tuple[int, LedgerEvent] | None:
    """Index and effect of the cut-over of this move; None while there is none."""
    for index, event in enumerate(log):
        if (event.kind, event.phase) == ("cutover", "effect") and event.fact("move") == move:
            return index, event
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The inventory as the controller computed it itself, from a log of ``size`` leaves."""

    root: str
    objects: int
    bytes: int
    size: int


def check_proven(order: MoveOrder, report: MoveReport, *, found: Found) -> None:
    """The mover's report is of this move, found nothing wrong, and is of the inventory that the controller found, from no longer a log: a
    size beyond it would hide what is committed from now on.

    Raises Refused ``cutover-unproven``, NotTrusted ``move-inventory``.
    """
    if report.move != order.move or not report.whole:
        raise Refused("cutover-unproven", move=order.move, failed=len(report.failed))
    told = (report.root, report.objects, report.bytes)
    if told != (found.root, found.objects, found.bytes) or not 0 < report.size <= found.size:
        raise NotTrusted("move-inventory", move=order.move)


def _facts(order: MoveOrder) -> list[str]:
    return [f"move:{order.move}", f"from:{order.source.name}", f"to:{order.target.name}"]
