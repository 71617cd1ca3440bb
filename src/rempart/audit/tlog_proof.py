# SPDX-License-Identifier: Apache-2.0
"""One leaf and its place in the log as a text of its own: C2SP tlog-proof, ``c2sp.org/tlog-proof@v1``.

The extra data are the leaf itself. Nothing in them is believed before their hash has climbed to the root of a signed checkpoint.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.proofs import HASH_BYTES, leaf_hash, verify_inclusion
from rempart.errors import NotTrusted
from rempart.records.event import LedgerEvent

_HEAD = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_LONGEST = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A proof as read, nothing proven yet. ``extra``: opaque bytes, None without that line; ``path``: hashes from the leaf's sibling up."""

    index: int
    extra: bytes | None
    path: tuple[bytes, ...]
    checkpoint: str


def build(*, leaf: bytes, index: int, inclusion: Sequence[bytes], checkpoint: str) -> str:
    """The text. ``leaf``: as appended; ``inclusion``: its proof in the tree of ``checkpoint``, a note with any cosignatures."""
    hashes = [_encode(item) for item in inclusion]
    return "\n".join([_HEAD, f"extra {_encode(leaf)}", f"index {index}", *hashes, "", checkpoint])


def parse(text: str) -> TlogProof:
    """The parts of a proof of any log; raises NotTrusted ``tlog-proof-form``."""
    above, blank, checkpoint = text.partition("\n\n")
    head, *lines = above.split("\n")
    extra = _decode(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if head != _HEAD or not blank or index is None or len(lines) > _LONGEST:
        raise NotTrusted("tlog-proof-form")
    path = tuple(_decode(line) for line in lines)
    if any(len(item) != HASH_BYTES for item in path):
        raise NotTrusted("tlog-proof-form")
    return TlogProof(index=int(index[1]), extra=extra, path=path, checkpoint=checkpoint)


def verify(text: str, *, origin: str, public: bytes) -> LedgerEvent:
    """The leaf that the proof carries, once it is proven to stand in the log of ``origin`` that ``public`` (32 raw bytes) signed.

    Raises NotTrusted ``tlog-proof-form``, ``inclusion-proof``, ``checkpoint-…``, and what a leaf of another form raises.
    """
    proof = parse(text)
    signed = parse_and_verify(proof.checkpoint, origin, public)
    if proof.extra is None:
        raise NotTrusted("tlog-proof-form")
    leaf = leaf_hash(proof.extra)
    verify_inclusion(leaf=leaf, index=proof.index, size=signed.size, proof=proof.path, root=signed.root)
    return LedgerEvent.from_leaf(proof.extra)


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    """Base64 in its one canonical form, so that no bit of a proof is free."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NotTrusted("tlog-proof-form") from error
    if _encode(raw) != text:
        raise NotTrusted("tlog-proof-form")
    return raw
