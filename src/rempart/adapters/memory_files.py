# SPDX-License-Identifier: Apache-2.0
"""A pool of anonymous memory files (memfd): plaintext that an engine reads by path and that never reaches a disk. Linux only.

Files are reused and kept mapped, since fresh pages cost faults; who owns the pool empties it between grants.
"""

import mmap
import os
import threading
from collections.abc import Sequence

from rempart.vault.footer import Range, merged, without

_ZEROS = bytes(1 << 20)


def available() -> bool:
    """Whether this system has memory files that can be opened by path."""
    return hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd")


class MemoryFile:
    """One file, always of the size that it was last given. ``name`` says which part it holds, ``filled`` which bytes of it."""

    def __init__(self) -> None:
        self.number = os.memfd_create("rempart", os.MFD_CLOEXEC)
        self.size = 0
        self.name = ""
        self.filled: list[Range] = []
        self._mapped: mmap.mmap | None = None

    @property
    def path(self) -> str:
        """Where this process opens it by name."""
        return f"/proc/self/fd/{self.number}"

    @property
    def view(self) -> memoryview:
        """Its bytes, to be written. To be released before the file is given another size."""
        if self._mapped is None:
            raise ValueError("an empty file has no bytes")
        return memoryview(self._mapped)[: self.size]

    def begin(self, name: str, size: int, ranges: Sequence[Range]) -> list[Range]:
        """Make it ``size`` bytes of the part ``name``; which of ``ranges`` must be written now.

        What it held of another part and ``ranges`` will not cover becomes zero: no byte of a former content can be read as this one's.
        """
        if not name or name != self.name:
            self._resize(size)
            stale = without(((a, min(b, size)) for a, b in self.filled), ranges)
            for start, end in stale:
                self._clear(start, end)
            self.filled = []
        self.name = ""
        return without(ranges, self.filled)

    def holds(self, name: str, ranges: Sequence[Range]) -> None:
        """Say that it now holds ``ranges`` of ``name``; not said, its bytes are void and reused by nobody."""
        self.name, self.filled = name, merged([*self.filled, *ranges])

    def void(self) -> None:
        """Drop every byte: what was being written did not prove itself."""
        self._resize(0)
        self.name, self.filled = "", []

    def close(self) -> None:
        """Empty and close it. The bytes are gone even where another still holds the file open."""
        os.ftruncate(self.number, 0)
        if self._mapped is not None:
            self._mapped.close()
        os.close(self.number)

    def _resize(self, size: int) -> None:
        os.ftruncate(self.number, size)
        self.size = size
        if self._mapped is None:
            self._mapped = mmap.mmap(self.number, size) if size else None
        elif size > len(self._mapped):
            self._mapped.resize(size)  # the pages that are mapped stay so

    def _clear(self, start: int, end: int) -> None:
        with self.view as view:
            for at in range(start, end, len(_ZEROS)):
                stop = min(at + len(_ZEROS), end)
                view[at:stop] = _ZEROS[: stop - at]


class MemoryFiles:
    """The pool, for several threads. A file taken is nobody else's until it is given back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[MemoryFile] = []
        self._used: set[MemoryFile] = set()

    def take(self, *, name: str = "", size: int = 0) -> MemoryFile:
        """A file: one that holds the part ``name``, else the one whose size is nearest to ``size``, else a new one."""
        with self._lock:
            held = [file for file in self._free if name and file.name == name]
            chosen = min(held or self._free, key=lambda file: abs(file.size - size), default=None)
            if chosen is None:
                chosen = MemoryFile()
            else:
                self._free.remove(chosen)
            self._used.add(chosen)
            return chosen

    def hold(self, data: bytes | bytearray | memoryview) -> MemoryFile:
        """A file that holds exactly ``data``."""
        file, size = self.take(size=len(data)), len(data)
        file.begin("", size, [(0, size)])
        if size:
            with file.view as view:
                view[:] = data
        file.holds("", [(0, size)])
        return file

    def give_back(self, file: MemoryFile) -> None:
        """Let it be written anew; its bytes stay until then, or until ``empty``."""
        with self._lock:
            self._used.discard(file)
            self._free.append(file)

    def forget(self) -> None:
        """Keep the memory of free files but not what they hold: the next to ask for a part opens it anew."""
        with self._lock:
            for file in self._free:
                file.name = ""

    def close(self) -> None:
        """Empty and close every file, used or free; the pool can be used again."""
        with self._lock:
            for file in (*self._used, *self._free):
                file.close()
            self._used.clear()
            self._free.clear()
