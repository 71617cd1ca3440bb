# SPDX-License-Identifier: Apache-2.0
"""The key agent's process of a node: its ports joined, started beside a local run, or by the node's own administrator."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import rempart
from rempart.adapters.agent_socket import AgentServer
from rempart.adapters.broker_client import BrokerClient
from rempart.adapters.broker_wire import value_or_raise
from rempart.adapters.node_key import NAME, load_node_key, node_file
from rempart.adapters.surroundings import SystemClock
from rempart.errors import Unavailable
from rempart.journeys.node_agent import AgentSurroundings, NodeAgent
from rempart.keys.node import NodeKey
from rempart.wiring.key_store import keys_folder
from rempart.wiring.warehouse import Warehouse

LONGEST_MINUTES = 7 * 24 * 60
_END_SECONDS = 10.0


def agent_folder(directory: Path) -> Path:
    """Where a node's agent listens unless told otherwise: beside the node's key."""
    return node_file(directory).parent


def open_agent(
    directory: Path, *, node: Path | None = None, minutes: float, accounts: frozenset[int] = frozenset()
) -> AgentServer:
    """The server of the node whose key lies in ``node``, else in ``DIR/controller/node``, not yet listening; raises Refused
    ``node-unknown``."""
    key = load_node_key((node or agent_folder(directory)) / NAME)
    warehouse = Warehouse(directory)
    agent = NodeAgent(
        AgentSurroundings(
            broker=_broker(directory, key),
            ledger=warehouse.ledger,
            documents=warehouse.documents,
            trust=lambda: warehouse.trust,
            clock=SystemClock(),
            layouts=warehouse.study_layouts,
            turn=Lock(),
        )
    )
    return AgentServer(agent.admit, minutes=minutes, accounts=accounts)


@contextmanager
def agent_beside(directory: Path) -> Iterator[Path]:
    """An agent of this machine for as long as the block lasts, or this process lives; the folder where it listens, of its own.

    Raises what the agent raised as it began.
    """
    with tempfile.TemporaryDirectory(prefix="rempart-agent-") as folder:
        process = _start(directory, Path(folder))
        try:
            _ready(process)
            yield Path(folder)
        finally:
            _end(process)


def _broker(directory: Path, key: NodeKey) -> BrokerClient:
    return BrokerClient(keys_folder(directory), lambda: key)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It ends with its input."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _start(directory: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """From / and with a bare environment, as every process that is handed keys."""
    command = [sys.executable, "-P", "-m", "rempart.agent", "--dir", str(directory.resolve()), "--folder"]
    kept = ("LANG", "TZ", "HOME", "PATH", "REMPART_UNENCRYPTED_SWAP")
    return subprocess.Popen(
        [*command, str(folder.resolve()), "--minutes", str(LONGEST_MINUTES), "--with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PYTHONPATH": str(Path(rempart.__file__).resolve().parent.parent),
        },
    )


def _ready(process: "subprocess.Popen[bytes]") -> None:
    """Wait for its first line; raises what it says, Unavailable ``agent-unreachable`` when it says nothing."""
    line = process.stdout.readline() if process.stdout is not None else b""
    if not line:
        raise Unavailable("agent-unreachable")
    value_or_raise(json.loads(line))
