# SPDX-License-Identifier: Apache-2.0
"""Look at everything that lies on a host as the host itself can, without a key: for the account of leaks and for the order report."""

import datetime
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from rempart.hosts.clear_forms import kind_of, read_clear, sealed_form
from rempart.hosts.leakage import Seen
from rempart.hosts.order_report import Ledgered, Read, read_object
from rempart.journeys.chain import leaves_of
from rempart.ports.host import Host
from rempart.ports.surroundings import Progress
from rempart.vault.padding import padme

Lying = tuple[str, int, datetime.datetime | None]
"""Name, size in bytes, and when the host received it, as its own listing says; foreign names too."""
_SMALL = frozenset("ms")


class Tally:
    """SHA-256 and byte histogram of an object that passes by in chunks."""

    def __init__(self) -> None:
        self._hash, self._counts = hashlib.sha256(), np.zeros(256, dtype=np.int64)

    def update(self, chunk: bytes) -> None:
        """Count the next bytes."""
        self._hash.update(chunk)
        self._counts += np.bincount(np.frombuffer(chunk, dtype=np.uint8), minlength=256)

    @property
    def sha256(self) -> str:
        """64 hex digits."""
        return self._hash.hexdigest()

    @property
    def histogram(self) -> list[int]:
        """How often each byte value occurred."""
        return [int(count) for count in self._counts]


def see(host: Host, lying: Sequence[Lying], progress: Progress) -> list[Seen]:
    """What a host reads off its objects: the names and sizes of all, the clear fields of manifests, keyrings and pointers."""
    found = []
    for done, (name, size, _) in enumerate(lying, 1):
        if kind_of(name) in _SMALL:
            data = host.get(name).data
            clear, sha256 = read_clear(name, data), hashlib.sha256(data).hexdigest()
            found.append(Seen(name=name, size=size, clear=clear, sha256=sha256))
        else:
            found.append(Seen(name=name, size=size))
        progress.step("see-objects", done, len(lying))
    return found


def read_all(host: Host, lying: Sequence[Lying], progress: Progress) -> Iterator[Read]:
    """Every object read whole once, in order of name, in bounded memory; a foreign one is named and left unread."""
    for done, (name, size, _) in enumerate(sorted(lying), 1):
        if kind_of(name):
            yield read_object(name, size, host.open(name).chunks, Tally())
        else:
            yield Read(name=name, size=size, sha256="", first=-1, even=False, clear=None)
        progress.step("read-objects", done, len(lying))


def ledgered(leaves: Sequence[bytes], *, origin: str, size: int, root: str) -> Ledgered:
    """The hashes of manifests and keyrings that the ledger names, under the checkpoint ``size``, ``root``."""
    events = [event for _, event in leaves_of(leaves[:size], {"commit", "keyring"})]
    heads = {event.fact("head") or "" for event in events}
    keyrings = {event.fact("keyring-hash") or "" for event in events}
    return Ledgered(heads=frozenset(heads), keyrings=frozenset(keyrings), origin=origin, size=size, root=root)


def padded(size: int) -> bool:
    """Whether a part of so many bytes lies in a declared bucket."""
    return sealed_form(size, 40, padme)
