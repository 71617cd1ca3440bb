# SPDX-License-Identifier: Apache-2.0
"""A pool of anonymous memory files (memfd): plaintext that an engine reads by path and that never reaches a disk. Linux only.

Files are reused, since fresh ones cost page faults; they are emptied by ``close``, never by ``give_back``.
"""

import os


def available() -> bool:
    """Whether this system has memory files that can be opened by path."""
    return hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd")


class MemoryFiles:
    """Numbers returned are file descriptors, each valid until it is given back."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._used: set[int] = set()

    def take(self, data: bytes | bytearray | memoryview) -> int:
        """A memory file that holds exactly ``data``."""
        number = self._free.pop() if self._free else os.memfd_create("rempart", os.MFD_CLOEXEC)
        self._used.add(number)
        view, done = memoryview(data).cast("B"), 0
        while done < len(view):
            done += os.pwrite(number, view[done:], done)
        os.ftruncate(number, len(view))
        return number

    @staticmethod
    def path(number: int) -> str:
        """Where this process opens it by name."""
        return f"/proc/self/fd/{number}"

    def give_back(self, number: int) -> None:
        """Let it be written anew; its bytes stay until then or until ``close``."""
        self._used.discard(number)
        self._free.append(number)

    def close(self) -> None:
        """Empty and close every file, used or free. The bytes are gone even where another still holds the file open."""
        for number in (*self._used, *self._free):
            os.ftruncate(number, 0)
            os.close(number)
        self._used.clear()
        self._free.clear()
