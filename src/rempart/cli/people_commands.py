# SPDX-License-Identifier: Apache-2.0
"""Commands about the warehouse itself, its keys and its people."""

from pathlib import Path

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
) -> int:
    """Make a warehouse."""
    from rempart.wiring.acts import init_warehouse

    voice = session.voice
    passphrase = session.passphrase(passphrase_fd, twice=True)
    made = init_warehouse(
        directory,
        controller=controller,
        officer=officer,
        officer_key=officer_key,
        passphrase=passphrase,
        key_passphrase=session.key_passphrase(key_passphrase_fd),
        shards=shards,
        minutes=minutes,
    )
    voice.say("init-done", directory=str(directory), controller=controller)
    voice.say("init-officer", officer=officer, key=str(officer_key))
    voice.say("unlocked", expires=voice.when(made["expires"]))
    voice.say("init-next")
    voice.result("init", made)
    return 0


def unlock(session: Session, *, minutes: int = 480, passphrase_fd: int | None = None) -> int:
    """Start the key broker."""
    from rempart.wiring.broker import start_broker

    status = start_broker(session.directory, passphrase=session.passphrase(passphrase_fd), minutes=minutes)
    session.voice.say("unlocked", expires=session.voice.when(status["expires"]))
    session.voice.result("keys-unlock", status)
    return 0


def lock(session: Session) -> int:
    """Make the key broker forget its keys and stop."""
    from rempart.wiring.broker import connect

    connect(session.directory).lock()
    session.voice.say("locked")
    session.voice.result("keys-lock", {})
    return 0


def status(session: Session) -> int:
    """Say whether the key broker answers, and until when."""
    from rempart.wiring.broker import connect

    found = connect(session.directory).status()
    session.voice.say("unlocked", expires=session.voice.when(found["expires"]))
    session.voice.result("keys-status", found)
    return 0


def add(
    session: Session,
    name: str,
    /,
    *,
    role: list[str],
    by: Path,
    key: Path | None = None,
    key_passphrase_fd: int | None = None,
    by_passphrase_fd: int | None = None,
) -> int:
    """Enrol a person with a fresh key file."""
    from rempart.wiring.acts import enrol
    from rempart.wiring.warehouse import Warehouse

    file = key or Path(f"{name}.key")
    entry = enrol(
        Warehouse(session.directory),
        name=name,
        roles=role,
        key_file=file,
        officer_key=by,
        ask=session.asker(by_passphrase_fd),
        key_passphrase=session.key_passphrase(key_passphrase_fd),
    )
    session.voice.say("person-added", name=name, roles=", ".join(role), key=str(file))
    session.voice.result("person-add", {"actor": name, "roles": role, "public": entry.public, "key": str(file)})
    return 0


def list_persons(session: Session) -> int:
    """Who is enrolled, in which role, until when."""
    from rempart.wiring.warehouse import Warehouse

    entries = Warehouse(session.directory).trust.entries
    rows = [
        (entry.actor, ", ".join(entry.roles), entry.valid_from.isoformat(), entry.valid_to.isoformat())
        for entry in entries
    ]
    session.voice.table(["column-person", "column-roles", "column-from", "column-to"], rows)
    session.voice.result("person-list", {"persons": [entry.as_dict() for entry in entries]})
    return 0
