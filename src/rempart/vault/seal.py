# SPDX-License-Identifier: Apache-2.0
"""The only maker of ``Sealed`` in this room: parts, manifests, keyrings, pointers (docs/format.md).

Puts nothing on a host and draws nothing: names, salts and prefixes come from the ``randomness`` argument.
"""

import hashlib
from collections.abc import Callable, Mapping

from rempart.records.canonical import content_id
from rempart.records.sealed import PartEntry, Sealed, SpaceBody, check_object_name
from rempart.vault import aead
from rempart.vault.manifest import (
    BODY_SEGMENT,
    Place,
    body_plaintext,
    keyring_bytes,
    manifest_bytes,
    outer_facts,
)
from rempart.vault.outer import pointer_bytes
from rempart.vault.padding import padme

Randomness = Callable[[int], bytes]
DEFAULT_SEGMENT = aead.SMALL_SEGMENT


def seal_part(
    parquet: bytes,
    *,
    warehouse: str,
    space: str,
    table: str,
    sibling: str,
    shard: int,
    rows: int,
    lineage: tuple[str, ...],
    key: bytes,
    randomness: Randomness,
    segment: int = DEFAULT_SEGMENT,
) -> tuple[PartEntry, Sealed]:
    """Pad and seal one part under its own fresh ``key`` (32 bytes); the entry is what its manifest must say of it."""
    part, name = randomness(16).hex(), "o/" + randomness(16).hex()
    size = aead.sealed_size(padme(len(parquet)), segment)
    described = {
        "space": space, "table": table, "sibling": sibling, "shard": shard, "part": part, "object": name, "size": size,
        "length": len(parquet), "rows": rows, "segment": segment, "lineage": lineage,
    }  # fmt: skip
    unhashed = PartEntry(sha256="", **described)  # type: ignore[arg-type]
    data = aead.encrypt_stream(
        parquet,
        key=key,
        associated_data=unhashed.associated_data(warehouse),
        segment=segment,
        salt=randomness(aead.SALT),
        prefix=randomness(aead.PREFIX),
        zeros=padme(len(parquet)) - len(parquet),
    )
    return PartEntry(sha256=hashlib.sha256(data).hexdigest(), **described), Sealed(data)  # type: ignore[arg-type]


def seal_manifest(
    body: SpaceBody,
    *,
    warehouse: str,
    space: str,
    sequence: int,
    parent: str,
    name: str,
    epoch: int,
    key: bytes,
    randomness: Randomness,
    sign: Callable[[str], str],
    space_label: str = "",
) -> tuple[str, Sealed]:
    """(head, manifest): the outer list in clear and signed, ``body`` sealed under its own fresh ``key``.

    ``sign`` is given a ``sha256:…`` and returns base64 Ed25519 by the vault's key, in the form of ``records.signature`` with the actor
    ``vault``. ``space_label`` (32 hex) stands for the space in the clear list; drawn when not given.
    """
    place = Place(
        warehouse=warehouse, space=space, sequence=sequence, parent=parent, name=check_object_name(name), epoch=epoch
    )
    stream = aead.encrypt_stream(
        body_plaintext(body, space),
        key=key,
        associated_data=place.associated_data(),
        segment=BODY_SEGMENT,
        salt=randomness(aead.SALT),
        prefix=randomness(aead.PREFIX),
    )
    facts = outer_facts(place, label=space_label or randomness(16).hex(), parts=body.parts, stream=stream)
    data = manifest_bytes(facts, sign(content_id(facts)), stream)
    return hashlib.sha256(data).hexdigest(), Sealed(data)


def seal_keyring(wrapped: Mapping[str, bytes], *, space_label: str, epoch: int) -> tuple[str, Sealed]:
    """(SHA-256, keyring): wrapped data keys by object name. Raises ValueError for a key that is not wrapped."""
    data = keyring_bytes(wrapped, label=space_label, epoch=epoch)
    return hashlib.sha256(data).hexdigest(), Sealed(data)


def seal_pointer(manifest_name: str) -> Sealed:
    """The hint ``s/<digits>`` that names a manifest."""
    return Sealed(pointer_bytes(check_object_name(manifest_name)))
