# SPDX-License-Identifier: Apache-2.0
"""HMAC-SHA256 (RFC 2104, FIPS 180-4) under a key and a purpose: one key used for two purposes gives unrelated hashes."""

import hashlib
from collections.abc import Iterable, Iterator

_SMALLEST_KEY = 16
_BLOCK = 64


def digests(values: Iterable[str], key: bytes, purpose: bytes) -> Iterator[bytes]:
    """32 bytes for each text (UTF-8); raises ValueError for a key under 128 bits.

    The two pads are hashed once (RFC 2104, section 4), the rest costs two short hashes a text.
    """
    if len(key) < _SMALLEST_KEY:
        raise ValueError("a key has at least 16 bytes")
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + purpose + b"\x00")
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    for value in values:
        first, second = inner.copy(), outer.copy()
        first.update(value.encode())
        second.update(first.digest())
        yield second.digest()
