# SPDX-License-Identifier: Apache-2.0
"""The checkpoint: origin, size and root as a signed note (C2SP tlog-checkpoint and signed-note, Ed25519, key id type 0x01).

Holds no private key: the signature is made elsewhere over ``body`` and put in by ``assemble``.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from rempart.audit.proofs import HASH_BYTES
from rempart.errors import NotTrusted
from rempart.records.signature import verify_text

_ED25519 = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_MARK = "\u2014 "


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What was signed: the log's name, its number of leaves, its 32-byte root."""

    origin: str
    size: int
    root: bytes


def body(origin: str, size: int, root: bytes) -> str:
    """The three lines that are signed, each with its newline."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def key_id(name: str, public: bytes) -> bytes:
    """Four bytes that name a key in a signature line: SHA-256(name ‖ newline ‖ 0x01 ‖ public key)[:4]."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def assemble(text: str, name: str, public: bytes, signature: str) -> str:
    """The note: the body, a blank line, one signature line; ``signature``: base64 of 64 raw bytes."""
    blob = key_id(name, public) + base64.b64decode(signature)
    return f"{text}\n{_MARK}{name} {base64.b64encode(blob).decode()}\n"


def parse_and_verify(text: str, origin: str, public: bytes) -> Checkpoint:
    """The checkpoint, once signed by the log's key under the log's name. Signature lines by other keys are passed over.

    Raises NotTrusted ``checkpoint-form``, ``checkpoint-origin`` or ``checkpoint-signature``.
    """
    signed = text.partition("\n\n")[0] + "\n"
    signatures = signature_lines(text)
    checkpoint = _parse(signed)
    if checkpoint.origin != origin:
        raise NotTrusted("checkpoint-origin", origin=checkpoint.origin, expected=origin)
    signature = _signature(signatures, origin, public)
    try:
        verify_text(signed, signature, public=public, actor=origin)
    except NotTrusted as error:
        raise NotTrusted("checkpoint-signature", origin=origin) from error
    return checkpoint


def unproven(note: str) -> Checkpoint:
    """What a note says, whoever signed it; raises NotTrusted ``checkpoint-form``."""
    return _parse(note.partition("\n\n")[0] + "\n")


def _parse(signed: str) -> Checkpoint:
    lines = signed.split("\n")
    if len(lines) != 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise NotTrusted("checkpoint-form")
    root = _decode(lines[2])
    if len(root) != HASH_BYTES:
        raise NotTrusted("checkpoint-form")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root)


def signature_lines(note: str) -> list[tuple[str, bytes]]:
    """(key name, key id ‖ signature) of each signature line, whoever signed; raises NotTrusted ``checkpoint-form``."""
    _, blank, lines = note.partition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NotTrusted("checkpoint-form")
    found = []
    for line in lines[:-1].split("\n"):
        mark, _, rest = line.partition(" ")
        signer, _, blob = rest.partition(" ")
        if mark + " " != _MARK or not signer:
            raise NotTrusted("checkpoint-form")
        found.append((signer, _decode(blob)))
    return found


def _signature(lines: list[tuple[str, bytes]], name: str, public: bytes) -> str:
    """Base64 of the log's own signature among the signature lines; exactly one."""
    wanted = key_id(name, public)
    found = [raw[4:] for signer, raw in lines if signer == name and raw[:4] == wanted]
    if len(found) != 1:
        raise NotTrusted("checkpoint-signature", origin=name)
    return base64.b64encode(found[0]).decode()


def _decode(text: str) -> bytes:
    """Base64 in its one canonical form, so that no bit of a note is free."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise NotTrusted("checkpoint-form") from error
    if base64.b64encode(raw).decode() != text:
        raise NotTrusted("checkpoint-form")
    return raw
