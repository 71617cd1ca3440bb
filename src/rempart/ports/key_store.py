# SPDX-License-Identifier: Apache-2.0
"""A key store: holds the root key and never gives it out; wraps and unwraps table keys in batches."""

from collections.abc import Sequence
from typing import Protocol


class KeyStore(Protocol):
    """Two batch calls. ``context`` is associated data: an unwrap under another context fails."""

    def wrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Wrap (context, 32-byte key) pairs; raises Unavailable ``key-store``."""

    def unwrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Unwrap (context, wrapped) pairs; raises NotTrusted ``wrapped-key`` or Unavailable ``key-store``."""
