# SPDX-License-Identifier: Apache-2.0
"""Leaves and the checkpoint that signs them as one message to the second ledger machine: ``rempart.append/1``.

A line ``rempart.append/1 FIRST NOTE-BYTES``, the note, then each leaf behind its length (4 bytes, big-endian). Believes nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.errors import NotTrusted

_HEAD = re.compile(rb"rempart\.append/1 (0|[1-9][0-9]{0,18}) (0|[1-9][0-9]{0,9})\n")
_PREFIX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """``first``: index of the first leaf; ``note``: the signed checkpoint after the last one."""

    first: int
    note: str
    leaves: tuple[bytes, ...]


def carried_bytes(first: int, leaves: Sequence[bytes], note: str) -> bytes:
    """The message."""
    text = note.encode()
    return b"rempart.append/1 %d %d\n" % (first, len(text)) + text + packed(leaves)


def read_carried(data: bytes) -> Carried:
    """From the message; raises NotTrusted ``append-form``."""
    head = _HEAD.match(data)
    if head is None:
        raise NotTrusted("append-form")
    end = head.end() + int(head[2])
    note = data[head.end() : end]
    if len(note) != int(head[2]) or not _is_text(note):
        raise NotTrusted("append-form")
    return Carried(first=int(head[1]), note=note.decode(), leaves=unpacked(data[end:]))


def packed(leaves: Sequence[bytes]) -> bytes:
    """Each leaf behind its length."""
    return b"".join(len(leaf).to_bytes(_PREFIX, "big") + leaf for leaf in leaves)


def unpacked(data: bytes) -> tuple[bytes, ...]:
    """The leaves; raises NotTrusted ``append-form`` unless every byte belongs to one."""
    found, at = [], 0
    while at < len(data):
        end = at + _PREFIX + int.from_bytes(data[at : at + _PREFIX], "big")
        if at + _PREFIX > len(data) or end > len(data):
            raise NotTrusted("append-form")
        found.append(data[at + _PREFIX : end])
        at = end
    return tuple(found)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
