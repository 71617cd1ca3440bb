# SPDX-License-Identifier: Apache-2.0
"""The cache of evidence where the disk or another process refuses: a piece is not kept, and nothing else is lost."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import cache_directory
from rempart.adapters.cache_directory import CacheDirectory
from tests.properties.test_kept_evidence import A, B, evidence, kept

SPACE = "project:x"


def no_room(*_: object) -> None:
    """What a full disk says."""
    raise OSError(errno.ENOSPC, "no space left")


def clears(folder: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, once another process has cleared the cache."""

    def called(*arguments: Any, **named: Any) -> Any:
        shutil.rmtree(folder)
        return function(*arguments, **named)

    return called


def files(folder: Path) -> list[Path]:
    """Every file below."""
    return [path for path in folder.rglob("*") if path.is_file()]


def full(_: Path, patch: pytest.MonkeyPatch) -> None:
    """The disk is full when the piece is put in its place."""
    patch.setattr(cache_directory.os, "replace", no_room)


def cleared_before(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A rotation clears the folder after it was made."""
    patch.setattr(cache_directory.tempfile, "mkstemp", clears(folder, tempfile.mkstemp))


def cleared_amid(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """An objection clears the folder while the piece is written."""
    patch.setattr(cache_directory.os, "replace", clears(folder, os.replace))


def blocked(folder: Path, _: pytest.MonkeyPatch) -> None:
    """A file stands where the folder should."""
    folder.write_bytes(b"")


@pytest.mark.parametrize("fault", [full, cleared_before, cleared_amid, blocked])
def test_what_cannot_be_kept_is_told_and_raises_nothing(
    fault: Callable[[Path, pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    place = kept(folder)
    with monkeypatch.context() as patch:
        fault(folder, patch)
        assert place.keep({A: evidence([("x/a", 1, 5)]), B: evidence([])}, reference="r") >= 1
    assert place.there([A, B]) in ([], [B])
    assert not [path for path in files(folder) if path.name.startswith(".")], "no half piece is left"


def test_what_can_be_kept_is_told_too(tmp_path: Path) -> None:
    assert kept(tmp_path).keep({A: evidence([("x/a", 1, 5)])}, reference="r") == 0
    assert CacheDirectory(tmp_path, limit=10).put(SPACE, "n", bytes(11)) is False


def test_a_cache_that_is_no_folder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"")
    place = kept(tmp_path / "cache")
    assert (place.there([A]), place.take([A], reference="r")) == ([], {})
    place.cache.drop(SPACE, "n")
    place.cache.clear(SPACE)
    place.cache.retain([])


def test_a_piece_that_another_run_is_writing_is_left_alone(tmp_path: Path) -> None:
    cache = CacheDirectory(tmp_path, limit=100)
    cache.put(SPACE, "old-1", bytes(40))
    (folder,) = tmp_path.iterdir()
    writing, abandoned = folder / ".new-1.abc", folder / ".old-2.def"
    for path in (writing, abandoned):
        path.write_bytes(bytes(40))
    os.utime(abandoned, (0, 0))
    cache.keep(SPACE, "new")
    assert [path.name for path in files(tmp_path)] == [writing.name], "what a killed run left goes"
    cache.put(SPACE, "new-2", bytes(100))
    assert writing.exists() and cache.has(SPACE, "new-2")


def test_a_piece_that_cannot_be_removed_stops_nobody(tmp_path: Path) -> None:
    cache = CacheDirectory(tmp_path)
    cache.put(SPACE, "n", b"x")
    (folder,) = tmp_path.iterdir()
    (folder / "odd").mkdir()  # unlink refuses a folder, even to root
    cache.keep(SPACE, "other")
    cache.drop(SPACE, "odd")
    assert not cache.has(SPACE, "n")


def test_a_disk_that_remembers_no_use_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = CacheDirectory(tmp_path)
    cache.put(SPACE, "n", b"x")
    monkeypatch.setattr(cache_directory.os, "utime", no_room)
    assert cache.get(SPACE, "n") == b"x"
