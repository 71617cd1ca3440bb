# SPDX-License-Identifier: Apache-2.0
"""A read cache on the controller's disk before a far host. It holds what the host gave: ciphertext, never trusted by who reads it.

Each copy carries its own SHA-256, so that a damaged one is fetched again; that proves nothing about what the host gave.
"""

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from rempart.ports.host import Host
from rempart.records.sealed import Sealed, SealedStream, check_object_name

LIMIT = 8 << 30
_DIGEST = 32
_UNFINISHED = ".unfinished-"


class CachingHost:
    """Implements ports.host.Host before ``host``; ``limit``: bytes kept in ``folder``, the least recently read go first.

    Whole objects and ranges are kept; streams, listings and writes pass through. A disk that fails is as good as no cache.
    """

    def __init__(self, host: Host, folder: Path, *, limit: int = LIMIT) -> None:
        self._host, self._folder, self._limit = host, folder, limit
        self._guard = threading.Lock()
        self._added = limit  # so that the first copy looks at what is there

    @property
    def label(self) -> str:
        """The host's."""
        return self._host.label

    def get(self, name: str) -> Sealed:
        """From the cache, else from the host; raises as the host."""
        return self._kept_or(name, _file(name), lambda: self._host.get(name))

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """The same for bytes [start, end)."""
        return self._kept_or(name, f"{_file(name)}.{start}-{end}", lambda: self._host.get_range(name, start, end))

    def put(self, name: str, sealed: Sealed) -> bool:
        """To the host alone: what it has lost must not be found in the cache."""
        return self._host.put(name, sealed)

    def open(self, name: str) -> SealedStream:
        """From the host."""
        return self._host.open(name)

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """To the host."""
        return self._host.put_stream(name, stream)

    def names(self) -> Iterator[str]:
        """From the host."""
        return self._host.names()

    def listing(self) -> Iterator[tuple[str, int]]:
        """From the host."""
        return self._host.listing()

    def delete(self, name: str) -> None:
        """From the cache and from the host."""
        with suppress(OSError):
            for path in self._folder.glob(f"{_file(name)}*"):
                path.unlink(missing_ok=True)
        self._host.delete(name)

    def _kept_or(self, name: str, file: str, fetch: Callable[[], Sealed]) -> Sealed:
        kept = None if name.startswith("s/") else self._read(self._folder / file)
        if kept is not None:
            return Sealed(kept)
        sealed = fetch()
        if not name.startswith("s/") and len(sealed.data) <= self._limit // 4:
            with suppress(OSError):
                self._write(self._folder / file, sealed.data)
        return sealed

    def _read(self, path: Path) -> bytes | None:
        """A copy that is as it was written, now the most recently read; None otherwise."""
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        body = data[_DIGEST:]
        return body if hashlib.sha256(body).digest() == data[:_DIGEST] else None

    def _write(self, path: Path, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._guard:
            self._added += len(data) + _DIGEST
            if self._added > self._limit // 16:
                trim(self._folder, self._limit - len(data) - _DIGEST)
                self._added = len(data) + _DIGEST
        descriptor, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(data).digest())
                file.write(data)
            os.replace(unfinished, path)
        except OSError:
            os.unlink(unfinished)
            raise


def trim(folder: Path, limit: int) -> None:
    """Remove what was read least recently until at most fifteen sixteenths of ``limit`` bytes are left: processes share the folder,
    and each looks again once it added a sixteenth."""
    found = []
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            status = entry.stat()
            found.append((status.st_mtime_ns, status.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit - limit // 16:
            return
        Path(path).unlink(missing_ok=True)
        total -= size


def _file(name: str) -> str:
    return check_object_name(name).replace("/", "-")
