# SPDX-License-Identifier: Apache-2.0
"""A vault in memory with a true broker: spaces are written, rotated, erased and read without a file. Tests nothing."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.errors import Missing
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.rotation import Rotated, Rotator, next_steps, rotate
from rempart.journeys.space import OpenSpace, SpaceWriter, Vault, newest_commit, open_space
from rempart.keys.rotation import SCHEMA
from rempart.ports.broker import Broker, GrantRequest
from rempart.records.document import SignedDocument
from rempart.records.sealed import Sealed, SpaceCommit
from rempart.vault.read import fetch, open_part
from tests.properties.keys_story import Story

SPACE = "warehouse"
TABLE = "person"
USES = (TABLE, "manifest")


class CountingHost:
    """A host in a dict that remembers what it was asked for; ``before_put`` may run something first."""

    label = "directory"

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.read: list[str] = []
        self.written: list[str] = []

    def put(self, name: str, sealed: Sealed) -> bool:
        self.written.append(name)
        return self.held.setdefault(name, sealed.data) is sealed.data

    def get(self, name: str) -> Sealed:
        self.read.append(name)
        if name not in self.held:
            raise Missing("object-missing", object=name)
        return Sealed(self.held[name])

    def names(self) -> Iterator[str]:
        return iter(self.held)

    def delete(self, name: str) -> None:
        self.held.pop(name, None)


class Silence:
    """A bar that nobody sees."""

    def step(self, name: str, done: int, total: int) -> None:
        pass


class VaultStory:
    """One space of a warehouse; ``write``, ``rotate`` and ``read`` are acts with intents of their own."""

    def __init__(self) -> None:
        self.keys = Story()
        self.host = CountingHost()
        seed = self.keys.keys.need("signing", "vault")
        self.vault = Vault(
            warehouse="w",
            public=Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw(),
            host=cast(Any, self.host),
            ledger=self.keys.ledger,
            broker=cast(Broker, self.keys.broker),
        )
        self.recorder = Recorder(ledger=self.keys.ledger, clock=self.keys.clock, randomness=self.keys.randomness)
        self.written: dict[str, list[list[int]]] = {}
        self.steps: list[str] = []

    def begin(self) -> "Writing":
        """A writer that has read the head it starts from."""
        return Writing(self, newest_commit(self.keys.ledger, SPACE))

    def write(self, rows: Sequence[int], *, keep: bool = True) -> SpaceCommit:
        """A snapshot of one more part beside those before."""
        return self.begin().finish(rows, keep=keep)

    def rotate(self, *, named_step: Any = None, host: Any = None) -> Rotated:
        """The space's keys to the next epoch."""
        steps = next_steps(self.keys.ledger.leaves(), [SPACE])
        document = self.keys.signed({"schema": SCHEMA, "spaces": [step.as_dict() for step in steps]}, "olga")
        vault = self.vault if host is None else cast(Vault, _with_host(self.vault, host))
        rotator = Rotator(
            vault=vault,
            recorder=self.recorder,
            documents=self.keys.documents,
            run="K-1",
            progress=Silence(),
            named_step=named_step or self.steps.append,
        )
        signed = SignedDocument.from_bytes(self.keys.documents.get(document), schema=SCHEMA)
        return rotate(rotator, signed, actor="salted:a")[0]

    def opened(self, head: str | None = None) -> tuple[OpenSpace, str]:
        """A snapshot, and the reference that it was opened with."""
        with recorded(self.recorder, "hash", basis="operation:hash", objects=[f"space:{SPACE}"]) as act:
            return self._opened(act, head)

    def read(self, head: str | None = None) -> list[list[int]]:
        """The rows of each part of a snapshot."""
        with recorded(self.recorder, "hash", basis="operation:hash", objects=[f"space:{SPACE}"]) as act:
            opened, reference = self._opened(act, head)
            items = [(p.key_context("w", opened.commit.epoch), opened.wrapped[p.object]) for p in opened.body.parts]
            keys = self.vault.broker.unwrap(reference, items) if items else []
            return [
                _rows(bytes(open_part(fetch(self.vault.host, part.object), part, warehouse="w", key=key)))
                for part, key in zip(opened.body.parts, keys, strict=True)
            ]

    def _opened(self, act: Act, head: str | None) -> tuple[OpenSpace, str]:
        tables = tuple((SPACE, table, "main", "read") for table in USES)
        (reference,) = self.vault.broker.grant(GrantRequest(intent=act.index, tables=tables))
        return open_space(self.vault, space=SPACE, reference=reference, head=head), reference


class Writing:
    """A writer between its start and its commit."""

    def __init__(self, story: VaultStory, parent: SpaceCommit | None) -> None:
        self._story, self.parent = story, parent

    def finish(self, rows: Sequence[int], *, keep: bool = True) -> SpaceCommit:
        """Seal and commit; raises Unavailable ``commit-lost`` when something came between."""
        story = self._story
        with recorded(story.recorder, "ingest", basis="operation:ingest", objects=[f"space:{SPACE}"]) as act:
            tables = (*((SPACE, t, "main", "write") for t in USES), (SPACE, "manifest", "main", "read"))
            (reference,) = story.vault.broker.grant(GrantRequest(intent=act.index, tables=tables))
            writer = SpaceWriter(
                story.vault,
                story.recorder,
                act,
                space=SPACE,
                shards=1,
                parent=self.parent,
                reference=reference,
                named_step=story.steps.append,
            )
            before: list[list[int]] = []
            if keep and self.parent is not None:
                writer.keep(open_space(story.vault, space=SPACE, reference=reference, head=self.parent.head))
                before = story.written[self.parent.head]
            writer.add(TABLE, "main", 0, pa.table({"x": pa.array(rows, pa.int64())}))
            commit = writer.commit(lineage=(), facts={})
        story.written[commit.head] = [*before, list(rows)]
        return commit


def _rows(data: bytes) -> list[int]:
    found: list[int] = pq.read_table(pa.BufferReader(data)).column("x").to_pylist()
    return found


def _with_host(vault: Vault, host: Any) -> Vault:
    return Vault(warehouse=vault.warehouse, public=vault.public, host=host, ledger=vault.ledger, broker=vault.broker)
