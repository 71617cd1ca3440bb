# SPDX-License-Identifier: Apache-2.0
"""Manifests, keyrings and pointers as bytes: written for ``vault.seal``, read back and proven (docs/format.md).

Reading the outer list needs no key. Makes no ``Sealed`` and asks no host.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted, RempartError
from rempart.records.canonical import canonical_bytes, content_id, length_prefixed, parse_canonical
from rempart.records.sealed import PartEntry, Sealed, SpaceBody, check_object_name
from rempart.records.signature import Signature, verify
from rempart.vault import aead
from rempart.vault.body import body_from, body_value
from rempart.vault.padding import padme

MANIFEST = "rempart.manifest/1"
KEYRING = "rempart.keyring/1"
POINTER = "rempart.pointer/1"
ACTOR = "vault"
BODY_SEGMENT = aead.SMALL_SEGMENT
_MAGIC = MANIFEST.encode() + b"\n"
_START = len(_MAGIC) + 4
_OUTER_KEYS = {"schema", "warehouse", "space", "sequence", "parent", "epoch", "objects", "body"}
_FORM = (KeyError, TypeError, ValueError, AttributeError, RempartError)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestOuter:
    """What a mover can verify without a key. ``objects``: (name, size, SHA-256 of the ciphertext), sorted by name.

    ``space`` is a random label; ``warehouse`` a random id; ``signature`` base64 Ed25519.
    """

    warehouse: str
    space: str
    sequence: int
    parent: str
    objects: tuple[tuple[str, int, str], ...]
    epoch: int
    signature: str


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
    return _MAGIC + len(outer).to_bytes(4, "big") + outer + stream


def body_plaintext(body: SpaceBody, space: str) -> bytes:
    """Length, canonical body, zeros up to the next Padmé size."""
    raw = canonical_bytes(body_value(body, space))
    plain = len(raw).to_bytes(8, "big") + raw
    return plain + bytes(padme(len(plain)) - len(plain))


def read_outer(sealed: Sealed, *, head: str, vault_public: bytes) -> ManifestOuter:
    """The clear list, once head, form and signature hold; needs no key. Raises NotTrusted ``manifest``."""
    return _proven(sealed, head=head, vault_public=vault_public)[0]


def open_manifest(
    sealed: Sealed, *, head: str, vault_public: bytes, warehouse: str, space: str, key: bytes, name: str, epoch: int
) -> SpaceBody:
    """The body, once it proves to be that of this space, place in the chain and object name.

    ``epoch`` is the commit's; the manifest may be older than a key rotation, never newer. Raises NotTrusted ``manifest``.
    """
    outer, stream = _proven(sealed, head=head, vault_public=vault_public)
    place = Place(
        warehouse=warehouse, space=space, sequence=outer.sequence, parent=outer.parent, name=name, epoch=outer.epoch
    )
    try:
        plain = aead.decrypt_stream(stream, key=key, associated_data=place.associated_data(), segment=BODY_SEGMENT)
        body = body_from(parse_canonical(_unpadded(plain), what="manifest"), space)
    except _FORM as error:
        raise NotTrusted("manifest") from error
    listed = sorted((part.object, part.size, part.sha256) for part in body.parts)
    if outer.warehouse != warehouse or outer.epoch > epoch or listed != list(outer.objects):
        raise NotTrusted("manifest")
    return body


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
        return {check_object_name(name): base64.b64decode(key, validate=True) for name, key in value["keys"].items()}
    except (*_FORM, binascii.Error) as error:
        raise NotTrusted("keyring") from error


def pointer_bytes(name: str) -> bytes:
    """Canonical pointer."""
    return canonical_bytes({"schema": POINTER, "manifest": name})


def _proven(sealed: Sealed, *, head: str, vault_public: bytes) -> tuple[ManifestOuter, memoryview]:
    """Outer list and body stream, proven by head and signature."""
    if hashlib.sha256(sealed.data).hexdigest() != head:
        raise NotTrusted("manifest")
    try:
        facts, signature, stream = _split(sealed.data)
        over = content_id(facts)
        signed = Signature(alg="ed25519", actor=ACTOR, over=over, sig=signature)
        verify(signed, public=vault_public, alg="ed25519", over=over)
        return _outer(facts, signature, stream), stream
    except _FORM as error:
        raise NotTrusted("manifest") from error


def _split(data: bytes) -> tuple[Any, str, memoryview]:
    size = int.from_bytes(data[len(_MAGIC) : _START], "big")
    value = parse_canonical(data[_START : _START + size], what="manifest")
    if not data.startswith(_MAGIC) or set(value) != {"outer", "signature"}:
        raise NotTrusted("manifest")
    return value["outer"], value["signature"], memoryview(data)[_START + size :]


def _outer(facts: Any, signature: str, stream: memoryview) -> ManifestOuter:
    body = [len(stream), hashlib.sha256(stream).hexdigest()]
    if set(facts) != _OUTER_KEYS or facts["schema"] != MANIFEST or facts["body"] != body:
        raise NotTrusted("manifest")
    objects = tuple((check_object_name(name), int(size), str(sha256)) for name, size, sha256 in facts["objects"])
    names = [name for name, _, _ in objects]
    if names != sorted(set(names)):
        raise NotTrusted("manifest")
    return ManifestOuter(
        warehouse=facts["warehouse"],
        space=facts["space"],
        sequence=facts["sequence"],
        parent=facts["parent"],
        objects=objects,
        epoch=facts["epoch"],
        signature=signature,
    )


def _unpadded(plain: bytearray) -> bytes:
    """The body without its length and its zeros; raises NotTrusted ``manifest``."""
    end = 8 + int.from_bytes(plain[:8], "big")
    if len(plain) != padme(end) or any(plain[end:]):
        raise NotTrusted("manifest")
    return bytes(plain[8:end])
