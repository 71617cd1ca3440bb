# SPDX-License-Identifier: Apache-2.0
"""What the vault and the hosts share: sealed bytes, the identity of a part, and where its key comes from."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rempart.errors import NotTrusted
from rempart.records.canonical import length_prefixed

FORMAT = "sealed-v1"
_OBJECT = re.compile(r"(?:[om]/[0-9a-f]{32}|s/[0-9]{1,20})")


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes that a host may hold. Made by ``vault.seal`` and by a host adapter's ``get``, nowhere else (law 4)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SealedStream:
    """A sealed object on its way from one host to another: its size in bytes and its chunks, read once. Made by a host adapter's
    ``open`` and by the mover, which hashes while it passes chunks on (law 4)."""

    size: int
    chunks: Iterator[bytes | memoryview]


def is_object_name(name: str) -> bool:
    """Whether ``name`` has the form of an object's name."""
    return _OBJECT.fullmatch(name) is not None


def check_object_name(name: str) -> str:
    """``o/<32 hex>`` part, ``m/<32 hex>`` manifest or keyring, ``s/<digits>`` pointer; else NotTrusted ``object-name``."""
    if not is_object_name(name):
        raise NotTrusted("object-name")
    return name


@functools.lru_cache(maxsize=1024)
def _key_place(warehouse: str, space: str, table: str, sibling: str) -> bytes:
    """What all keys of one table's sibling are bound to alike: they are wrapped by the ten thousand."""
    return length_prefixed("rempart.key/1", warehouse, space, table, sibling)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyContext:
    """What a wrapped data key is bound to (its associated data). The KEK is chosen by space, table, sibling, epoch."""

    warehouse: str
    space: str
    table: str
    sibling: str
    part: str
    epoch: int

    def associated_data(self) -> bytes:
        """Length-prefixed, so that no two contexts share bytes."""
        return self.associated_data_in(self.epoch)

    def associated_data_in(self, epoch: int) -> bytes:
        """What the same key is bound to under another epoch."""
        place = _key_place(self.warehouse, self.space, self.table, self.sibling)
        return place + length_prefixed(self.part, epoch)

    @property
    def kek(self) -> str:
        """Name of the table key that wraps this data key: ``space/table/sibling/epoch``."""
        return f"{self.space}/{self.table}/{self.sibling}/{self.epoch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEntry:
    """One part as its manifest's sealed body lists it. Sizes in bytes; ``length`` is the true Parquet length before padding."""

    space: str
    table: str
    sibling: str
    shard: int
    part: str
    object: str
    size: int
    sha256: str
    length: int
    rows: int
    segment: int
    lineage: tuple[str, ...]

    def associated_data(self, warehouse: str) -> bytes:
        """Associated data of the sealed stream: format, segment, warehouse, space, table, sibling, part."""
        return length_prefixed(FORMAT, self.segment, warehouse, self.space, self.table, self.sibling, self.part)

    def key_context(self, warehouse: str, epoch: int) -> KeyContext:
        """The context of this part's data key."""
        return KeyContext(
            warehouse=warehouse, space=self.space, table=self.table, sibling=self.sibling, part=self.part, epoch=epoch
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceBody:
    """The sealed body of a manifest: what the space holds. ``tables``: table → sibling → column names in order."""

    tables: Mapping[str, Mapping[str, tuple[str, ...]]]
    shards: int
    parts: tuple[PartEntry, ...]
    lineage: tuple[str, ...]
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceCommit:
    """A commit as the ledger holds it. ``parent`` is the head before ('' for the first); ``head`` the manifest's SHA-256."""

    space: str
    host: str
    parent: str
    head: str
    manifest: str
    keyring: str
    keyring_sha256: str
    epoch: int

    def objects(self) -> tuple[str, ...]:
        """As ledger facts."""
        return (
            f"space:{self.space}",
            f"host:{self.host}",
            f"parent:{self.parent}",
            f"head:{self.head}",
            f"manifest:{self.manifest}",
            f"keyring:{self.keyring}",
            f"keyring-hash:{self.keyring_sha256}",
            f"epoch:{self.epoch}",
        )

    @classmethod
    def from_objects(cls, objects: tuple[str, ...]) -> "SpaceCommit":
        """From ledger facts; raises NotTrusted ``commit-form``."""
        facts = dict(item.partition(":")[::2] for item in objects)
        try:
            return cls(
                space=facts["space"],
                host=facts["host"],
                parent=facts["parent"],
                head=facts["head"],
                manifest=check_object_name(facts["manifest"]),
                keyring=check_object_name(facts["keyring"]),
                keyring_sha256=facts["keyring-hash"],
                epoch=int(facts["epoch"]),
            )
        except (KeyError, ValueError) as error:
            raise NotTrusted("commit-form") from error
