# SPDX-License-Identifier: Apache-2.0
"""The key agent's side of its socket: executors of this node ask for one job's keys over one connection; nothing outlives it.

    admit   {"job": ShardJob}         null, once that job has a grant of its own
    unwrap  {"items": […]}            the data keys, as the broker would give them

It decides nothing about keys; a message that cannot be read ends in an error, never in a traceback.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rempart.adapters import broker_wire as wire
from rempart.adapters.local_socket import CONNECTIONS, check_peer, listening, only_one
from rempart.errors import BadInput, Refused, RempartError, Unavailable
from rempart.records.sealed import KeyContext
from rempart.records.shard_job import ShardJob

SOCKET = "agent.sock"
_POLL_SECONDS = 0.2
_IDLE_SECONDS = 120.0  # a worker asks for everything as it begins, and is not kept in mind while it computes
_ARGUMENTS = {"admit": {"job"}, "unwrap": {"items"}}


class Keys(Protocol):
    """An admitted job."""

    def unwrap(self, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """Its data keys."""


class AgentServer:
    """Serves one agent until it is stopped or its time is over."""

    def __init__(
        self, admit: Callable[[ShardJob], Keys], *, minutes: float, accounts: frozenset[int] = frozenset()
    ) -> None:
        """``accounts``: user ids served beside this process's own, such as the cluster's executors'."""
        self._admit, self._accounts = admit, accounts
        self._deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + 60 * minutes
        self._places, self._stop = threading.BoundedSemaphore(CONNECTIONS), threading.Event()

    def stop(self) -> None:
        """End soon; may be called from a signal handler or another thread."""
        self._stop.set()

    def serve(self, folder: Path, *, ready: Callable[[], None]) -> None:
        """Listen in ``folder``; ``ready`` is called once connections are taken. Raises Refused ``agent-running``."""
        running = only_one(folder, "agent.lock", taken=Refused("agent-running"))
        with running, listening(folder, SOCKET, shared=bool(self._accounts)) as listener:
            ready()
            listener.settimeout(_POLL_SECONDS)
            while not self._stop.is_set() and time.clock_gettime(time.CLOCK_BOOTTIME) < self._deadline:
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                if not self._places.acquire(timeout=_POLL_SECONDS):
                    connection.close()
                    continue
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        """One connection: one job after another, each forgotten with the next or with the connection."""
        keys: Keys | None = None
        try:
            with connection:
                connection.settimeout(_IDLE_SECONDS)
                check_peer(connection, self._accounts)
                while True:
                    try:
                        keys, answer = self._answered(wire.receive(connection), keys)
                    except RempartError as error:
                        answer = wire.failure(error)
                    wire.send(connection, answer)
        except (OSError, EOFError, RempartError):
            return  # the executor has its keys, went away, or is not of this account
        finally:
            self._places.release()

    def _answered(self, request: Any, keys: Keys | None) -> tuple[Keys | None, dict[str, object]]:
        name, given = _call_of(request)
        if self._stop.is_set():
            raise Unavailable("agent-unreachable")
        if name == "admit":
            return self._admit(ShardJob.from_dict(given["job"])), {"ok": True, "value": None}
        if keys is None:
            raise BadInput("broker-request")
        opened = keys.unwrap(wire.items_from_json(given["items"]))
        return keys, {"ok": True, "value": [wire.to_text(key) for key in opened]}


def _call_of(request: Any) -> tuple[str, Mapping[str, Any]]:
    with wire.strictly():
        name, given = wire.text(request["call"]), dict(request["arguments"])
        if set(given) != _ARGUMENTS[name]:
            raise KeyError(name)
        return name, given
