# SPDX-License-Identifier: Apache-2.0
"""What a witness answers to C2SP tlog-witness ``add-checkpoint``: its statuses, in the order that the specification asks.

Pure: what was seen is given, what is to be remembered is told. Remembering before answering is the caller's duty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.audit.checkpoint import Checkpoint, parse_and_verify, unproven
from rempart.audit.proofs import EMPTY_ROOT, verify_consistency
from rempart.audit.witness import Request, parse_request
from rempart.errors import NotTrusted

COSIGN, MALFORMED, FORBIDDEN, UNKNOWN, CONFLICT, UNPROVEN = 200, 400, 403, 404, 409, 422
_LONGEST_PROOF = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``status``: of HTTP; with ``COSIGN``: the log and the note to remember and to cosign; with ``CONFLICT``: ``size`` last seen."""

    status: int
    origin: str = ""
    public: bytes = b""
    note: str = ""
    size: int = 0


def origin_of(text: str) -> str | None:
    """The log that a request is about, None where it is none; nothing is proven."""
    try:
        return unproven(parse_request(text).note).origin
    except NotTrusted:
        return None


def decide(text: str, logs: Mapping[str, Sequence[bytes]], seen: Checkpoint | None) -> Verdict:
    """``logs``: origin → its keys; ``seen``: the checkpoint of that log cosigned last, None = none yet."""
    try:
        request = parse_request(text)
        new = unproven(request.note)
    except NotTrusted:
        return Verdict(status=MALFORMED)
    if new.origin not in logs:
        return Verdict(status=UNKNOWN)
    for public in logs[new.origin]:
        if _signed(request.note, new.origin, public):
            return _continues(request, new, public, seen)
    return Verdict(status=FORBIDDEN)


def _continues(request: Request, new: Checkpoint, public: bytes, seen: Checkpoint | None) -> Verdict:
    if request.old is None or request.old > new.size or len(request.proof) > _LONGEST_PROOF:
        return Verdict(status=MALFORMED)
    size, root = (seen.size, seen.root) if seen else (0, EMPTY_ROOT)
    if request.old != size or (size == new.size and root != new.root):
        return Verdict(status=CONFLICT, size=size)
    try:
        verify_consistency(first=size, second=new.size, proof=request.proof, old=root, new=new.root)
    except NotTrusted:
        return Verdict(status=UNPROVEN)
    return Verdict(status=COSIGN, origin=new.origin, public=public, note=request.note, size=new.size)


def _signed(note: str, origin: str, public: bytes) -> bool:
    try:
        parse_and_verify(note, origin, public)
    except NotTrusted:
        return False
    return True
