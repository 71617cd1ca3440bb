# SPDX-License-Identifier: Apache-2.0
"""Commands about the key store, its custodians and the key broker. Secrets come by prompt or descriptor; none is an argument."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.session import Session
from rempart.errors import Unavailable

if TYPE_CHECKING:
    from rempart.adapters.key_store_settings import KeyStoreSettings
    from rempart.keys.custody import Custody
    from rempart.keys.store_secret import StoreSecret


def unlock(
    session: Session,
    *,
    minutes: int = 480,
    share: list[Path] | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Start the key broker."""
    from rempart.adapters.configuration import read_configuration
    from rempart.wiring.backup import note_restored
    from rempart.wiring.broker import start_broker
    from rempart.wiring.recovery import note_recovered

    settings = read_configuration(session.directory).keys
    secret = _present(session, settings, share or [], passphrase_fd)
    status = start_broker(session.directory, secret=secret, minutes=minutes)
    note_restored(session.directory)
    note_recovered(session.directory)
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
    """Say what holds the root key and who opens it, and whether the broker answers; it asks for no secret."""
    from rempart.adapters.configuration import read_configuration
    from rempart.wiring.broker import connect
    from rempart.wiring.key_store import custody_of, store_fault

    voice, settings = session.voice, read_configuration(session.directory).keys
    custody, fault = custody_of(session.directory), store_fault(session.directory, settings)
    voice.say("key-store", store=voice.word(f"key-store-{settings.store}"), where=_where(settings))
    if fault is not None:
        voice.say("key-store-silent", reason=voice.error_line(fault))
    _say_custody(session, settings, custody)
    spaces = _say_spaces(session)
    told = {"store": settings.store, "where": _where(settings), "answers": fault.code if fault else "yes"}
    try:
        found = connect(session.directory).status()
    except Unavailable as error:
        error.facts |= told  # what is known without the broker is told all the same
        raise
    voice.say("unlocked", expires=voice.when(found["expires"]))
    voice.result("keys-status", {**told, "custody": _custody_dict(custody), "spaces": spaces, **found})
    return 0


def _say_spaces(session: Session) -> list[dict[str, str | int | bool]]:
    """The key epoch of every space, as the ledger tells it: last rotation, last erasure."""
    from rempart.wiring.rotation import key_state
    from rempart.wiring.warehouse import Warehouse

    voice, states = session.voice, key_state(Warehouse(session.directory))
    if states:
        names = [f"column-{name}" for name in ("space", "epoch", "snapshots", "rotated", "erased")]
        rows = [
            (
                state.space,
                voice.word("keys-gone") if state.gone else state.epoch,
                state.snapshots,
                voice.when(state.rotated) if state.rotated else "-",
                voice.when(state.erased) if state.erased else "-",
            )
            for state in states
        ]
        voice.table(names, rows)
    return [asdict(state) for state in states]


def ceremony(
    session: Session,
    *,
    threshold: int,
    custodian: list[str],
    to: Path,
    by: Path,
    share: list[Path] | None = None,
    plan: bool = False,
    minutes: int = 480,
    passphrase_fd: int | None = None,
    share_passphrase_fd: int | None = None,
    by_passphrase_fd: int | None = None,
) -> int:
    """Give the root key, or the key of backups, into the custody of several persons."""
    from rempart.wiring.custody import Given, Plan, hold_ceremony
    from rempart.wiring.warehouse import Warehouse

    warehouse = Warehouse(session.directory)
    settings, planned = warehouse.configuration.keys, Plan(threshold=threshold, custodians=tuple(custodian), folder=to)
    _say_plan(session, settings, planned.threshold, planned.custodians, to)
    if plan:
        session.voice.result("keys-ceremony", {"plan": True, "threshold": threshold, "custodians": custodian})
        return 0
    warehouse.broker.status()  # nobody is asked for a passphrase in vain
    given = Given(
        secret=_present(session, settings, share or [], passphrase_fd),
        passphrases=_new_passphrases(session, planned.custodians, share_passphrase_fd),
        minutes=minutes,
    )
    made = hold_ceremony(warehouse, planned, given, by=by, ask=session.asker(by_passphrase_fd))
    for name in made.custodians:
        session.voice.say("ceremony-share", name=name, file=str(planned.file(name)))
    session.voice.say("ceremony-done", custody=made.id)
    files = {name: str(planned.file(name)) for name in made.custodians}
    session.voice.result("keys-ceremony", {"plan": False, "custody": _custody_dict(made), "shares": files})
    return 0


