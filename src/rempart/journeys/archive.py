# SPDX-License-Identifier: Apache-2.0
"""The one file of a backup: a clear header that says which backup it is, then everything else as a sealed stream.

    4-byte big-endian length ‖ header (canonical JSON) ‖ stream (docs/format.md, "The stream")

The stream's fresh key lies in the header, sealed to the recovery key; the header is bound into the stream. The plaintext is an
index (path, size, SHA-256 of each file) and the files. Holds the whole in memory; touches no disk.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rempart.errors import NotTrusted
from rempart.keys.hybrid import open_sealed, seal_to
from rempart.records.canonical import canonical_bytes, length_prefixed, parse_canonical
from rempart.vault.aead import KEY, LARGE_SEGMENT, PREFIX, SALT, decrypt_stream, encrypt_stream

SCHEMA = "rempart.backup/1"
_INDEX = "rempart.backup-index/1"
_LENGTH = 4
_LARGEST_HEADER = 1 << 20
_ID = re.compile(r"B-[0-9a-f]{16}")
_PLACE = re.compile(r"rempart\.toml|controller(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a backup says of itself in clear. ``size``, ``root``: of the checkpoint that its ledger ends with; ``custody``: the
    custody record, whose custodians open it; ``key``: the sealed stream key."""

    id: str
    warehouse: str
    taken: str
    size: int
    root: str
    custody: Mapping[str, Any]
    key: bytes = b""

    def as_bytes(self) -> bytes:
        """Canonical, as it stands in the file."""
        told = {"schema": SCHEMA, "id": self.id, "warehouse": self.warehouse, "taken": self.taken, "size": self.size}
        return canonical_bytes(
            {**told, "root": self.root, "custody": self.custody, "key": base64.b64encode(self.key).decode()}
        )

    def key_info(self) -> bytes:
        """What the sealed stream key is bound to."""
        return length_prefixed("rempart.backup-key/1", self.id, self.warehouse, self.taken, self.size, self.root)


def seal(header: Header, files: Mapping[str, bytes], *, recovery: bytes, randomness: Callable[[int], bytes]) -> bytes:
    """The backup's bytes; ``recovery``: the public recovery key. Draws the stream's key, salt and prefix."""
    key = randomness(KEY)
    whole = replace(header, key=seal_to(recovery, key, info=header.key_info()))
    told = whole.as_bytes()
    stream = encrypt_stream(
        _pack(files),
        key=key,
        associated_data=_bound(told),
        segment=LARGE_SEGMENT,
        salt=randomness(SALT),
        prefix=randomness(PREFIX),
    )
    return len(told).to_bytes(_LENGTH, "big") + told + stream


def read_header(data: bytes) -> Header:
    """Which backup a file says it is: proven only by ``unseal``. Raises NotTrusted ``backup-form``."""
    told, _ = _parts(data)
    value = parse_canonical(told, what="backup")
    names = {"schema", "id", "warehouse", "taken", "size", "root", "custody", "key"}
    if not isinstance(value, dict) or set(value) != names or value.pop("schema") != SCHEMA:
        raise NotTrusted("backup-form")
    texts = all(isinstance(value[name], str) for name in ("id", "warehouse", "taken", "root", "key"))
    if not texts or not isinstance(value["custody"], dict) or type(value["size"]) is not int:
        raise NotTrusted("backup-form")
    if not _ID.fullmatch(value["id"]):
        raise NotTrusted("backup-form")
    try:
        return Header(**{**value, "key": base64.b64decode(value["key"], validate=True)})
    except (ValueError, binascii.Error) as error:
        raise NotTrusted("backup-form") from error


def unseal(data: bytes, *, private: bytes) -> dict[str, bytes]:
    """The files of a backup by path, once everything in it proved itself; ``private``: the recovery key's private half.

    Raises NotTrusted ``backup-form`` or ``backup-sealed``.
    """
    told, stream = _parts(data)
    header = read_header(data)
    try:
        key = open_sealed(private, header.key, info=header.key_info())
        plain = decrypt_stream(stream, key=key, associated_data=_bound(told), segment=LARGE_SEGMENT)
    except NotTrusted as error:
        raise NotTrusted("backup-sealed") from error
    return dict(_unpack(bytes(plain)))


def _bound(header: bytes) -> bytes:
    return length_prefixed(SCHEMA, hashlib.sha256(header).digest())


def _parts(data: bytes) -> tuple[bytes, memoryview]:
    length = int.from_bytes(data[:_LENGTH], "big")
    if not 0 < length <= _LARGEST_HEADER or len(data) < _LENGTH + length:
        raise NotTrusted("backup-form")
    return data[_LENGTH : _LENGTH + length], memoryview(data)[_LENGTH + length :]


def _pack(files: Mapping[str, bytes]) -> bytes:
    listed = [
        {"path": path, "size": len(files[path]), "sha256": hashlib.sha256(files[path]).hexdigest()}
        for path in sorted(files)
    ]
    index = canonical_bytes({"schema": _INDEX, "files": listed})
    return b"".join([len(index).to_bytes(_LENGTH, "big"), index, *(files[path] for path in sorted(files))])


def _unpack(plain: bytes) -> Iterator[tuple[str, bytes]]:
    """(path, bytes), each with the size and hash of the index, and nothing beside them; a path leads to the controller's folder."""
    index, rest = _parts(plain)
    value = parse_canonical(index, what="backup index")
    if not isinstance(value, dict) or value.get("schema") != _INDEX or not isinstance(value.get("files"), list):
        raise NotTrusted("backup-form")
    at, seen = 0, set()
    for row in value["files"]:
        if not isinstance(row, dict) or set(row) != {"path", "size", "sha256"} or type(row["size"]) is not int:
            raise NotTrusted("backup-form")
        data = bytes(rest[at : at + row["size"]])
        at += row["size"]
        path = row["path"]
        if path in seen or not isinstance(path, str) or not _PLACE.fullmatch(path) or row["size"] < 0:
            raise NotTrusted("backup-form")
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            raise NotTrusted("backup-form")
        seen.add(path)
        yield path, data
    if at != len(rest):
        raise NotTrusted("backup-form")
