# SPDX-License-Identifier: Apache-2.0
"""A host that is a folder: ``o/``, ``m/`` and ``s/`` below its root. Stores and returns bytes; proves nothing about them."""

import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rempart.errors import Missing, NotTrusted, Unavailable
from rempart.records.sealed import Sealed, SealedStream, check_object_name, is_object_name

_KINDS = ("o", "m", "s")
_UNFINISHED = ".unfinished-"
_CHUNK = 8 << 20
_FORSAKEN = 86_400.0
_NO_OBJECT = (FileNotFoundError, NotADirectoryError)


class DirectoryHost:
    """Implements ports.host.Host. A name appears whole or not at all, and is never overwritten.

    What stands under a name and is no plain file (a folder, a pipe) is no object: Missing, never an unreachable host.
    """

    def __init__(self, root: Path, *, label: str = "directory") -> None:
        self._root = root
        self._label = label
        self._swept: set[Path] = set()

    @classmethod
    def create(cls, root: Path, *, label: str = "directory") -> "DirectoryHost":
        """Make the empty folders of a new host; harmless where they exist, but that uploads forsaken for a day are removed."""
        host = cls(root, label=label)
        for kind in _KINDS:
            (root / kind).mkdir(parents=True, exist_ok=True)
            host._sweep(root / kind)
        return host

    @property
    def label(self) -> str:
        """Its name in the ledger."""
        return self._label

    def put(self, name: str, sealed: Sealed) -> bool:
        """Create ``name`` durably; False when it exists. Only ``Sealed`` goes in: anything else is a TypeError."""
        if not isinstance(sealed, Sealed):
            raise TypeError("a host takes sealed bytes only")
        return self._create(name, [sealed.data], len(sealed.data))

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """As ``put``, a chunk at a time; raises NotTrusted ``object-altered`` for more or fewer bytes than announced."""
        if not isinstance(stream, SealedStream):
            raise TypeError("a host takes sealed bytes only")
        return self._create(name, stream.chunks, stream.size)

    def get(self, name: str) -> Sealed:
        """The bytes under ``name``; raises Missing ``object-missing``, Unavailable ``host-unreachable``."""
        with self._reached(), self._opened(name) as file:
            return Sealed(file.read())

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """Bytes [start, end), cut where the object ends; raises as ``get``, ValueError for a range that runs backwards."""
        if not 0 <= start <= end:
            raise ValueError("a range runs forwards")
        with self._reached(), self._opened(name) as file:
            file.seek(start)
            return Sealed(file.read(end - start))

    def open(self, name: str) -> SealedStream:
        """The object in chunks of 8 MiB; raises as ``get``, at once or while it is read."""
        with self._reached():
            file = self._opened(name)
            return SealedStream(size=os.fstat(file.fileno()).st_size, chunks=self._chunks(file))

    def names(self) -> Iterator[str]:
        """Every object name; unfinished uploads and foreign files are no objects."""
        return (name for name, _ in self.listing())

    def listing(self) -> Iterator[tuple[str, int]]:
        """(name, bytes) of every object."""
        with self._reached():
            self._check_root()
            found = [(f"{kind}/{entry}", size) for kind in _KINDS for entry, size in _entries(self._root / kind)]
        yield from ((name, size) for name, size in found if is_object_name(name))

    def delete(self, name: str) -> None:
        """Remove ``name`` if it is there."""
        path = self._path(name)
        with self._reached():
            self._check_root()
            if path.is_dir():
                return
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _flush_folder(path.parent)

    def _create(self, name: str, chunks: Iterable[bytes | memoryview], size: int) -> bool:
        path = self._path(name)
        with self._reached():
            self._check_root()
            path.parent.mkdir(exist_ok=True)
            self._sweep(path.parent)
            return _create(path, chunks, size)

    def _opened(self, name: str) -> BinaryIO:
        """The plain file under ``name``; a pipe is opened without waiting for its writer, and refused."""
        path = self._path(name)
        self._check_root()
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except _NO_OBJECT as error:
            raise Missing("object-missing", object=name) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Missing("object-missing", object=name)
        return os.fdopen(descriptor, "rb", buffering=0)

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        with self._reached(), file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def _sweep(self, folder: Path) -> None:
        """Remove uploads that nobody has written to for a day; once a folder and process."""
        if folder in self._swept:
            return
        self._swept.add(folder)
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):
                if entry.name.startswith(_UNFINISHED) and entry.stat().st_mtime < time.time() - _FORSAKEN:
                    os.unlink(entry.path)

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


def _create(path: Path, chunks: Iterable[bytes | memoryview], size: int) -> bool:
    """Write beside, flush, then link: of two writers one wins, and a crash leaves no half object."""
    descriptor, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if sum(file.write(chunk) for chunk in chunks) != size:
                raise NotTrusted("object-altered")
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


def _entries(folder: Path) -> list[tuple[str, int]]:
    """(file name, bytes) of the plain files of ``folder``; one that goes meanwhile is no longer there."""
    found = []
    for entry in os.scandir(folder) if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            status = entry.stat()
            if stat.S_ISREG(status.st_mode):
                found.append((entry.name, status.st_size))
    return found
