# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy on loopback that keeps every byte between a client and a server, and cuts connections when told to.

For the canary scan over traffic and for tests of lost connections. Understands no protocol.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from tests.servers.process import LOOPBACK

_CHUNK = 1 << 16


class RecordingProxy:
    """``port``: where clients connect. ``captured()``: all bytes so far, both ways, each direction of a connection whole."""

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        self._upstream = (upstream_host, upstream_port)
        self._lock = threading.Lock()
        self._streams: list[bytearray] = []
        self._open: set[socket.socket] = set()
        self._cuts: list[int] = []
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def captured(self) -> bytes:
        """Every byte that passed; the directions of the connections one after another."""
        with self._lock:
            return b"".join(bytes(stream) for stream in self._streams)

    def cut_after(self, *answered: int) -> None:
        """The next connections, one for each number, are cut once the server has answered that many bytes."""
        with self._lock:
            self._cuts = list(answered)
        self._drop()

    def stop(self) -> None:
        """Take no more connections and end those there are."""
        self._listener.close()
        self._drop()

    def _drop(self) -> None:
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with closing(client):
            try:
                server = socket.create_connection(self._upstream, timeout=30)
            except OSError:
                return
            with closing(server):
                server.settimeout(None)
                self._pair(client, server)

    def _pair(self, client: socket.socket, server: socket.socket) -> None:
        with self._lock:
            allowed = self._cuts.pop(0) if self._cuts else None
            self._open |= {client, server}
        back = threading.Thread(target=self._pass, args=(server, client, allowed), daemon=True)
        back.start()
        self._pass(client, server, None)
        back.join()
        with self._lock:
            self._open -= {client, server}

    def _pass(self, source: socket.socket, target: socket.socket, allowed: int | None) -> None:
        stream = bytearray()
        with self._lock:
            self._streams.append(stream)
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                with self._lock:
                    stream += data
                target.sendall(data if allowed is None else data[: max(0, allowed - len(stream) + len(data))])
                if allowed is not None and len(stream) >= allowed:
                    break
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        if allowed is not None:
            with suppress(OSError):
                source.shutdown(socket.SHUT_RDWR)


def start(upstream_host: str, upstream_port: int) -> RecordingProxy:
    """A proxy before that server; stop it with ``stop()``."""
    return RecordingProxy(upstream_host, upstream_port)


@contextmanager
def recording(upstream_host: str, upstream_port: int) -> Iterator[RecordingProxy]:
    """The same, for a block."""
    proxy = start(upstream_host, upstream_port)
    try:
        yield proxy
    finally:
        proxy.stop()
