# SPDX-License-Identifier: Apache-2.0
"""A private temporary folder that is gone when its block ends, however it ends; what a killed process left goes with the next one.

An interrupt waits while the folder is made ready or destroyed (``held_back``): nothing is left half made. Who holds ``.held`` in a folder
owns it; it gets its name only when it is held, so that no other process can take it for one that was left.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rempart.errors import BadInput

_PREFIX, _MAKING, _HELD = "rempart-dry-run-", "rempart-dry-making-", ".held"
_HALF_MADE = 3600.0  # seconds after which a folder without its name is nobody's any more; making one takes none
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def throwaway_folder(end: Callable[[Path], None]) -> Iterator[Path]:
    """A folder of mode 0700 in the system's place for temporary files. ``end``: has what works in it end, before it is destroyed.

    SIGTERM and SIGHUP are told as an interrupt inside. Raises BadInput ``file-unwritable`` where no such folder can be made.
    """
    made: list[tuple[Path, int]] = []
    with _as_interrupts():
        try:
            with held_back():
                _sweep(end)
                made.append(_made())
            yield made[0][0]
        finally:
            with held_back():
                for folder, held in made:
                    _give_up(folder, held, end)


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
        making = Path(tempfile.mkdtemp(prefix=_MAKING))
        held = _hold(making)
        return making.rename(making.with_name(_PREFIX + making.name.removeprefix(_MAKING))), held
    except OSError as error:
        raise BadInput("file-unwritable", file=tempfile.gettempdir()) from error


def _hold(folder: Path) -> int:
    """A descriptor that owns the folder; raises OSError when another process does. What has no ``.held`` was being destroyed."""
    descriptor = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(end: Callable[[Path], None]) -> None:
    """Destroy folders of this account whose process has died."""
    place = Path(tempfile.gettempdir())
    for folder in _ours(place, _PREFIX):
        with contextlib.suppress(OSError):
            _give_up(folder, _hold(folder), end)
    for folder in _ours(place, _MAKING):  # there is nothing in it yet
        with contextlib.suppress(OSError):
            if time.time() - folder.lstat().st_mtime > _HALF_MADE:
                shutil.rmtree(folder)


def _ours(place: Path, prefix: str) -> Iterator[Path]:
    for folder in place.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if not folder.is_symlink() and folder.lstat().st_uid == os.geteuid():
                yield folder


def _give_up(folder: Path, held: int, end: Callable[[Path], None]) -> None:
    """Destroy a folder that is held, whatever becomes of what works in it."""
    try:
        end(folder)
    finally:
        try:
            _destroy(folder)
        finally:
            os.close(held)


def _destroy(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)  # something was still being written
