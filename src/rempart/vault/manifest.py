# SPDX-License-Identifier: Apache-2.0
"""Manifests and keyrings as bytes: written for ``vault.seal``, read back and proven (docs/format.md).

The outer list alone is outer.py's, which needs no key. Makes no ``Sealed`` and asks no host.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted
from rempart.records.canonical import canonical_bytes, length_prefixed, parse_canonical
from rempart.records.sealed import PartEntry, Sealed, SpaceBody, check_object_name, is_object_name
from rempart.vault import aead
from rempart.vault.body import body_from, body_value, places_from
from rempart.vault.outer import FORM, MAGIC, MANIFEST, after_outer, proven
from rempart.vault.padding import padme

KEYRING = "rempart.keyring/1"
BODY_SEGMENT = aead.SMALL_SEGMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a manifest stands: what its sealed body is bound to. ``space`` is the true name."""

    warehouse: str
    space: str
    sequence: int
    parent: str
    name: str
    epoch: int

    def associated_data(self) -> bytes:
        """Associated data of the body stream."""
        return length_prefixed(
            MANIFEST, BODY_SEGMENT, self.warehouse, self.space, self.sequence, self.parent, self.name, self.epoch
        )


def outer_facts(place: Place, *, label: str, parts: Sequence[PartEntry], stream: bytes) -> dict[str, Any]:
    """The clear list that is signed."""
    return {
        "schema": MANIFEST,
        "warehouse": place.warehouse,
        "space": label,
        "sequence": place.sequence,
        "parent": place.parent,
        "epoch": place.epoch,
        "objects": sorted([part.object, part.size, part.sha256] for part in parts),
        "body": [len(stream), hashlib.sha256(stream).hexdigest()],
    }


def manifest_bytes(facts: Mapping[str, Any], signature: str, stream: bytes) -> bytes:
    """The object: magic, length of the outer list, outer list, body stream."""
    outer = canonical_bytes({"outer": facts, "signature": signature})
    return MAGIC + len(outer).to_bytes(4, "big") + outer + stream


def body_plaintext(body: SpaceBody, space: str) -> bytes:
    """Length, canonical body, zeros up to the next Padmé size."""
    raw = canonical_bytes(body_value(body, space))
    plain = len(raw).to_bytes(8, "big") + raw
    return plain + bytes(padme(len(plain)) - len(plain))


def open_manifest(
    sealed: Sealed, *, head: str, vault_public: bytes, warehouse: str, space: str, key: bytes, name: str, epoch: int
) -> SpaceBody:
    """The body, once it proves to be that of this space, place in the chain and object name.

    ``epoch`` is the commit's; the manifest may be older than a key rotation, never newer. Raises NotTrusted ``manifest``.
    """
    outer, stream = proven(sealed, head=head, vault_public=vault_public)
    place = Place(
        warehouse=warehouse, space=space, sequence=outer.sequence, parent=outer.parent, name=name, epoch=outer.epoch
    )
    try:
        plain = aead.decrypt_stream(stream, key=key, associated_data=place.associated_data(), segment=BODY_SEGMENT)
        body = body_from(parse_canonical(_unpadded(plain), what="manifest"), space)
    except FORM as error:
        raise NotTrusted("manifest") from error
    listed = sorted((part.object, part.size, part.sha256) for part in body.parts)
    if outer.warehouse != warehouse or outer.epoch > epoch or listed != list(outer.objects):
        raise NotTrusted("manifest")
    return body


def key_places(sealed: Sealed, *, head: str, place: Place, key: bytes) -> list[tuple[str, str, str, str]]:
    """(object, table, sibling, part) of every part: what their wrapped keys are bound to, and all that a rotation asks of a manifest.

    Head and stream prove the bytes; whether the body agrees with the clear list is ``open_manifest``'s question. Raises NotTrusted
    ``manifest``.
    """
    if hashlib.sha256(sealed.data).hexdigest() != head:
        raise NotTrusted("manifest")
    try:
        stream = after_outer(sealed.data)
        plain = aead.decrypt_stream(stream, key=key, associated_data=place.associated_data(), segment=BODY_SEGMENT)
        return places_from(json.loads(_unpadded(plain)), place.space)
    except FORM as error:
        raise NotTrusted("manifest") from error


def keyring_bytes(wrapped: Mapping[str, bytes], *, label: str, epoch: int) -> bytes:
    """Canonical keyring. Raises ValueError for a key no longer than a bare one: it is not wrapped."""
    if any(len(key) <= aead.KEY for key in wrapped.values()):
        raise ValueError("a keyring holds wrapped keys only")
    keys = {check_object_name(name): base64.b64encode(key).decode() for name, key in wrapped.items()}
    return canonical_bytes({"schema": KEYRING, "space": label, "epoch": epoch, "keys": keys})


def open_keyring(sealed: Sealed, *, sha256: str) -> dict[str, bytes]:
    """Wrapped data keys by object name, once the bytes are those of the commit. Raises NotTrusted ``keyring``."""
    if hashlib.sha256(sealed.data).hexdigest() != sha256:
        raise NotTrusted("keyring")
    try:
        value = parse_canonical(sealed.data, what="keyring")
        if set(value) != {"schema", "space", "epoch", "keys"} or value["schema"] != KEYRING:
            raise NotTrusted("keyring")
        if not all(map(is_object_name, value["keys"])):
            raise NotTrusted("keyring")
        return {name: binascii.a2b_base64(key, strict_mode=True) for name, key in value["keys"].items()}
    except (*FORM, binascii.Error) as error:
        raise NotTrusted("keyring") from error


def _unpadded(plain: bytearray) -> bytes:
    """The body without its length and its zeros; raises NotTrusted ``manifest``."""
    end = 8 + int.from_bytes(plain[:8], "big")
    if len(plain) != padme(end) or any(plain[end:]):
        raise NotTrusted("manifest")
    return bytes(plain[8:end])
