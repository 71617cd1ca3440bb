# SPDX-License-Identifier: Apache-2.0
"""What ports.host.Host promises, on every host: a directory, a real S3 server, a real Azure Blob server, and one that stumbles."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters.caching_host import CachingHost
from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import Missing, NotTrusted, Unavailable
from rempart.ports.host import Host
from rempart.records.sealed import Sealed, SealedStream
from tests.faults.faulty_host import Faults, FaultyHost, Patient
from tests.servers import hosts

NAME, OTHER = "o/" + "0" * 32, "m/" + "f" * 32
STUMBLING = Faults(seed=7, errors=0.2, lost=0.2, twice=0.5, latency=0.002, lag=0)
_MIB = 1 << 20


STEADY = [
    "directory",
    pytest.param("s3", marks=pytest.mark.server),
    pytest.param("azure", marks=pytest.mark.server),
    pytest.param("cached", marks=pytest.mark.server),
]


@pytest.fixture(params=["stumbling", *STEADY])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """A new, empty host."""
    return made(request.param, request, tmp_path)


@pytest.fixture(params=STEADY)
def steady(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """The same without the one that stumbles: whoever has a stream to give must ask that one again with a new stream."""
    return made(request.param, request, tmp_path)


def made(kind: str, request: pytest.FixtureRequest, folder: Path) -> Host:
    """A host of that kind."""
    if kind == "s3":
        return hosts.s3(request.getfixturevalue("s3_server"))
    if kind == "azure":
        return hosts.azure(request.getfixturevalue("azure_server"))
    if kind == "cached":
        return CachingHost(hosts.s3(request.getfixturevalue("s3_server")), folder / "cache")
    host = DirectoryHost.create(folder / "host")
    return host if kind == "directory" else Patient(FaultyHost(host, STUMBLING))


def stream(data: bytes, *, size: int | None = None, piece: int = 70_000) -> SealedStream:
    """``data`` in pieces, announced as ``size`` bytes."""
    pieces = (data[at : at + piece] for at in range(0, len(data), piece))
    return SealedStream(len(data) if size is None else size, pieces)


def test_what_was_put_is_got_and_listed_with_its_size(host: Host) -> None:
    assert list(host.names()) == []
    objects = {NAME: b"one", OTHER: b"", "s/17": b"\x00" * 100_000}
    assert all(host.put(name, Sealed(data)) for name, data in objects.items())
    assert {name: host.get(name).data for name in objects} == objects
    assert sorted(host.listing()) == sorted((name, len(data)) for name, data in objects.items())
    assert sorted(host.names()) == sorted(objects)


def test_a_second_put_says_no_and_changes_nothing(host: Host) -> None:
    assert host.put(NAME, Sealed(b"first"))
    assert not host.put(NAME, Sealed(b"second"))
    assert host.get(NAME).data == b"first"


def test_of_many_writers_one_wins(steady: Host) -> None:
    answers: list[tuple[bool, bytes]] = []
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        data = bytes([number]) * 10_000
        barrier.wait()
        answers.append((steady.put(NAME, Sealed(data)), data))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [data for won, data in answers if won]
    assert len(answers) == 8
    assert winners == [steady.get(NAME).data]
    assert list(steady.names()) == [NAME]


def test_a_range_is_cut_where_the_object_ends(host: Host) -> None:
    data = bytes(range(256)) * 40
    host.put(NAME, Sealed(data))
    host.put(OTHER, Sealed(b""))
    size = len(data)
    for start, end in (
        (0, 10),
        (1000, 5000),
        (0, size),
        (size - 3, size + 10),
        (size, size + 1),
        (size + 9, size + 10),
        (7, 7),
    ):
        assert host.get_range(NAME, start, end).data == data[start:end], (start, end)
    assert host.get_range(OTHER, 0, 10).data == b""
    for start, end in ((5, 4), (-1, 3)):
        with pytest.raises(ValueError, match="forwards"):
            host.get_range(NAME, start, end)


def test_an_absent_object_is_missing_and_deleting_it_is_harmless(host: Host) -> None:
    asked: list[Callable[[], object]] = [
        lambda: host.get(NAME), lambda: host.get_range(NAME, 0, 4), lambda: host.get_range(NAME, 2, 2), lambda: host.open(NAME),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(Missing, match="object-missing"):
            ask()
    host.delete(NAME)
    host.put(NAME, Sealed(b"x"))
    assert host.get(NAME).data == b"x"
    host.delete(NAME)
    assert list(host.names()) == []
    with pytest.raises(Missing, match="object-missing"):
        host.get(NAME)


@pytest.mark.parametrize("size", [0, 1, 3 * _MIB, 17 * _MIB + 5])
def test_a_stream_is_stored_and_read_back_whole(steady: Host, size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    data = data[:size]
    assert steady.put_stream(NAME, stream(data))
    assert not steady.put_stream(NAME, stream(b"other"))
    found = steady.open(NAME)
    assert found.size == size
    assert b"".join(found.chunks) == data
    assert dict(steady.listing()) == {NAME: size}


class Broken(Exception):
    """The source's own trouble."""


