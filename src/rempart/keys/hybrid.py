# SPDX-License-Identifier: Apache-2.0
"""Sealing to somebody's public key: HPKE (RFC 9180), base mode, ML-KEM-768 with X25519, HKDF-SHA256, AES-256-GCM.

Either of the two key exchanges suffices to keep what was sealed, so that a backup kept for decades does not fall to a quantum
computer. It says nothing of who sealed: a signature or the ledger does.
"""

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
from rempart.ports.surroundings import Randomness

KEM_NAME = "mlkem768-x25519"
_SEED_BYTES, _X25519_BYTES, _MLKEM_PUBLIC_BYTES = 64, 32, 1184
PRIVATE_BYTES = _SEED_BYTES + _X25519_BYTES
PUBLIC_BYTES = _MLKEM_PUBLIC_BYTES + _X25519_BYTES


def make_pair(randomness: Randomness) -> tuple[bytes, bytes]:
    """(private: 64-byte ML-KEM seed ‖ 32-byte X25519 key, public: 1184 ‖ 32 bytes); all of it from ``randomness``."""
    private = randomness.bytes(PRIVATE_BYTES)
    return private, public_of(private)


def public_of(private: bytes) -> bytes:
    """The public half of a private one."""
    mlkem, x25519 = _parts(private)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def seal_to(public: bytes, data: bytes, *, info: bytes) -> bytes:
    """``data`` for the holder of the private half; ``info`` is bound to it. Raises NotTrusted ``hybrid-key``."""
    if len(public) != PUBLIC_BYTES:
        raise NotTrusted("hybrid-key")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_BYTES])
        x25519 = X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC_BYTES:])
        return _suite().encrypt(data, MLKEM768X25519PublicKey(mlkem, x25519), info=info)
    except ValueError as error:
        raise NotTrusted("hybrid-key") from error


def open_sealed(private: bytes, sealed: bytes, *, info: bytes) -> bytes:
    """What was sealed; raises NotTrusted ``hybrid-sealed`` for other bytes, another key or another ``info``."""
    if len(private) != PRIVATE_BYTES:
        raise NotTrusted("hybrid-key")
    try:
        return _suite().decrypt(sealed, MLKEM768X25519PrivateKey(*_parts(private)), info=info)
    except (InvalidTag, ValueError) as error:
        raise NotTrusted("hybrid-sealed") from error


def _parts(private: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    seed, scalar = private[:_SEED_BYTES], private[_SEED_BYTES:]
    return MLKEM768PrivateKey.from_seed_bytes(seed), X25519PrivateKey.from_private_bytes(scalar)


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
