# SPDX-License-Identifier: Apache-2.0
"""The key store that ``rempart.toml`` names, made or opened. Only the broker's process and ``init`` come here."""

from pathlib import Path

from rempart.adapters.key_file import KeyFile
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.adapters.openbao_store import OpenBaoStore
from rempart.adapters.pkcs11_store import Pkcs11Store
from rempart.errors import Refused
from rempart.keys.root_key import STANDARD, Cost
from rempart.keys.store_secret import StoreSecret
from rempart.ports.key_store import KeyStore
from rempart.ports.surroundings import Randomness

ROOT = "root.key"


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
    _check_kind(secret, "passphrase")
    path = keys_folder(directory) / ROOT
    return KeyFile.open(path, secret.text, randomness=randomness, quick_allowed=quick_allowed)


def _check_kind(secret: StoreSecret, *kinds: str) -> None:
    if secret.kind not in kinds:
        raise Refused("key-secret-kind", given=secret.kind, expected=kinds[0])
