# SPDX-License-Identifier: Apache-2.0
"""Evidence of a study's parts, summed over all shards of one snapshot, kept sealed from run to run under a key of the project.

A part is what it asks, word for word (``cohort.parts``): a study of which one analysis changed takes the others' evidence from here.
Nothing crosses permits: permit, snapshot, key epoch and part are what each piece's key is bound to. Holds no row of a person.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import BadInput, NotTrusted
from rempart.ports.broker import Broker
from rempart.ports.evidence_cache import EvidenceCache
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import length_prefixed
from rempart.records.sealed import KeyContext
from rempart.study.evidence import Evidence, decode, encode
from rempart.vault.aead import decrypt_stream, encrypt_stream

_SEGMENT = 1 << 18
_LENGTH = 2  # bytes that tell the length of the wrapped key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvidence:
    """The kept evidence of one permit's snapshot. ``epoch``: of the keys that open it now; ``made_by``: version of what
    computes. Pieces of another snapshot, epoch or version are removed, never read."""

    cache: EvidenceCache
    broker: Broker
    randomness: Randomness
    warehouse: str
    space: str
    permit: str
    head: str
    epoch: int
    made_by: str

    def there(self, parts: Sequence[str]) -> list[str]:
        """Those of ``parts`` that are kept; opens and removes nothing."""
        return [part for part in parts if self.cache.has(self.space, self._name(part))]

    def take(self, parts: Sequence[str], *, reference: str) -> dict[str, Evidence]:
        """What is kept of ``parts`` (digests). A piece that does not prove itself is removed and counts as absent: it is only a copy."""
        self.cache.keep(self.space, self._prefix)
        found = {part: data for part in parts if (data := self.cache.get(self.space, self._name(part))) is not None}
        try:
            contexts = [(self._context(part), _split(data)[0]) for part, data in found.items()]
            keys = self.broker.unwrap(reference, contexts) if contexts else []
            return {part: self._opened(part, data, key) for (part, data), key in zip(found.items(), keys, strict=True)}
        except (NotTrusted, BadInput):
            for part in found:
                self.cache.drop(self.space, self._name(part))
            return {}

    def keep(self, evidence: Mapping[str, Evidence], *, reference: str) -> int:
        """Keep the evidence of each part, a key of its own each, wrapped by the project's; how many could not be kept."""
        keys = [self.randomness.bytes(32) for _ in evidence]
        contexts = [self._context(part) for part in evidence]
        wrapped = self.broker.wrap(reference, list(zip(contexts, keys, strict=True))) if contexts else []
        lost = 0
        for (part, found), key, blob in zip(evidence.items(), keys, wrapped, strict=True):
            sealed = encrypt_stream(
                encode(found),
                key=key,
                associated_data=self._bound(part),
                segment=_SEGMENT,
                salt=self.randomness.bytes(32),
                prefix=self.randomness.bytes(7),
            )
            piece = len(blob).to_bytes(_LENGTH, "big") + blob + sealed
            lost += not self.cache.put(self.space, self._name(part), piece)
        return lost

    def _opened(self, part: str, data: bytes, key: bytes) -> Evidence:
        plain = decrypt_stream(_split(data)[1], key=key, associated_data=self._bound(part), segment=_SEGMENT)
        return decode(bytes(plain))

    @property
    def _prefix(self) -> str:
        """Of the pieces that this permit's snapshot may use."""
        of = (self.warehouse, self.space, self.permit, self.head, self.epoch, self.made_by)
        told = length_prefixed("rempart.kept/1", *of)
        return hashlib.sha256(told).hexdigest()[:32]

    def _name(self, part: str) -> str:
        return f"{self._prefix}-{part}"

    def _context(self, part: str) -> KeyContext:
        return KeyContext(
            warehouse=self.warehouse,
            space=self.space,
            table="evidence",
            sibling="main",
            part=f"kept:{self._prefix}:{part}",
            epoch=self.epoch,
        )

    def _bound(self, part: str) -> bytes:
        return length_prefixed("rempart.kept-evidence/1", self._context(part).associated_data())


def _split(data: bytes) -> tuple[bytes, bytes]:
    """(wrapped key, sealed evidence)."""
    size = int.from_bytes(data[:_LENGTH], "big")
    return data[_LENGTH : _LENGTH + size], data[_LENGTH + size :]
