# SPDX-License-Identifier: Apache-2.0
"""A ledger that is shorter than others remember takes its leaves back: signed by the log's key once, and by officers now.

Nothing is written unless what comes back extends the checkpoint that somebody else remembers. Signs no checkpoint: the log's key is not
at work while its ledger is behind.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.retention import check_purged, to_purge
from rempart.audit.tree import Tree
from rempart.errors import NotTrusted, Refused
from rempart.journeys.permits import events
from rempart.journeys.recorded import Recorder, recorded
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.document import SignedDocument
from rempart.records.event import purged_leaf
from rempart.records.recovery import KIND, OFFICERS, Recovery, recovery_from_body
from rempart.records.trust import TrustFile
from rempart.records.trust_chain import quorum_signers


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Leaves from elsewhere: those after the ones that are here, and the signed checkpoint that they end with."""

    leaves: Sequence[bytes]
    note: str
    source: str


def plan_recovery(ledger: Ledger, found: Found, remembered: Sequence[str], *, origin: str, public: bytes) -> Recovery:
    """What would be taken back; ``remembered``: checkpoints of others.

    Raises Refused ``recovery-needless`` (nobody remembers more), ``recovery-short`` (the source has less than is remembered); NotTrusted
    ``consistency-proof`` (another history), ``ledger-purged`` (a leaf would be a hash alone that no act of the whole log let go),
    ``ledger-root``, ``checkpoint-…``.
    """
    known = [(parse_and_verify(note, origin, public), note) for note in remembered]
    had = ledger.size()
    if not found.note:  # a machine that holds nothing yet
        raise Refused("recovery-short", size=0, seen=max([had, *(seen.size for seen, _ in known)]))
    end = parse_and_verify(found.note, origin, public)
    newest, witnessed = max(known, key=lambda row: row[0].size, default=(end, found.note))
    if not known or newest.size <= had:
        raise Refused("recovery-needless", size=had)
    if end.size < newest.size:
        raise Refused("recovery-short", size=end.size, seen=newest.size)
    whole = [*ledger.leaves(), *found.leaves]
    tree = Tree(whole)
    if (tree.size, tree.root()) != (end.size, end.root):
        raise NotTrusted("ledger-root", size=end.size)
    for seen, _ in known:
        _continues(tree, seen)
    let_go = frozenset(to_purge(whole))
    check_purged([purged_leaf(tree.hash_at(at)) if at in let_go else leaf for at, leaf in enumerate(whole)])
    return Recovery(origin=origin, had=had, got=end.size, witnessed=witnessed, source=found.source)


def check_signed(signed: SignedDocument, trust: TrustFile, on: datetime.datetime, *, planned: Recovery) -> None:
    """Enough officers, valid at that instant, signed exactly what is planned.

    Raises Refused ``recovery-officers``; NotTrusted ``signature``, ``document-form``.
    """
    if recovery_from_body(dict(signed.body)) != planned:
        raise NotTrusted("document-form", expected="rempart.recovery/1")
    found = quorum_signers(signed.signatures, over=signed.over, trust=trust, on=on)
    needed = max(OFFICERS, trust.quorum)
    if len(found) < needed:
        raise Refused("recovery-officers", signed=len(found), needed=needed)


def record_recovery(recorder: Recorder, documents: Documents, *, document: str, actor: str) -> None:
    """Tell the ledger, once it is whole and its key is at work again; does nothing when it has been told."""
    told = recovery_from_body(
        dict(SignedDocument.from_bytes(documents.get(document), schema="rempart.recovery/1").body)
    )
    if any(event.kind == KIND and event.fact("document") == document for event in events(recorder.ledger)):
        return
    objects = [f"document:{document}", f"had:{told.had}", f"got:{told.got}"]
    with recorded(recorder, KIND, basis=f"operation:{KIND}", objects=objects, actor=actor):
        pass


def _continues(tree: Tree, seen: Checkpoint) -> None:
    if tree.root(seen.size) != seen.root:
        raise NotTrusted("consistency-proof", first=seen.size, second=tree.size)
