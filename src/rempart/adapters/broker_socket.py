# SPDX-License-Identifier: Apache-2.0
"""The broker's side of its socket: its own account and those it is told to serve, one process a controller, a time of expiry.

It passes calls on and errors back by family and code; a message that cannot be read ends in an error, never in a traceback.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rempart.adapters import broker_wire as wire
from rempart.adapters.broker_groups import blobs_to_json, groups_from_json
from rempart.adapters.local_socket import CONNECTIONS, check_peer, listening, only_one
from rempart.errors import BadInput, Refused, RempartError, Unavailable
from rempart.keys.broker import KeyBroker

_POLL_SECONDS = 0.2
_IDLE_SECONDS = 60.0
_MOST_USES = 10_000
_ARGUMENTS: Mapping[str, set[str]] = {
    "grant": {"request", "uses", "proof"},
    "unwrap": {"reference", "items"},
    "wrap": {"reference", "items"},
    "secrets": {"reference", "names"},
    "rewrap": {"reference", "groups", "epoch"},
    "rewrap-root": {"reference"},
    "key-names": {"space"},
    "erase": {"reference"},
    "sign": {"purpose", "over"},
    "status": set(),
    "lock": set(),
}
_TEXTS = {"reference", "purpose", "over", "space"}


class BrokerServer:
    """Serves one broker until it expires, is locked or is stopped; then forgets every key and removes the socket."""

    def __init__(
        self, keeper: KeyBroker, *, expires: str, minutes: float, accounts: frozenset[int] = frozenset()
    ) -> None:
        """``accounts``: user ids served beside this process's own."""
        self._keeper, self._expires, self._accounts = keeper, expires, accounts
        self._deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + 60 * minutes
        self._locked, self._stop = threading.Event(), threading.Event()
        self._state, self._signing = threading.Lock(), threading.Lock()
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self._calls: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "grant": self._grant,
            "rewrap": self._rewrap,
            "rewrap-root": lambda given: keeper.rewrap_root(given["reference"]),
            "key-names": lambda given: keeper.key_names(given["space"]),
            "erase": lambda given: keeper.erase(given["reference"]),
            "unwrap": lambda given: wire.to_text(
                keeper.unwrap(given["reference"], wire.items_from_json(given["items"]))
            ),
            "wrap": lambda given: _keys(keeper.wrap(given["reference"], wire.items_from_json(given["items"]))),
            "secrets": lambda given: wire.to_text(
                keeper.secrets(given["reference"], wire.texts_from_json(given["names"]))
            ),
        }

    def stop(self) -> None:
        """End soon; may be called from a signal handler or another thread."""
        self._stop.set()

    def status(self) -> dict[str, str | int]:
        """When it expires, and its process."""
        return {"expires": self._expires, "pid": os.getpid()}

    def serve(self, folder: Path, *, ready: Callable[[], None]) -> None:
        """Listen in ``folder``; ``ready`` is called once connections are taken. Raises Refused ``broker-running``."""
        running = only_one(folder, "broker.lock", taken=Refused("broker-running"))
        with running, listening(folder, shared=bool(self._accounts)) as listener:
            try:
                ready()
                self._accept(listener)
            finally:
                self._keeper.forget()

    def _accept(self, listener: socket.socket) -> None:
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
        """Every request of one connection, in turn."""
        try:
            with connection:
                connection.settimeout(_IDLE_SECONDS)
                check_peer(connection, self._accounts)
                while self._answer_one(connection):
                    continue
        except (OSError, EOFError, RempartError):
            return  # the client went away, was too slow, or is not of this account
        finally:
            self._places.release()

    def _answer_one(self, connection: socket.socket) -> bool:
        """Answer a request; False when the stream can no longer be followed."""
        try:
            request = wire.receive(connection)
        except BadInput as error:
            wire.send(connection, wire.failure(error))
            return False
        locks = False
        try:
            answer: dict[str, object] = {"ok": True, "value": self._do(request)}
            locks = request["call"] == "lock"
        except RempartError as error:
            answer = wire.failure(error)
        try:
            wire.send(connection, answer)
        finally:  # only now: the process ends with its listener, and an answer on its way would be lost
            if locks:
                self.stop()
        return True

    def _do(self, request: Any) -> object:
        name, given = _call_of(request)
        if self._locked.is_set() or self._stop.is_set():
            raise Unavailable("broker-locked")
        if name == "status":
            return self.status()
        if name == "lock":
            self._locked.set()
            return None
        if (
            name == "sign"
        ):  # never under the state lock: the ledger's writer asks for it while a grant waits for the ledger
            with self._signing:
                return self._keeper.sign(given["purpose"], given["over"])
        with self._state:
            return self._calls[name](given)

    def _rewrap(self, given: Mapping[str, Any]) -> str:
        with wire.strictly():
            epoch = wire.whole(given["epoch"])
        return blobs_to_json(self._keeper.rewrap(given["reference"], groups_from_json(given["groups"]), epoch))

    def _grant(self, given: Mapping[str, Any]) -> list[str]:
        uses = given["uses"]
        if type(uses) is not int or not 1 <= uses <= _MOST_USES:
            raise BadInput("broker-request")
        request, proof = wire.request_from_json(given["request"]), wire.proof_from_json(given["proof"])
        return self._keeper.grant(request, uses=uses, proof=proof)


def _call_of(request: Any) -> tuple[str, Mapping[str, Any]]:
    """A known call with exactly its arguments, the texts among them text."""
    with wire.strictly():
        name, given = wire.text(request["call"]), dict(request["arguments"])
        if set(given) != _ARGUMENTS[name]:
            raise KeyError(name)
        for argument in _TEXTS & set(given):
            wire.text(given[argument])
        return name, given


def _keys(keys: list[bytes]) -> list[str]:
    return [wire.to_text(key) for key in keys]
