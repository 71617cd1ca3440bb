# SPDX-License-Identifier: Apache-2.0
"""``DIR/rempart.toml``: what an installation is. Read and written here; it holds no secret and no person's name."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rempart.adapters.host_connection import Connection, connection_from_dict
from rempart.adapters.key_store_settings import KeyStoreSettings, settings_from_dict
from rempart.adapters.private_file import create_private
from rempart.adapters.sandbox_settings import SandboxSettings, sandbox_from_dict
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput, Missing

NAME = "rempart.toml"
SCHEMA = "rempart.config/1"
_TEXTS = {
    "warehouse": (),
    "controller": (),
    "first": ("trust",),
    "origin": ("ledger",),
    "public": ("ledger",),
    "vault_public": ("keys",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """``ledger_public``, ``vault_public``: 32 raw bytes; ``trust_first``: pinned id of trust file 1; ``host``: the first host, whose
    name is its kind; ``shards``: S, a power of two; ``ledger_exported``: file of a checkpoint kept elsewhere, '' = none;
    ``ledger_second``: where the second ledger machine serves, '' = none; ``vocabulary``: folder of an Athena archive, '' = none;
    ``state_url``: where the projection lies, '' = ``controller/state.db``; ``sandbox``: how researchers' own code runs."""

    warehouse: str
    controller: str
    trust_first: str
    ledger_origin: str
    ledger_public: bytes
    vault_public: bytes
    shards: int
    host: Connection = field(default_factory=lambda: Connection(kind="directory", path="host"))
    ledger_exported: str = ""
    ledger_second: str = ""
    keys: KeyStoreSettings = field(default_factory=KeyStoreSettings)
    vocabulary: str = ""
    state_url: str = ""
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)

    @property
    def vocabulary_folder(self) -> Path | None:
        """Where the operator's vocabularies lie, None = nowhere."""
        return Path(self.vocabulary) if self.vocabulary else None

    def __post_init__(self) -> None:
        if len(self.ledger_public) != 32 or len(self.vault_public) != 32:
            raise BadInput("config-field", file=NAME, field="public", expected="base64 of 32 bytes")
        if self.shards < 1 or self.shards & (self.shards - 1):
            raise BadInput("config-field", file=NAME, field="host.shards", expected="a power of two")


def read_configuration(directory: Path) -> Configuration:
    """The configuration of ``DIR``; raises Missing ``warehouse-missing``, BadInput ``toml-syntax``, ``config-field``."""
    path = directory / NAME
    if not path.is_file():
        raise Missing("warehouse-missing", file=NAME)
    value = read_toml(path)
    if value.get("schema") != SCHEMA:
        raise BadInput("config-field", file=NAME, field="schema", expected=SCHEMA)
    if "native" in value:
        raise BadInput("config-field", file=NAME, field="native", expected="nothing here: rempart vault native FILE")
    told = {name: _text(value, *where, name) for name, where in _TEXTS.items()}
    host, shards = _host(value.get("host"))
    return Configuration(
        warehouse=told["warehouse"],
        controller=told["controller"],
        trust_first=told["first"],
        ledger_origin=told["origin"],
        ledger_public=_bytes(told["public"]),
        vault_public=_bytes(told["vault_public"]),
        shards=shards,
        host=host,
        ledger_exported=_text(value, "ledger", "exported") if "exported" in value["ledger"] else "",
        ledger_second=_text(value, "ledger", "second") if "second" in value["ledger"] else "",
        keys=settings_from_dict(value["keys"]),
        vocabulary=_text(value, "vocabulary", "folder") if "vocabulary" in value else "",
        state_url=_text(value, "state", "url") if "state" in value else "",
        sandbox=sandbox_from_dict(value.get("sandbox", {})),
    )


def write_configuration(directory: Path, configuration: Configuration) -> None:
    """Write ``DIR/rempart.toml`` once; raises Refused ``file-exists``."""
    told = {"exported": configuration.ledger_exported, "second": configuration.ledger_second}
    kept = {name: value for name, value in told.items() if value}
    further: dict[str, Mapping[str, Any]] = (
        {"vocabulary": {"folder": configuration.vocabulary}} if configuration.vocabulary else {}
    )
    further |= {"state": {"url": configuration.state_url}} if configuration.state_url else {}
    further |= {"sandbox": sandbox} if (sandbox := configuration.sandbox.as_dict()) else {}
    tables: Mapping[str, Mapping[str, Any]] = {
        "trust": {"first": configuration.trust_first},
        "ledger": {"origin": configuration.ledger_origin, "public": _base64(configuration.ledger_public), **kept},
        "keys": {"vault_public": _base64(configuration.vault_public), **configuration.keys.as_dict()},
        "host": {**configuration.host.as_dict(), "shards": configuration.shards},
        **further,
    }
    head = {"schema": SCHEMA, "warehouse": configuration.warehouse, "controller": configuration.controller}
    lines = _lines(head) + [line for name, table in tables.items() for line in ["", f"[{name}]", *_lines(table)]]
    create_private(directory / NAME, ("\n".join(lines) + "\n").encode())


def _host(table: Any) -> tuple[Connection, int]:
    """The first host and the number of shards."""
    given = dict(table) if isinstance(table, dict) else {}
    shards = given.pop("shards", None)
    if not isinstance(shards, int) or isinstance(shards, bool):
        raise BadInput("config-field", file=NAME, field="host.shards", expected="a power of two")
    try:
        return connection_from_dict(given), shards
    except BadInput as error:
        wrong, expected = f"host.{error.facts['field']}", error.facts["expected"]
        raise BadInput("config-field", file=NAME, field=wrong, expected=expected) from error


def _lines(table: Mapping[str, Any]) -> list[str]:
    """TOML key lines: a JSON string with its escapes is a TOML basic string, but for DEL."""
    delete = "\\u007f"
    return [
        f"{key} = {json.dumps(value, ensure_ascii=False)}".replace(chr(127), delete) for key, value in table.items()
    ]


def _text(value: Mapping[str, Any], *path: str) -> str:
    found: Any = value
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise BadInput("config-field", file=NAME, field=".".join(path), expected="text")
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput("config-field", file=NAME, field="public", expected="base64 of 32 bytes") from error
