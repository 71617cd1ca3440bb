# SPDX-License-Identifier: Apache-2.0
"""What anyone reads off an object that a host holds, without a key: its kind, its form, and the fields that stand in clear.

Arithmetic and fields are those of docs/format.md, written here a second time on purpose: what is told to an authority about
the objects does not lean on the code that wrote them. Opens nothing, and proves nothing: whoever calls compares hashes.
"""

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rempart.errors import RempartError
from rempart.records.canonical import parse_canonical

Kind = Literal["part", "manifest", "keyring", "pointer", "foreign"]
KINDS: tuple[Kind, ...] = ("part", "manifest", "keyring", "pointer", "foreign")
HEADER, TAG = 40, 16
SEGMENTS = (1 << 18, 1 << 20)
MAGIC = b"rempart.manifest/1\n"
OUTER = frozenset({"schema", "warehouse", "space", "sequence", "parent", "epoch", "objects", "body"})
_NAMES = {"o": re.compile(r"o/[0-9a-f]{32}"), "m": re.compile(r"m/[0-9a-f]{32}"), "s": re.compile(r"s/[0-9]{1,20}")}
_BARE_KEY = 32
_FIRST = 4  # bytes that say how long the outer list is
_ENOUGH = 1280  # bytes: below this a histogram of 256 values says nothing
_UNEVEN = 480.0  # chi-square of random bytes has mean 255 and deviation 22.6: beyond ten deviations it is no ciphertext
_BAD = (RempartError, KeyError, TypeError, ValueError, IndexError, AttributeError, binascii.Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """An object of kind manifest, keyring or pointer as its clear fields read; ``signature``: a manifest's, as it stands there."""

    kind: Kind
    fields: Mapping[str, Any]
    signature: str = ""


def kind_of(name: str) -> str:
    """``o``, ``m``, ``s`` by the name alone; '' for a name that we never give."""
    return name[0] if name[:1] in _NAMES and _NAMES[name[0]].fullmatch(name) else ""


def read_clear(name: str, data: bytes) -> Clear | None:
    """The clear fields of ``m/…`` or ``s/…``, exactly those of the format; None for anything else."""
    try:
        if kind_of(name) == "s":
            return _pointer(data)
        if kind_of(name) == "m":
            return _manifest(data) if data.startswith(MAGIC) else _keyring(data)
    except _BAD:
        return None
    return None


def sealed_form(size: int, first: int, padme: Callable[[int], int]) -> bool:
    """Whether an object of ``size`` bytes that begins with the byte ``first`` can be a stream over a padded plaintext."""
    return first == HEADER and any(_padded(size, segment, padme) for segment in SEGMENTS)


def even(counts: Sequence[int]) -> bool:
    """Whether the counts of the 256 byte values are as even as random bytes have them (chi-square); always for short objects."""
    total = sum(counts)
    if total < _ENOUGH:
        return True
    expected = total / len(counts)
    return sum((count - expected) ** 2 for count in counts) / expected < _UNEVEN


def histogram(data: bytes) -> list[int]:
    """How often each byte value occurs."""
    counts = Counter(data)
    return [counts[value] for value in range(256)]


def _padded(size: int, segment: int, padme: Callable[[int], int]) -> bool:
    plain = size - HEADER - TAG * -(-size // segment)
    return plain > 0 and padme(plain) == plain


def _pointer(data: bytes) -> Clear | None:
    value = parse_canonical(data, what="pointer")
    good = set(value) == {"schema", "manifest"} and value["schema"] == "rempart.pointer/1"
    return Clear(kind="pointer", fields=value) if good and kind_of(value["manifest"]) == "m" else None


def _keyring(data: bytes) -> Clear | None:
    value = parse_canonical(data, what="keyring")
    if set(value) != {"schema", "space", "epoch", "keys"} or value["schema"] != "rempart.keyring/1":
        return None
    wrapped = {name: base64.b64decode(key, validate=True) for name, key in value["keys"].items()}
    sound = all(kind_of(name) and len(key) > _BARE_KEY for name, key in wrapped.items())
    sound = sound and type(value["epoch"]) is int and re.fullmatch(r"[0-9a-f]{32}", value["space"]) is not None
    return Clear(kind="keyring", fields=value) if sound else None


def _manifest(data: bytes) -> Clear | None:
    start = len(MAGIC) + _FIRST
    size = int.from_bytes(data[len(MAGIC) : start], "big")
    value = parse_canonical(data[start : start + size], what="manifest")
    body, outer = data[start + size :], value["outer"]
    if set(value) != {"outer", "signature"} or set(outer) != OUTER or body[0] != HEADER:
        return None
    sealed = outer["body"] == [len(body), hashlib.sha256(body).hexdigest()] and even(histogram(body))
    listed = all(
        len(item) == 3 and kind_of(item[0]) == "o" and type(item[1]) is int and type(item[2]) is str
        for item in outer["objects"]
    )
    texts = all(re.fullmatch(r"[0-9a-f]*", outer[name]) for name in ("warehouse", "space", "parent"))
    numbers = all(type(outer[name]) is int for name in ("sequence", "epoch"))
    found = Clear(kind="manifest", fields=outer, signature=value["signature"])
    return found if sealed and listed and texts and numbers else None
