# SPDX-License-Identifier: Apache-2.0
"""What a folder promises beyond the suite of every host (test_host.py): modes, names, crashes, what stands in an object's place."""

import os
from pathlib import Path

import pytest

from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import Missing, NotTrusted, RempartError, Unavailable
from rempart.records.sealed import Sealed, SealedStream
from tests.faults.faulty_host import Faults, FaultyHost

NAME, OTHER = "o/" + "0" * 32, "m/" + "f" * 32


@pytest.fixture
def host(tmp_path: Path) -> DirectoryHost:
    return DirectoryHost.create(tmp_path / "host")


def test_an_absent_object_is_missing_and_deleting_it_is_harmless(host: DirectoryHost) -> None:
    with pytest.raises(Missing, match="object-missing"):
        host.get(NAME)
    host.delete(NAME)
    host.put(NAME, Sealed(b"x"))
    host.delete(NAME)
    assert list(host.names()) == []


@pytest.mark.parametrize(
    "name", ["", "o/", "o/../../x", "/etc/passwd", "o/" + "G" * 32, "s/", "x/" + "0" * 32, NAME + "\n"]
)
def test_a_name_of_another_form_reaches_no_file(host: DirectoryHost, name: str) -> None:
    for act in (lambda: host.get(name), lambda: host.put(name, Sealed(b"")), lambda: host.delete(name)):
        with pytest.raises(NotTrusted, match="object-name"):
            act()


def test_bytes_that_nobody_sealed_are_not_taken(host: DirectoryHost) -> None:
    with pytest.raises(TypeError):
        host.put(NAME, b"rows")  # type: ignore[arg-type]
    assert list(host.names()) == []


def test_a_host_that_is_not_there_is_unavailable_and_its_path_is_not_told(tmp_path: Path) -> None:
    host = DirectoryHost(tmp_path / "secret-place")
    for act in (
        lambda: host.get(NAME), lambda: host.put(NAME, Sealed(b"")), lambda: list(host.names()), lambda: host.delete(NAME),
    ):  # fmt: skip
        with pytest.raises(Unavailable) as caught:
            act()
        assert caught.value.code == "host-unreachable"
        assert "secret-place" not in str(caught.value)


def test_foreign_files_and_unfinished_uploads_are_no_objects(host: DirectoryHost, tmp_path: Path) -> None:
    host.put(NAME, Sealed(b"x"))
    for stray in ("o/.unfinished-abc", "o/readme.txt", "m/" + "A" * 32, "s/x"):
        (tmp_path / "host" / stray).write_bytes(b"?")
    assert list(host.names()) == [NAME]


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_put_that_breaks_leaves_nothing_under_the_name(
    host: DirectoryHost, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/a/path")

    with monkeypatch.context() as broken:
        broken.setattr(os, step, fail)
        with pytest.raises(RempartError, match="host-unreachable"):
            host.put(NAME, Sealed(b"x"))
    assert list((tmp_path / "host" / "o").iterdir()) == []
    assert host.put(NAME, Sealed(b"y"))


def test_an_object_is_on_the_disk_before_put_returns(host: DirectoryHost, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    for step in ("fsync", "link"):
        true = getattr(os, step)
        monkeypatch.setattr(os, step, lambda *a, _t=true, _s=step, **k: (steps.append(_s), _t(*a, **k))[1])
    host.put(NAME, Sealed(b"x"))
    assert steps == ["fsync", "link", "fsync"]


def test_a_folder_or_a_pipe_in_place_of_an_object_is_no_object(host: DirectoryHost, tmp_path: Path) -> None:
    (tmp_path / "host" / NAME).mkdir()
    os.mkfifo(tmp_path / "host" / OTHER)
    for name in (NAME, OTHER):
        for act in (lambda n=name: host.get(n), lambda n=name: host.open(n), lambda n=name: host.get_range(n, 0, 1)):
            with pytest.raises(Missing, match="object-missing"):
                act()
    assert list(host.listing()) == []
    host.delete(NAME)


def test_an_upload_forsaken_for_a_day_is_swept_away_and_a_young_one_is_not(tmp_path: Path) -> None:
    old, young = (tmp_path / "host" / "o" / f".unfinished-{name}" for name in ("old", "young"))
    host = DirectoryHost.create(tmp_path / "host")
    for file in (old, young):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert host.put(NAME, Sealed(b"x"))
    assert old.exists()
    DirectoryHost.create(tmp_path / "host")
    assert (old.exists(), young.exists()) == (False, True)
    os.utime(young, (1, 1))
    DirectoryHost(tmp_path / "host").put(OTHER.replace("m/", "o/"), Sealed(b"x"))
    assert not young.exists()


def test_a_stumbling_host_never_shows_half_an_upload(tmp_path: Path) -> None:
    faulty = FaultyHost(DirectoryHost.create(tmp_path / "host"), Faults(seed=11, lost=0.4, errors=0.2))
    data, broken = os.urandom(50_000), 0
    for number in range(40):
        name = f"o/{number:032x}"
        try:
            faulty.put_stream(name, SealedStream(len(data), iter([data])))
        except Unavailable:
            broken += 1
    sizes = {size for _, size in DirectoryHost(tmp_path / "host").listing()}
    assert sizes == {len(data)}
    assert 5 < broken < 35
