# SPDX-License-Identifier: Apache-2.0
"""A witness's second key file: ML-DSA-44, PKCS#8 PEM, mode 0600, under a passphrase where one is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from rempart.adapters.private_file import create_private, read_private
from rempart.errors import BadInput, Refused
from rempart.ports.surroundings import Randomness
from rempart.records.signature import sign_mldsa

_SEED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class MldsaKey:
    """An opened key. ``public``: 1,312 raw bytes; ``sign``: message → 2,420 bytes."""

    public: bytes
    sign: Callable[[bytes], bytes]


def create_mldsa_key(path: Path, *, randomness: Randomness, passphrase: str | None = None) -> MldsaKey:
    """A new key file. Raises Refused ``file-exists``."""
    private = MLDSA44PrivateKey.from_seed_bytes(randomness.bytes(_SEED))
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    create_private(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    return _opened(private)


def load_mldsa_key(path: Path, *, passphrase: str | None = None) -> MldsaKey:
    """The key of a file; ``passphrase`` is not used where none is needed.

    Raises Missing ``file-absent``; Refused ``file-open-to-others``, ``person-key-passphrase``; BadInput ``mldsa-key-form``.
    """
    data = read_private(path)
    sealed = b"ENCRYPTED PRIVATE KEY" in data
    try:
        private = load_pem_private_key(data, password=passphrase.encode() if passphrase and sealed else None)
    except TypeError as error:  # a need without passphrase
        raise Refused("person-key-passphrase", file=path.name) from error
    except ValueError as error:
        if sealed:
            raise Refused("person-key-passphrase", file=path.name) from error
        raise BadInput("mldsa-key-form", file=path.name) from error
    if not isinstance(private, MLDSA44PrivateKey):
        raise BadInput("mldsa-key-form", file=path.name)
    return _opened(private)


def _opened(private: MLDSA44PrivateKey) -> MldsaKey:
    public = private.public_key().public_bytes_raw()
    return MldsaKey(public=public, sign=lambda message: sign_mldsa(private, message))
