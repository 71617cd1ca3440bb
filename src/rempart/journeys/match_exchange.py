# SPDX-License-Identifier: Apache-2.0
"""Sealed pieces on their way between the shards of persons and the buckets in which strata are matched: who made one, for whom.

A piece is bound to the run, the step, its source, its target and how many targets there are, under the run's evidence key; every source
makes one for every target, so that none can be taken away unseen. Matches nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from rempart.errors import NotTrusted
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import length_prefixed
from rempart.records.sealed import KeyContext
from rempart.vault.aead import decrypt_stream, encrypt_stream

_SEGMENT = 1 << 18
_LENGTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One step's pieces. ``targets``: how many each source makes; ``schema``: of the rows."""

    run: str
    step: str
    targets: int
    key: bytes
    context: KeyContext
    schema: pa.Schema

    def sealed(self, source: int, by_target: Sequence[pa.Table], randomness: Randomness) -> bytes:
        """A worker's answer: the pieces of one source, one a target, in order."""
        return length_prefixed(*(self._seal(source, target, rows, randomness) for target, rows in enumerate(by_target)))

    def _seal(self, source: int, target: int, rows: pa.Table, randomness: Randomness) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.schema) as writer:
            writer.write_table(rows.cast(self.schema))
        return encrypt_stream(
            sink.getvalue().to_pybytes(),
            key=self.key,
            associated_data=self._bound(source, target),
            segment=_SEGMENT,
            salt=randomness.bytes(32),
            prefix=randomness.bytes(7),
        )

    def opened(self, scratch: Scratch, sources: int, target: int) -> Iterator[pa.Table]:
        """Every source's piece for one target; raises NotTrusted ``exchange-piece`` when one is missing, ``sealed-bytes`` when altered."""
        for source in range(sources):
            sealed = scratch.get(self.run, piece_name(self.step, source, target))
            if sealed is None:
                raise NotTrusted("exchange-piece", step=self.step)
            plain = decrypt_stream(sealed, key=self.key, associated_data=self._bound(source, target), segment=_SEGMENT)
            rows = pa.ipc.open_stream(pa.py_buffer(bytes(plain))).read_all()
            if not rows.schema.equals(self.schema):
                raise NotTrusted("exchange-piece", step=self.step)
            yield rows

    def _bound(self, source: int, target: int) -> bytes:
        return length_prefixed(
            "rempart.exchange/1", self.context.associated_data(), self.step, source, target, self.targets
        )


def piece_name(step: str, source: int, target: int) -> str:
    """The name of a piece in the run's scratch."""
    return f"{step}-{source:05d}-{target:05d}.sealed"


def keep(scratch: Scratch, run: str, step: str, source: int, answer: bytes, *, targets: int) -> None:
    """Put a worker's answer into scratch, a piece a target; raises NotTrusted ``exchange-piece`` for an answer of another form."""
    pieces = list(_split(answer, step))
    if len(pieces) != targets:
        raise NotTrusted("exchange-piece", step=step)
    for target, piece in enumerate(pieces):
        scratch.put(run, piece_name(step, source, target), piece)


def missing(scratch: Scratch, run: str, step: str, *, sources: int, targets: int) -> list[int]:
    """Sources of which a piece is not there yet, after a run that was killed."""
    names = set(scratch.names(run))
    wanted = {source: [piece_name(step, source, target) for target in range(targets)] for source in range(sources)}
    return [source for source, pieces in wanted.items() if not names.issuperset(pieces)]


def _split(answer: bytes, step: str) -> Iterator[bytes]:
    at = 0
    while at < len(answer):
        end = at + _LENGTH + int.from_bytes(answer[at : at + _LENGTH], "big")
        if end > len(answer):
            raise NotTrusted("exchange-piece", step=step)
        yield answer[at + _LENGTH : end]
        at = end
