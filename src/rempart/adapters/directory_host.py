# SPDX-License-Identifier: Apache-2.0
"""A host that is a folder: ``o/``, ``m/`` and ``s/`` below its root. Stores and returns bytes; proves nothing about them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.errors import Missing, NotTrusted, Unavailable
from rempart.records.sealed import Sealed, check_object_name

_KINDS = ("o", "m", "s")
_UNFINISHED = ".unfinished-"


class DirectoryHost:
    """Implements ports.host.Host. A name appears whole or not at all, and is never overwritten."""

    label = "directory"

    def __init__(self, root: Path) -> None:
        self._root = root

    @classmethod
    def create(cls, root: Path) -> "DirectoryHost":
        """Make the empty folders of a new host; harmless where they exist."""
        for kind in _KINDS:
            (root / kind).mkdir(parents=True, exist_ok=True)
        return cls(root)

    def put(self, name: str, sealed: Sealed) -> bool:
        """Create ``name`` durably; False when it exists. Only ``Sealed`` goes in: anything else is a TypeError."""
        if not isinstance(sealed, Sealed):
            raise TypeError("a host takes sealed bytes only")
        path = self._path(name)
        with self._reached():
            self._check_root()
            path.parent.mkdir(exist_ok=True)
            return _create(path, sealed.data)

    def get(self, name: str) -> Sealed:
        """The bytes under ``name``; raises Missing ``object-missing``, Unavailable ``host-unreachable``."""
        path = self._path(name)
        with self._reached():
            self._check_root()
            try:
                return Sealed(path.read_bytes())
            except FileNotFoundError as error:
                raise Missing("object-missing", object=name) from error

    def names(self) -> Iterator[str]:
        """Every object name; unfinished uploads and foreign files are no objects."""
        with self._reached():
            self._check_root()
            found = [f"{kind}/{entry}" for kind in _KINDS for entry in _entries(self._root / kind)]
        yield from (name for name in found if _is_object(name))

    def delete(self, name: str) -> None:
        """Remove ``name`` if it is there."""
        path = self._path(name)
        with self._reached():
            self._check_root()
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _flush_folder(path.parent)

    def _path(self, name: str) -> Path:
        return self._root / check_object_name(name)

    def _check_root(self) -> None:
        if not self._root.is_dir():
            raise Unavailable("host-unreachable", host=self.label)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """What the file system refuses is an unreachable host, said without its path."""
        try:
            yield
        except OSError as error:
            raise Unavailable("host-unreachable", host=self.label) from error


def _create(path: Path, data: bytes) -> bool:
    """Write beside, flush, then link: of two writers one wins, and a crash leaves no half object."""
    descriptor, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(unfinished)
    _flush_folder(path.parent)
    return True


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entries(folder: Path) -> list[str]:
    return [entry.name for entry in os.scandir(folder)] if folder.is_dir() else []


def _is_object(name: str) -> bool:
    try:
        check_object_name(name)
    except NotTrusted:
        return False
    return True
