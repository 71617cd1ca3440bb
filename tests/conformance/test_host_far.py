# SPDX-License-Identifier: Apache-2.0
"""A host over the network that answers 500, loses connections or has no conditions: asked again, or a plain word, nothing half-done."""

import dataclasses
import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.adapters.host_connection import Connection, reach
from rempart.adapters.object_store_host import ObjectStoreHost
from rempart.errors import Missing, RempartError, Unavailable
from rempart.ports.host import Host
from rempart.records.sealed import Sealed, SealedStream
from tests.servers import hosts
from tests.servers.azurite import AzureServer
from tests.servers.faulty_http import FaultyHttp, stumbling
from tests.servers.recording_proxy import recording
from tests.servers.seaweedfs import S3Server

pytestmark = pytest.mark.server
NAME = "o/" + "0" * 32
_MIB = 1 << 20


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultyHttp]:
    """A stumbling way to the S3 server."""
    with stumbling(s3_server.port) as made:
        yield made


def through(proxy: FaultyHttp, server: S3Server, **changed: object) -> ObjectStoreHost:
    """A host reached through the proxy, which does not really wait between its tries."""
    connection = dataclasses.replace(hosts.s3_connection(server, port=proxy.port), **changed)  # type: ignore[arg-type]
    host = reach(connection, hosts.s3_credentials(server), label="s3", base=Path())
    assert isinstance(host, ObjectStoreHost)
    host._sleep = lambda _: None
    return host


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(Unavailable) as caught:
        act()
    return caught.value.code


@pytest.mark.parametrize("fault", ["500", "503", "drop", "half"])
def test_a_call_that_fails_is_made_again_and_then_works(proxy: FaultyHttp, s3_server: S3Server, fault: str) -> None:
    host = through(proxy, s3_server)
    data = os.urandom(300_000)
    proxy.faults = [fault] * 2
    assert host.put(NAME, Sealed(data))
    proxy.faults = [fault] * 2
    assert host.get(NAME).data == data
    proxy.faults = [fault]
    assert host.get_range(NAME, 10, 20).data == data[10:20]
    proxy.faults = [fault] if fault != "half" else []
    assert list(host.listing()) == [(NAME, len(data))]
    proxy.faults = [fault]
    host.delete(NAME)
    assert list(host.names()) == []


@pytest.mark.parametrize("fault", ["503", "drop"])
def test_a_call_that_fails_for_longer_is_made_again_later(proxy: FaultyHttp, s3_server: S3Server, fault: str) -> None:
    host = through(proxy, s3_server)
    host.put(NAME, Sealed(b"x"))
    proxy.faults = [fault] * 6  # more often than obstore itself asks again
    assert host.get(NAME).data == b"x"


def test_a_put_whose_answer_was_lost_has_created_its_object(proxy: FaultyHttp, s3_server: S3Server) -> None:
    host = through(proxy, s3_server)
    proxy.faults = ["lost"]
    assert host.put(NAME, Sealed(b"mine"))
    proxy.faults = ["lost"]
    assert not host.put(NAME, Sealed(b"other"))
    assert host.get(NAME).data == b"mine"


def test_a_host_that_never_answers_well_is_unreachable_and_nothing_is_half_written(
    proxy: FaultyHttp, s3_server: S3Server
) -> None:
    host = through(proxy, s3_server)
    proxy.always = "503"
    begun = time.monotonic()
    for act in (
        lambda: host.put(NAME, Sealed(b"x")), lambda: host.get(NAME), lambda: list(host.names()), lambda: host.delete(NAME),
    ):  # fmt: skip
        assert code_of(act) == "host-unreachable"
    assert time.monotonic() - begun < 60
    assert len(proxy.asked) >= 8, "it was asked again before it was given up"
    proxy.always = ""
    assert list(host.listing()) == []


def test_a_stream_takes_up_where_the_connection_broke(s3_server: S3Server) -> None:
    data = os.urandom(24 * _MIB)
    with recording("127.0.0.1", s3_server.port) as way:
        connection = hosts.s3_connection(s3_server, port=way.port)
        host = reach(connection, hosts.s3_credentials(s3_server), label="s3", base=Path())
        assert host.put(NAME, Sealed(data))
        way.cut_after(14 * _MIB, *[100] * 5, 10 * _MIB)  # more often in a row than obstore itself asks again
        digest, size = hashlib.sha256(), 0
        for chunk in host.open(NAME).chunks:
            digest.update(chunk)
            size += len(chunk)
        assert (size, digest.digest()) == (len(data), hashlib.sha256(data).digest())


def test_a_stream_that_breaks_again_and_again_ends_in_a_plain_word(s3_server: S3Server) -> None:
    with recording("127.0.0.1", s3_server.port) as way:
        connection = hosts.s3_connection(s3_server, port=way.port)
        host = reach(connection, hosts.s3_credentials(s3_server), label="s3", base=Path())
        host.put(NAME, Sealed(bytes(20 * _MIB)))
        way.cut_after(*[300_000] * 40)
        assert code_of(lambda: list(host.open(NAME).chunks)) == "host-unreachable"


