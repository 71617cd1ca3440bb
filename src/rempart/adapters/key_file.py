# SPDX-License-Identifier: Apache-2.0
"""A key store in a file: ``DIR/controller/keys/root.key``, under a passphrase or under the custody of several persons.

Whoever holds the object holds the root key. It is given passphrases and shares: where they come from is a door's concern.
"""

from collections.abc import Sequence
from pathlib import Path

from rempart.adapters.private_file import create_private, read_private, replace_private
from rempart.errors import NotTrusted
from rempart.keys.custody import Custody
from rempart.keys.envelope import KEY_BYTES, NONCE_BYTES, unwrap, wrap
from rempart.keys.root_key import STANDARD, Cost, make_key_file, open_key_file
from rempart.keys.share_file import open_custody
from rempart.keys.split_root import SharedRoot, custody_of, is_shared, make_shared, open_shared
from rempart.ports.surroundings import Randomness


class KeyFile:
    """Implements ports.key_store.KeyStore with the root key in this process's memory. ``custody``: who opens it, None for a
    passphrase; ``behind``: table keys may still be wrapped under a root key of before."""

    kind = "file"

    def __init__(self, root: bytes, randomness: Randomness, *, before: Sequence[bytes] = ()) -> None:
        self._roots, self._randomness = (root, *before), randomness
        self._secret = b""
        self.custody: Custody | None = None

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

    @classmethod
    def open_shared(
        cls,
        path: Path,
        shares: Sequence[tuple[bytes, str]],
        *,
        randomness: Randomness,
        quick_allowed: bool = False,
    ) -> "KeyFile":
        """A key file under custody, with (share file, passphrase) pairs; raises as ``share_file.open_custody`` and ``open``."""
        data = read_private(path)
        secret = open_custody(custody_of(data), shares, quick_allowed=quick_allowed)
        return cls._of(open_shared(data, secret), secret, randomness)

    @classmethod
    def is_shared(cls, path: Path) -> bool:
        """Whether custodians open the file; raises as ``open``."""
        return is_shared(read_private(path))

    @property
    def behind(self) -> bool:
        """Whether a ceremony was cut off before every table key was wrapped anew."""
        return len(self._roots) > 1

    def hand_over(self, path: Path, custody: Custody, secret: bytes) -> "KeyFile":
        """Replace the file by one with a fresh root key under this custody; the store that opens it, still ``behind``."""
        roots = (self._randomness.bytes(KEY_BYTES), *self._roots)
        return self._of(SharedRoot(custody=custody, roots=roots), secret, self._randomness)._save(path)

    def catch_up(self, path: Path) -> None:
        """Forget the root keys of before: every table key was wrapped anew."""
        self._roots = self._roots[:1]
        self._save(path)

    def wrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """See the port."""
        nonce = self._randomness.bytes
        return [wrap(self._roots[0], key, context=context, nonce=nonce(NONCE_BYTES)) for context, key in items]

    def unwrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """See the port."""
        return [self._unwrap_one(context, wrapped) for context, wrapped in items]

    def rewrap(self, items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """See the port. The newest root key; where there is only one, the same key under a fresh nonce."""
        return self.wrap([(context, key) for (context, _), key in zip(items, self.unwrap(items), strict=True)])

    @classmethod
    def _of(cls, shared: SharedRoot, secret: bytes, randomness: Randomness) -> "KeyFile":
        store = cls(shared.roots[0], randomness, before=shared.roots[1:])
        store.custody, store._secret = shared.custody, secret
        return store

    def _save(self, path: Path) -> "KeyFile":
        if self.custody is not None:
            shared = SharedRoot(custody=self.custody, roots=self._roots)
            replace_private(path, make_shared(shared, self._secret, self._randomness))
        return self

    def _unwrap_one(self, context: bytes, wrapped: bytes) -> bytes:
        for root in self._roots[:-1]:
            try:
                return unwrap(root, wrapped, context=context)
            except NotTrusted:
                continue
        return unwrap(self._roots[-1], wrapped, context=context)
