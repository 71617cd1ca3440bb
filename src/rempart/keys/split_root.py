# SPDX-License-Identifier: Apache-2.0
"""The root key under custody: the bytes of ``rempart.key-file/2``, which m of n custodians open and no passphrase does.

It carries its own custody record, so that an older copy opens with the shares of its own ceremony and with no others. Between
two steps of a ceremony it holds the root key of before as well, under the new one.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from rempart.errors import NotTrusted, Refused
from rempart.keys.custody import Custody, custody_from_bytes
from rempart.keys.envelope import NONCE_BYTES, unwrap, wrap
from rempart.ports.surroundings import Randomness
from rempart.records.canonical import canonical_bytes, length_prefixed

SCHEMA = "rempart.key-file/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRoot:
    """``roots``: the root key, then those of before that table keys may still be wrapped under."""

    custody: Custody
    roots: tuple[bytes, ...] = field(repr=False)


def is_shared(data: bytes) -> bool:
    """Whether a key file is of this form; raises NotTrusted ``key-file-form`` for what is no key file at all."""
    try:
        return bool(json.loads(data)["schema"] == SCHEMA)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotTrusted("key-file-form") from error


def make_shared(shared: SharedRoot, secret: bytes, randomness: Randomness) -> bytes:
    """The file; ``secret``: that of the custody."""
    newest, before = shared.roots[0], shared.roots[1:]
    context = _context(shared.custody)
    wrapped = [wrap(secret, newest, context=context, nonce=randomness.bytes(NONCE_BYTES))]
    wrapped += [wrap(newest, root, context=context, nonce=randomness.bytes(NONCE_BYTES)) for root in before]
    custody = base64.b64encode(shared.custody.to_bytes()).decode()
    return canonical_bytes({"schema": SCHEMA, "custody": custody, "roots": [_text(one) for one in wrapped]})


def custody_of(data: bytes) -> Custody:
    """Whose shares a file needs, before it is opened; raises NotTrusted ``key-file-form``, ``custody-form``."""
    return _parse(data)[0]


def open_shared(data: bytes, secret: bytes) -> SharedRoot:
    """The root keys; raises NotTrusted ``key-file-form``, Refused ``custody-shares`` for another secret."""
    custody, (newest, *before) = _parse(data)
    context = _context(custody)
    try:
        root = unwrap(secret, newest, context=context)
    except NotTrusted as error:
        raise Refused("custody-shares", threshold=custody.threshold) from error
    return SharedRoot(custody=custody, roots=(root, *(unwrap(root, one, context=context) for one in before)))


def _parse(data: bytes) -> tuple[Custody, Sequence[bytes]]:
    try:
        value = json.loads(data)
        roots = [base64.b64decode(one, validate=True) for one in value["roots"]]
        custody = base64.b64decode(value["custody"], validate=True)
        known = value["schema"] == SCHEMA and bool(roots)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise NotTrusted("key-file-form") from error
    if not known:
        raise NotTrusted("key-file-form")
    return custody_from_bytes(custody), roots


def _context(custody: Custody) -> bytes:
    return length_prefixed(SCHEMA, "root", custody.id)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
