# SPDX-License-Identifier: Apache-2.0
"""Takes the declared files out of a job's output folder, once its last process is gone: follows no link, opens plain files alone."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_DEEPEST = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """``files``: declared path → bytes; ``discarded``: plain files that nobody declared; ``refused``: all else, and too large ones."""

    files: dict[str, bytes]
    discarded: int
    refused: int


def collect(folder: int, declared: Sequence[str], *, largest: int, quiet: Sequence[str] = ()) -> Collected:
    """What lies under the open directory ``folder``; files of at most ``largest`` bytes. ``quiet``: read too, never counted."""
    files: dict[str, bytes] = {}
    discarded = refused = 0
    for path, plain in _walk(folder, "", 0):
        if not plain:
            refused += path not in quiet
        elif path in declared or path in quiet:
            data = _plain_bytes(folder, path, largest)
            if data is None:
                refused += 1
            else:
                files[path] = data
        else:
            discarded += 1
    return Collected(files=files, discarded=discarded, refused=refused)


def _walk(folder: int, before: str, depth: int) -> Iterator[tuple[str, bool]]:
    """(path, whether it is a plain file of one name) of all but folders; a folder too deep or shut is no plain file."""
    for name in sorted(os.listdir(folder)):
        path, state = f"{before}{name}", os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISDIR(state.st_mode):
            yield path, _one_name(state)
        elif depth == _DEEPEST or (inner := _opened(name, folder, _FOLDER)) is None:
            yield path, False
        else:
            try:
                yield from _walk(inner, f"{path}/", depth + 1)
            finally:
                os.close(inner)


def _plain_bytes(folder: int, path: str, largest: int) -> bytes | None:
    """The bytes of a plain file of one name; None for anything else, also where a folder of its path is a link."""
    *above, name = path.split("/")
    held = [folder]
    try:
        for step in above:
            inner = _opened(step, held[-1], _FOLDER)
            if inner is None:
                return None
            held.append(inner)
        number = _opened(name, held[-1], _FILE)
        if number is None:
            return None
        with os.fdopen(number, "rb") as file:
            state = os.fstat(number)
            if not _one_name(state) or state.st_size > largest:
                return None
            return file.read(largest)
    finally:
        for number in held[1:]:
            os.close(number)


def _one_name(state: os.stat_result) -> bool:
    """A plain file, and no second name of one that lies elsewhere."""
    return stat.S_ISREG(state.st_mode) and state.st_nlink == 1


def _opened(name: str, folder: int, flags: int) -> int | None:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError:  # a link where a folder or a file was said, or no right to it
        return None
