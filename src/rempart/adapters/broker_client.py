# SPDX-License-Identifier: Apache-2.0
"""The broker as its clients reach it: one connection a call over ``DIR/controller/keys/broker.sock``.

It proves this node's key when it asks for a grant, and opens what is answered to this node alone.
"""

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rempart.adapters import broker_wire as wire
from rempart.adapters.broker_groups import REWRAP_BATCH, blobs_from_json, groups_to_json, in_order
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.errors import BadInput, Unavailable
from rempart.keys.node import NodeKey, secrets_question, unwrap_question
from rempart.ports.broker import GrantRequest
from rempart.records.sealed import KeyContext

_SECONDS = 120.0


class BrokerClient:
    """Implements ports.broker.Broker; usable from several threads and after a fork, since it keeps no connection."""

    def __init__(self, folder: Path, node: Callable[[], NodeKey]) -> None:
        """``node``: this node's keys, asked for when they are needed: a lock or a status needs none."""
        self._folder, self._node = folder, node

    def grant(self, request: GrantRequest, *, uses: int = 1) -> list[str]:
        """See the port."""
        proof = self._node().prove(request, uses, clock=SystemClock(), randomness=SystemRandomness())
        asked = {"request": wire.request_to_json(request), "uses": uses, "proof": wire.proof_to_json(proof)}
        return wire.texts_from_json(self._call("grant", **asked))

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """See the port."""
        node, question = self._node(), unwrap_question(reference, items)
        answer = self._call("unwrap", reference=reference, items=wire.items_to_json(items))
        return node.open(wire.sealed_from_json(answer), question, len(items))

    def wrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """See the port."""
        return wire.keys_from_json(self._call("wrap", reference=reference, items=wire.items_to_json(items)))

    def secrets(self, reference: str, names: Sequence[str]) -> list[bytes]:
        """See the port."""
        node, question = self._node(), secrets_question(reference, names)
        answer = self._call("secrets", reference=reference, names=list(names))
        return node.open(wire.sealed_from_json(answer), question, len(names))

    def rewrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]], epoch: int) -> list[bytes]:
        """See the port. A great many keys go in several messages, so that the broker serves others in between."""
        fresh: list[bytes] = []
        for at in range(0, len(items), REWRAP_BATCH):
            batch, order = groups_to_json(items[at : at + REWRAP_BATCH])
            answer = self._call("rewrap", reference=reference, groups=batch, epoch=epoch)
            fresh += in_order(blobs_from_json(answer), order)
        return fresh

    def rewrap_root(self, reference: str) -> int:
        """See the port."""
        return int(self._call("rewrap-root", reference=reference))

    def key_names(self, space: str) -> list[str]:
        """See the port."""
        return wire.texts_from_json(self._call("key-names", space=space))

    def erase(self, reference: str) -> list[str]:
        """See the port."""
        return wire.texts_from_json(self._call("erase", reference=reference))

    def sign(self, purpose: str, over: str) -> str:
        """See the port."""
        return str(self._call("sign", purpose=purpose, over=over))

    def status(self) -> dict[str, str | int]:
        """See the port."""
        answer: dict[str, str | int] = self._call("status")
        return answer

    def lock(self) -> None:
        """See the port."""
        self._call("lock")

    def _call(self, name: str, **arguments: object) -> Any:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            self._connect(connection)
            try:
                wire.send(connection, {"call": name, "arguments": arguments})
                answer = wire.receive(connection)
            except (OSError, EOFError) as error:
                raise Unavailable("broker-locked") from error
            except BadInput as error:
                raise Unavailable("broker-answer") from error
        return wire.value_or_raise(answer)

    def _connect(self, connection: socket.socket) -> None:
        try:
            with wire.socket_address(self._folder) as address:
                connection.connect(address)
        except OSError as error:  # no folder, no socket, a socket whose process has died, or not ours
            raise Unavailable("broker-locked") from error
