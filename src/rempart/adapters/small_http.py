# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server of the standard library for doors that need no warehouse: the witness and the second ledger machine.

Few connections, bounded bodies, short waits; it writes no log. Decides nothing: each route is a function of the body.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, cast

from rempart.errors import BadInput, Unavailable

CONNECTIONS = 32
_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a route answers."""

    status: int
    body: bytes = b""
    form: str = "text/plain; charset=utf-8"


Route = Callable[[str, bytes], Answer]
"""(the query after ``?``, the body) → answer."""


class SmallServer(ThreadingHTTPServer):
    """``routes``: "METHOD /path" → function; ``largest``: bytes of a body. Serves ``CONNECTIONS`` callers at once at most."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], routes: Mapping[str, Route], *, largest: int) -> None:
        """Listen at once; raises Unavailable ``door-address``."""
        self.routes = routes
        self.largest = largest
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise Unavailable("door-address", host=address[0], port=address[1]) from error

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Turn a caller away when too many are here."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(cast(socket, request))

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Serve one connection and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A caller that went away, or a defect: the connection ends without an answer, and nothing is written."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "rempart"
    sys_version = ""
    timeout = _SECONDS

    def do_POST(self) -> None:
        self._answer(self._body())

    def do_GET(self) -> None:
        self._answer(b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: an address and an hour would say who asked."""

    def _answer(self, body: bytes | None) -> None:
        server = cast(SmallServer, self.server)
        path, _, query = self.path.partition("?")
        route = server.routes.get(f"{self.command} {path}")
        if body is None:
            self.close_connection = True
            self._send(Answer(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        elif route is None:
            self._send(Answer(status=HTTPStatus.NOT_FOUND))
        else:
            self._send(route(query, body))

    def _body(self) -> bytes | None:
        """The whole body; None where its length is not told or too large."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or int(length) > cast(SmallServer, self.server).largest:
            return None
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.form)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


def address_of(text: str) -> tuple[str, int]:
    """``ADDRESS:PORT``; raises BadInput ``door-listen``."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise BadInput("door-listen", given=text)
    return host.removeprefix("[").removesuffix("]"), int(port)
