# SPDX-License-Identifier: Apache-2.0
"""A checkpoint that the quorum of the house's policy cosigned, had before what cannot be taken back: a release, a cut-over, an erasure.

Asks the policy's witnesses over HTTP, and takes lines that came by file. What was had is a document that the act's effect names, so that
the audit proves it again. Gives nobody's word weight that the policy does not name.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rempart.audit.add_checkpoint import CONFLICT, COSIGN, UNPROVEN
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.kept import check_kept
from rempart.audit.witness import request_text
from rempart.audit.witness_policy import WitnessPolicy, cosigners, parse_policy, satisfied, with_lines
from rempart.errors import NotTrusted, Unavailable
from rempart.journeys.recorded import Act
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.ports.witnesses import Witnesses
from rempart.records.policy import Policy

Witnessing = Callable[[str, int], str]
"""(a name in the policy's ``ledger.before``, an intent's index) → the document of a cosigned checkpoint over it, '' where none is asked."""
FACT = "witnessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigning:
    """What cosigning needs. ``origin``, ``public``: of the log; ``policy``: in force now."""

    ledger: Ledger
    documents: Documents
    witnesses: Witnesses
    policy: Policy
    origin: str
    public: bytes


def unwitnessed(_: str, __: int) -> str:
    """A ``Witnessing`` for those who ask for no witness."""
    return ""


def witnessed(witnessing: Witnessing, what: str, act: Act) -> None:
    """Called within an act, before what cannot be taken back: its effect will name the cosigned checkpoint. Raises as ``cosigned``."""
    document = witnessing(what, act.index)
    if document:
        act.say(FACT, document)


def evidence(desk: Cosigning, what: str, covering: int) -> str:
    """A ``Witnessing``, once ``desk`` is bound; raises as ``cosigned``."""
    if what not in desk.policy.names("ledger.before"):
        return ""
    return desk.documents.put(cosigned(desk, covering=covering).encode())


def cosigned(desk: Cosigning, *, covering: int) -> str:
    """A checkpoint of this ledger over leaf ``covering`` that the policy's quorum cosigned; kept, and asked for where it is not had.

    Raises Unavailable ``witness-absent``; NotTrusted ``ledger-behind-witness`` (a witness remembers more), ``witness-refused`` (it
    remembers another history), ``checkpoint-…``; BadInput ``witness-policy``.
    """
    policy = parse_policy(desk.policy.text("ledger.witnesses"))
    while True:
        kept = desk.witnesses.kept()
        if kept and satisfied(policy, kept) and _checked(desk, kept) > covering:
            return kept
        try:
            return asked(desk, policy)
        except Unavailable:
            if desk.witnesses.kept() == kept:  # else another process had a newer one cosigned meanwhile
                raise


def asked(desk: Cosigning, policy: WitnessPolicy) -> str:
    """The newest checkpoint, cosigned by the policy's quorum; raises as ``cosigned``."""
    note, kept = desk.ledger.checkpoint(), desk.witnesses.kept()
    if _body(note) == _body(kept):
        note = with_lines(policy, note, kept.partition("\n\n")[2])
    for url in dict.fromkeys(policy.urls.values()):
        if not satisfied(policy, note):
            note = with_lines(policy, note, _lines(desk, url, note))
    return _kept(desk, policy, note)


def renewed(desk: Cosigning, policy: WitnessPolicy) -> str:
    """As ``asked``, every line written anew: how young the quorum's word is counts too."""
    note = desk.ledger.checkpoint()
    for url in dict.fromkeys(policy.urls.values()):
        note = with_lines(policy, note, _lines(desk, url, note))
    return _kept(desk, policy, note)


def taken_up(desk: Cosigning, text: str) -> tuple[int, tuple[str, ...]]:
    """Keep a checkpoint that witnesses cosigned by file, added to what others cosigned of the same: (its leaves, who has cosigned it).

    Raises as ``check_kept``; NotTrusted ``witness-nobody`` where none of the policy's witnesses is among them.
    """
    policy, kept = parse_policy(desk.policy.text("ledger.witnesses")), desk.witnesses.kept()
    size = check_kept(text, desk.ledger, origin=desk.origin, public=desk.public).size
    note = with_lines(policy, _bare(text, desk.origin), text.partition("\n\n")[2])
    if _body(kept) == _body(note):
        note = with_lines(policy, note, kept.partition("\n\n")[2])
    by = cosigners(policy, note)
    if not by:
        raise NotTrusted("witness-nobody")
    if satisfied(policy, note) or _checked(desk, kept) <= size:
        desk.witnesses.keep(note)
    return size, by


def _kept(desk: Cosigning, policy: WitnessPolicy, note: str) -> str:
    if not satisfied(policy, note):
        raise Unavailable("witness-absent", quorum=policy.quorum, seen=", ".join(cosigners(policy, note)) or "-")
    desk.witnesses.keep(note)
    return note


def _lines(desk: Cosigning, url: str, note: str) -> str:
    """The lines of the witness at ``url``, '' where it does not answer; it is told from where it stands."""
    size, old = _size(desk, note), 0
    for _ in range(3):
        proof = desk.ledger.consistency(old, size) if old else ()
        try:
            told = desk.witnesses.add_checkpoint(url, request_text(note, old=old, proof=proof))
        except Unavailable:
            return ""
        if told.status == COSIGN:
            return told.lines
        if told.status == UNPROVEN or (told.status == CONFLICT and told.size == old):
            raise NotTrusted("witness-refused", url=url, size=size)
        if told.status != CONFLICT or told.size < 0:
            return ""
        if size < told.size <= desk.ledger.size():
            return ""
        if told.size > size:
            raise NotTrusted("ledger-behind-witness", size=size, seen=told.size)
        old = told.size
    return ""


def _checked(desk: Cosigning, note: str) -> int:
    """Leaves of a kept checkpoint, once the ledger continues it; 0 without one."""
    return check_kept(note, desk.ledger, origin=desk.origin, public=desk.public).size if note else 0


def _size(desk: Cosigning, note: str) -> int:
    return parse_and_verify(note, desk.origin, desk.public).size


def _body(note: str) -> str:
    return note.partition("\n\n")[0]


def _bare(note: str, origin: str) -> str:
    """The note with the log's own line alone."""
    body, _, lines = note.partition("\n\n")
    own = [line for line in lines.splitlines(keepends=True) if line.split(" ")[1:2] == [origin]]
    return body + "\n\n" + "".join(own)
