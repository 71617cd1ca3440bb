# SPDX-License-Identifier: Apache-2.0
"""``[keys]`` of ``rempart.toml``: which key store holds the root key and how it is reached. Holds no secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from rempart.errors import BadInput

FILE = "rempart.toml"
KINDS = ("file", "pkcs11", "openbao")
_NEEDS = {"file": (), "pkcs11": ("module", "token", "key"), "openbao": ("address", "mount", "key")}
_MAY = {"file": (), "pkcs11": ("environment",), "openbao": ("ca_file",)}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*=.+")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStoreSettings:
    """``module``: path of a PKCS#11 library; ``environment``: ``NAME=VALUE`` that it reads its own settings from; ``token``: the
    token's label; ``key``: label or name of the root key; ``address``: of an OpenBao server, https but on loopback; ``mount``: of
    its Transit engine; ``ca_file``: certificate of its authority. Raises BadInput ``config-field``.
    """

    store: str = "file"
    module: str = ""
    environment: str = ""
    token: str = ""
    key: str = ""
    address: str = ""
    mount: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        if self.store not in KINDS:
            raise _bad("store", ", ".join(KINDS))
        for name in _NEEDS[self.store]:
            if not getattr(self, name):
                raise _bad(name, "text")
        for name in ("key", "mount"):
            if getattr(self, name) and not _NAME.fullmatch(getattr(self, name)):
                raise _bad(name, "letters, digits, . _ -")
        if self.environment and not _VARIABLE.fullmatch(self.environment):
            raise _bad("environment", "NAME=VALUE")
        if self.address and not _is_guarded(self.address):
            raise _bad("address", "https://…")

    def as_dict(self) -> dict[str, str]:
        """The lines of ``[keys]`` that this store reads."""
        told = {name: str(getattr(self, name)) for name in ("store", *_NEEDS[self.store], *_MAY[self.store])}
        return {name: value for name, value in told.items() if value}


def settings_from_dict(table: Mapping[str, Any]) -> KeyStoreSettings:
    """From ``[keys]``; without ``store`` it is a key file."""
    told = {field.name: table[field.name] for field in fields(KeyStoreSettings) if field.name in table}
    for name, value in told.items():
        if not isinstance(value, str):
            raise _bad(name, "text")
    return KeyStoreSettings(**told)


def _is_guarded(address: str) -> bool:
    """Keys in clear go to and fro: TLS, or a server on this very machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


def _bad(name: str, expected: str) -> BadInput:
    return BadInput("config-field", file=FILE, field=f"keys.{name}", expected=expected)
