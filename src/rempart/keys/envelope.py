# SPDX-License-Identifier: Apache-2.0
"""One key wrapped under another: AES-256-GCM (NIST SP 800-38D), bound to its context. It never says why an unwrap fails."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rempart.errors import NotTrusted

KEY_BYTES = 32
NONCE_BYTES = 12
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + 16


def wrap(kek: bytes, key: bytes, *, context: bytes, nonce: bytes) -> bytes:
    """``nonce ‖ ciphertext ‖ tag`` (60 bytes). ``kek``, ``key``: 32 bytes; ``nonce``: 12 fresh random bytes.

    Raises NotTrusted ``wrapped-key`` for a length that no key has.
    """
    if len(kek) != KEY_BYTES or len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise NotTrusted("wrapped-key")
    return nonce + AESGCM(kek).encrypt(nonce, key, context)


def unwrap(kek: bytes, wrapped: bytes, *, context: bytes) -> bytes:
    """The 32-byte key; raises NotTrusted ``wrapped-key`` for other bytes, another ``kek`` or another ``context``."""
    if len(kek) != KEY_BYTES or len(wrapped) != WRAPPED_BYTES:
        raise NotTrusted("wrapped-key")
    try:
        return AESGCM(kek).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
    except InvalidTag as error:
        raise NotTrusted("wrapped-key") from error
