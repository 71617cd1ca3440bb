# SPDX-License-Identifier: Apache-2.0
"""Puts an evidence pack down in a new folder: all of it or nothing. Checks no content."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rempart.errors import Refused, Unavailable


def new_folder(folder: Path) -> None:
    """Raises Refused ``file-exists`` where something stands already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused("file-exists", file=folder.name)


def write_pack(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write relative path → bytes; raises Refused ``file-exists``, Unavailable ``pack-folder``."""
    new_folder(folder)
    waiting = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(waiting, ignore_errors=True)
        for path, data in files.items():
            place = waiting / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        if folder.exists():
            folder.rmdir()
        waiting.rename(folder)
    except OSError as error:
        raise Unavailable("pack-folder", folder=folder.name) from error
