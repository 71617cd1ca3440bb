# SPDX-License-Identifier: Apache-2.0
"""The door of a node's key agent: ``python -m rempart.agent``, started beside a run on this machine or by a cluster node's administrator.

It says on standard output that it serves, or why not, and then nothing more: no log, no traceback.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from rempart.adapters.agent_socket import AgentServer
from rempart.adapters.broker_wire import failure
from rempart.adapters.hardening import harden
from rempart.errors import RempartError, Unavailable
from rempart.wiring.agent import LONGEST_MINUTES, agent_folder, open_agent


def main(arguments: list[str] | None = None) -> int:
    """Serve until the time is over, SIGTERM or, with ``--with-parent``, the end of standard input; the exit code of the contract."""
    asked = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        _serve(asked)
    except RempartError as error:
        _tell(failure(error))
        return error.exit_code
    except Exception:  # noqa: BLE001  a defect: nothing of it may be written where a key could be read
        _tell(failure(Unavailable("agent-unreachable")))
        return RempartError.exit_code
    return 0


def _serve(asked: argparse.Namespace) -> None:
    harden(swap_allowed=os.environ.get("REMPART_UNENCRYPTED_SWAP") == "allowed")
    server = open_agent(asked.dir, node=asked.node, minutes=asked.minutes, accounts=frozenset(asked.account))
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: server.stop())
    if asked.with_parent:
        threading.Thread(target=_until_input_ends, args=(server,), daemon=True).start()
    server.serve(asked.folder or agent_folder(asked.dir), ready=lambda: _tell({"ok": True, "value": None}))


def _until_input_ends(server: AgentServer) -> None:
    while os.read(0, 1):
        continue
    server.stop()


def _tell(told: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rempart.agent", allow_abbrev=False)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--node", type=Path, default=None, help="folder of this node's key")
    parser.add_argument("--folder", type=Path, default=None, help="where it listens")
    parser.add_argument("--minutes", type=float, default=LONGEST_MINUTES)
    parser.add_argument("--account", type=int, action="append", default=[])
    parser.add_argument("--with-parent", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
