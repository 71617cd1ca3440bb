# SPDX-License-Identifier: Apache-2.0
"""Fixed keys, fixed "random" bytes and one small sealed space: what the frozen files and the tests on sealed objects share.

Nothing here is secret, and nothing here may ever be used outside tests.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.records.sealed import PartEntry, Sealed, SpaceBody, SpaceCommit
from rempart.records.signature import sign
from rempart.vault.manifest import open_keyring, open_manifest
from rempart.vault.parquet import parquet_bytes
from rempart.vault.read import fetch, open_part
from rempart.vault.seal import seal_keyring, seal_manifest, seal_part, seal_pointer

WAREHOUSE = "5f1d2c3b4a59687766554433221100ff"
SPACE = "project:glitazones"
VAULT = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"the vault of the tests").digest())
VAULT_PUBLIC = VAULT.public_key().public_bytes_raw()
CODES = frozenset({"sealed-bytes", "manifest", "keyring", "commit-chain", "object-altered", "object-absent"})


def drawn(seed: str) -> Callable[[int], bytes]:
    """Bytes that look random and are the same each time: SHA-256(seed ‖ counter), joined and taken in order."""
    state = {"counter": 0, "rest": b""}

    def take(count: int) -> bytes:
        while len(state["rest"]) < count:
            state["rest"] += hashlib.sha256(f"{seed}/{state['counter']}".encode()).digest()
            state["counter"] += 1
        out, state["rest"] = state["rest"][:count], state["rest"][count:]
        return bytes(out)

    return take


def signed_by(private: Ed25519PrivateKey) -> Callable[[str], str]:
    """What a vault's key says over a manifest."""
    return lambda over: sign(private, actor="vault", over=over).sig


def wrap(key: bytes) -> bytes:
    """Stands for the key store: reversible, longer than the key, no protection at all."""
    return b"wrapped:" + bytes(byte ^ 0x5A for byte in key)


def unwrap(wrapped: bytes) -> bytes:
    """The key back."""
    return bytes(byte ^ 0x5A for byte in wrapped.removeprefix(b"wrapped:"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One committed snapshot with everything a test may want to know of it."""

    commit: SpaceCommit
    body: SpaceBody
    objects: Mapping[str, Sealed]
    keys: Mapping[str, bytes]


def rows(shard: int, count: int = 40) -> pa.Table:
    """Some rows of one shard."""
    return pa.table(
        {
            "person_id": pa.array(range(shard * 1000, shard * 1000 + count), pa.int64()),
            "drug_source_value": pa.array([f"A10BG0{n % 3}" for n in range(count)]),
            "quantity": pa.array([None if n % 7 == 0 else n / 2 for n in range(count)], pa.float64()),
        }
    )


def part(
    table: str, shard: int, randomness: Callable[[int], bytes], **other: object
) -> tuple[PartEntry, Sealed, bytes]:
    """(entry, object, data key) of one part; ``other`` replaces arguments of seal_part."""
    key = randomness(32)
    given = {
        "warehouse": WAREHOUSE, "space": SPACE, "table": table, "sibling": "main", "shard": shard, "rows": 40,
        "lineage": ("delivery:2019",), "key": key, "randomness": randomness,
    }  # fmt: skip
    entry, sealed = seal_part(parquet_bytes(rows(shard)), **{**given, **other})  # type: ignore[arg-type]
    return entry, sealed, key


def snapshot(seed: str, *, parent: SpaceCommit | None = None, sequence: int = 1, **other: str) -> Snapshot:
    """A space of two tables in two shards; ``other`` may replace ``space`` and ``warehouse``."""
    randomness = drawn(seed)
    where = {"warehouse": WAREHOUSE, "space": SPACE, **other}
    made = [part(table, shard, randomness, **where) for table in ("person", "drug_exposure") for shard in (0, 1)]
    columns = {"main": tuple(rows(0).column_names)}
    body = SpaceBody(
        tables={"person": columns, "drug_exposure": columns},
        shards=2,
        parts=tuple(entry for entry, _, _ in made),
        lineage=("delivery:2019",),
        facts={"rules": "sha256:00"},
    )
    manifest, keyring, key = f"m/{randomness(16).hex()}", f"m/{randomness(16).hex()}", randomness(32)
    head, sealed_manifest = seal_manifest(
        body, **where, sequence=sequence, parent=parent.head if parent else "", name=manifest, epoch=1, key=key,
        randomness=randomness, sign=signed_by(VAULT),
    )  # fmt: skip
    keys = {entry.object: data_key for entry, _, data_key in made} | {manifest: key}
    wrapped = {name: wrap(data_key) for name, data_key in keys.items()}
    sha256, sealed_keyring = seal_keyring(wrapped, space_label=randomness(16).hex(), epoch=1)
    commit = SpaceCommit(
        space=where["space"], host="directory", parent=parent.head if parent else "", head=head, manifest=manifest,
        keyring=keyring, keyring_sha256=sha256, epoch=1,
    )  # fmt: skip
    objects = {entry.object: sealed for entry, sealed, _ in made} | {manifest: sealed_manifest, keyring: sealed_keyring}
    return Snapshot(commit=commit, body=body, objects={**objects, f"s/{sequence}": seal_pointer(manifest)}, keys=keys)


def read_all(host: object, commit: SpaceCommit, **other: str) -> Iterable[tuple[PartEntry, bytes]]:
    """Every part of a snapshot as a reader opens it that trusts the commit alone."""
    where = {"warehouse": WAREHOUSE, "space": commit.space, **other}
    wrapped = open_keyring(fetch(host, commit.keyring), sha256=commit.keyring_sha256)  # type: ignore[arg-type]
    body = open_manifest(
        fetch(host, commit.manifest), head=commit.head, vault_public=VAULT_PUBLIC, **where,  # type: ignore[arg-type]
        key=unwrap(wrapped[commit.manifest]), name=commit.manifest, epoch=commit.epoch,
    )  # fmt: skip
    for entry in body.parts:
        key = unwrap(wrapped[entry.object])
        sealed = fetch(host, entry.object)  # type: ignore[arg-type]
        yield entry, bytes(open_part(sealed, entry, warehouse=where["warehouse"], key=key))
