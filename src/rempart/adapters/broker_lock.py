# SPDX-License-Identifier: Apache-2.0
"""Wait until no key broker serves a controller, and keep it so for a while: its keys are about to change under it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.adapters.private_file import private_folder
from rempart.errors import Refused

NAME = "broker.lock"  # the file that a serving broker holds


@contextmanager
def no_broker(folder: Path, *, seconds: float = 10.0) -> Iterator[None]:
    """For a block; raises Refused ``broker-running`` when one still serves after ``seconds``."""
    private_folder(folder)
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, time.monotonic() + seconds)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise Refused("broker-running") from error
            time.sleep(0.05)
