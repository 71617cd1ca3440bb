# SPDX-License-Identifier: Apache-2.0
"""Commands about the warehouse itself and its people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rempart.cli.session import Session


def init(
    session: Session,
    directory: Path,
    /,
    *,
    controller: str,
    officer: str = "officer",
    officer_key: Path = Path("officer.key"),
    shards: int = 16,
    minutes: int = 480,
    passphrase_fd: int | None = None,
    key_passphrase_fd: int | None = None,
    store: str = "file",
    module: str = "",
    module_environment: str = "",
    token: str = "",
    address: str = "",
    mount: str = "transit",
    ca_file: str = "",
    root_key: str = "rempart",
    country: str = "FR",
    operator: str = "",
    host: Path | None = None,
    host_credentials: Path | None = None,
) -> int:
    """Make a warehouse."""
    from rempart.adapters.host_connection import connection_file, credentials_file
    from rempart.adapters.key_store_settings import KeyStoreSettings
    from rempart.cli.key_commands import store_secret
    from rempart.wiring.acts import init_warehouse

    keys = KeyStoreSettings(
        store=store,
        module=module,
        environment=module_environment,
        token=token,
        key=root_key,
        address=address,
        mount=mount,
        ca_file=ca_file,
    )
    connection = connection_file(host) if host else None
    made = init_warehouse(
        directory,
        controller=controller,
        officer=officer,
        officer_key=officer_key,
        secret=store_secret(session, keys, passphrase_fd, twice=True),
        key_passphrase=session.key_passphrase(key_passphrase_fd),
        shards=shards,
        minutes=minutes,
        keys=keys,
        country=country,
        operator=operator,
        host=connection,
        host_credentials=credentials_file(host_credentials, connection.kind)
        if connection and host_credentials
        else None,
    )
    session.voice.say("init-done", directory=str(directory), controller=controller)
    session.voice.say("init-officer", officer=officer, key=str(officer_key))
    return _made(session, made)


def _made(session: Session, made: Mapping[str, Any]) -> int:
    session.voice.say("unlocked", expires=session.voice.when(made["expires"]))
    session.voice.say("init-next")
    session.voice.result("init", made)
    return 0


def add(
    session: Session,
    name: str,
    /,
    *,
    role: list[str],
    by: list[Path],
    key: Path | None = None,
    key_passphrase_fd: int | None = None,
    by_passphrase_fd: list[int] | None = None,
) -> int:
    """Enrol a person with a fresh key file."""
    from rempart.wiring.people import enrol
    from rempart.wiring.warehouse import Warehouse

    file = key or Path(f"{name}.key")
    entry = enrol(
        Warehouse(session.directory),
        name=name,
        roles=role,
        key_file=file,
        officer_keys=by,
        ask=session.askers(by_passphrase_fd),
        key_passphrase=session.key_passphrase(key_passphrase_fd),
    )
    session.voice.say("person-added", name=name, roles=", ".join(role), key=str(file))
    session.voice.result("person-add", {"actor": name, "roles": role, "public": entry.public, "key": str(file)})
    return 0


def quorum(session: Session, needed: int, /, *, by: list[Path], by_passphrase_fd: list[int] | None = None) -> int:
    """How many officers sign each version of the trust file."""
    from rempart.wiring import people
    from rempart.wiring.warehouse import Warehouse

    ask = session.askers(by_passphrase_fd)
    trust = people.quorum(Warehouse(session.directory), needed=needed, officer_keys=by, ask=ask)
    session.voice.say("quorum-set", quorum=trust.quorum, version=trust.version)
    session.voice.result("person-quorum", {"quorum": trust.quorum, "version": trust.version, "trust": trust.id})
    return 0


def revoke(
    session: Session,
    name: str,
    /,
    *,
    by: list[Path],
    node: bool = False,
    by_passphrase_fd: list[int] | None = None,
) -> int:
    """Revoke the key of a person, or of a compute node, from now on."""
    from rempart.wiring import people
    from rempart.wiring.warehouse import Warehouse

    ask = session.askers(by_passphrase_fd)
    if node:
        document = people.revoke_node(Warehouse(session.directory), name=name, officer_keys=by, ask=ask)
        session.voice.say("node-revoked", name=name)
        session.voice.result("keys-revoke", {"name": name, "document": document})
        return 0
    trust = people.revoke(Warehouse(session.directory), name=name, officer_keys=by, ask=ask)
    session.voice.say("key-revoked", name=name, version=trust.version)
    session.voice.result("keys-revoke", {"name": name, "version": trust.version, "trust": trust.id})
    return 0


def list_persons(session: Session) -> int:
    """Who is enrolled, in which role, until when."""
    from rempart.wiring.warehouse import Warehouse

    trust = Warehouse(session.directory).trust
    rows = [
        (
            entry.actor,
            ", ".join(entry.roles),
            entry.valid_from.isoformat(),
            entry.valid_to.isoformat(),
            session.voice.when(entry.revoked.isoformat()) if entry.revoked else "",
        )
        for entry in trust.entries
    ]
    session.voice.table(["column-person", "column-roles", "column-from", "column-to", "column-revoked"], rows)
    session.voice.say("quorum-is", quorum=trust.quorum)
    session.voice.result(
        "person-list", {"quorum": trust.quorum, "persons": [entry.as_dict() for entry in trust.entries]}
    )
    return 0
