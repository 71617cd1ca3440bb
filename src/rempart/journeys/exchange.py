# SPDX-License-Identifier: Apache-2.0
"""Rows on their way from source shards to target shards: sealed scratch under a key that only this call knows."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import length_prefixed
from rempart.vault.aead import decrypt_stream, encrypt_stream

_SEGMENT = 1 << 20


class Exchange:
    """Pieces by (table, target, source); read back in source order, so that the result does not depend on timing."""

    def __init__(self, scratch: Scratch, run: str, randomness: Randomness) -> None:
        self._scratch, self._run, self._randomness = scratch, run, randomness
        self._key = randomness.bytes(32)
        self._pieces: dict[tuple[str, int], list[str]] = {}
        self._schemas: dict[str, pa.Schema] = {}

    def put(self, table: str, source: int, rows: pa.Table) -> None:
        """Split ``rows`` by their column ``target`` and seal each piece."""
        self._schemas[table] = rows.schema.remove(rows.schema.get_field_index("target"))
        for target in pc.unique(rows.column("target")).to_pylist():
            piece = rows.filter(pc.equal(rows.column("target"), target)).drop_columns(["target"])
            self.keep(table, target, source, piece)

    def keep(self, table: str, target: int, source: int, rows: pa.Table) -> None:
        """Seal rows that all go to one target."""
        self._schemas.setdefault(table, rows.schema)
        name = f"{table}-{target:05d}-{source:05d}"
        self._scratch.put(self._run, name, self._seal(name, rows))
        self._pieces.setdefault((table, target), []).append(name)

    def has(self, table: str, target: int) -> bool:
        """Whether anything was put for a target."""
        return (table, target) in self._pieces

    def get(self, table: str, target: int) -> pa.Table:
        """Every piece of one table for one target shard."""
        return pa.concat_tables([self._schemas[table].empty_table(), *self.pieces(table, target)])

    def pieces(self, table: str, target: int) -> Iterator[pa.Table]:
        """The same, one piece after another."""
        for name in sorted(self._pieces.get((table, target), [])):
            yield self._open(name)

    def _seal(self, name: str, rows: pa.Table) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        return encrypt_stream(
            sink.getvalue().to_pybytes(),
            key=self._key,
            associated_data=self._bound(name),
            segment=_SEGMENT,
            salt=self._randomness.bytes(32),
            prefix=self._randomness.bytes(7),
        )

    def _open(self, name: str) -> pa.Table:
        sealed = self._scratch.get(self._run, name) or b""
        plain = decrypt_stream(sealed, key=self._key, associated_data=self._bound(name), segment=_SEGMENT)
        return pa.ipc.open_stream(pa.py_buffer(bytes(plain))).read_all()

    def _bound(self, name: str) -> bytes:
        return length_prefixed("rempart.scratch/1", self._run, name)
