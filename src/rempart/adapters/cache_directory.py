# SPDX-License-Identifier: Apache-2.0
"""Sealed evidence kept between runs, as files under ``DIR/controller/cache/``: bounded in bytes, oldest use out first. Encrypts nothing."""

import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_LIMIT = 512 << 20


class CacheDirectory:
    """Implements ports.evidence_cache.EvidenceCache."""

    def __init__(self, root: Path, *, limit: int = _LIMIT) -> None:
        """``limit``: bytes of all pieces together; a larger piece is not kept at all."""
        self._root, self._limit = root, limit

    @property
    def empty(self) -> bool:
        """Whether nothing was ever kept, or all of it is gone."""
        return not any(self._root.glob("*"))

    def get(self, space: str, name: str) -> bytes | None:
        """See the port."""
        path = self._path(space, name)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def has(self, space: str, name: str) -> bool:
        """See the port."""
        return self._path(space, name).is_file()

    def put(self, space: str, name: str, data: bytes) -> None:
        """See the port."""
        if len(data) > self._limit:
            return
        self._make_room(len(data))
        path = self._path(space, name)
        for folder in (self._root, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.parent / f".{name}.{os.getpid()}"
        unfinished.write_bytes(data)
        os.replace(unfinished, path)

    def drop(self, space: str, name: str) -> None:
        """See the port."""
        self._path(space, name).unlink(missing_ok=True)

    def keep(self, space: str, prefix: str) -> None:
        """See the port."""
        for path in self._path(space, "").glob("*"):
            if not path.name.startswith(prefix):
                path.unlink(missing_ok=True)

    def clear(self, space: str | None = None) -> None:
        """See the port."""
        shutil.rmtree(self._root if space is None else self._path(space, ""), ignore_errors=True)

    def retain(self, spaces: Collection[str]) -> None:
        """See the port."""
        kept = {_folder(space) for space in spaces}
        for path in self._root.glob("*"):
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _path(self, space: str, name: str) -> Path:
        return self._root / _folder(space) / name

    def _make_room(self, size: int) -> None:
        found = sorted(self._pieces())
        held = sum(length for _, length, _ in found)
        for _, length, path in found:
            if held + size <= self._limit:
                return
            path.unlink(missing_ok=True)
            held -= length

    def _pieces(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, file) of every piece; one that goes meanwhile is passed over."""
        for path in self._root.glob("*/*"):
            with suppress(OSError):
                told = path.stat()
                yield told.st_mtime, told.st_size, path


def _folder(space: str) -> str:
    """A space's folder does not say which project it is."""
    return hashlib.sha256(f"rempart.cache/1|{space}".encode()).hexdigest()[:32]
