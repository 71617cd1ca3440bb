# SPDX-License-Identifier: Apache-2.0
"""What a witness asks before it cosigns: is the checkpoint the log's own, and does it continue the last one that was seen?

Needs no leaf and no key. A request is the body of C2SP tlog-witness ``add-checkpoint``: ``old N``, the proof, a blank line,
the checkpoint. Remembers nothing by itself: what was seen is given, and kept by the caller before it answers.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.proofs import HASH_BYTES, verify_consistency
from rempart.errors import NotTrusted, Refused

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A checkpoint to be cosigned. ``old``: the size that ``proof`` starts from, None where only the checkpoint came."""

    note: str
    old: int | None
    proof: tuple[bytes, ...]


def request_text(note: str, *, old: int, proof: Sequence[bytes]) -> str:
    """The request as a file or a message carries it."""
    lines = [f"old {old}", *(base64.b64encode(item).decode() for item in proof)]
    return "\n".join(lines) + "\n\n" + note


def parse_request(text: str) -> Request:
    """A request, or a bare checkpoint; raises NotTrusted ``witness-request`` for anything else that begins with ``old``."""
    if not text.startswith("old "):
        return Request(note=text, old=None, proof=())
    head, blank, note = text.partition("\n\n")
    first, *hashes = head.split("\n")
    old = _OLD.fullmatch(first)
    if not blank or old is None:
        raise NotTrusted("witness-request")
    return Request(note=note, old=int(old[1]), proof=tuple(_hash(line) for line in hashes))


def judge(request: Request, seen: str | None, *, origin: str, public: bytes) -> Checkpoint:
    """The checkpoint, once it is the log's and continues ``seen`` (None: the witness's first).

    Raises NotTrusted ``checkpoint-…``, ``ledger-rolled-back`` (shorter than what was seen), ``consistency-proof`` (another
    history); Refused ``witness-proof`` when the proof starts elsewhere than where this witness stands.
    """
    new = parse_and_verify(request.note, origin, public)
    if seen is None:
        return new
    last = parse_and_verify(seen, origin, public)
    if new.size < last.size:
        raise NotTrusted("ledger-rolled-back", size=new.size, seen=last.size)
    if new.size > last.size and request.old != last.size:
        raise Refused("witness-proof", seen=last.size)
    proof = request.proof if new.size > last.size else ()
    verify_consistency(first=last.size, second=new.size, proof=proof, old=last.root, new=new.root)
    return new


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotTrusted("witness-request") from error
    if len(raw) != HASH_BYTES:
        raise NotTrusted("witness-request")
    return raw