def test_an_upload_in_pieces_that_the_host_breaks_off_leaves_nothing(proxy: FaultyHttp, s3_server: S3Server) -> None:
    host = through(proxy, s3_server)
    chunk = os.urandom(4 * _MIB)
    pieces = iter([chunk] * 10)

    def broken() -> Iterator[bytes]:
        for piece in pieces:
            if piece is chunk:
                proxy.always = "503"
            yield piece

    assert code_of(lambda: host.put_stream(NAME, SealedStream(40 * _MIB, broken()))) == "host-unreachable"
    proxy.always = ""
    with pytest.raises(Missing):
        host.get(NAME)
    assert list(host.listing()) == []


def test_a_server_that_refuses_conditions_is_asked_first(proxy: FaultyHttp, s3_server: S3Server) -> None:
    host = through(proxy, s3_server)
    proxy.faults = ["501"] * 4
    assert host.put(NAME, Sealed(b"first"))
    asked = len(proxy.asked)
    assert not host.put(NAME, Sealed(b"second"))
    assert [request.split()[0] for request in proxy.asked[asked:]] == ["HEAD"]
    assert host.get(NAME).data == b"first"


def test_a_server_known_to_have_no_conditions_is_asked_first(proxy: FaultyHttp, s3_server: S3Server) -> None:
    host = through(proxy, s3_server, conditional=False)
    assert host.put(NAME, Sealed(b"first"))
    assert not host.put(NAME, Sealed(b"second"))
    assert [request.split()[0] for request in proxy.asked] == ["HEAD", "PUT", "HEAD"]


def told(error: RempartError) -> str:
    """All that could be written of an error: its text, its facts, and what it came from."""
    chain, parts = error, ""
    while chain is not None:
        parts += f"{chain!s} {getattr(chain, 'facts', '')} {chain!r} "
        chain = chain.__cause__  # type: ignore[assignment]
    return parts


def test_wrong_credentials_are_said_and_never_shown(s3_server: S3Server, azure_server: AzureServer) -> None:
    wrong = "k" * 40
    given = {"access_key_id": s3_server.access_key_id, "secret_access_key": wrong}
    s3 = reach(hosts.s3_connection(s3_server), given, label="far", base=Path())
    azure = reach(hosts.azure_connection(azure_server), {"account_key": "a2" * 44}, label="far", base=Path())
    for host in (s3, azure):
        for act in (
            lambda h=host: h.get(NAME),
            lambda h=host: h.put(NAME, Sealed(b"")),
            lambda h=host: list(h.names()),
        ):
            with pytest.raises(Unavailable) as caught:
                act()
            assert caught.value.code == "host-denied"
            text = told(caught.value)
            assert caught.value.facts == {"host": "far"}
            assert not [word for word in (wrong, "a2a2", "127.0.0.1", "http", s3_server.access_key_id) if word in text]


def test_a_bucket_that_is_not_there_is_an_unreachable_host_and_no_missing_object(azure_server: AzureServer) -> None:
    connection = dataclasses.replace(hosts.azure_connection(azure_server), path="no-such-container")
    host = reach(connection, hosts.azure_credentials(azure_server), label="azure", base=Path())
    assert isinstance(host, ObjectStoreHost)
    host._sleep = lambda _: None
    for act in (lambda: host.get(NAME), lambda: host.put(NAME, Sealed(b"")), lambda: list(host.names())):
        assert code_of(act) == "host-unreachable"


def test_nothing_of_the_environment_is_believed(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_SESSION_TOKEN": "x", "AWS_SKIP_SIGNATURE": "true", "AWS_TOKEN": "y",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    host: Host = hosts.s3(s3_server)
    assert host.put(NAME, Sealed(b"x"))
    assert os.environ["AWS_SKIP_SIGNATURE"] == "true"


def test_no_server_at_all_is_said_soon() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        connection = Connection(kind="s3", path="bucket", endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}")
        given = {"access_key_id": "a", "secret_access_key": "b"}
        begun = time.monotonic()
        assert code_of(lambda: reach(connection, given, label="s3", base=Path()).get(NAME)) == "host-unreachable"
        assert time.monotonic() - begun < 30


def test_two_streams_from_one_host_to_the_other_at_once(s3_server: S3Server, azure_server: AzureServer) -> None:
    """What the mover does: a stream of one host is handed to another, by several threads."""
    source, target = hosts.s3(s3_server), hosts.azure(azure_server)
    data = {f"o/{number:032x}": os.urandom(18 * _MIB + number) for number in range(3)}
    for name, held in data.items():
        source.put(name, Sealed(held))
    threads = [threading.Thread(target=lambda n=name: target.put_stream(n, source.open(n))) for name in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert {name: hashlib.sha256(target.get(name).data).digest() for name in data} == {
        name: hashlib.sha256(held).digest() for name, held in data.items()
    }
