# SPDX-License-Identifier: Apache-2.0
"""What a witness remembers of a log, in a file that is on the disk before a cosignature leaves: ``rempart.witness-seen/1``."""

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.ledger_files import replace
from rempart.audit.checkpoint import parse_and_verify
from rempart.errors import BadInput, NotTrusted
from rempart.records.canonical import canonical_bytes, parse_canonical

_SCHEMA = "rempart.witness-seen/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Whose log it is, and the last checkpoint that was cosigned."""

    origin: str
    public: bytes
    checkpoint: str


def recall(file: Path) -> Seen | None:
    """What the file says, proven against the log's key in it, None without a file; raises NotTrusted ``witness-seen``, ``checkpoint-…``."""
    if not file.is_file():
        return None
    value = parse_canonical(file.read_bytes(), what=file.name)
    try:
        if not isinstance(value, dict) or value["schema"] != _SCHEMA:
            raise NotTrusted("witness-seen", file=file.name)
        public = base64.b64decode(value["public"], validate=True)
        seen = Seen(origin=str(value["origin"]), public=public, checkpoint=str(value["checkpoint"]))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise NotTrusted("witness-seen", file=file.name) from error
    parse_and_verify(seen.checkpoint, seen.origin, seen.public)
    return seen


def remember(file: Path, seen: Seen) -> None:
    """On the disk before the cosignature is: a witness that forgot could sign two histories. Raises BadInput ``file-unwritable``."""
    public = base64.b64encode(seen.public).decode()
    told = {"schema": _SCHEMA, "origin": seen.origin, "public": public, "checkpoint": seen.checkpoint}
    write_told(file, canonical_bytes(told).decode())


def write_told(file: Path, text: str) -> None:
    """Put ``text`` under ``file`` in one step, on the disk; raises BadInput ``file-unwritable``."""
    if file.is_dir() or not file.parent.is_dir():
        raise BadInput("file-unwritable", file=file.name)
    try:
        replace(file, text.encode())
    except OSError as error:
        raise BadInput("file-unwritable", file=file.name) from error
