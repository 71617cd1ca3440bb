# SPDX-License-Identifier: Apache-2.0
"""The root key under a passphrase: the bytes of a key file, made and opened. Files and prompts are an adapter's work.

Argon2id (RFC 9106) turns the passphrase into the key that wraps the root key; its cost stands in the file and is bound to it.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass

from argon2.low_level import Type, hash_secret_raw

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.keys.envelope import KEY_BYTES, NONCE_BYTES, unwrap, wrap
from rempart.records.canonical import canonical_bytes, length_prefixed

SCHEMA = "rempart.key-file/1"
PASSPHRASE_CHARACTERS = 12
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Argon2id cost: ``memory`` in KiB, ``passes`` over it, ``lanes``."""

    memory: int
    passes: int
    lanes: int

    def is_enough(self) -> bool:
        """Whether it reaches RFC 9106 §4, second recommended option (64 MiB, 3 passes, 4 lanes)."""
        return self.memory >= STANDARD.memory and self.passes >= STANDARD.passes and self.lanes >= STANDARD.lanes

    def is_sane(self) -> bool:
        """Within what an honest file may ask of this machine: at most 4 GiB, 64 passes, 64 lanes."""
        return 8 * self.lanes <= self.memory <= 1 << 22 and 1 <= self.passes <= 64 and 1 <= self.lanes <= 64


STANDARD = Cost(memory=65_536, passes=3, lanes=4)
QUICK = Cost(memory=64, passes=1, lanes=1)  # for tests of other things; such a file opens only where it is asked for


def make_key_file(passphrase: str, *, randomness: Callable[[int], bytes], cost: Cost = STANDARD) -> bytes:
    """A key file around a fresh root key. Raises BadInput ``passphrase-short`` below 12 characters."""
    if len(passphrase) < PASSPHRASE_CHARACTERS:
        raise BadInput("passphrase-short", expected=PASSPHRASE_CHARACTERS)
    salt = randomness(_SALT_BYTES)
    wrapped = wrap(
        stretch(passphrase, salt, cost),
        randomness(KEY_BYTES),
        context=_context(salt, cost),
        nonce=randomness(NONCE_BYTES),
    )
    kdf = {"name": "argon2id", "memory": cost.memory, "passes": cost.passes, "lanes": cost.lanes, "salt": _text(salt)}
    return canonical_bytes({"schema": SCHEMA, "kdf": kdf, "root": _text(wrapped)})


def open_key_file(data: bytes, passphrase: str, *, quick_allowed: bool = False) -> bytes:
    """The root key, 32 bytes.

    Raises Refused ``passphrase`` (wrong, or the file is damaged: the two look alike), Refused ``key-file-weak`` for a cost below
    the standard unless ``quick_allowed``, NotTrusted ``key-file-form``.
    """
    salt, cost, wrapped = _parse(data)
    if not cost.is_enough() and not quick_allowed:
        raise Refused("key-file-weak")
    try:
        return unwrap(stretch(passphrase, salt, cost), wrapped, context=_context(salt, cost))
    except NotTrusted as error:
        raise Refused("passphrase") from error


def _parse(data: bytes) -> tuple[bytes, Cost, bytes]:
    try:
        value = json.loads(data)
        kdf = value["kdf"]
        cost = Cost(memory=int(kdf["memory"]), passes=int(kdf["passes"]), lanes=int(kdf["lanes"]))
        salt, wrapped = base64.b64decode(kdf["salt"], validate=True), base64.b64decode(value["root"], validate=True)
        known = value["schema"] == SCHEMA and kdf["name"] == "argon2id"
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise NotTrusted("key-file-form") from error
    if not known or not cost.is_sane() or len(salt) < _SALT_BYTES:
        raise NotTrusted("key-file-form")
    return salt, cost, wrapped


def stretch(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """32 bytes from a passphrase: Argon2id, RFC 9106."""
    return hash_secret_raw(
        passphrase.encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory,
        parallelism=cost.lanes,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )


def _context(salt: bytes, cost: Cost) -> bytes:
    return length_prefixed(SCHEMA, "argon2id", cost.memory, cost.passes, cost.lanes, salt)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
