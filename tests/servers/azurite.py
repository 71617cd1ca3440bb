# SPDX-License-Identifier: Apache-2.0
"""An Azure Blob server for tests: Microsoft's ``azurite`` on loopback, one account with a random key, one container.

Installed by ``scripts/node-packages.sh`` from tests/servers/node; its telemetry is off.
"""

import base64
import hashlib
import hmac
import http.client
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from tests.servers.process import LOOPBACK, free_ports, running, wait_until

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, CONTAINER = "rempart", "rempart-tests"


@dataclass(frozen=True, slots=True)
class AzureServer:
    """Where it listens and what opens it; ``account_key`` is base64."""

    port: int
    container: str
    account: str
    account_key: str = field(repr=False)

    @property
    def endpoint(self) -> str:
        """The URL that clients are told: with the account as its path, as emulators have it."""
        return f"http://{LOOPBACK}:{self.port}/{self.account}"


def found() -> str | None:
    """The installed program; None without it or without node."""
    program = ROOT / ".node" / "node_modules" / ".bin" / "azurite-blob"
    return str(program) if program.exists() and shutil.which("node") else None


@contextmanager
def azurite(folder: Path) -> Iterator[AzureServer]:
    """A server on a free port whose files lie in ``folder``, ready to be written to."""
    (port,) = free_ports(1)
    made = AzureServer(port, CONTAINER, ACCOUNT, base64.b64encode(secrets.token_bytes(64)).decode())
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(found()), "--blobHost", LOOPBACK, "--blobPort", str(port), "--location", str(folder),
        "--silent", "--skipApiVersionCheck", "--disableTelemetry",
    ]  # fmt: skip
    log = folder / "azurite.log"
    environment = os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{made.account_key}"}
    with running(command, log=log, environment=environment) as process:
        wait_until(lambda: _container_made(made), process, seconds=60, log=log)
        yield made


def _container_made(server: AzureServer) -> bool:
    """PUT the container, signed with the account's key as Azure's "shared key" has it."""
    told = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
    resource = f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    headers = "".join(f"{name}:{value}\n" for name, value in sorted(told.items()))
    over = "PUT" + "\n" * 12 + headers + resource
    mac = hmac.digest(base64.b64decode(server.account_key), over.encode(), hashlib.sha256)
    told["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(mac).decode()}"
    connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=5)
    try:
        connection.request("PUT", f"/{ACCOUNT}/{CONTAINER}?restype=container", headers=told | {"Content-Length": "0"})
        return connection.getresponse().status in (201, 409)
    except http.client.HTTPException as error:
        raise OSError from error
    finally:
        connection.close()
