# SPDX-License-Identifier: Apache-2.0
"""The cache before a far host: it spares requests, holds what the host gave and nothing else, and is never a reason to fail."""

import os
from pathlib import Path

import pytest

from rempart.adapters.caching_host import CachingHost, trim
from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import Missing
from rempart.records.sealed import Sealed

NAMES = [f"o/{number:032x}" for number in range(8)]
DATA = {name: os.urandom(1000) for name in NAMES}


class Counted(DirectoryHost):
    """A host that counts what it is asked."""

    asked = 0

    def get(self, name: str) -> Sealed:
        """Counted."""
        self.asked += 1
        return super().get(name)

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """Counted."""
        self.asked += 1
        return super().get_range(name, start, end)


@pytest.fixture
def far(tmp_path: Path) -> Counted:
    """A host with eight objects of 1000 bytes."""
    host = Counted(DirectoryHost.create(tmp_path / "host")._root)
    for name, data in DATA.items():
        host.put(name, Sealed(data))
    return host


def test_what_was_read_once_is_not_asked_for_again_even_by_another_process(far: Counted, tmp_path: Path) -> None:
    for _ in range(2):
        cached = CachingHost(far, tmp_path / "cache")
        for _ in range(3):
            assert cached.get(NAMES[0]).data == DATA[NAMES[0]]
            assert cached.get_range(NAMES[1], 5, 50).data == DATA[NAMES[1]][5:50]
    assert far.asked == 2


def test_the_cache_holds_what_the_host_gave_in_files_closed_to_others(far: Counted, tmp_path: Path) -> None:
    cached = CachingHost(far, tmp_path / "cache")
    cached.get(NAMES[0])
    cached.put("o/" + "f" * 32, Sealed(b"new"))
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.read_bytes()[32:] == DATA[NAMES[0]]
    assert kept.stat().st_mode & 0o077 == 0
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "a folder"])
def test_a_damaged_copy_is_fetched_again_once(far: Counted, tmp_path: Path, damage: str) -> None:
    cached = CachingHost(far, tmp_path / "cache")
    cached.get(NAMES[0])
    (kept,) = (tmp_path / "cache").iterdir()
    data = kept.read_bytes()
    if damage == "a folder":
        kept.unlink()
        kept.mkdir()
    else:
        kept.write_bytes({"flipped": data[:-1] + bytes([data[-1] ^ 1]), "cut": data[:-1], "emptied": b""}[damage])
    assert cached.get(NAMES[0]).data == DATA[NAMES[0]]
    assert far.asked == 2
    cached.get(NAMES[0])
    assert far.asked == (3 if damage == "a folder" else 2)


def test_it_stays_within_its_bound_and_drops_what_was_read_least_recently(far: Counted, tmp_path: Path) -> None:
    cached = CachingHost(far, tmp_path / "cache", limit=5000)
    for at, name in enumerate(NAMES):
        cached.get(NAMES[0])
        cached.get(name)
        for path in (tmp_path / "cache").iterdir():
            if path.stat().st_mtime_ns > 10**15:
                os.utime(path, ns=(at, at))
    files = list((tmp_path / "cache").iterdir())
    assert len(files) >= 2
    assert sum(path.stat().st_size for path in files) <= 5000
    asked = far.asked
    cached.get(NAMES[0])
    assert far.asked == asked, "what is read all the time stays"
    cached.get(NAMES[1])
    assert far.asked == asked + 1, "what was read long ago went"


def test_what_is_too_large_for_it_passes_through(far: Counted, tmp_path: Path) -> None:
    cached = CachingHost(far, tmp_path / "cache", limit=2000)
    assert [cached.get(NAMES[0]).data for _ in range(2)] == [DATA[NAMES[0]]] * 2
    assert far.asked == 2


def test_a_pointer_and_an_absence_are_never_kept(far: Counted, tmp_path: Path) -> None:
    cached = CachingHost(far, tmp_path / "cache")
    far.put("s/1", Sealed(b"hint"))
    cached.get("s/1")
    cached.get("s/1")
    with pytest.raises(Missing):
        cached.get("o/" + "e" * 32)
    far.put("o/" + "e" * 32, Sealed(b"late"))
    assert cached.get("o/" + "e" * 32).data == b"late"
    assert far.asked == 4


def test_a_deleted_object_is_deleted_here_too(far: Counted, tmp_path: Path) -> None:
    cached = CachingHost(far, tmp_path / "cache")
    cached.get(NAMES[0])
    cached.get_range(NAMES[0], 0, 9)
    cached.delete(NAMES[0])
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(Missing):
        cached.get(NAMES[0])


def test_a_disk_that_takes_nothing_is_as_good_as_no_cache(far: Counted, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    cached = CachingHost(far, tmp_path / "cache")
    assert cached.get(NAMES[0]).data == DATA[NAMES[0]]
    cached.delete(NAMES[0])


def test_trimming_takes_the_oldest_first(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).write_bytes(bytes(100))
        os.utime(tmp_path / str(number), (number, number))
    trim(tmp_path, 640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4", "5", "6", "7", "8", "9"]
