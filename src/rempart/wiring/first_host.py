# SPDX-License-Identifier: Apache-2.0
"""The host that a warehouse begins on: a folder of this machine, or a far one that its officer declares. Judged before it is used."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.host_connection import (
    Connection,
    check_credentials,
    connection_from_dict,
    credentials_file,
    reach,
    write_credentials,
)
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput
from rempart.hosts.guard import check_store
from rempart.hosts.rules import host_rules
from rempart.records.descriptor import HOST, Declaration, HostDescriptor
from rempart.records.descriptor_form import declaration_from

_CONNECTION = "connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstHost:
    """``declaration``: what the first officer declares of it; None for a folder of this machine, which is declared with the machine."""

    connection: Connection = field(default_factory=lambda: Connection(kind="directory", path="host"))
    credentials: Mapping[str, str] = field(default_factory=dict)
    declaration: Declaration | None = None


def read_first_host(file: Path | None, credentials: Path | None, *, today: datetime.date) -> FirstHost:
    """From a file as ``rempart hosts add`` takes it, named by its kind; without one the folder ``host``.

    Raises BadInput ``config-field``, ``descriptor-field``, ``credentials-form``; Refused ``store-…`` when it may hold nothing.
    """
    if file is None:
        return FirstHost()
    told = read_toml(file)
    connection = connection_from_dict(told.pop(_CONNECTION, {}))
    declaration = declaration_from(told, schema=HOST, file=file.name)
    if declaration.name != connection.kind:
        raise BadInput("descriptor-field", file=file.name, field="name", expected=connection.kind)
    rules = host_rules(package_data.toml("hosts/rules.toml"), package_data.toml("hosts/countries.toml"))
    check_store(HostDescriptor(declaration=declaration).body, today, rules)
    given = credentials_file(credentials, connection.kind) if credentials else check_credentials({}, connection.kind)
    return FirstHost(connection=connection, credentials=given, declaration=declaration)


def begin_host(directory: Path, first: FirstHost) -> None:
    """Make it ready: it is asked once, before anything is written; then its credentials are kept, or its folder made.

    Raises Unavailable ``host-unreachable`` or ``host-denied``, BadInput ``credentials-form``, ``file-unwritable``.
    """
    connection = first.connection
    if connection.kind == "directory":
        try:
            Path(directory, connection.path).mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise BadInput("file-unwritable", file=Path(connection.path).name) from error
    next(reach(connection, first.credentials, label=connection.kind, base=directory).names(), None)
    write_credentials(directory / "controller", connection.kind, connection.kind, first.credentials)
