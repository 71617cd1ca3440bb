# SPDX-License-Identifier: Apache-2.0
"""Keyed pseudonyms of every kind of name that a delivery holds, in bulk. Pure: the key is given, no text leaves but as a hash.

A person's is the one of ``identity.pseudonyms``, so that objections and project datasets keep their meaning.
"""

import hashlib
from collections.abc import Iterable

PERSON, PSA, CARD = "person", "psa", "card"
_CERTIFIED = 17
"""Characters of a pseudonym, and of a person key that is certified."""
_RANK = 2
_SMALLEST_KEY = 16
_BYTES = 16
_BLOCK = 64
_PERSON_PURPOSE = b"rempart.pseudonym/1"
_OTHER_PURPOSE = b"rempart.name/1/"


def name_digests(texts: Iterable[str], kind: str, key: bytes) -> bytes:
    """16 bytes for each text: HMAC-SHA256 under ``key`` and a purpose of its kind, so that equal texts of two kinds are not linked.

    Raises ValueError for a key under 16 bytes. The two pads are hashed once (RFC 2104), the rest costs two short hashes a text.
    """
    if len(key) < _SMALLEST_KEY:
        raise ValueError("a key has at least 16 bytes")
    purpose = _PERSON_PURPOSE if kind == PERSON else _OTHER_PURPOSE + kind.encode()
    padded = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + purpose + b"\x00")
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    found = bytearray()
    for text in texts:
        first, second = inner.copy(), outer.copy()
        first.update(text.encode())
        second.update(first.digest())
        found += second.digest()[:_BYTES]
    return bytes(found)


def card_name(pseudonym: str, rank: str) -> str:
    """The text by which a card is named, as ``snds_card`` of ``ingest/sql/gross_begin.sql`` makes it: the rank has two digits."""
    return f"{pseudonym}|{rank.lstrip('0').rjust(2, '0') if rank.isdecimal() else rank}"


def provisional_card(key: str) -> str:
    """Name of the card that a person key spells out, as the source writes it of who is not certified: a pseudonym, then the rank;
    '' for any other key."""
    pseudonym, rank = key[:_CERTIFIED], key[_CERTIFIED:]
    return card_name(pseudonym, rank) if 0 < len(rank) <= _RANK else ""
