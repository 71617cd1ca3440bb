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
    return _init(dict(locals()))


def _init(asked: dict[str, Any]) -> int:
    """``init`` with its arguments by name."""
    from rempart.adapters.key_store_settings import KeyStoreSettings
    from rempart.cli.key_commands import store_secret
    from rempart.wiring.acts import init_warehouse
    from rempart.wiring.first_host import read_first_host
    from rempart.wiring.signing import today

    session, directory = asked.pop("session"), asked.pop("directory")
    keys = KeyStoreSettings(
        environment=asked.pop("module_environment"),
        key=asked.pop("root_key"),
        **{name: asked.pop(name) for name in ("store", "module", "token", "address", "mount", "ca_file")},
    )
    host = read_first_host(asked.pop("host"), asked.pop("host_credentials"), today=today())
    secret = store_secret(session, keys, asked.pop("passphrase_fd"), twice=True)
    key_passphrase = session.key_passphrase(asked.pop("key_passphrase_fd"))
    made = init_warehouse(directory, secret=secret, key_passphrase=key_passphrase, keys=keys, host=host, **asked)
    session.voice.say("init-done", directory=str(directory), controller=asked["controller"])
    session.voice.say("init-officer", officer=asked["officer"], key=str(asked["officer_key"]))
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


def order(session: Session, kind: str, /, *, by: Path, hours: int = 24, by_passphrase_fd: int | None = None) -> int:
    """Let acts of a kind open keys for some hours, where the broker is strict."""
    from rempart.wiring import people
    from rempart.wiring.warehouse import Warehouse

    ask = session.asker(by_passphrase_fd)
    document = people.order(Warehouse(session.directory), kind=kind, hours=hours, officer_key=by, ask=ask)
    session.voice.say("ordered", kind=kind, hours=hours)
    session.voice.result("keys-order", {"kind": kind, "hours": hours, "document": document})
    return 0


def accounts(session: Session, /, *, broker: str, commands: str, group: str, apply: bool = False) -> int:
    """Give the key broker an account of its own: a plan, or the act."""
    from rempart.wiring import accounts as set_up

    chosen = set_up.Accounts(broker=broker, commands=commands, group=group)
    steps = set_up.apply(session.directory, chosen) if apply else set_up.plan(session.directory, chosen)
    rows = [
        (str(step.path), step.account, step.group, f"{step.mode:04o}" if step.mode is not None else "–")
        for step in steps
    ]
    session.voice.table(["column-path", "column-account", "column-group", "column-mode"], rows)
    session.voice.say("accounts-done" if apply else "accounts-plan", broker=broker, commands=commands)
    lacks = None if apply else set_up.lacking(chosen)
    if lacks is not None:
        session.voice.say("accounts-first", what=session.voice.error_line(lacks), hint=session.voice.hint(lacks))
    data = [{"path": path, "account": account, "group": owners, "mode": mode} for path, account, owners, mode in rows]
    session.voice.result("keys-accounts", {"applied": apply, "lacks": lacks.code if lacks else "", "steps": data})
    return 0
