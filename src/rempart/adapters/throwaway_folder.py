# SPDX-License-Identifier: Apache-2.0
"""A private temporary folder that is gone when its block ends, however it ends; what a killed process left goes with the next one.

An interrupt waits while the folder is made ready or destroyed (``held_back``): nothing is left half made.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rempart.errors import BadInput

_PREFIX, _HELD = "rempart-dry-run-", ".held"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def throwaway_folder(end: Callable[[Path], None]) -> Iterator[Path]:
    """A folder of mode 0700 in the system's place for temporary files. ``end``: has what works in it end, before it is destroyed.

    SIGTERM and SIGHUP are told as an interrupt inside. Raises BadInput ``file-unwritable`` where no such folder can be made.
    """
    with held_back():
        _sweep(end)
        folder, held = _made()
    try:
        with _as_interrupts():
            yield folder
    finally:
        with held_back():
            _destroy(folder, end)
            os.close(held)


@contextmanager
def held_back() -> Iterator[None]:
    """Signals that end the process wait until the block has ended; in another thread than the first they come as they come."""
    waiting: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        waiting.append(number)

    with _handling(note):
        yield
    for number in waiting[:1]:
        signal.raise_signal(number)


@contextmanager
def _as_interrupts() -> Iterator[None]:
    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handling(interrupt):
        yield


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup means it
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _made() -> tuple[Path, int]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        return folder, _hold(folder, os.O_CREAT)
    except OSError as error:
        raise BadInput("file-unwritable", file=tempfile.gettempdir()) from error


def _hold(folder: Path, flags: int) -> int:
    """A descriptor that owns the folder; raises OSError when another process does."""
    descriptor = os.open(folder / _HELD, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(end: Callable[[Path], None]) -> None:
    """Destroy folders of this account whose process has died."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            told = folder.lstat()
            if folder.is_symlink() or told.st_uid != os.geteuid():
                continue
            held = _hold(folder, 0)
            try:
                _destroy(folder, end)
            finally:
                os.close(held)


def _destroy(folder: Path, end: Callable[[Path], None]) -> None:
    end(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # something was still being written
        shutil.rmtree(folder)
