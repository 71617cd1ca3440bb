# SPDX-License-Identifier: Apache-2.0
"""Table keys, space secrets and the two system signing keys: all random, kept only wrapped under the root key.

Knows no file: it is given the stored bytes and a way to save new ones, and saves before it hands a new key out.
"""

import base64
import binascii
import json
from collections.abc import Callable, Collection, Mapping
from typing import Literal

from rempart.errors import Missing, NotTrusted, Refused
from rempart.keys.envelope import KEY_BYTES
from rempart.ports.key_store import KeyStore, VersionedKeyStore
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import canonical_bytes, length_prefixed

SCHEMA = "rempart.table-keys/1"
Kind = Literal["table", "secret", "signing"]
_KINDS: tuple[Kind, ...] = ("table", "secret", "signing")


class TableKeys:
    """Keys by kind and name: ``table`` ``space/table/sibling/epoch``; ``secret`` ``space/shard``, ``identity``…;
    ``signing`` ``ledger`` and ``vault`` (Ed25519 seeds)."""

    def __init__(
        self,
        data: bytes | None,
        *,
        store: KeyStore,
        randomness: Randomness,
        save: Callable[[bytes], None],
        erase: Callable[[bytes], None] | None = None,
    ) -> None:
        """``erase``: as ``save``, and the bytes that were there before are overwritten (default: ``save``)."""
        self._wrapped = _parse(data) if data is not None else {kind: {} for kind in _KINDS}
        self._store, self._randomness, self._save, self._erase = store, randomness, save, erase or save
        self._open: dict[tuple[Kind, str], bytes] = {}

    def get(self, kind: Kind, name: str) -> bytes | None:
        """The key, or None when it was never made (or was destroyed); raises NotTrusted ``wrapped-key``."""
        self.unlock(kind, name)
        return self._open.get((kind, name))

    def unlock(self, kind: Kind, *names: str) -> None:
        """Open what is there of these in one batch to the key store; raises NotTrusted ``wrapped-key``."""
        held = self._wrapped[kind]
        shut = [name for name in dict.fromkeys(names) if name in held and (kind, name) not in self._open]
        if shut:
            opened = self._store.unwrap([(_context(kind, name), held[name]) for name in shut])
            self._open.update(((kind, name), key) for name, key in zip(shut, opened, strict=True))

    def names(self, kind: Kind) -> list[str]:
        """Names of every key that there is, sorted."""
        return sorted(self._wrapped[kind])

    def ensure(self, kind: Kind, *names: str) -> list[bytes]:
        """The keys, those that are absent made first: one batch to the key store and one save, before any is returned."""
        absent = [name for name in dict.fromkeys(names) if name not in self._wrapped[kind]]
        if absent:
            self._add(kind, {name: self._randomness.bytes(KEY_BYTES) for name in absent})
        self.unlock(kind, *names)
        return [self.need(kind, name) for name in names]

    def destroy(self, doomed: Mapping[Kind, Collection[str]]) -> None:
        """Take keys out for ever: the stored bytes are replaced and overwritten, then open copies dropped. Absent ones are none."""
        after: dict[Kind, dict[str, bytes]] = {
            kind: {name: blob for name, blob in held.items() if name not in doomed.get(kind, ())}
            for kind, held in self._wrapped.items()
        }
        self._erase(_dump(after))
        self._wrapped = after
        for kind, names in doomed.items():
            for name in names:
                self._open.pop((kind, name), None)

    def renew(self) -> int:
        """A new version of the root key, then every key anew under it; how many. Raises Refused ``root-key-file`` for a key file,
        whose root key changes in a ceremony."""
        if not isinstance(self._store, VersionedKeyStore):
            raise Refused("root-key-file")
        self._store.new_version()
        return self.rewrap()

    def rewrap(self) -> int:
        """Every key anew under the newest root key, one batch and one save; how many. What was stored before is overwritten."""
        places = [(kind, name) for kind, held in self._wrapped.items() for name in held]
        fresh = self._store.rewrap([(_context(kind, name), self._wrapped[kind][name]) for kind, name in places])
        after: dict[Kind, dict[str, bytes]] = {kind: {} for kind in _KINDS}
        for (kind, name), blob in zip(places, fresh, strict=True):
            after[kind][name] = blob
        self._erase(_dump(after))
        self._wrapped = after
        return len(places)

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
