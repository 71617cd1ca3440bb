# SPDX-License-Identifier: Apache-2.0
"""Sealed evidence kept between runs, as files under ``DIR/controller/cache/``: bounded in bytes, oldest use out first. Encrypts nothing.

Every piece is a copy: where the disk refuses, or another process clears a folder meanwhile, a piece is not there, and nobody's work ends.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_LIMIT = 512 << 20
_UNFINISHED = "."  # how the name of a piece begins that is being written
_ABANDONED = 3600.0  # seconds after its last byte until an unfinished piece counts as left by a process that was killed


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
        except OSError:
            return None
        with suppress(OSError):  # a disk that is read-only remembers no use
            os.utime(path)
        return data

    def has(self, space: str, name: str) -> bool:
        """See the port."""
        try:
            return self._path(space, name).is_file()
        except OSError:
            return False

    def put(self, space: str, name: str, data: bytes) -> bool:
        """See the port."""
        if len(data) > self._limit:
            return False
        path = self._path(space, name)
        try:
            self._make_room(len(data))
            for folder in (self._root, path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, data)
        except OSError:  # disk full, not ours to write, or cleared by another process since the folder was made
            return False
        return True

    def drop(self, space: str, name: str) -> None:
        """See the port."""
        _remove(self._path(space, name))

    def keep(self, space: str, prefix: str) -> None:
        """See the port."""
        for path in _files(self._path(space, "")):
            if not path.name.startswith(prefix):
                _remove(path)

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
            _remove(path)
            held -= length

    def _pieces(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, file) of every piece; one that goes meanwhile is passed over."""
        for folder in self._root.glob("*"):
            for path in _files(folder):
                with suppress(OSError):
                    told = path.stat()
                    yield told.st_mtime, told.st_size, path


def _files(folder: Path) -> Iterator[Path]:
    """Every file but those that another process may be writing now."""
    for path in folder.glob("*"):
        if not path.name.startswith(_UNFINISHED) or _abandoned(path):
            yield path


def _abandoned(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED
    except OSError:
        return False


def _write(path: Path, data: bytes) -> None:
    """The file whole or not at all; raises OSError."""
    descriptor, unfinished = tempfile.mkstemp(prefix=f"{_UNFINISHED}{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(unfinished, path)
    except OSError:
        _remove(Path(unfinished))
        raise


def _remove(path: Path) -> None:
    """Gone, or as good as: what cannot be removed is a sealed copy that proves itself each time it is read."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _folder(space: str) -> str:
    """A space's folder does not say which project it is."""
    return hashlib.sha256(f"rempart.cache/1|{space}".encode()).hexdigest()[:32]
