# SPDX-License-Identifier: Apache-2.0
"""Table keys, space secrets and the two system signing keys: all random, kept only wrapped under the root key.

Knows no file: it is given the stored bytes and a way to save new ones, and saves before it hands a new key out.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Literal

from rempart.errors import Missing, NotTrusted
from rempart.keys.envelope import KEY_BYTES
from rempart.ports.key_store import KeyStore
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import canonical_bytes, length_prefixed

SCHEMA = "rempart.table-keys/1"
Kind = Literal["table", "secret", "signing"]
_KINDS: tuple[Kind, ...] = ("table", "secret", "signing")


class TableKeys:
    """Keys by kind and name: ``table`` ``space/table/sibling/epoch``; ``secret`` ``space/shard``, ``identity``…;
    ``signing`` ``ledger`` and ``vault`` (Ed25519 seeds)."""

    def __init__(
        self, data: bytes | None, *, store: KeyStore, randomness: Randomness, save: Callable[[bytes], None]
    ) -> None:
        self._wrapped = _parse(data) if data is not None else {kind: {} for kind in _KINDS}
        self._store, self._randomness, self._save = store, randomness, save
        self._open: dict[tuple[Kind, str], bytes] = {}

    def get(self, kind: Kind, name: str) -> bytes | None:
        """The key, or None when it was never made (or was destroyed); raises NotTrusted ``wrapped-key``."""
        if (kind, name) not in self._open:
            wrapped = self._wrapped[kind].get(name)
            if wrapped is None:
                return None
            (self._open[kind, name],) = self._store.unwrap([(_context(kind, name), wrapped)])
        return self._open[kind, name]

    def ensure(self, kind: Kind, *names: str) -> list[bytes]:
        """The keys, those that are absent made first: one batch to the key store and one save, before any is returned."""
        absent = [name for name in dict.fromkeys(names) if name not in self._wrapped[kind]]
        if absent:
            self._add(kind, {name: self._randomness.bytes(KEY_BYTES) for name in absent})
        return [self.need(kind, name) for name in names]

    def need(self, kind: Kind, name: str) -> bytes:
        """The key; raises Missing ``key-missing``."""
        key = self.get(kind, name)
        if key is None:
            raise Missing("key-missing", key=name)
        return key

    def forget(self) -> None:
        """Drop every open key from memory."""
        self._open.clear()

    def _add(self, kind: Kind, fresh: Mapping[str, bytes]) -> None:
        wrapped = self._store.wrap([(_context(kind, name), key) for name, key in fresh.items()])
        after = {k: dict(v) for k, v in self._wrapped.items()}
        after[kind].update(zip(fresh, wrapped, strict=True))
        self._save(_dump(after))
        self._wrapped = after
        self._open.update({(kind, name): key for name, key in fresh.items()})


def _context(kind: Kind, name: str) -> bytes:
    return length_prefixed("rempart.table-key/1", kind, name)


def _dump(wrapped: Mapping[Kind, Mapping[str, bytes]]) -> bytes:
    text: dict[str, object] = {
        kind: {name: base64.b64encode(blob).decode() for name, blob in keys.items()} for kind, keys in wrapped.items()
    }
    return canonical_bytes(text | {"schema": SCHEMA})


def _parse(data: bytes) -> dict[Kind, dict[str, bytes]]:
    try:
        value = json.loads(data)
        if set(value) != {"schema", *_KINDS} or value["schema"] != SCHEMA:
            raise NotTrusted("table-keys-form")
        return {
            kind: {name: base64.b64decode(blob, validate=True) for name, blob in value[kind].items()} for kind in _KINDS
        }
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise NotTrusted("table-keys-form") from error
