# SPDX-License-Identifier: Apache-2.0
"""What comes out of a job while it runs: the beginning of what it prints, and bubblewrap's own word of how it began and ended."""

import contextlib
import json
import os
import selectors
import subprocess
from dataclasses import dataclass
from types import TracebackType

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """``begun``: bubblewrap told of a process inside; ``exit``: that process's own number."""

    begun: bool
    exit: int


class Pipes:
    """Two pipes, read without waiting for one another; of what is printed the first ``most`` bytes are kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._said = bytearray()
        self._told = bytearray()
        self._reading = selectors.DefaultSelector()
        self._ends: list[int] = []
        self.said_end, self.status_end = (self._pipe(into) for into in (self._said, self._told))

    def __enter__(self) -> "Pipes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.started()
        for key in list(self._reading.get_map().values()):
            os.close(key.fd)
        self._reading.close()

    def started(self) -> None:
        """Close our copies of the ends that the job writes to, so that its end is seen."""
        while self._ends:
            os.close(self._ends.pop())

    def ended(self, process: subprocess.Popen[bytes], wait: float) -> bool:
        """Read what there is, at most ``wait`` seconds long; whether the process has ended."""
        if not self._reading.get_map():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait)
        else:
            self._read(wait)
        return process.poll() is not None

    def finish(self) -> None:
        """Read what is left, without waiting."""
        while self._read(0):
            continue

    @property
    def said(self) -> bytes:
        """The beginning of what was printed."""
        return bytes(self._said)

    @property
    def status(self) -> Status:
        """As bubblewrap told it, by the one that stays outside of the walls."""
        told: dict[str, object] = {}
        for line in self._told.decode("utf-8", "replace").splitlines():
            with contextlib.suppress(ValueError):
                value = json.loads(line)
                told.update(value if isinstance(value, dict) else {})
        code = told.get("exit-code")
        return Status(begun="child-pid" in told, exit=code if isinstance(code, int) else -1)

    def _pipe(self, into: bytearray) -> int:
        mine, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(mine, False)
        self._reading.register(mine, selectors.EVENT_READ, into)
        self._ends.append(theirs)
        return theirs

    def _read(self, wait: float) -> bool:
        """Whether anything came."""
        came = False
        for key, _ in self._reading.select(wait) if self._reading.get_map() else ():
            data = os.read(key.fd, _BLOCK)
            if not data:
                self._reading.unregister(key.fd)
                os.close(key.fd)
                continue
            came = True
            key.data.extend(data[: max(0, self._most - len(key.data))])
        return came
