# SPDX-License-Identifier: Apache-2.0
"""Sealed scratch as files under ``DIR/controller/scratch/<run>/``; it stores what it is given and encrypts nothing.

Who owns a run holds a lock on ``<run>/.held``, which the system lets go however the process ends.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.adapters.ledger_files import locked
from rempart.errors import Unavailable

_HELD = ".held"


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

    def drop(self, run: str, name: str) -> None:
        """See the port."""
        (self._root / run / name).unlink(missing_ok=True)

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

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """See the port."""
        folder = self._root / run
        with self._order():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = _own(folder / _HELD)
        if descriptor is None:
            raise Unavailable("run-held", run=run)
        try:
            yield
        finally:
            with self._order():
                if not self.names(run):
                    self.clear(run)
            os.close(descriptor)

    def held(self, run: str) -> bool:
        """See the port."""
        if not (self._root / run / _HELD).is_file():
            return False
        with self._order():
            descriptor = _own(self._root / run / _HELD)
            if descriptor is not None:
                os.close(descriptor)
            return descriptor is None

    def at_work(self, prefix: str) -> list[str]:
        """Runs whose id begins so and that a living process owns, sorted."""
        found = sorted(path.name for path in self._root.glob(f"{prefix}*") if path.is_dir())
        return [run for run in found if self.held(run)]

    def sweep(self, *, but: str) -> None:
        """See the port."""
        for folder in [path for path in self._root.glob("*") if path.is_dir()]:
            if not folder.name.startswith(but) and not self.held(folder.name):
                self.clear(folder.name)

    @contextmanager
    def _order(self) -> Iterator[None]:
        """One process at a time makes, tries or lets go of a lock, so that no trial is mistaken for an owner."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._root / ".lock"):
            yield


def _own(path: Path) -> int | None:
    """A descriptor that holds the lock on ``path``, or None when another process does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
