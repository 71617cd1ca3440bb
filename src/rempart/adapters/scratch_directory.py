# SPDX-License-Identifier: Apache-2.0
"""Sealed scratch as files under ``DIR/controller/scratch/<run>/``; it stores what it is given and encrypts nothing."""

import os
import shutil
from pathlib import Path


class ScratchDirectory:
    """Implements ports.scratch.Scratch."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, run: str, name: str, data: bytes) -> None:
        """Write to a temporary name, then rename: a reader never sees half a piece."""
        folder = self._root / run
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = folder / f".{name}.unfinished"
        unfinished.write_bytes(data)
        os.replace(unfinished, folder / name)

    def get(self, run: str, name: str) -> bytes | None:
        """The piece, or None."""
        path = self._root / run / name
        return path.read_bytes() if path.is_file() else None

    def names(self, run: str) -> list[str]:
        """Names of whole pieces, sorted."""
        folder = self._root / run
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))

    def clear(self, run: str | None = None) -> None:
        """Remove one run's pieces, or every run's."""
        for folder in [self._root / run] if run else list(self._root.glob("*")):
            shutil.rmtree(folder, ignore_errors=True)
