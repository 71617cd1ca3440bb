# SPDX-License-Identifier: Apache-2.0
"""The read path of a part: what its manifest says of it is checked first, then it is opened. Believes no host."""

import hashlib

from rempart.errors import Missing, NotTrusted
from rempart.ports.host import Host
from rempart.records.sealed import PartEntry, Sealed
from rempart.vault import aead
from rempart.vault.padding import padme


def fetch(host: Host, name: str) -> Sealed:
    """An object that the ledger or a proven list names: its absence is a host that lies.

    Raises NotTrusted ``object-absent``, Unavailable ``host-unreachable``.
    """
    try:
        return host.get(name)
    except Missing as error:
        raise NotTrusted("object-absent") from error


def check_object(sealed: Sealed, *, size: int, sha256: str) -> None:
    """Compare a ciphertext with its entry; needs no key. Raises NotTrusted ``object-altered``."""
    if len(sealed.data) != size or hashlib.sha256(sealed.data).hexdigest() != sha256:
        raise NotTrusted("object-altered")


def open_part(sealed: Sealed, entry: PartEntry, *, warehouse: str, key: bytes) -> memoryview:
    """The Parquet bytes of ``entry``, cut to their true length (bytes of one fresh buffer, in memory only).

    The associated data comes from the manifest's entry, never from the object. Raises NotTrusted ``object-altered`` or ``sealed-bytes``.
    """
    check_object(sealed, size=entry.size, sha256=entry.sha256)
    plain = aead.decrypt_stream(
        sealed.data, key=key, associated_data=entry.associated_data(warehouse), segment=entry.segment
    )
    if len(plain) != padme(entry.length) or plain.count(0, entry.length) != len(plain) - entry.length:
        raise NotTrusted("sealed-bytes")
    return memoryview(plain)[: entry.length]
