# SPDX-License-Identifier: Apache-2.0
"""The register of released sets of persons: sealed documents under a space of its own, told in the ledger one after the other.

It outlives the projects, since what they released stays released (docs/adr/0046). Read and written by the check of a submission alone.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rempart.errors import NotTrusted
from rempart.journeys.evidence import SEGMENT
from rempart.ports.broker import Broker
from rempart.ports.documents import Documents
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import canonical_bytes, length_prefixed, prefixed_fields
from rempart.records.event import LedgerEvent
from rempart.records.person_sets import BLOCKS, PersonSets, Sketches
from rempart.records.sealed import KeyContext
from rempart.vault.aead import decrypt_stream, encrypt_stream

KIND = "fingerprint"
SPACE, TABLE = "disclosure", "register"
SKETCH = f"{SPACE}/sketch"
PRINT = "print:"  # before the name of a set that is told by its persons
SCHEMA = "rempart.fingerprints/1"
_EPOCH = 1  # of its keys: the space has no snapshot, so nothing of it is rotated


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one submission shows. ``sets``: the document with its sets; ``shown``: sketches of those shown; ``close``: names of
    those hidden for lying close to what another entry shows."""

    permit: str
    result: str
    sets: str
    shown: Sketches
    close: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Where the register is read and written. ``reference``: a grant of its table."""

    broker: Broker
    documents: Documents
    randomness: Randomness
    warehouse: str
    reference: str

    def entries(self, log: Sequence[LedgerEvent]) -> list[Entry]:
        """Every entry, oldest first; raises NotTrusted ``register-chain`` where one does not name the one before it."""
        return [_entry(plain) for plain in self._opened(register_chain(log))]

    def entry(self, document: str) -> Entry:
        """One entry, by the id of its document."""
        return _entry(self._opened([document])[0])

    def sets(self, documents: Sequence[str]) -> list[PersonSets]:
        """The sets behind entries, by the ids of their documents."""
        return [_sets(plain) for plain in self._opened(documents)]

    def put_sets(self, sets: PersonSets, *, run: str) -> str:
        """Seal and keep sets; the document's id."""
        names = sorted(sets.sets)
        index = np.ascontiguousarray(sets.index, dtype="<i8").tobytes()
        plain = length_prefixed(canonical_bytes({"names": names}), index, *(sets.sets[name] for name in names))
        return self._sealed(plain, f"{run}/sets")

    def put_entry(self, entry: Entry, *, run: str) -> str:
        """Seal and keep an entry; the document's id."""
        head = {
            "permit": entry.permit,
            "result": entry.result,
            "sets": entry.sets,
            "shown": list(entry.shown.names),
            "sizes": [int(size) for size in entry.shown.sizes],
            "close": sorted(entry.close),
        }
        sums = np.ascontiguousarray(entry.shown.sums, dtype="<u8").tobytes()
        return self._sealed(length_prefixed(canonical_bytes(head), sums), f"{run}/entry")

    def _sealed(self, plain: bytes, part: str) -> str:
        context, key = self._context(part), self.randomness.bytes(32)
        salt, prefix = self.randomness.bytes(32), self.randomness.bytes(7)
        stream = encrypt_stream(
            plain, key=key, associated_data=_bound(context), segment=SEGMENT, salt=salt, prefix=prefix
        )
        (wrapped,) = self.broker.wrap(self.reference, [(context, key)])
        told = {"schema": SCHEMA, "part": part, "wrapped": _text(wrapped), "stream": _text(stream)}
        return self.documents.put(canonical_bytes(told))

    def _opened(self, documents: Sequence[str]) -> list[bytes]:
        """Plain contents, their keys in one call to the broker; raises NotTrusted ``register-form``, ``sealed-bytes``."""
        read = [_read(self.documents.get(name)) for name in documents]
        contexts = [self._context(str(value["part"])) for value in read]
        items = [(at, base64.b64decode(value["wrapped"])) for at, value in zip(contexts, read, strict=True)]
        keys = self.broker.unwrap(self.reference, items) if items else []
        return [
            bytes(
                decrypt_stream(base64.b64decode(value["stream"]), key=key, associated_data=_bound(at), segment=SEGMENT)
            )
            for value, key, at in zip(read, keys, contexts, strict=True)
        ]

    def _context(self, part: str) -> KeyContext:
        return KeyContext(warehouse=self.warehouse, space=SPACE, table=TABLE, sibling="main", part=part, epoch=_EPOCH)


def register_chain(log: Sequence[LedgerEvent]) -> list[str]:
    """Ids of the documents of every entry, oldest first; raises NotTrusted ``register-chain``."""
    found: list[str] = []
    for event in log:
        name = event.fact("register") if (event.kind, event.phase) == (KIND, "effect") else None
        if name is not None:
            if (event.fact("before") or "") != (found[-1] if found else ""):
                raise NotTrusted("register-chain")
            found.append(name)
    return found


def sets_of(log: Sequence[LedgerEvent], result: str) -> str | None:
    """The document with the sets of a result, if they were told before."""
    for event in reversed(log):
        told = (event.kind, event.phase) == (KIND, "effect") and event.of is not None
        if told and log[event.of or 0].fact("result") == result and event.fact("sets"):
            return event.fact("sets")
    return None


def _read(data: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise NotTrusted("register-form") from error
    if (
        not isinstance(value, dict)
        or value.get("schema") != SCHEMA
        or set(value) != {"schema", "part", "wrapped", "stream"}
    ):
        raise NotTrusted("register-form")
    return value


def _entry(plain: bytes) -> Entry:
    head, sums = prefixed_fields(plain)
    value = json.loads(head)
    count = len(value["shown"])
    return Entry(
        permit=value["permit"],
        result=value["result"],
        sets=value["sets"],
        shown=Sketches(
            names=tuple(value["shown"]),
            sizes=np.array(value["sizes"], dtype=np.int64),
            sums=np.frombuffer(sums, dtype="<u8").astype(np.uint64).reshape(count, BLOCKS, 2),
        ),
        close=frozenset(value["close"]),
    )


def _sets(plain: bytes) -> PersonSets:
    head, index, *bitmaps = prefixed_fields(plain)
    names = json.loads(head)["names"]
    return PersonSets(
        index=np.frombuffer(index, dtype="<i8").astype(np.int64), sets=dict(zip(names, bitmaps, strict=True))
    )


def _bound(context: KeyContext) -> bytes:
    return length_prefixed(SCHEMA, context.associated_data())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
