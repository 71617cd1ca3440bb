# SPDX-License-Identifier: Apache-2.0
"""A custodian's share: its words sealed under that custodian's own passphrase (Argon2id), with the name of its ceremony.

Whoever holds the file alone holds nothing; the words alone are one share.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.keys.custody import Custody, combine, open_recovery, open_under, seal_under
from rempart.keys.root_key import PASSPHRASE_CHARACTERS, STANDARD, Cost, stretch
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import canonical_bytes, length_prefixed

SCHEMA = "rempart.share/1"
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An opened share of the ceremony of that name."""

    ceremony: str
    custodian: str
    words: str = field(repr=False)


def make_share_file(share: Share, passphrase: str, *, randomness: Randomness, cost: Cost = STANDARD) -> bytes:
    """The file of one custodian; raises BadInput ``passphrase-short``."""
    if len(passphrase) < PASSPHRASE_CHARACTERS:
        raise BadInput("passphrase-short", expected=PASSPHRASE_CHARACTERS)
    salt = randomness.bytes(_SALT_BYTES)
    head = _Head(ceremony=share.ceremony, custodian=share.custodian, cost=cost, salt=salt)
    key = stretch(passphrase, salt, cost)
    sealed = seal_under(key, share.words.encode(), context=head.context(), randomness=randomness)
    kdf = {"name": "argon2id", "memory": cost.memory, "passes": cost.passes, "lanes": cost.lanes, "salt": _text(salt)}
    told = {"schema": SCHEMA, "ceremony": share.ceremony, "custodian": share.custodian}
    return canonical_bytes({**told, "kdf": kdf, "words": _text(sealed)})


def open_share_file(data: bytes, passphrase: str, *, quick_allowed: bool = False) -> Share:
    """The share.

    Raises NotTrusted ``share-form``, Refused ``share-passphrase`` (wrong, or the file is damaged: the two look alike) and
    ``key-file-weak``.
    """
    head, sealed = _parse(data)
    if not head.cost.is_enough() and not quick_allowed:
        raise Refused("key-file-weak")
    try:
        words = open_under(stretch(passphrase, head.salt, head.cost), sealed, context=head.context()).decode()
    except (NotTrusted, UnicodeDecodeError) as error:
        raise Refused("share-passphrase", custodian=head.custodian) from error
    return Share(ceremony=head.ceremony, custodian=head.custodian, words=words)


def custodian_of(data: bytes) -> str:
    """Whose share a file says it is, before it is opened; raises NotTrusted ``share-form``."""
    return _parse(data)[0].custodian


def open_custody(custody: Custody, shares: Sequence[tuple[bytes, str]], *, quick_allowed: bool = False) -> bytes:
    """The custody secret from (share file, passphrase) pairs, proven against the custody itself.

    Raises as ``open_share_file``; Refused ``share-ceremony`` for another ceremony's, ``custody-few``, ``custody-shares``.
    """
    for file, _ in shares:
        head = _parse(file)[0]
        if head.ceremony != custody.ceremony or head.custodian not in custody.custodians:
            raise Refused("share-ceremony", custodian=head.custodian, made=custody.made.isoformat())
    different = len({file for file, _ in shares})
    if different < custody.threshold:
        raise Refused("custody-few", given=different, threshold=custody.threshold)
    opened = [open_share_file(file, passphrase, quick_allowed=quick_allowed) for file, passphrase in shares]
    secret = combine([share.words for share in opened], threshold=custody.threshold)
    open_recovery(custody, secret)
    return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    ceremony: str
    custodian: str
    cost: Cost
    salt: bytes

    def context(self) -> bytes:
        cost = self.cost
        where = (self.ceremony, self.custodian)
        return length_prefixed(SCHEMA, *where, "argon2id", cost.memory, cost.passes, cost.lanes, self.salt)


def _parse(data: bytes) -> tuple[_Head, bytes]:
    try:
        value = json.loads(data)
        kdf = value["kdf"]
        head = _Head(
            ceremony=_str(value["ceremony"]),
            custodian=_str(value["custodian"]),
            cost=Cost(memory=int(kdf["memory"]), passes=int(kdf["passes"]), lanes=int(kdf["lanes"])),
            salt=base64.b64decode(kdf["salt"], validate=True),
        )
        sealed = base64.b64decode(value["words"], validate=True)
        known = value["schema"] == SCHEMA and kdf["name"] == "argon2id"
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise NotTrusted("share-form") from error
    if not known or not head.cost.is_sane() or len(head.salt) < _SALT_BYTES:
        raise NotTrusted("share-form")
    return head, sealed


def _str(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > 64 or not value.isprintable():
        raise ValueError(value)
    return value


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