def store_secret(
    session: Session, settings: "KeyStoreSettings", descriptor: int | None, *, twice: bool = False
) -> "StoreSecret":
    """What the store of these settings is opened with: a passphrase, a token's PIN or an OpenBao token."""
    from rempart.adapters.passphrase import read_passphrase
    from rempart.keys.store_secret import StoreSecret, passphrase_secret

    if settings.store == "file":
        return passphrase_secret(session.passphrase(descriptor, twice=twice))
    word = "ask-pin" if settings.store == "pkcs11" else "ask-token"
    text = session.voice.ask_passphrase(word=word) if descriptor is None else read_passphrase(descriptor)
    return StoreSecret(kind="pin" if settings.store == "pkcs11" else "token", text=text)


def _present(
    session: Session, settings: "KeyStoreSettings", shares: Sequence[Path], descriptor: int | None
) -> "StoreSecret":
    """What opens the store as it is: shares with a passphrase each (a line each from the descriptor), or one secret."""
    from rempart.keys.store_secret import StoreSecret

    if not shares:
        return store_secret(session, settings, descriptor)
    return StoreSecret(kind="shares", shares=tuple(opened_shares(session, shares, descriptor)))


def opened_shares(session: Session, shares: Sequence[Path], descriptor: int | None) -> list[tuple[bytes, str]]:
    """Each share file with its custodian's passphrase: a line each from the descriptor, else asked for by name."""
    from rempart.adapters.private_file import read_private
    from rempart.keys.share_file import custodian_of

    files = [read_private(path) for path in shares]
    words = _share_passphrases(session, [custodian_of(file) for file in files], descriptor)
    return list(zip(files, words, strict=True))


def _share_passphrases(session: Session, names: Sequence[str], descriptor: int | None) -> list[str]:
    from rempart.adapters.passphrase import read_passphrases

    if descriptor is not None:
        return read_passphrases(descriptor, len(names))
    return [session.voice.ask_passphrase(word="ask-share-passphrase", name=name) for name in names]


def _new_passphrases(session: Session, names: Sequence[str], descriptor: int | None) -> dict[str, str]:
    from rempart.adapters.passphrase import read_passphrases

    if descriptor is not None:
        return dict(zip(names, read_passphrases(descriptor, len(names)), strict=True))
    return {
        name: session.voice.ask_passphrase(twice=True, word="ask-share-passphrase-new", name=name) for name in names
    }


def _say_plan(
    session: Session, settings: "KeyStoreSettings", threshold: int, custodians: Sequence[str], to: Path
) -> None:
    voice = session.voice
    voice.say("ceremony-plan", threshold=threshold, custodians=", ".join(custodians), folder=str(to))
    voice.say("ceremony-plan-file" if settings.store == "file" else "ceremony-plan-store")


def _say_custody(session: Session, settings: "KeyStoreSettings", custody: "Custody | None") -> None:
    if custody is None:
        session.voice.say("custody-none")
        return
    names, made = ", ".join(custody.custodians), custody.made.isoformat()
    word = "custody-file" if settings.store == "file" else "custody-store"
    session.voice.say(word, made=made, threshold=custody.threshold, custodians=names)


def _custody_dict(custody: "Custody | None") -> dict[str, object] | None:
    if custody is None:
        return None
    return {
        "id": custody.id,
        "threshold": custody.threshold,
        "custodians": list(custody.custodians),
        "made": custody.made.isoformat(),
    }


def _where(settings: "KeyStoreSettings") -> str:
    return {"pkcs11": settings.token, "openbao": settings.address}.get(settings.store, "controller/keys/root.key")
