# SPDX-License-Identifier: Apache-2.0
"""A key store: holds the root key and never gives it out; wraps and unwraps table keys in batches."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class KeyStore(Protocol):
    """Batch calls, a handful a run. ``context`` is associated data: an unwrap under another context fails.

    Every call raises Unavailable ``key-store-…`` (unreachable, sealed, busy, failed) once retries with back-off are spent.
    """

    @property
    def kind(self) -> str:
        """``file``, ``pkcs11`` or ``openbao``."""

    def wrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Wrap (context, 32-byte key) pairs."""

    def unwrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Unwrap (context, wrapped) pairs; raises NotTrusted ``wrapped-key``."""

    def rewrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Wrap (context, wrapped) pairs anew under the newest version of the root key, without giving a key out where the store
        can; raises NotTrusted ``wrapped-key``."""


@runtime_checkable
class VersionedKeyStore(KeyStore, Protocol):
    """A store that makes its root key's next version itself: a token, a Transit engine. A key file takes a ceremony."""

    def new_version(self) -> None:
        """A new version of the root key, the newest from now on; older ones still unwrap until whoever keeps the store ends them."""
