# SPDX-License-Identifier: Apache-2.0
"""A public key of a log or of a cosigner in one line: C2SP signed-note's verifier key, ``name+id+base64(type ‖ key)``."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from rempart.errors import BadInput

ED25519_LOG, ED25519_COSIGNER, MLDSA44_COSIGNER = 0x01, 0x04, 0x06
_LENGTH = {ED25519_LOG: 32, ED25519_COSIGNER: 32, MLDSA44_COSIGNER: 1312}
_LINE = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """``kind``: the signature type of C2SP; ``public``: raw bytes, 32 of Ed25519, 1,312 of ML-DSA-44."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that name the key in a signature line: SHA-256(name ‖ newline ‖ type ‖ key)[:4]."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def line(self) -> str:
        """The key as a policy states it."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


def parse_vkey(text: str) -> VerifierKey:
    """A key from its line; raises BadInput ``verifier-key``: another form, type, length, or an id that is not the key's."""
    parts = _LINE.fullmatch(text)
    if parts is None or len(parts[1].encode()) > _LONGEST_NAME:
        raise BadInput("verifier-key")
    try:
        raw = base64.b64decode(parts[3], validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadInput("verifier-key") from error
    if len(raw) - 1 != _LENGTH.get(raw[0]):
        raise BadInput("verifier-key")
    key = VerifierKey(name=parts[1], kind=raw[0], public=raw[1:])
    if key.line != text:
        raise BadInput("verifier-key")
    return key
