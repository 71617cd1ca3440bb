# SPDX-License-Identifier: Apache-2.0
"""Cosignatures of witnesses on a checkpoint: C2SP tlog-cosignature, ``cosignature/v1``, Ed25519 (key id type 0x04).

A line says: at that time the witness saw this checkpoint, and it continued the one it saw before. Whom to believe as a
witness is the trust file's matter, passed in. Holds no private key.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rempart.audit.checkpoint import Checkpoint, parse_and_verify, signature_lines
from rempart.errors import NotTrusted
from rempart.records.signature import verify_text

_ED25519 = b"\x04"
_ID, _TIME, _SIGNATURE = 4, 8, 64
_LATEST = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """One proven cosignature. ``name``: of the witness's key; ``time``: Unix seconds, by the witness's clock."""

    name: str
    time: int


def witness_name(origin: str, actor: str) -> str:
    """The name of a witness's key in a signature line: one for each log and person."""
    return f"{origin}/witness/{actor}"


def key_id(name: str, public: bytes) -> bytes:
    """Four bytes that name a cosigner's key: SHA-256(name ‖ newline ‖ 0x04 ‖ public key)[:4]."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_ID]


def message(body: str, time: int) -> str:
    """What a witness signs: the header, its time, and the checkpoint's body as it stands."""
    return f"cosignature/v1\ntime {time}\n{body}"


def cosign(note: str, *, name: str, public: bytes, time: int, sign: Callable[[str], str]) -> str:
    """``note`` with the line of this witness put last, in place of an older one by the same key.

    ``sign``: text → base64 of 64 raw bytes. Proves nothing about ``note``: ``audit.witness`` has done so before.
    """
    body, _, lines = note.partition("\n\n")
    kept = [line for line in lines.splitlines() if not _is_by(line, name, public)]
    blob = key_id(name, public) + time.to_bytes(_TIME, "big") + base64.b64decode(sign(message(body + "\n", time)))
    mine = f"\u2014 {name} {base64.b64encode(blob).decode()}"
    return "\n".join([body, "", *kept, mine]) + "\n"


def cosignatures(note: str, keys: Mapping[str, bytes]) -> tuple[Cosigned, ...]:
    """The proven cosignatures by ``keys`` (name → 32 raw bytes), in the note's order; lines by other keys are passed over.

    Raises NotTrusted ``checkpoint-form``, and ``checkpoint-cosignature`` for a line under a known key that does not hold.
    """
    body, _, _ = note.partition("\n\n")
    found = []
    for name, raw in signature_lines(note):
        public = keys.get(name)
        if public is not None and raw[:_ID] == key_id(name, public):
            found.append(_proven(body + "\n", name, public, raw[_ID:]))
    return tuple(found)


def witnessed(note: str, *, origin: str, public: bytes, witnesses: Mapping[str, bytes]) -> Checkpoint:
    """The checkpoint, once signed by the log and cosigned by at least one of ``witnesses`` (actor → public key).

    Raises NotTrusted ``checkpoint-…``, among them ``checkpoint-unwitnessed``.
    """
    checkpoint = parse_and_verify(note, origin, public)
    if not cosignatures(note, {witness_name(origin, actor): key for actor, key in witnesses.items()}):
        raise NotTrusted("checkpoint-unwitnessed", origin=origin)
    return checkpoint


def _proven(body: str, name: str, public: bytes, raw: bytes) -> Cosigned:
    time = int.from_bytes(raw[:_TIME], "big")
    if len(raw) != _TIME + _SIGNATURE or not 0 < time < _LATEST:
        raise NotTrusted("checkpoint-cosignature", witness=name)
    signature = base64.b64encode(raw[_TIME:]).decode()
    try:
        verify_text(message(body, time), signature, public=public, actor=name)
    except NotTrusted as error:
        raise NotTrusted("checkpoint-cosignature", witness=name) from error
    return Cosigned(name=name, time=time)


def _is_by(line: str, name: str, public: bytes) -> bool:
    _, _, rest = line.partition(" ")
    signer, _, blob = rest.partition(" ")
    return signer == name and base64.b64decode(blob)[:_ID] == key_id(name, public)
