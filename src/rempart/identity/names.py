# SPDX-License-Identifier: Apache-2.0
"""Keyed pseudonyms of every kind of name that a delivery holds, in bulk. Pure: the key is given, no text leaves but as a hash.

A person's is the one of ``identity.pseudonyms``, so that objections and project datasets keep their meaning.
"""

from collections.abc import Iterable

from rempart.identity.keyed_hash import digests

PERSON, PSA, CARD = "person", "psa", "card"
_CERTIFIED = 17
"""Characters of a pseudonym, and of a person key that is certified."""
_RANK = 2
_BYTES = 16
_PERSON_PURPOSE = b"rempart.pseudonym/1"
_OTHER_PURPOSE = b"rempart.name/1/"


def name_digests(texts: Iterable[str], kind: str, key: bytes) -> bytes:
    """16 bytes for each text: HMAC-SHA256 under ``key`` and a purpose of its kind, so that equal texts of two kinds are not linked.

    Raises ValueError for a key under 16 bytes.
    """
    purpose = _PERSON_PURPOSE if kind == PERSON else _OTHER_PURPOSE + kind.encode()
    return b"".join([digest[:_BYTES] for digest in digests(texts, key, purpose)])


def card_name(pseudonym: str, rank: str) -> str:
    """The text by which a card is named, as ``snds_card`` of ``ingest/sql/gross_begin.sql`` makes it: the rank has two digits."""
    return f"{pseudonym}|{rank.lstrip('0').rjust(2, '0') if rank.isdecimal() else rank}"


def provisional_card(key: str) -> str:
    """Name of the card that a person key spells out, as the source writes it of who is not certified: a pseudonym, then the rank;
    '' for any other key."""
    pseudonym, rank = key[:_CERTIFIED], key[_CERTIFIED:]
    return card_name(pseudonym, rank) if 0 < len(rank) <= _RANK else ""
