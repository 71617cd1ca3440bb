# SPDX-License-Identifier: Apache-2.0
"""Files that nobody but their owner may read: written 0600 whole or not at all, refused when others could read them."""

import os
import stat
from pathlib import Path

from rempart.errors import Missing, Refused

_LARGEST = 64 << 20


def read_private(path: Path) -> bytes:
    """The bytes; raises Missing ``file-absent``, Refused ``file-open-to-others`` for another's file or group or world access."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Missing("file-absent", file=path.name) from error
    except PermissionError as error:
        raise Refused("file-open-to-others", file=path.name) from error
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or state.st_mode & 0o077 or state.st_uid != os.geteuid():
        os.close(descriptor)
        raise Refused("file-open-to-others", file=path.name)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_LARGEST)


def create_private(path: Path, data: bytes) -> None:
    """A new file of mode 0600 in a folder of mode 0700; raises Refused ``file-exists``: a key is never written over."""
    private_folder(path.parent)
    unfinished = _write_unfinished(path, data)
    try:
        os.link(unfinished, path)
    except FileExistsError as error:
        raise Refused("file-exists", file=path.name) from error
    finally:
        unfinished.unlink()
    _sync_folder(path.parent)


def replace_private(path: Path, data: bytes) -> None:
    """The file as a whole, mode 0600: a reader or a crash sees the old bytes or the new ones."""
    private_folder(path.parent)
    os.replace(_write_unfinished(path, data), path)
    _sync_folder(path.parent)


def private_folder(folder: Path) -> None:
    """Make ``folder`` with mode 0700 if it is not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write_unfinished(path: Path, data: bytes) -> Path:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return unfinished


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
