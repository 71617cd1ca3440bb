# SPDX-License-Identifier: Apache-2.0
"""The key of a backup, sealed to the recovery key: HPKE (RFC 9180) over MLKEM768-X25519, HKDF-SHA256, AES-256-GCM.

Sealing needs the public half alone, so a backup needs nobody; opening needs the private half, which the custodians' shares
give (``keys.custody``). The two kinds of key are joined so that a backup kept for decades rests on neither alone. Draws no
randomness but HPKE's own. Public key: 1184 bytes of ML-KEM-768 ‖ 32 of X25519; private key: a 64-byte seed ‖ 32 bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from rempart.errors import NotTrusted

PRIVATE_BYTES = 96
PUBLIC_BYTES = 1216
_SEED, _LATTICE = 64, 1184
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryKey:
    """Both halves as bytes; the private one is wrapped under the custody secret before it is stored anywhere."""

    private: bytes = field(repr=False)
    public: bytes


def make_recovery(randomness: Callable[[int], bytes]) -> RecoveryKey:
    """A fresh recovery key."""
    private = randomness(PRIVATE_BYTES)
    lattice, curve = _private(private)
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return RecoveryKey(private=private, public=public)


def seal_key(key: bytes, *, public: bytes, info: bytes) -> bytes:
    """``key`` sealed to the holder of ``public``, bound to ``info``; raises NotTrusted ``recovery-key``."""
    try:
        if len(public) != PUBLIC_BYTES:
            raise NotTrusted("recovery-key")
        lattice = MLKEM768PublicKey.from_public_bytes(public[:_LATTICE])
        curve = X25519PublicKey.from_public_bytes(public[_LATTICE:])
        return _SUITE.encrypt(key, MLKEM768X25519PublicKey(lattice, curve), info=info)
    except ValueError as error:
        raise NotTrusted("recovery-key") from error


def open_key(sealed: bytes, *, private: bytes, info: bytes) -> bytes:
    """What ``seal_key`` sealed; raises NotTrusted ``backup-sealed`` without saying why."""
    if len(private) != PRIVATE_BYTES:
        raise NotTrusted("recovery-key")
    try:
        return _SUITE.decrypt(sealed, MLKEM768X25519PrivateKey(*_private(private)), info=info)
    except (InvalidTag, ValueError) as error:
        raise NotTrusted("backup-sealed") from error


def _private(data: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    return MLKEM768PrivateKey.from_seed_bytes(data[:_SEED]), X25519PrivateKey.from_private_bytes(data[_SEED:])
