# SPDX-License-Identifier: Apache-2.0
"""A person's or a process's signature over the hash of an action, and its verification.

Verification needs a public key only, so every zone may do it, the mover included. The algorithm is taken from the
key that the trust file names, never from the message.
"""

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from rempart.errors import NotTrusted

_DOMAIN = b"rempart.signature/1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """``{"alg", "actor", "over", "sig"}``; ``over`` is the ``sha256:…`` of canonical bytes."""

    alg: str
    actor: str
    over: str
    sig: str

    def as_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {"alg": self.alg, "actor": self.actor, "over": self.over, "sig": self.sig}

    @classmethod
    def from_dict(cls, value: object) -> "Signature":
        """From JSON; raises NotTrusted ``signature-form`` when a field is absent, extra or no text."""
        names = {"alg", "actor", "over", "sig"}
        if not isinstance(value, dict) or set(value) != names or not all(isinstance(v, str) for v in value.values()):
            raise NotTrusted("signature-form")
        return cls(alg=value["alg"], actor=value["actor"], over=value["over"], sig=value["sig"])


def sign(private: Ed25519PrivateKey, *, actor: str, over: str) -> Signature:
    """Sign ``over`` (a ``sha256:…`` id) as ``actor``."""
    raw = private.sign(_payload(actor, over))
    return Signature(alg="ed25519", actor=actor, over=over, sig=base64.b64encode(raw).decode())


def verify(signature: Signature, *, public: bytes, alg: str, over: str) -> None:
    """Check that ``signature`` is by the holder of ``public`` (32 raw bytes) and is over exactly ``over``.

    Raises NotTrusted ``signature`` without saying why it failed.
    """
    try:
        if alg != "ed25519" or signature.alg != alg or signature.over != over:
            raise InvalidSignature
        raw = base64.b64decode(signature.sig, validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(raw, _payload(signature.actor, over))
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise NotTrusted("signature", actor=signature.actor) from error


def sign_text(private: Ed25519PrivateKey, text: str) -> str:
    """Base64 of a raw Ed25519 signature over ``text`` as it stands: for formats of others (a C2SP signed note), with a key
    that signs nothing else."""
    return base64.b64encode(private.sign(text.encode())).decode()


def verify_text(text: str, sig: str, *, public: bytes, actor: str) -> None:
    """Check what ``sign_text`` made; raises NotTrusted ``signature``."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(sig, validate=True), text.encode())
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise NotTrusted("signature", actor=actor) from error


def sign_mldsa(private: MLDSA44PrivateKey, message: bytes) -> bytes:
    """2,420 bytes, ML-DSA-44 (FIPS 204) with an empty context: for C2SP cosignatures, with a key that signs nothing else."""
    return private.sign(message)


def verify_mldsa(message: bytes, raw: bytes, *, public: bytes, actor: str) -> None:
    """Check what ``sign_mldsa`` made; ``public``: 1,312 bytes. Raises NotTrusted ``signature``."""
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(raw, message)
    except (InvalidSignature, ValueError) as error:
        raise NotTrusted("signature", actor=actor) from error


def _payload(actor: str, over: str) -> bytes:
    return _DOMAIN + actor.encode() + b"\n" + over.encode()
