# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy on loopback that answers the next requests wrongly, as told: for clients that must ask again or give up plainly."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from tests.servers.process import LOOPBACK

_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


class FaultyHttp(ThreadingHTTPServer):
    """``faults``: one word for each coming request, then all is well again; ``always``: for every request.

    ``500`` ``503`` ``501`` ``403``: that answer, nothing done. ``drop``: no answer, nothing done. ``lost``: done, and no answer.
    ``half``: half of the true answer, then the end. ``plain``: the request without its conditions, as servers that ignore them.
    """

    daemon_threads = True

    def __init__(self, upstream: int) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.upstream, self.port = upstream, int(self.server_address[1])
        self.faults: list[str] = []
        self.always = ""
        self.asked: list[str] = []
        self.guard = threading.Lock()

    def next_fault(self, request: str) -> str:
        """What happens to this request."""
        with self.guard:
            self.asked.append(request)
            return self.faults.pop(0) if self.faults else self.always

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyHttp
    ignored: ClassVar = frozenset({"if-none-match", "if-match"})

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.next_fault(f"{self.command} {self.path}")
        self.close_connection = True
        if fault.isdigit():
            self._answer(int(fault), [], b"<Error><Code>NotImplemented</Code></Error>" if fault == "501" else b"")
            return
        if fault == "drop":
            return
        status, headers, data = self._forward(body, plain=fault == "plain")
        if fault == "lost":
            return
        self._answer(status, headers, data, half=fault == "half")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815  # the library's names

    def _forward(self, body: bytes, *, plain: bool) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.server.upstream, timeout=30)
        headers = {n: v for n, v in self.headers.items() if not (plain and n.lower() in self.ignored)}
        try:
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            data = answer.read()
            kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in _HOP]
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            return answer.status, [*kept, ("Content-Length", length or "0")], data
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, *, half: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers or [("Content-Length", str(len(data)))]:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if half else data)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def stumbling(upstream: int) -> Iterator[FaultyHttp]:
    """A proxy before the server on that port."""
    proxy = FaultyHttp(upstream)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join(10)
