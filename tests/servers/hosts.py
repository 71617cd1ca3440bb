# SPDX-License-Identifier: Apache-2.0
"""Hosts on the test servers: each call a fresh prefix, so that tests share one server and no object."""

import dataclasses
import secrets
from pathlib import Path

from rempart.adapters.host_connection import Connection, reach
from rempart.ports.host import Host
from tests.servers.azurite import AzureServer
from tests.servers.seaweedfs import S3Server


def s3_connection(server: S3Server, *, port: int | None = None, prefix: str = "") -> Connection:
    """How to reach it, directly or through a proxy on ``port``."""
    endpoint = f"http://127.0.0.1:{port or server.port}"
    return Connection(kind="s3", path=f"{server.bucket}/{prefix or secrets.token_hex(8)}", endpoint=endpoint)


def s3_credentials(server: S3Server) -> dict[str, str]:
    """What opens it."""
    return {"access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}


def azure_connection(server: AzureServer, *, port: int | None = None, prefix: str = "") -> Connection:
    """The same for Azure."""
    endpoint = f"http://127.0.0.1:{port or server.port}/{server.account}"
    path = f"{server.container}/{prefix or secrets.token_hex(8)}"
    return Connection(kind="azure", path=path, endpoint=endpoint, account=server.account)


def azure_credentials(server: AzureServer) -> dict[str, str]:
    """What opens it."""
    return {"account_key": server.account_key}


def s3(server: S3Server, *, prefix: str = "", conditional: bool = True) -> Host:
    """A host on S3; ``conditional=False``: as if the server had no create-if-absent."""
    connection = dataclasses.replace(s3_connection(server, prefix=prefix), conditional=conditional)
    return reach(connection, s3_credentials(server), label="s3", base=Path())


def azure(server: AzureServer, *, prefix: str = "") -> Host:
    """A host on Azure Blob."""
    return reach(azure_connection(server, prefix=prefix), azure_credentials(server), label="azure", base=Path())
