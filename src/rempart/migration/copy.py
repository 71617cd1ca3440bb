# SPDX-License-Identifier: Apache-2.0
"""Copy one object and prove it: hashed while it streams, stored only if it is the right one, then read again from the target.

Works on ciphertext: holds no key and could open nothing. Retries and threads are the caller's.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal

from rempart.errors import Missing, NotTrusted
from rempart.migration.inventory import Entry
from rempart.ports.host import Host
from rempart.records.sealed import SealedStream

How = Literal["copied", "already", "replaced"]
Told = Callable[[int], None]  # bytes that went by
Opened = Callable[[], SealedStream]


def copy_object(opened: Opened, target: Host, entry: Entry, *, there: bool, told: Told) -> How:
    """Bring ``entry`` to the target and prove it there; an object that is there already is read, never believed.

    ``opened``: opens the source; ``there``: whether the target is thought to hold it (a hint). ``told`` hears of every byte read,
    from the source and from the target. Raises NotTrusted ``move-source-altered``, ``move-source-absent``,
    ``move-target-altered``; Unavailable.
    """
    if there and holds(target, entry, told=told):
        return "already"
    if there:
        target.delete(entry.name)  # another thing under this name, or half of it: nothing that a reader could use
    how: How = "replaced" if there else "copied"
    if not target.put_stream(entry.name, _checked(_of_source(opened, entry), entry, told)):
        how = "already"
    if holds(target, entry, told=told):
        return how
    target.delete(entry.name)
    raise NotTrusted("move-target-altered", object=entry.name)


def made_of(data: bytes) -> SealedStream:
    """Bytes that the ledger itself gives (a pointer), or a probe's, as an object under way."""
    return SealedStream(size=len(data), chunks=iter([data]))


def holds(host: Host, entry: Entry, *, told: Told) -> bool:
    """Whether the host gives exactly these bytes now: all of them are read and hashed."""
    try:
        stream = host.open(entry.name)
    except Missing:
        return False
    if stream.size != entry.size:
        return False
    digest, size = hashlib.sha256(), 0
    for chunk in stream.chunks:
        digest.update(chunk)
        size += len(chunk)
        told(len(chunk))
    return size == entry.size and digest.hexdigest() == entry.sha256


def _of_source(opened: Opened, entry: Entry) -> SealedStream:
    try:
        return opened()
    except Missing as error:
        raise NotTrusted("move-source-absent", object=entry.name) from error


def _checked(stream: SealedStream, entry: Entry, told: Told) -> SealedStream:
    """The stream, which raises before its last chunk is handed on unless the whole is ``entry``: nothing wrong gets a name."""
    if stream.size != entry.size:
        raise NotTrusted("move-source-altered", object=entry.name)
    return SealedStream(size=entry.size, chunks=_hashed(stream.chunks, entry, told))


def _hashed(chunks: Iterator[bytes | memoryview], entry: Entry, told: Told) -> Iterator[bytes | memoryview]:
    digest, size = hashlib.sha256(), 0
    held: bytes | memoryview = b""
    for chunk in chunks:
        if held:
            yield held
        digest.update(chunk)
        size += len(chunk)
        told(len(chunk))
        held = chunk
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise NotTrusted("move-source-altered", object=entry.name)
    yield held
