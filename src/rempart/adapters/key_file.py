# SPDX-License-Identifier: Apache-2.0
"""A key store in a passphrase-protected file: ``DIR/controller/keys/root.key``. Whoever holds the object holds the root key.

It is given the passphrase as text: where that comes from is a door's concern (adapters/passphrase.py; never argument or environment).
"""

from collections.abc import Sequence
from pathlib import Path

from rempart.adapters.private_file import create_private, read_private
from rempart.keys.envelope import NONCE_BYTES, unwrap, wrap
from rempart.keys.root_key import STANDARD, Cost, make_key_file, open_key_file
from rempart.ports.surroundings import Randomness


class KeyFile:
    """Implements ports.key_store.KeyStore with the root key in this process's memory."""

    kind = "file"

    def __init__(self, root: bytes, randomness: Randomness) -> None:
        self._root, self._randomness = root, randomness

    @classmethod
    def create(cls, path: Path, passphrase: str, *, randomness: Randomness, cost: Cost = STANDARD) -> "KeyFile":
        """A new key file, mode 0600; raises Refused ``file-exists``, BadInput ``passphrase-short``."""
        data = make_key_file(passphrase, randomness=randomness.bytes, cost=cost)
        create_private(path, data)
        return cls(open_key_file(data, passphrase, quick_allowed=not cost.is_enough()), randomness)

    @classmethod
    def open(cls, path: Path, passphrase: str, *, randomness: Randomness, quick_allowed: bool = False) -> "KeyFile":
        """An existing key file.

        Raises Missing ``file-absent``; Refused ``passphrase``, ``file-open-to-others``, ``key-file-weak``; NotTrusted ``key-file-form``.
        """
        return cls(open_key_file(read_private(path), passphrase, quick_allowed=quick_allowed), randomness)

    def wrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """See the port."""
        nonce = self._randomness.bytes
        return [wrap(self._root, key, context=context, nonce=nonce(NONCE_BYTES)) for context, key in items]

    def unwrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """See the port."""
        return [unwrap(self._root, wrapped, context=context) for context, wrapped in items]

    def rewrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """See the port. A key file has one root key: the same key, under a fresh nonce."""
        return self.wrap([(context, key) for (context, _), key in zip(items, self.unwrap(items), strict=True)])
