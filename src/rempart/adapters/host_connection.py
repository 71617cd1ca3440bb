# SPDX-License-Identifier: Apache-2.0
"""How a host is reached: its connection (no secret) and, apart from it, its credentials. Holds no key of the warehouse.

``DIR/controller/hosts/<name>/connection.toml`` and ``credentials.toml`` (0600). Nothing is ever taken from the environment.
"""

import base64
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rempart.adapters.private_file import create_private, read_private, replace_private
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Missing, Refused
from rempart.ports.host import Host

SCHEMA = "rempart.connection/1"
CONNECTION, CREDENTIALS = "connection.toml", "credentials.toml"
KINDS = ("directory", "s3", "azure")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_BUCKET_AND_PREFIX = re.compile(r"[a-z0-9][a-z0-9.-]{2,62}(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_PRINTED = re.compile(r"[!-~]+")
_REGION, _ACCOUNT = re.compile(r"[A-Za-z0-9-]*"), re.compile(r"[a-z0-9-]{1,63}")
_SECRETS = {
    "directory": (frozenset[str](), frozenset[str]()),
    "s3": (frozenset({"access_key_id", "secret_access_key"}), frozenset({"session_token"})),
    "azure": (frozenset({"account_key"}), frozenset[str]()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """``path``: a folder (relative to DIR unless absolute), or bucket/prefix, or container/prefix; ``endpoint``: '' for the provider's
    own; ``account``: Azure's; ``conditional``: whether the server honours create-if-absent; ``ca_file``: PEM of a private authority.

    Raises BadInput ``config-field``, Refused ``host-insecure`` for an endpoint without TLS that is not this very machine.
    """

    kind: str
    path: str
    endpoint: str = ""
    region: str = ""
    account: str = ""
    ca_file: str = ""
    conditional: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            expected = bool if field.name == "conditional" else str
            if not isinstance(getattr(self, field.name), expected):
                _wrong(field.name, "true or false" if expected is bool else "text")
        if self.kind not in KINDS:
            _wrong("kind", ", ".join(KINDS))
        if not self.path or "\x00" in self.path:
            _wrong("path", "text")
        if self.kind != "directory" and not _BUCKET_AND_PREFIX.fullmatch(self.path):
            _wrong("path", "bucket/prefix")
        if self.kind == "s3" and not (self.region or self.endpoint):
            _wrong("region", "text")
        if not _REGION.fullmatch(self.region):
            _wrong("region", "letters, digits, -")
        if self.kind == "azure" and not _ACCOUNT.fullmatch(self.account):
            _wrong("account", "text")
        if self.endpoint:
            _check_endpoint(self.endpoint)

    @property
    def bucket(self) -> str:
        """The bucket or container."""
        return self.path.partition("/")[0]

    @property
    def prefix(self) -> str:
        """What stands before every name in it; '' for none."""
        return self.path.partition("/")[2]

    def as_dict(self) -> dict[str, Any]:
        """What differs from the usual, as TOML or JSON keys."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in told.items() if value not in ("", True)}


def connection_from_dict(value: Mapping[str, Any]) -> Connection:
    """From TOML or JSON keys; raises BadInput ``config-field`` for an unknown or a missing one."""
    known = {field.name for field in fields(Connection)}
    for name in value:
        if name not in known:
            _wrong(name, ", ".join(sorted(known)))
    for name in ("kind", "path"):
        if name not in value:
            _wrong(name, "text")
    return Connection(**value)


def connection_file(path: Path) -> Connection:
    """A connection as a person wrote it; raises BadInput."""
    value = read_toml(path)
    if value.pop("schema", SCHEMA) != SCHEMA:
        _wrong("schema", SCHEMA)
    return connection_from_dict(value)


def credentials_file(path: Path, kind: str) -> dict[str, str]:
    """Credentials as a person wrote them, for that kind of host; raises Missing ``file-absent``, Refused ``file-open-to-others``,
    BadInput ``credentials-form`` (which never tells what stood there)."""
    try:
        value = tomllib.loads(read_private(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise BadInput("credentials-form", file=path.name, expected="TOML") from None
    return check_credentials(value, kind)


def check_credentials(value: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The credentials of that kind of host and nothing else; raises BadInput ``credentials-form``."""
    needed, more = _SECRETS[kind]
    if not needed <= set(value) <= needed | more or not all(map(_is_secret, value.items())):
        raise BadInput("credentials-form", file=CREDENTIALS, expected=", ".join(sorted(needed)))
    return {name: str(given) for name, given in value.items()}


def _is_secret(item: tuple[str, Any]) -> bool:
    """Text that can stand in a header; an Azure key is base64."""
    name, value = item
    if not isinstance(value, str) or not _PRINTED.fullmatch(value):
        return False
    try:
        return name != "account_key" or bool(base64.b64decode(value, validate=True))
    except ValueError:
        return False


def read_connection(controller: Path, name: str) -> Connection:
    """The connection of a host that was added; raises Missing ``host-unknown``."""
    path = host_folder(controller, name) / CONNECTION
    if not path.is_file():
        raise Missing("host-unknown", host=name)
    return connection_file(path)


def read_credentials(controller: Path, name: str, kind: str) -> dict[str, str]:
    """Its credentials; none for a directory. Raises as ``credentials_file``."""
    return {} if kind == "directory" else credentials_file(host_folder(controller, name) / CREDENTIALS, kind)


def write_connection(controller: Path, name: str, connection: Connection, credentials: Mapping[str, str]) -> None:
    """Add a host: both files at once, 0600; raises Refused ``file-exists``, BadInput ``credentials-form``."""
    path = host_folder(controller, name) / CONNECTION
    if path.exists():
        raise Refused("file-exists", file=path.name)
    write_credentials(controller, name, connection.kind, credentials)
    create_private(path, _toml({"schema": SCHEMA, **connection.as_dict()}))


def write_credentials(controller: Path, name: str, kind: str, credentials: Mapping[str, str]) -> None:
    """The credentials alone: those of the host of rempart.toml, or new ones; nothing for a directory."""
    given = check_credentials(credentials, kind)
    if given:
        replace_private(host_folder(controller, name) / CREDENTIALS, _toml(given))


def host_names(controller: Path) -> list[str]:
    """The hosts that were added, sorted."""
    return sorted(path.parent.name for path in (controller / "hosts").glob(f"*/{CONNECTION}"))


def host_folder(controller: Path, name: str) -> Path:
    """Where a host's files lie; raises BadInput ``host-name``."""
    if not _NAME.fullmatch(name):
        raise BadInput("host-name", host=name[:40])
    return controller / "hosts" / name


def reach(connection: Connection, credentials: Mapping[str, str], *, label: str, base: Path) -> Host:
    """The host itself, not yet asked anything; ``base``: DIR, where relative paths begin. Raises BadInput ``credentials-form``, Missing
    ``file-absent`` (the authority's certificate)."""
    given = check_credentials(credentials, connection.kind)
    if connection.kind == "directory":
        from rempart.adapters.directory_host import DirectoryHost

        return DirectoryHost(Path(base, connection.path), label=label)
    from rempart.adapters.bucket_host import azure_host, s3_host  # obstore is loaded by who needs it

    authority = _authority(Path(base, connection.ca_file)) if connection.ca_file else None
    make = s3_host if connection.kind == "s3" else azure_host
    return make(connection, given, label=label, authority=authority)


def _authority(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Missing("file-absent", file=path.name) from error


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if (
        not host
        or port == 0
        or parts.scheme not in ("http", "https")
        or "@" in endpoint
        or parts.query
        or parts.fragment
    ):
        _wrong("endpoint", "https://host[:port]")
    if parts.scheme != "https" and not _is_loopback(host):
        raise Refused("host-insecure", host=host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _toml(table: Mapping[str, Any]) -> bytes:
    lines = [f"{key} = {json.dumps(value, ensure_ascii=True)}" for key, value in table.items()]
    return ("\n".join(lines) + "\n").encode()


def _wrong(field: str, expected: str) -> None:
    raise BadInput("config-field", file=CONNECTION, field=field, expected=expected)
