# SPDX-License-Identifier: Apache-2.0
"""Cosignatures of witnesses on a checkpoint: C2SP tlog-cosignature, Ed25519 (key id type 0x04) and ML-DSA-44 (0x06).

A line says: at that time the witness saw this checkpoint, and it continued the one it saw before. Whom to believe as a
witness is the matter of the trust file or of a policy, passed in. Holds no private key.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rempart.audit.checkpoint import Checkpoint, parse_and_verify, signature_lines, unproven
from rempart.errors import NotTrusted
from rempart.records.signature import verify_mldsa, verify_text
from rempart.records.vkey import ED25519_COSIGNER, MLDSA44_COSIGNER, VerifierKey

_ID, _TIME, _SIGNATURE, _MLDSA_SIGNATURE = 4, 8, 64, 2420
_SUBTREE = b"subtree/v1\n\x00"
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
    return VerifierKey(name=name, kind=ED25519_COSIGNER, public=public).id


def message(body: str, time: int) -> str:
    """What a witness signs: the header, its time, and the checkpoint's body as it stands."""
    return f"cosignature/v1\ntime {time}\n{body}"


def cosign(note: str, *, name: str, public: bytes, time: int, sign: Callable[[str], str]) -> str:
    """``note`` with the line of this witness put last, in place of an older one by the same key.

    ``sign``: text → base64 of 64 raw bytes. Proves nothing about ``note``: ``audit.witness`` has done so before.
    """
    key = VerifierKey(name=name, kind=ED25519_COSIGNER, public=public)
    body, _, _ = note.partition("\n\n")
    return _put(note, key, time, base64.b64decode(sign(message(body + "\n", time))))


def subtree_message(seen: Checkpoint, *, name: str, time: int) -> bytes:
    """What a witness signs with ML-DSA-44: its name, its time, and the whole tree of the checkpoint as a subtree from leaf 0.

    Raises NotTrusted ``checkpoint-form`` where a name or an origin is longer than 255 bytes.
    """
    told = b"".join([_vector(name), time.to_bytes(_TIME, "big"), _vector(seen.origin), bytes(8)])
    return _SUBTREE + told + seen.size.to_bytes(8, "big") + seen.root


def cosign_mldsa(note: str, *, name: str, public: bytes, time: int, sign: Callable[[bytes], bytes]) -> str:
    """As ``cosign``, with ML-DSA-44: ``public`` 1,312 bytes, ``sign``: bytes → 2,420 bytes."""
    key = VerifierKey(name=name, kind=MLDSA44_COSIGNER, public=public)
    return _put(note, key, time, sign(subtree_message(unproven(note), name=name, time=time)))


def cosigned_by(note: str, key: VerifierKey) -> bool:
    """Whether ``note`` carries a cosignature by ``key``, of either type, that holds; raises as ``cosigned_at``."""
    return cosigned_at(note, key) > 0


def cosigned_at(note: str, key: VerifierKey) -> int:
    """The latest time, Unix seconds by the witness's clock, of a cosignature by ``key`` that holds; 0 without one.

    Raises NotTrusted ``checkpoint-form``, and ``checkpoint-cosignature`` for a line under this key that does not hold.
    """
    mine = [raw[_ID:] for name, raw in signature_lines(note) if name == key.name and raw[:_ID] == key.id]
    for raw in mine:
        if key.kind == MLDSA44_COSIGNER:
            _prove_mldsa(unproven(note), key, raw)
        else:
            _proven(note.partition("\n\n")[0] + "\n", key.name, key.public, raw)
    return max((int.from_bytes(raw[:_TIME], "big") for raw in mine), default=0)


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


def _prove_mldsa(seen: Checkpoint, key: VerifierKey, raw: bytes) -> None:
    """A time of zero would say nothing of the newest tree: it is no witness's."""
    time = int.from_bytes(raw[:_TIME], "big")
    if len(raw) != _TIME + _MLDSA_SIGNATURE or not 0 < time < _LATEST:
        raise NotTrusted("checkpoint-cosignature", witness=key.name)
    told = subtree_message(seen, name=key.name, time=time)
    try:
        verify_mldsa(told, raw[_TIME:], public=key.public, actor=key.name)
    except NotTrusted as error:
        raise NotTrusted("checkpoint-cosignature", witness=key.name) from error


def _put(note: str, key: VerifierKey, time: int, signature: bytes) -> str:
    """The note with this key's line last, and no older one of it."""
    body, _, lines = note.partition("\n\n")
    kept = [line for line in lines.splitlines() if not _is_by(line, key)]
    blob = base64.b64encode(key.id + time.to_bytes(_TIME, "big") + signature).decode()
    return "\n".join([body, "", *kept, f"\u2014 {key.name} {blob}"]) + "\n"


def _is_by(line: str, key: VerifierKey) -> bool:
    _, _, rest = line.partition(" ")
    signer, _, blob = rest.partition(" ")
    return signer == key.name and base64.b64decode(blob)[:_ID] == key.id


def _vector(text: str) -> bytes:
    raw = text.encode()
    if not 0 < len(raw) < 1 << 8:
        raise NotTrusted("checkpoint-form")
    return bytes([len(raw)]) + raw
