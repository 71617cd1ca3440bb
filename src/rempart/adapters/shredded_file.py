# SPDX-License-Identifier: Apache-2.0
"""Files whose old bytes must go: overwritten in place, then removed.

A file system that copies on write, a disk that levels its wear, or a snapshot of either may keep what was overwritten: the
documents say so. What lay there was wrapped under the root key in any case.
"""

import os
from pathlib import Path

from rempart.adapters.private_file import replace_private
from rempart.errors import Refused

_CHUNK = 1 << 20


def overwrite(path: Path, mark: bytes = b"") -> None:
    """Zeros over every byte, on the disk before it returns; then the file holds ``mark`` alone. Harmless twice.

    Raises Refused ``file-open-to-others`` when the file may not be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise Refused("file-open-to-others", file=path.name) from error
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            left -= file.write(bytes(min(left, _CHUNK)))
        os.fsync(file.fileno())
        file.seek(0)
        file.truncate()
        file.write(mark)
        os.fsync(file.fileno())


def replace_erasing(path: Path, data: bytes) -> None:
    """As ``replace_private``, and the bytes before are overwritten. A crash leaves the old file or the new one whole, and what is
    left of the old one under a second name until the next call. For a file that one process alone writes."""
    _sweep(path)
    second = _second(path)
    if path.exists():
        os.link(path, second)
    replace_private(path, data)
    _sweep(path)


def _sweep(path: Path) -> None:
    """Overwrite what a process that died left beside ``path``: its old bytes, and new ones that never came to their name."""
    for left in (_second(path), *path.parent.glob(f".{path.name}.*.unfinished")):
        if not left.exists():
            continue
        if not (path.exists() and left.samefile(path)):  # killed before the new file had the name: one file, two names
            overwrite(left)
        left.unlink()


def _second(path: Path) -> Path:
    return path.with_name(f".{path.name}.erasing")
