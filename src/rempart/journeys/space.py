# SPDX-License-Identifier: Apache-2.0
"""Open and write a space: parts, manifest and keyring on the host, the commit in the ledger.

The ledger's append is the commit: the host's answers are hints and everything it returns must prove itself.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa

from rempart.errors import NotTrusted, Unavailable
from rempart.journeys.chain import active_host, commits_in, kept, snapshot_of, snapshots_in
from rempart.journeys.recorded import Act, Recorder
from rempart.ports.broker import Broker
from rempart.ports.host import Host
from rempart.ports.ledger import Ledger
from rempart.records.sealed import KeyContext, PartEntry, SpaceBody, SpaceCommit
from rempart.vault.manifest import open_keyring, open_manifest
from rempart.vault.parquet import parquet_bytes
from rempart.vault.read import fetch, open_part
from rempart.vault.seal import seal_keyring, seal_manifest, seal_part, seal_pointer

_FIRST_EPOCH = 1
_WRAP_BATCH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """What reading and writing any space needs; ``warehouse`` is its id, ``public`` the vault's signing key."""

    warehouse: str
    public: bytes
    host: Host
    ledger: Ledger
    broker: Broker


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpace:
    """A space at one head: its body and the wrapped data keys by object name.

    ``commit``: with the keyring and the epoch that open it now. ``first_epoch``: that of its manifest; runs name their evidence
    and result keys by it, so that a rotation under way breaks none.
    """

    commit: SpaceCommit
    body: SpaceBody
    wrapped: Mapping[str, bytes]
    first_epoch: int

    def parts(self, table: str, sibling: str, shard: int) -> list[PartEntry]:
        """Parts of one table's sibling in one shard, in manifest order."""
        return [p for p in self.body.parts if (p.table, p.sibling, p.shard) == (table, sibling, shard)]


def commits(ledger: Ledger, space: str) -> list[SpaceCommit]:
    """Every commit of ``space`` in ledger order, rotations too."""
    return commits_in(ledger.leaves(), space)


def newest_commit(ledger: Ledger, space: str) -> SpaceCommit | None:
    """The head of ``space`` with its newest keyring and epoch, once its chain holds; None when it was never written."""
    found = kept(ledger, space)
    return found[-1].current if found else None


def open_space(vault: Vault, *, space: str, reference: str, head: str | None = None) -> OpenSpace:
    """Open the newest (or the pinned) snapshot under its newest keyring; raises Missing ``space-missing``, ``space-erased`` or
    NotTrusted."""
    snapshot = snapshot_of(vault.ledger, space, head)
    commit = snapshot.current
    wrapped = open_keyring(fetch(vault.host, commit.keyring), sha256=commit.keyring_sha256)
    if commit.manifest not in wrapped:
        raise NotTrusted("keyring")
    context = manifest_context(vault.warehouse, commit)
    (key,) = vault.broker.unwrap(reference, [(context, wrapped[commit.manifest])])
    body = open_manifest(
        fetch(vault.host, commit.manifest),
        head=commit.head,
        vault_public=vault.public,
        warehouse=vault.warehouse,
        space=space,
        key=key,
        name=commit.manifest,
        epoch=snapshot.origin.epoch,
    )
    return OpenSpace(commit=commit, body=body, wrapped=wrapped, first_epoch=snapshot.origin.epoch)


