# SPDX-License-Identifier: Apache-2.0
"""What a manifest says in clear: the outer list, proven by head and signature (docs/format.md, "The manifest").

Imports no cipher, so that whoever moves a warehouse can read this and open nothing. The sealed body is manifest.py's.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from rempart.errors import NotTrusted, RempartError
from rempart.records.canonical import canonical_bytes, content_id, parse_canonical
from rempart.records.sealed import Sealed, check_object_name
from rempart.records.signature import Signature, verify

MANIFEST = "rempart.manifest/1"
POINTER = "rempart.pointer/1"
ACTOR = "vault"
MAGIC = MANIFEST.encode() + b"\n"
FORM = (KeyError, TypeError, ValueError, AttributeError, RempartError)
_START = len(MAGIC) + 4
_OUTER_KEYS = {"schema", "warehouse", "space", "sequence", "parent", "epoch", "objects", "body"}


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


def read_outer(sealed: Sealed, *, head: str, vault_public: bytes) -> ManifestOuter:
    """The clear list, once head, form and signature hold; needs no key. Raises NotTrusted ``manifest``."""
    return proven(sealed, head=head, vault_public=vault_public)[0]


def proven(sealed: Sealed, *, head: str, vault_public: bytes) -> tuple[ManifestOuter, memoryview]:
    """Outer list and body stream, still sealed, once head and signature hold; raises NotTrusted ``manifest``."""
    if hashlib.sha256(sealed.data).hexdigest() != head:
        raise NotTrusted("manifest")
    try:
        facts, signature, stream = _split(sealed.data)
        over = content_id(facts)
        signed = Signature(alg="ed25519", actor=ACTOR, over=over, sig=signature)
        verify(signed, public=vault_public, alg="ed25519", over=over)
        return _outer(facts, signature, stream), stream
    except FORM as error:
        raise NotTrusted("manifest") from error


def pointer_bytes(name: str) -> bytes:
    """Canonical pointer."""
    return canonical_bytes({"schema": POINTER, "manifest": name})


def after_outer(data: bytes) -> memoryview:
    """The body stream of a manifest whose hash was proven."""
    return memoryview(data)[_START + int.from_bytes(data[len(MAGIC) : _START], "big") :]


def _split(data: bytes) -> tuple[Any, str, memoryview]:
    size = int.from_bytes(data[len(MAGIC) : _START], "big")
    value = parse_canonical(data[_START : _START + size], what="manifest")
    if not data.startswith(MAGIC) or set(value) != {"outer", "signature"}:
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
