# SPDX-License-Identifier: Apache-2.0
"""Puts a release down as ``DIR/public/releases/<id>/``: all of it or nothing, never over another one. Checks no content."""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from rempart.errors import BadInput, NotTrusted, Refused, Unavailable


def write_release(public: Path, release_id: str, files: Mapping[str, bytes], *, proofs: Collection[str] = ()) -> Path:
    """Write ``files`` (relative path → bytes) under ``public/releases/<release_id>`` and return that folder.

    A folder with the same bytes is left as it is, so that a publication can be repeated after a crash; ``proofs`` names files
    that may differ or be absent, since the same leaf is proven under each later checkpoint.
    Raises Refused ``release-exists`` when it holds other bytes; BadInput ``release-path``; Unavailable ``release-folder``.
    """
    for path in (release_id, *files):
        _check_path(path)
    final = public / "releases" / release_id
    if final.exists():
        if _without(read_release(final), proofs) != _without(files, proofs):
            raise Refused("release-exists", release=release_id)
        return final
    waiting = final.with_name(f".{release_id}.partial")
    try:
        shutil.rmtree(waiting, ignore_errors=True)
        for path, data in files.items():
            _write(waiting / path, data)
        for folder in [waiting, *(item for item in waiting.rglob("*") if item.is_dir())]:
            _sync(folder)
        waiting.rename(final)
        _sync(final.parent)
    except OSError as error:
        raise Unavailable("release-folder", release=release_id) from error
    return final


def write_for_eyes(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` under a folder of one's own that is made for it; raises BadInput ``release-path``, ``file-unwritable``."""
    for path in files:
        _check_path(path)
    try:
        folder.mkdir(mode=0o700)
        for path, data in files.items():
            _write(folder / path, data)
    except OSError as error:
        raise BadInput("file-unwritable", file=folder.name) from error


def _without(files: Mapping[str, bytes], names: Collection[str]) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if path not in names}


def read_release(folder: Path) -> dict[str, bytes]:
    """Relative path → bytes of a release folder.

    Raises NotTrusted ``release-odd-file`` for what no release holds, and a proof of files would not tell: a link, a pipe, an empty folder,
    a name that cannot be shown.
    """
    found = sorted(folder.rglob("*"))
    holding = {item.parent for item in found}
    for item in found:
        path = item.relative_to(folder).as_posix()
        plain = item.is_file() or (item.is_dir() and item in holding)
        if item.is_symlink() or not plain or not path.isprintable():
            raise NotTrusted("release-odd-file", file=ascii(path)[1:-1])
    return {item.relative_to(folder).as_posix(): item.read_bytes() for item in found if item.is_file()}


def _check_path(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part in {".", ".."} or part.startswith(".") for part in parts):
        raise BadInput("release-path")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