def read_parts(vault: Vault, opened: OpenSpace, parts: Sequence[PartEntry], *, reference: str) -> Iterable[memoryview]:
    """The Parquet bytes of ``parts`` in order; their data keys are asked for in one call."""
    items = [(p.key_context(vault.warehouse, opened.commit.epoch), opened.wrapped[p.object]) for p in parts]
    keys = vault.broker.unwrap(reference, items)
    for part, key in zip(parts, keys, strict=True):
        yield open_part(fetch(vault.host, part.object), part, warehouse=vault.warehouse, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A part on the host that no snapshot lists yet, with its data key."""

    entry: PartEntry
    key: bytes
    columns: tuple[str, ...]


class SpaceWriter:
    """Seals tables shard by shard, then commits once. Nothing exists for a reader until the ledger holds the commit."""

    def __init__(
        self,
        vault: Vault,
        recorder: Recorder,
        act: Act,
        *,
        space: str,
        shards: int,
        parent: SpaceCommit | None,
        reference: str,
        named_step: Callable[[str], None],
    ) -> None:
        """``parent``: the snapshot that the caller worked from (None: the space must not exist). It is the caller's, never looked up
        here: of two that began from the same snapshot, the second must lose, however late it starts to write."""
        self._vault, self._recorder, self._act = vault, recorder, act
        self._space, self._shards, self._reference = space, shards, reference
        self._named_step = named_step
        self._random = recorder.randomness.bytes
        self._parts: list[PartEntry] = []
        self._keys: list[tuple[KeyContext, bytes]] = []
        self._kept: dict[str, bytes] = {}
        self._tables: dict[str, dict[str, tuple[str, ...]]] = {}
        self._parent = parent
        self._epoch = parent.epoch if parent else _FIRST_EPOCH

    def add(self, table: str, sibling: str, shard: int, rows: pa.Table, *, lineage: tuple[str, ...] = ()) -> None:
        """Seal one part and put it on the host."""
        self.take(self.stored(table, sibling, shard, rows, lineage=lineage))

    def stored(
        self, table: str, sibling: str, shard: int, rows: pa.Table, *, lineage: tuple[str, ...] = ()
    ) -> StoredPart:
        """Seal one part and put it on the host; nobody lists it before ``take``. For several threads at once."""
        key = self._random(32)
        entry, sealed = seal_part(
            parquet_bytes(rows),
            warehouse=self._vault.warehouse,
            space=self._space,
            table=table,
            sibling=sibling,
            shard=shard,
            rows=rows.num_rows,
            lineage=lineage,
            key=key,
            randomness=self._random,
        )
        self._vault.host.put(entry.object, sealed)
        return StoredPart(entry=entry, key=key, columns=tuple(rows.column_names))

    def take(self, part: StoredPart) -> None:
        """List a stored part in the snapshot to come, after those taken before."""
        entry = part.entry
        self._tables.setdefault(entry.table, {})[entry.sibling] = part.columns
        self._parts.append(entry)
        self._keys.append((entry.key_context(self._vault.warehouse, self._epoch), part.key))
        self._named_step("part-stored")

    def keep(
        self,
        opened: OpenSpace,
        *,
        tables: Collection[str] | None = None,
        but: Collection[str] = (),
    ) -> None:
        """Carry parts of the snapshot before into the next one, with the wrapped keys they have; all tables unless named,
        without the objects in ``but``.

        Raises Unavailable ``commit-lost`` when a rotation came between: the keys are of an epoch that the parent had not.
        """
        if opened.commit.epoch != self._epoch:
            raise Unavailable("commit-lost", space=self._space)
        for part in opened.body.parts:
            if (tables is None or part.table in tables) and part.object not in but:
                self._tables.setdefault(part.table, {})[part.sibling] = opened.body.tables[part.table][part.sibling]
                self._parts.append(part)
                self._kept[part.object] = opened.wrapped[part.object]

    def commit(self, *, lineage: tuple[str, ...], facts: Mapping[str, str]) -> SpaceCommit:
        """Manifest, keyring, then the ledger's compare-and-append; raises Unavailable ``commit-lost`` when another won."""
        body = SpaceBody(
            tables=self._tables, shards=self._shards, parts=tuple(self._parts), lineage=lineage, facts=facts
        )
        manifest, keyring = f"m/{self._random(16).hex()}", f"m/{self._random(16).hex()}"
        key, parent = self._random(32), self._parent.head if self._parent else ""
        head, sealed = seal_manifest(
            body,
            warehouse=self._vault.warehouse,
            space=self._space,
            sequence=len(kept(self._vault.ledger, self._space)) + 1,
            parent=parent,
            name=manifest,
            epoch=self._epoch,
            key=key,
            randomness=self._random,
            sign=lambda over: self._vault.broker.sign("vault", over),
        )
        self._vault.host.put(manifest, sealed)
        self._named_step("manifest-stored")
        commit = SpaceCommit(
            space=self._space,
            host=self._vault.host.label,
            parent=parent,
            head=head,
            manifest=manifest,
            keyring=keyring,
            keyring_sha256=self._store_keyring(keyring, manifest, key),
            epoch=self._epoch,
        )
        self._named_step("keyring-stored")
        append_commit(self._recorder, self._act, commit)
        self._named_step("committed")
        with suppress(Unavailable):  # a hint: the commit stands whatever the host says now
            self._vault.host.put(f"s/{self._recorder.ledger.size()}", seal_pointer(manifest))
        return commit

    def _wrapped(self, keys: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """Wrapped in several messages: a snapshot may have more parts than one holds."""
        found: list[bytes] = []
        for at in range(0, len(keys), _WRAP_BATCH):
            found += self._vault.broker.wrap(self._reference, keys[at : at + _WRAP_BATCH])
        return found

    def _store_keyring(self, name: str, manifest: str, key: bytes) -> str:
        context = KeyContext(
            warehouse=self._vault.warehouse,
            space=self._space,
            table="manifest",
            sibling="main",
            part=manifest,
            epoch=self._epoch,
        )
        wrapped = self._wrapped([*self._keys, (context, key)])
        fresh = [p.object for p in self._parts if p.object not in self._kept]
        by_object = {**self._kept, **dict(zip([*fresh, manifest], wrapped, strict=True))}
        sha256, sealed = seal_keyring(by_object, space_label=self._random(16).hex(), epoch=self._epoch)
        self._vault.host.put(name, sealed)
        return sha256


def _follows(commit: SpaceCommit, newest: SpaceCommit | None) -> bool:
    """Whether ``commit`` continues the chain as it stands: same head before it, and no key epoch passed meanwhile."""
    if newest is None:
        return not commit.parent
    return newest.head == commit.parent and newest.epoch <= commit.epoch


def append_commit(recorder: Recorder, act: Act, commit: SpaceCommit) -> int:
    """Append ``commit`` if its parent is still the head; the loser of a race, or of a move to another host, is told ``commit-lost``."""
    event = recorder.event("commit", "effect", basis=act.basis, objects=commit.objects(), actor=act.actor, of=act.index)
    for _ in range(50):
        leaves = recorder.ledger.leaves()
        found = snapshots_in(leaves, commit.space)
        if not _follows(commit, found[-1].current if found else None) or active_host(leaves) not in {None, commit.host}:
            break
        try:
            return recorder.append_at(len(leaves), [event])
        except Unavailable as error:
            if error.code != "ledger-moved":
                raise
    raise Unavailable("commit-lost", space=commit.space)


def manifest_context(warehouse: str, commit: SpaceCommit) -> KeyContext:
    """What the data key of the manifest's body is bound to in the keyring of ``commit``."""
    return KeyContext(
        warehouse=warehouse,
        space=commit.space,
        table="manifest",
        sibling="main",
        part=commit.manifest,
        epoch=commit.epoch,
    )
