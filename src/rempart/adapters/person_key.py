# SPDX-License-Identifier: Apache-2.0
"""A person's Ed25519 key file: PKCS#8 PEM, mode 0600, under a passphrase where one is given. The key says who signs."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from rempart.adapters.private_file import create_private, read_private
from rempart.errors import BadInput, Refused
from rempart.ports.surroundings import Randomness


def create_person_key(path: Path, *, randomness: Randomness, passphrase: str | None = None) -> bytes:
    """A new key file; its public key, 32 raw bytes. Raises Refused ``file-exists``."""
    private = Ed25519PrivateKey.from_private_bytes(randomness.bytes(32))
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    create_private(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    return public_bytes(private)


def load_person_key(path: Path, *, passphrase: str | None = None) -> Ed25519PrivateKey:
    """The key of a person.

    Raises Missing ``file-absent``; Refused ``file-open-to-others``, ``person-key-passphrase``; BadInput ``person-key-form``.
    """
    data = read_private(path)
    secret = passphrase.encode() if passphrase else None
    try:
        private = load_pem_private_key(data, password=secret)
    except TypeError as error:  # a passphrase without need, or a need without passphrase
        raise Refused("person-key-passphrase", file=path.name) from error
    except ValueError as error:
        if b"ENCRYPTED PRIVATE KEY" in data:
            raise Refused("person-key-passphrase", file=path.name) from error
        raise BadInput("person-key-form", file=path.name, expected="Ed25519, PKCS#8 PEM") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise BadInput("person-key-form", file=path.name, expected="Ed25519, PKCS#8 PEM")
    return private


def public_bytes(private: Ed25519PrivateKey) -> bytes:
    """The public key, 32 raw bytes: what the trust file lists."""
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
