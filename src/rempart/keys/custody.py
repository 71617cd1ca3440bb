# SPDX-License-Identifier: Apache-2.0
"""Custody: one random secret split among custodians so that m of n of them bring it back. It wraps; no data key comes from it.

Splitting is SLIP-39 by the library of its authors (docs/adr/0009). Share files and their passphrases are keys/share_file.py's.
"""

import base64
import binascii
import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import shamir_mnemonic
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from shamir_mnemonic import EncryptedMasterSecret, MnemonicError

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.keys.envelope import KEY_BYTES, NONCE_BYTES
from rempart.keys.hybrid import KEM_NAME, PUBLIC_BYTES, make_pair
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import canonical_bytes, length_prefixed, sha256_id

SCHEMA = "rempart.custody/1"
MOST = 16  # shares that SLIP-39 can number
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_CEREMONY = re.compile(r"[0-9a-f]{32}")
_ID_BITS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """``ceremony``: 32 hex digits that name it; ``recovery_public``: what backups are sealed to; ``recovery_wrapped``: its
    private half under the custody secret. Raises BadInput ``custody-plan``."""

    ceremony: str
    threshold: int
    custodians: tuple[str, ...]
    made: datetime.date
    recovery_public: bytes
    recovery_wrapped: bytes

    def __post_init__(self) -> None:
        check_plan(self.threshold, self.custodians)

    def to_bytes(self) -> bytes:
        """``DIR/controller/keys/custody.json``; holds no secret."""
        recovery = {
            "kem": KEM_NAME,
            "public": base64.b64encode(self.recovery_public).decode(),
            "wrapped": base64.b64encode(self.recovery_wrapped).decode(),
        }
        return canonical_bytes(
            {
                "schema": SCHEMA,
                "ceremony": self.ceremony,
                "threshold": self.threshold,
                "custodians": list(self.custodians),
                "made": self.made.isoformat(),
                "recovery": recovery,
            }
        )

    @property
    def id(self) -> str:
        """``sha256:…`` of the file, as the ledger's leaf ``ceremony`` names it."""
        return sha256_id(self.to_bytes())


def custody_from_bytes(data: bytes) -> Custody:
    """What ``to_bytes`` wrote; raises NotTrusted ``custody-form``."""
    try:
        value = json.loads(data)
        recovery = value["recovery"]
        custody = Custody(
            ceremony=value["ceremony"],
            threshold=int(value["threshold"]),
            custodians=tuple(value["custodians"]),
            made=datetime.date.fromisoformat(value["made"]),
            recovery_public=base64.b64decode(recovery["public"], validate=True),
            recovery_wrapped=base64.b64decode(recovery["wrapped"], validate=True),
        )
        if custody.to_bytes() != data or not _CEREMONY.fullmatch(custody.ceremony):
            raise NotTrusted("custody-form")
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error, BadInput) as error:
        raise NotTrusted("custody-form") from error
    if len(custody.recovery_public) != PUBLIC_BYTES:
        raise NotTrusted("custody-form")
    return custody


def check_plan(threshold: int, custodians: Sequence[str]) -> None:
    """At least two of at most sixteen different persons; raises BadInput ``custody-plan``, ``custodian-name``."""
    for name in custodians:
        if not _NAME.fullmatch(name):
            raise BadInput("custodian-name", name=name[:64])
    if len(set(custodians)) != len(custodians) or not 2 <= threshold <= len(custodians) <= MOST:
        raise BadInput("custody-plan", threshold=threshold, custodians=len(custodians), most=MOST)


def make_custody(
    threshold: int, custodians: Sequence[str], *, made: datetime.date, randomness: Randomness
) -> tuple[Custody, bytes]:
    """A new custody with a fresh recovery key pair, and its 32-byte secret, which is to be split and forgotten."""
    check_plan(threshold, custodians)
    secret, ceremony = randomness.bytes(KEY_BYTES), randomness.bytes(16).hex()
    private, public = make_pair(randomness)
    custody = Custody(
        ceremony=ceremony,
        threshold=threshold,
        custodians=tuple(custodians),
        made=made,
        recovery_public=public,
        recovery_wrapped=seal_under(secret, private, context=_recovery(ceremony), randomness=randomness),
    )
    return custody, secret


def open_recovery(custody: Custody, secret: bytes) -> bytes:
    """The private half (keys.hybrid) to which backups are sealed; raises Refused ``custody-shares`` for another secret."""
    try:
        return open_under(secret, custody.recovery_wrapped, context=_recovery(custody.ceremony))
    except NotTrusted as error:
        raise Refused("custody-shares", threshold=custody.threshold) from error


def split(secret: bytes, threshold: int, names: Sequence[str], randomness: Randomness) -> dict[str, str]:
    """Name → words; any ``threshold`` of them bring the 32-byte secret back, fewer say nothing of it.

    The set's number comes from ``randomness``, its polynomials from the library's own source (the operating system's).
    """
    check_plan(threshold, names)
    number = int.from_bytes(randomness.bytes(2), "big") >> (16 - _ID_BITS)
    master = EncryptedMasterSecret.from_master_secret(secret, b"", number, extendable=True, iteration_exponent=0)
    (shares,) = shamir_mnemonic.split_ems(1, [(threshold, len(names))], master)
    return {name: share.mnemonic() for name, share in zip(names, shares, strict=True)}


def combine(words: Sequence[str], *, threshold: int) -> bytes:
    """The secret; raises Refused ``custody-few`` below ``threshold`` different shares, ``custody-shares`` when they do not fit."""
    given = sorted(set(words))
    if len(given) < threshold:
        raise Refused("custody-few", given=len(given), threshold=threshold)
    try:
        return bytes(shamir_mnemonic.combine_mnemonics(given[:threshold]))
    except MnemonicError as error:
        raise Refused("custody-shares", threshold=threshold) from error


def seal_under(key: bytes, data: bytes, *, context: bytes, randomness: Randomness) -> bytes:
    """``nonce ‖ ciphertext ‖ tag``, AES-256-GCM, for what is not 32 bytes long."""
    nonce = randomness.bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, context)


def open_under(key: bytes, sealed: bytes, *, context: bytes) -> bytes:
    """The data; raises NotTrusted ``wrapped-key``."""
    if len(sealed) < NONCE_BYTES + 16:
        raise NotTrusted("wrapped-key")
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except InvalidTag as error:
        raise NotTrusted("wrapped-key") from error


def _recovery(ceremony: str) -> bytes:
    return length_prefixed(SCHEMA, "recovery", ceremony)
