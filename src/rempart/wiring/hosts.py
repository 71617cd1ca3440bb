# SPDX-License-Identifier: Apache-2.0
"""Which host is active, and the host of a name: the one of ``rempart.toml`` (named by its kind) or one that was added since."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rempart.adapters.caching_host import CachingHost
from rempart.adapters.configuration import Configuration
from rempart.adapters.host_connection import Connection, reach, read_connection, read_credentials
from rempart.errors import Refused
from rempart.journeys import chain
from rempart.ports.host import Host


def active_host(leaves: Sequence[bytes], settings: Configuration) -> str:
    """The name of the host that holds the warehouse now: where the last cut-over went, else the first host."""
    return chain.active_host(leaves) or settings.host.kind


def connection_of(directory: Path, settings: Configuration, name: str) -> Connection:
    """How that host is reached; raises Missing ``host-unknown``, BadInput."""
    if name == settings.host.kind:
        return settings.host
    return read_connection(directory / "controller", name)


def open_host(directory: Path, settings: Configuration, name: str, *, cached: bool) -> Host:
    """The host of that name, not yet asked anything; ``cached``: reads of a far one go through the controller's cache.

    Raises Missing ``host-unknown`` or ``file-absent`` (no credentials), Refused ``file-open-to-others``, BadInput.
    """
    controller = directory / "controller"
    connection = connection_of(directory, settings, name)
    credentials = read_credentials(controller, name, connection.kind)
    host = reach(connection, credentials, label=name, base=directory)
    if not cached or connection.kind == "directory":
        return host
    return CachingHost(host, controller / "cache" / name)


def folder_of(directory: Path, settings: Configuration, name: str) -> Path:
    """Where a directory host lies; raises Refused ``host-no-folder`` for any other."""
    connection = connection_of(directory, settings, name)
    if connection.kind != "directory":
        raise Refused("host-no-folder", host=name)
    return Path(directory, connection.path)


def empty_cache(directory: Path) -> None:
    """Forget every copy: after a host gave bytes that do not prove themselves, the next reader asks it again."""
    with suppress(OSError):
        shutil.rmtree(directory / "controller" / "cache", ignore_errors=True)