def breaking(data: bytes) -> Iterator[bytes]:
    yield data
    raise Broken


@pytest.mark.parametrize("size", [1000, 40 * _MIB])
def test_an_upload_that_is_cut_short_too_long_or_broken_leaves_nothing_under_the_name(steady: Host, size: int) -> None:
    data = bytes(size)
    for announced in (size + 1, size - 1):
        with pytest.raises(NotTrusted, match="object-altered"):
            steady.put_stream(NAME, stream(data, size=announced, piece=4 * _MIB))
    with pytest.raises(Broken):
        steady.put_stream(NAME, SealedStream(2 * size, breaking(data)))
    with pytest.raises(Missing):
        steady.get(NAME)
    assert list(steady.listing()) == []
    assert steady.put_stream(NAME, stream(b"at last"))
    assert steady.get(NAME).data == b"at last"


@pytest.mark.parametrize(
    "name", ["", "o/", "o/../../x", "/etc/passwd", "o/" + "G" * 32, "s/", "x/" + "0" * 32, NAME + "\n"]
)
def test_a_name_of_another_form_reaches_nothing(host: Host, name: str) -> None:
    acts: list[Callable[[], object]] = [
        lambda: host.get(name), lambda: host.put(name, Sealed(b"")), lambda: host.delete(name), lambda: host.open(name),
        lambda: host.get_range(name, 0, 1), lambda: host.put_stream(name, stream(b"x")),
    ]  # fmt: skip
    for act in acts:
        with pytest.raises(NotTrusted, match="object-name"):
            _patiently(act)


def _patiently(act: Callable[[], object]) -> None:
    for _ in range(12):
        try:
            act()
        except Unavailable:
            continue
        return


def test_bytes_that_nobody_sealed_are_not_taken(host: Host) -> None:
    with pytest.raises(TypeError):
        _patiently(lambda: host.put(NAME, b"rows"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _patiently(lambda: host.put_stream(NAME, [b"rows"]))  # type: ignore[arg-type]
    assert list(host.names()) == []


def peak_since(path: Path = Path("/proc/self/status")) -> int:
    """Bytes that this process held at most since ``clear_peak``."""
    line = next(line for line in path.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def test_a_stream_of_any_size_passes_in_bounded_memory(steady: Host, tmp_path: Path) -> None:
    chunk, count = bytes(4 * _MIB), 48
    assert steady.put_stream(OTHER, stream(b"the libraries are loaded"))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = peak_since()
    assert steady.put_stream(NAME, SealedStream(count * len(chunk), (chunk for _ in range(count))))
    assert sum(len(piece) for piece in steady.open(NAME).chunks) == count * len(chunk)
    assert peak_since() - before < 110 * _MIB
