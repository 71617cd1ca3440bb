# SPDX-License-Identifier: Apache-2.0
"""What opening a snapshot of ten thousand parts costs beyond its manifest: ledger, keyring, and how often the host is asked."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.registry import Work, bench
from rempart.journeys.space import Vault, open_space
from rempart.ports.broker import Broker
from rempart.ports.host import Host
from rempart.ports.ledger import Ledger
from rempart.records.event import LedgerEvent
from rempart.records.sealed import PartEntry, Sealed, SpaceBody, SpaceCommit
from rempart.records.signature import sign
from rempart.vault import aead
from rempart.vault.manifest import open_manifest
from rempart.vault.padding import padme
from rempart.vault.seal import seal_keyring, seal_manifest

PARTS, SHARDS, LENGTH = 10_000, 625, 35_000_000
WAREHOUSE, SPACE, KEY = "w" * 32, "warehouse", b"k" * 32
MANIFEST, KEYRING = "m/" + "1" * 32, "m/" + "2" * 32


@dataclass(slots=True)
class Outside:
    """Host, ledger and broker in one, as far as opening asks; ``asked`` holds each object that was read."""

    objects: dict[str, Sealed]
    leaf: bytes
    asked: list[str] = field(default_factory=list)

    def get(self, name: str) -> Sealed:
        """As a host does."""
        self.asked.append(name)
        return self.objects[name]

    def leaves(self) -> list[bytes]:
        """As a ledger of one commit does."""
        return [self.leaf]

    def unwrap(self, _: str, items: Sequence[object]) -> list[bytes]:
        """As a broker does, but at no cost."""
        return [KEY for _ in items]


def drawn(count: int, *, of: str) -> str:
    """Hex that stands for random bytes."""
    return hashlib.shake_256(of.encode()).hexdigest(count)


def entry(number: int) -> PartEntry:
    """A part that exists in the manifest alone: nothing may ask for it."""
    return PartEntry(
        space=SPACE, table=f"table_{number % 16}", sibling="main", shard=number % SHARDS, part=drawn(16, of=f"part {number}"),
        object="o/" + drawn(16, of=f"object {number}"), size=aead.sealed_size(padme(LENGTH), aead.SMALL_SEGMENT),
        sha256=drawn(32, of=f"hash {number}"), length=LENGTH, rows=2_500_000, segment=aead.SMALL_SEGMENT,
        lineage=("delivery:2019", "month:2019-01"),
    )  # fmt: skip


@bench(
    "storage-open-snapshot",
    peer="verifying, decrypting and parsing its manifest alone",
    bound=3.0,
    note=f"opening a snapshot of {PARTS:,} parts: ledger's commit, keyring, manifest; one read of each, none of a part (counted)",
)
def open_snapshot() -> tuple[Work, Work]:
    """Ours counts what it asked of the host in every run."""
    signer = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    tables = {f"table_{number}": {"main": ("person_id", "day", "code")} for number in range(16)}
    body = SpaceBody(tables=tables, shards=SHARDS, parts=tuple(map(entry, range(PARTS))), lineage=(), facts={})
    where = {"warehouse": WAREHOUSE, "space": SPACE}
    head, manifest = seal_manifest(
        body, **where, sequence=1, parent="", name=MANIFEST, epoch=1, key=KEY,
        randomness=lambda count: bytes.fromhex(drawn(count, of="manifest")), sign=lambda over: sign(signer, actor="vault", over=over).sig,
    )  # fmt: skip
    wrapped = {part.object: bytes.fromhex(drawn(60, of=part.object)) for part in body.parts} | {MANIFEST: bytes(60)}
    sha256, keyring = seal_keyring(wrapped, space_label="0" * 32, epoch=1)
    commit = SpaceCommit(
        space=SPACE, host="directory", parent="", head=head, manifest=MANIFEST, keyring=KEYRING, keyring_sha256=sha256, epoch=1
    )  # fmt: skip
    leaf = LedgerEvent(
        kind="commit", event_class="act", phase="effect", of=0, actor="", basis="operation:ingest",
        objects=commit.objects(), time="2026-11-22T00:00:00+00:00", salt="0" * 32,
    ).leaf()  # fmt: skip
    outside = Outside({MANIFEST: manifest, KEYRING: keyring}, leaf)
    public = signer.public_key().public_bytes_raw()
    vault = Vault(
        warehouse=WAREHOUSE, public=public, host=cast(Host, outside), ledger=cast(Ledger, outside), broker=cast(Broker, outside)
    )  # fmt: skip

    def ours() -> None:
        outside.asked.clear()
        opened = open_space(vault, space=SPACE, reference="")
        if sorted(outside.asked) != [MANIFEST, KEYRING] or len(opened.body.parts) != PARTS:
            raise ValueError("opening a snapshot reads its manifest and its keyring, once each, and no part")

    def peer() -> None:
        open_manifest(manifest, head=head, vault_public=public, **where, key=KEY, name=MANIFEST, epoch=1)

    return ours, peer
