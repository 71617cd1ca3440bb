# SPDX-License-Identifier: Apache-2.0
"""Witnesses over HTTP, and the file ``cosigned`` beside the ledger. Implements ``ports/witnesses``."""

from pathlib import Path

from rempart.adapters.ledger_files import read_text, replace
from rempart.adapters.small_client import request
from rempart.ports.witnesses import WitnessAnswer

_CONFLICT = 409
_SIZE = "text/x.tlog.size"
_DIGITS = 19


class HttpWitnesses:
    """``file``: where the checkpoint cosigned last is kept."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add_checkpoint(self, url: str, request_text: str) -> WitnessAnswer:
        """See the port."""
        told = request(url, "/add-checkpoint", request_text.encode())
        body = told.body.decode(errors="replace")
        size = body.strip() if told.status == _CONFLICT and told.form == _SIZE else ""
        known = size.isascii() and size.isdecimal() and len(size) <= _DIGITS
        return WitnessAnswer(status=told.status, lines=body, size=int(size) if known else -1)

    def kept(self) -> str:
        """See the port."""
        return read_text(self._file) or ""

    def keep(self, note: str) -> None:
        """See the port."""
        replace(self._file, note.encode())
