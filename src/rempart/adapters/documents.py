# SPDX-License-Identifier: Apache-2.0
"""Documents as files named by their hash, in ``DIR/controller/documents``. Implements ``ports/documents``.

Knows nothing of what they say; a document is written once and never changed.
"""

import re
from pathlib import Path

from rempart.adapters.group_folder import make_folder
from rempart.adapters.ledger_files import replace
from rempart.errors import Missing, NotTrusted
from rempart.records.canonical import sha256_id

_ID = re.compile(r"sha256:([0-9a-f]{64})")


class DirectoryDocuments:
    """``root``: the folder that holds one file ``<64 hex>`` per document."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes) -> str:
        """Store bytes; their ``sha256:…`` id. Storing twice is harmless; a damaged copy is put right."""
        document = sha256_id(data)
        path = self._path(document)
        if not path.is_file() or path.read_bytes() != data:
            make_folder(self._root)
            replace(path, data)
        return document

    def get(self, document: str) -> bytes:
        """The bytes; raises Missing ``document-missing`` or NotTrusted ``document-altered``."""
        try:
            data = self._path(document).read_bytes()
        except FileNotFoundError as error:
            raise Missing("document-missing", document=document) from error
        if sha256_id(data) != document:
            raise NotTrusted("document-altered", document=document)
        return data

    def _path(self, document: str) -> Path:
        """The file of an id; an id that is none names no file."""
        found = _ID.fullmatch(document)
        if found is None:
            raise Missing("document-missing", document=document[:80])
        return self._root / found.group(1)
