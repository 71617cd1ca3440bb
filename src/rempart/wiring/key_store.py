# SPDX-License-Identifier: Apache-2.0
"""The key store that ``rempart.toml`` names, made or opened. Only the broker's process and ``init`` come here."""

from pathlib import Path

from rempart.adapters.key_file import KeyFile
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.adapters.openbao_store import OpenBaoStore
from rempart.adapters.pkcs11_store import Pkcs11Store
from rempart.adapters.private_file import read_private, replace_private
from rempart.errors import Missing, Refused, RempartError
from rempart.keys.custody import Custody, custody_from_bytes
from rempart.keys.root_key import STANDARD, Cost
from rempart.keys.store_secret import StoreSecret
from rempart.keys.table_keys import TableKeys
from rempart.ports.key_store import KeyStore
from rempart.ports.surroundings import Randomness

ROOT, CUSTODY = "root.key", "custody.json"


def keys_folder(directory: Path) -> Path:
    """``DIR/controller/keys``."""
    return directory / "controller" / "keys"


def create_store(
    directory: Path,
    settings: KeyStoreSettings,
    secret: StoreSecret,
    *,
    randomness: Randomness,
    cost: Cost = STANDARD,
) -> KeyStore:
    """A store with a fresh root key.

    Raises Refused ``file-exists``, ``key-store-exists``, ``key-secret-kind``, BadInput ``passphrase-short``, and as ``open_store``.
    """
    if settings.store == "pkcs11":
        _check_kind(secret, "pin")
        return Pkcs11Store.create(settings, secret.text, randomness=randomness)
    if settings.store == "openbao":
        _check_kind(secret, "token")
        return OpenBaoStore.create(settings, secret.text)
    _check_kind(secret, "passphrase")
    return KeyFile.create(keys_folder(directory) / ROOT, secret.text, randomness=randomness, cost=cost)


def open_store(
    directory: Path,
    settings: KeyStoreSettings,
    secret: StoreSecret,
    *,
    randomness: Randomness,
    quick_allowed: bool = False,
) -> KeyStore:
    """The store with its root key within reach; raises as the adapters do, and Refused ``key-secret-kind``."""
    if settings.store == "pkcs11":
        _check_kind(secret, "pin")
        return Pkcs11Store.open(settings, secret.text, randomness=randomness)
    if settings.store == "openbao":
        _check_kind(secret, "token")
        return OpenBaoStore.open(settings, secret.text)
    path = keys_folder(directory) / ROOT
    if KeyFile.is_shared(path):
        _check_kind(secret, "shares")
        return KeyFile.open_shared(path, secret.shares, randomness=randomness, quick_allowed=quick_allowed)
    _check_kind(secret, "passphrase")
    return KeyFile.open(path, secret.text, randomness=randomness, quick_allowed=quick_allowed)


def store_fault(directory: Path, settings: KeyStoreSettings) -> RempartError | None:
    """Why the store would not answer just now, asked without any secret; None when it would."""
    if settings.store == "pkcs11":
        return Pkcs11Store.fault(settings)
    if settings.store == "openbao":
        return OpenBaoStore.fault(settings)
    return None if (keys_folder(directory) / ROOT).is_file() else Missing("file-absent", file=ROOT)


def custody_of(directory: Path) -> Custody | None:
    """The custody in force, None before the first ceremony; raises NotTrusted ``custody-form``."""
    try:
        return custody_from_bytes(read_private(keys_folder(directory) / CUSTODY))
    except Missing:
        return None


def finish(directory: Path, store: KeyStore, keys: TableKeys) -> None:
    """End what a ceremony that was cut off left: table keys under the root key of before, an older custody record beside it."""
    if not isinstance(store, KeyFile) or store.custody is None:
        return
    folder = keys_folder(directory)
    if custody_of(directory) != store.custody:
        replace_private(folder / CUSTODY, store.custody.to_bytes())
    if store.behind:
        keys.rewrap()
        store.catch_up(folder / ROOT)


def _check_kind(secret: StoreSecret, *kinds: str) -> None:
    if secret.kind not in kinds:
        raise Refused("key-secret-kind", given=secret.kind, expected=kinds[0])
