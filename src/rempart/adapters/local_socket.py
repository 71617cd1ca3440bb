# SPDX-License-Identifier: Apache-2.0
"""A Unix socket that one process serves and whose callers the system names: shared by the key broker and the key agent.

It passes no message and decides about accounts alone.
"""

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rempart.adapters import broker_wire as wire
from rempart.adapters.private_file import private_folder
from rempart.errors import Refused

CONNECTIONS = 64
_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


def check_peer(connection: socket.socket, accounts: frozenset[int] = frozenset()) -> None:
    """The process at the other end is of this account or of one of ``accounts``; raises Refused ``broker-peer``."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(told)
    if uid != os.geteuid() and uid not in accounts:
        raise Refused("broker-peer")


@contextmanager
def only_one(folder: Path, lock: str, *, taken: Refused) -> Iterator[None]:
    """Hold the lock file as long as this process serves; the system lets go of it however the process ends. Raises ``taken``."""
    private_folder(folder)
    descriptor = os.open(folder / lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise taken from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def listening(folder: Path, name: str = wire.SOCKET, *, shared: bool) -> Iterator[socket.socket]:
    """A listening socket of mode 0600, or 0666 where other accounts are served: the peer's account is asked for on every connection.
    One that a dead process left is removed first (the lock says nobody serves)."""
    path = folder / name
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        before = os.umask(0o111 if shared else 0o177)
        try:
            with wire.socket_address(folder, name) as address:
                listener.bind(address)
        finally:
            os.umask(before)
        listener.listen(CONNECTIONS)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
