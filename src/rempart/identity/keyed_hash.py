# SPDX-License-Identifier: Apache-2.0
"""HMAC-SHA256 (RFC 2104, FIPS 180-4) under a key and a purpose: one key used for two purposes gives unrelated hashes."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator

_SMALLEST_KEY = 16


def digests(values: Iterable[str], key: bytes, purpose: bytes) -> Iterator[bytes]:
    """32 bytes for each text (UTF-8); raises ValueError for a key under 128 bits."""
    if len(key) < _SMALLEST_KEY:
        raise ValueError("a key has at least 16 bytes")
    begun = hmac.new(key, purpose + b"\x00", hashlib.sha256)
    for value in values:
        one = begun.copy()
        one.update(value.encode())
        yield one.digest()
