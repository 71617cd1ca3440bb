# SPDX-License-Identifier: Apache-2.0
"""Commands about the key store and the key broker. Secrets come by prompt or descriptor; none is an argument."""

from typing import TYPE_CHECKING

from rempart.cli.session import Session

if TYPE_CHECKING:
    from rempart.adapters.key_store_settings import KeyStoreSettings
    from rempart.keys.store_secret import StoreSecret


def unlock(session: Session, *, minutes: int = 480, passphrase_fd: int | None = None) -> int:
    """Start the key broker."""
    from rempart.adapters.configuration import read_configuration
    from rempart.wiring.backup import note_restored
    from rempart.wiring.broker import start_broker

    secret = store_secret(session, read_configuration(session.directory).keys, passphrase_fd)
    status = start_broker(session.directory, secret=secret, minutes=minutes)
    note_restored(session.directory)
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


def store_secret(
    session: Session, settings: "KeyStoreSettings", descriptor: int | None, *, twice: bool = False
) -> "StoreSecret":
    """What the store of these settings is opened with: a passphrase, a token's PIN or an OpenBao token."""
    from rempart.keys.store_secret import StoreSecret, passphrase_secret

    if settings.store == "file":
        return passphrase_secret(session.passphrase(descriptor, twice=twice))
    text = session.passphrase(descriptor)
    return StoreSecret(kind="pin" if settings.store == "pkcs11" else "token", text=text)
