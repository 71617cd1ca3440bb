# SPDX-License-Identifier: Apache-2.0
"""Keyed pseudonyms of persons: 128 bits of HMAC-SHA256, as 32 hexadecimal digits. Without the key nobody goes from one to the other."""

from collections.abc import Sequence

from rempart.identity.identifiers import SourcePerson
from rempart.identity.keyed_hash import digests

_BYTES = 16
_PURPOSE = b"rempart.pseudonym/1"


def pseudonyms(source_persons: Sequence[SourcePerson] | Sequence[str], key: bytes) -> list[str]:
    """One pseudonym a person, in the order given; the same person and key give the same pseudonym.

    Raises ValueError for a key under 16 bytes, an empty person, or two different persons with one pseudonym.
    """
    if not all(source_persons):
        raise ValueError("a person without a name")
    made = [digest[:_BYTES].hex() for digest in digests(source_persons, key, _PURPOSE)]
    if len(set(made)) != len(set(source_persons)):
        raise ValueError("two persons share a pseudonym")
    return made
