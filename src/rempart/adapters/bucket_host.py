# SPDX-License-Identifier: Apache-2.0
"""Makes hosts on S3 and on Azure Blob from a connection and its credentials. TLS but on loopback; the environment is not asked."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import AzureStore, S3Store

from rempart.adapters.host_connection import CONNECTION, Connection
from rempart.adapters.object_store_host import ObjectStoreHost
from rempart.errors import BadInput

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, RetryConfig, S3Config

_RETRIES: "RetryConfig" = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
}
_FOREIGN = ("AWS_", "AZURE_", "MSI_", "IDENTITY_")
_ENVIRONMENT = threading.Lock()


def s3_host(
    connection: Connection, credentials: Mapping[str, str], *, label: str, authority: bytes | None
) -> ObjectStoreHost:
    """A host on any S3 server, addressed by path. ``authority``: PEM of a private certificate authority."""
    config: S3Config = {
        "region": connection.region or "us-east-1",
        "access_key_id": credentials["access_key_id"],
        "secret_access_key": credentials["secret_access_key"],
        "virtual_hosted_style_request": False,
        "disable_bulk_delete": True,
    }
    if connection.endpoint:
        config["endpoint"] = connection.endpoint
    if "session_token" in credentials:
        config["session_token"] = credentials["session_token"]
    with _nothing_from_outside():
        store = S3Store(
            connection.bucket,
            prefix=connection.prefix or None,
            config=config,
            client_options=_client(connection, authority),
            retry_config=_RETRIES,
        )
    return ObjectStoreHost(store, label=label, conditional=connection.conditional)


def azure_host(
    connection: Connection, credentials: Mapping[str, str], *, label: str, authority: bytes | None
) -> ObjectStoreHost:
    """A host on Azure Blob, its account opened by the account's key."""
    config: AzureConfig = {"account_name": connection.account, "account_key": credentials["account_key"]}
    if connection.endpoint:
        config["endpoint"] = connection.endpoint
    with _nothing_from_outside():
        store = AzureStore(
            connection.bucket,
            prefix=connection.prefix or None,
            config=config,
            client_options=_client(connection, authority),
            retry_config=_RETRIES,
        )
    return ObjectStoreHost(store, label=label, conditional=connection.conditional)


def _client(connection: Connection, authority: bytes | None) -> "ClientConfig":
    """Bounded waits: 5 s to connect, 60 s without a byte, 15 minutes for one object."""
    options: ClientConfig = {
        "allow_http": connection.endpoint.startswith("http://"),  # loopback alone: Connection refuses any other
        "connect_timeout": "5s",
        "read_timeout": "60s",
        "timeout": "15m",
        "user_agent": "rempart",
    }
    if authority is not None:
        options["root_certificate"] = authority
    return options


@contextmanager
def _nothing_from_outside() -> Iterator[None]:
    """obstore fills in what the environment names (another endpoint, a token, "do not sign"): it must find nothing there."""
    with _ENVIRONMENT:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_FOREIGN)}
        try:
            yield
        except (BaseError, ValueError):  # its text may hold a secret
            raise BadInput("config-field", file=CONNECTION, field="ca_file", expected="PEM") from None
        finally:
            os.environ.update(hidden)
