# SPDX-License-Identifier: Apache-2.0
"""The proof beside a release: these files are the ones whose hash a ledger leaf names, and that leaf is in the signed log.

Offline and whole in itself: a reader needs the files, this JSON, and the ledger's public key from elsewhere.
It does not show that the checkers approved: that is the audit of the whole log.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.tree import leaf_hash, verify_inclusion
from rempart.errors import NotTrusted
from rempart.records.canonical import content_id
from rempart.records.event import LedgerEvent

SCHEMA = "rempart.proof/1"
_KEYS = {"schema", "leaf", "index", "size", "inclusion", "checkpoint", "files"}


def pack_id(files: Mapping[str, str]) -> str:
    """``sha256:…`` of the list {path: ``sha256:…``}: what a release effect names as ``files``."""
    return content_id(dict(files))


def build(
    *, leaf: bytes, index: int, size: int, inclusion: Sequence[bytes], checkpoint: str, files: Mapping[str, str]
) -> dict[str, Any]:
    """The proof as JSON. ``leaf``: the release's effect as appended; ``size``: the checkpoint's; ``files``: path → ``sha256:…``."""
    return {
        "schema": SCHEMA,
        "leaf": base64.b64encode(leaf).decode(),
        "index": index,
        "size": size,
        "inclusion": [base64.b64encode(item).decode() for item in inclusion],
        "checkpoint": checkpoint,
        "files": dict(sorted(files.items())),
    }


def verify(proof: Mapping[str, Any], files: Mapping[str, str], *, origin: str, public: bytes) -> LedgerEvent:
    """The release's leaf, once the proof holds for exactly ``files`` (path → ``sha256:…`` as found).

    The leaf must be a release's effect naming ``pack`` = the hash of ``release.json`` and, when it names ``files``, the id of
    the whole list. Raises NotTrusted ``release-proof-form``, ``release-proof-files``, ``inclusion-proof``, ``checkpoint-…``.
    """
    if set(proof) != _KEYS or proof["schema"] != SCHEMA or not isinstance(proof["inclusion"], list):
        raise NotTrusted("release-proof-form")
    if proof["files"] != dict(files):
        raise NotTrusted("release-proof-files", file=_first_difference(proof["files"], files))
    if type(proof["index"]) is not int or type(proof["size"]) is not int or not isinstance(proof["checkpoint"], str):
        raise NotTrusted("release-proof-form")
    signed = parse_and_verify(proof["checkpoint"], origin, public)
    leaf = _decode(proof["leaf"])
    if signed.size != proof["size"]:
        raise NotTrusted("release-proof-form")
    path = [_decode(item) for item in proof["inclusion"]]
    verify_inclusion(leaf=leaf_hash(leaf), index=proof["index"], size=signed.size, proof=path, root=signed.root)
    event = LedgerEvent.from_leaf(leaf)
    _check_binding(event, files)
    return event


def _check_binding(event: LedgerEvent, files: Mapping[str, str]) -> None:
    if (event.kind, event.phase) != ("release", "effect"):
        raise NotTrusted("release-proof-form")
    if event.fact("pack") is None or event.fact("pack") != files.get("release.json"):
        raise NotTrusted("release-proof-files", file="release.json")
    if event.fact("files") not in {None, pack_id(files)}:
        raise NotTrusted("release-proof-files", file="files")


def _first_difference(told: object, found: Mapping[str, str]) -> str:
    if not isinstance(told, Mapping):
        return "?"
    return min((name for name in {*told, *found} if told.get(name) != found.get(name)), default="?")


def _decode(text: object) -> bytes:
    """Base64 in its one canonical form."""
    try:
        raw = base64.b64decode(str(text).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NotTrusted("release-proof-form") from error
    if base64.b64encode(raw).decode() != text:
        raise NotTrusted("release-proof-form")
    return raw
