# SPDX-License-Identifier: Apache-2.0
"""The key broker as an executor's worker sees it: the key agent of its own node, which gives one job's data keys and nothing else."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from rempart.adapters import broker_wire as wire
from rempart.adapters.agent_socket import SOCKET
from rempart.errors import BadInput, Refused, Unavailable
from rempart.ports.broker import GrantRequest
from rempart.records.sealed import KeyContext
from rempart.records.shard_job import ShardJob

_SECONDS = 120.0


class AgentBroker:
    """Implements ports.broker.Broker as far as a worker may go: ``unwrap``, within ``job``. For one job at a time."""

    def __init__(self, folder: Path) -> None:
        """``folder``: where the node's agent listens."""
        self._folder = folder
        self._connection: socket.socket | None = None

    @contextmanager
    def job(self, job: ShardJob) -> Iterator[None]:
        """The job whose keys are asked for in the block.

        Raises Unavailable ``agent-unreachable``, and what the agent and the broker raise.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            try:
                with wire.socket_address(self._folder, SOCKET) as address:
                    connection.connect(address)
            except OSError as error:
                raise Unavailable("agent-unreachable") from error
            self._connection = connection
            try:
                self._call("admit", job=job.as_dict())
                yield
            finally:
                self._connection = None

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """See the port; ``reference`` only names the intent: the one-use reference is the agent's."""
        return wire.keys_from_json(self._call("unwrap", items=wire.items_to_json(items)))

    def grant(self, request: GrantRequest, *, uses: int = 1) -> list[str]:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def wrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def secrets(self, reference: str, names: Sequence[str]) -> list[bytes]:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def rewrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]], epoch: int) -> list[bytes]:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def rewrap_root(self, reference: str) -> int:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def key_names(self, space: str) -> list[str]:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def erase(self, reference: str) -> list[str]:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def sign(self, purpose: str, over: str) -> str:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def status(self) -> dict[str, str | int]:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def lock(self) -> None:
        """Raises Refused ``agent-reads-only``."""
        _refuse()

    def _call(self, name: str, **arguments: object) -> Any:
        if self._connection is None:
            _refuse()
        try:
            wire.send(self._connection, {"call": name, "arguments": arguments})
            answer = wire.receive(self._connection)
        except (OSError, EOFError, BadInput) as error:
            raise Unavailable("agent-unreachable") from error
        return wire.value_or_raise(answer)


def _refuse() -> NoReturn:
    raise Refused("agent-reads-only")
