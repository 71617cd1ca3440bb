# SPDX-License-Identifier: Apache-2.0
"""Start a server on loopback, wait for it a bounded time, stop it by its own pid. Knows no server by name."""

import ctypes
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
_C = ctypes.CDLL(None)
_PARENT_DEATH = 1


def free_ports(count: int, *, beside: int = 0) -> list[int]:
    """Ports nobody listens on; ``beside``: the port that many above each is free too."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 55_000 - beside)
        if port not in found and _free(port) and (not beside or _free(port + beside)):
            found.append(port)
    return found


@contextmanager
def running(
    command: list[str], *, log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block, and with this process should it die."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, preexec_fn=_die_with_parent
        )
        try:
            yield process
        finally:
            process.kill()  # what it holds is thrown away: no need to let it tidy up
            process.wait(30)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], *, seconds: float, log: Path) -> None:
    """Return once ``ready`` says so; an OSError means not yet. Raises RuntimeError with the end of the server's own log."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.2)
    told = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"the server is not ready:\n{told}")


def _die_with_parent() -> None:
    _C.prctl(_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)


def _free(port: int) -> bool:
    with closing(socket.socket()) as tried:
        try:
            tried.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
