# SPDX-License-Identifier: Apache-2.0
"""The two system signing keys: ``ledger`` signs checkpoint bodies that only grow, ``vault`` signs manifests' hashes."""

import re
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rempart.errors import Refused
from rempart.keys.table_keys import TableKeys
from rempart.records.signature import sign, sign_text

_BODY = re.compile(r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


class SystemSigner:
    """Signs what has the right form and nothing else; remembers the largest ledger that it has seen, as long as it lives.

    Seen, not signed: a process that was killed between its signature and its checkpoint has published nothing, and the next
    one appends fewer leaves.
    """

    def __init__(self, keys: TableKeys, *, origin: str, published: Callable[[], int]) -> None:
        """``published``: leaves of the ledger's checkpoint as it stands; it is asked before each signature, under no lock."""
        self._ledger = Ed25519PrivateKey.from_private_bytes(keys.need("signing", "ledger"))
        self._vault = Ed25519PrivateKey.from_private_bytes(keys.need("signing", "vault"))
        self._origin, self._published = origin, published
        self._size = 0

    def sign(self, purpose: str, over: str) -> str:
        """Base64 of 64 bytes; raises Refused ``sign-purpose``, ``sign-form`` or ``sign-smaller``."""
        if purpose == "vault":
            return self._manifest(over)
        if purpose == "ledger":
            return self._checkpoint(over)
        raise Refused("sign-purpose", purpose=purpose)

    def _manifest(self, over: str) -> str:
        if not _HASH.fullmatch(over):
            raise Refused("sign-form", purpose="vault")
        return sign(self._vault, actor="vault", over=over).sig

    def _checkpoint(self, body: str) -> str:
        parsed = _BODY.fullmatch(body)
        if not parsed or parsed["origin"] != self._origin:
            raise Refused("sign-form", purpose="ledger")
        size = int(parsed["size"])
        self._size = max(self._size, self._published())
        if size < self._size:
            raise Refused("sign-smaller", size=size, signed=self._size)
        return sign_text(self._ledger, body)


def make_signing_keys(keys: TableKeys) -> dict[str, bytes]:
    """Make both keys; their public halves, 32 raw bytes each, by name."""
    names = ("ledger", "vault")
    seeds = zip(names, keys.ensure("signing", *names), strict=True)
    return {name: _public(Ed25519PrivateKey.from_private_bytes(seed)) for name, seed in seeds}


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
