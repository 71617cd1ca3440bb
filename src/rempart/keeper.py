# SPDX-License-Identifier: Apache-2.0
"""The door of the second ledger machine: ``python -m rempart.keeper``. It keeps a copy of the ledger, and needs no warehouse and no key.

It says on standard output that it serves, or why not, and then nothing more.
"""

import argparse
import sys
from pathlib import Path

from rempart.adapters.broker_wire import failure
from rempart.adapters.keeper_http import KeeperDoor
from rempart.adapters.small_door import tell, until_stopped
from rempart.adapters.small_http import address_of
from rempart.errors import BadInput, RempartError, Unavailable
from rempart.records.vkey import ED25519_LOG, parse_vkey


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM; the exit code of the contract."""
    asked = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        log = parse_vkey(asked.log)
        if log.kind != ED25519_LOG:
            raise BadInput("verifier-key")
        door = KeeperDoor(asked.folder, origin=log.name, public=log.public)
        until_stopped(door.server(address_of(asked.listen)), {})
    except RempartError as error:
        tell(failure(error))
        return error.exit_code
    except Exception:  # noqa: BLE001  a defect: its text may quote a leaf
        tell(failure(Unavailable("door-failed")))
        return RempartError.exit_code
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rempart.keeper", allow_abbrev=False)
    parser.add_argument("--folder", type=Path, required=True, help="where its copy lies: a ledger folder")
    parser.add_argument("--log", required=True, help="public key line of the log: ORIGIN+ID+KEY")
    parser.add_argument("--listen", default="127.0.0.1:8421", help="ADDRESS:PORT")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
