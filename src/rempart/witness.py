# SPDX-License-Identifier: Apache-2.0
"""The door of a witness over HTTP: ``python -m rempart.witness``, on a machine that the controller does not rule. Needs no warehouse.

It says on standard output that it serves and with which keys, or why not, and then nothing more.
"""

import argparse
import os
import sys
from pathlib import Path

from rempart.adapters.broker_wire import failure
from rempart.adapters.small_door import tell, until_stopped
from rempart.adapters.small_http import address_of
from rempart.errors import RempartError, Unavailable
from rempart.wiring.witness_door import open_witness


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM; the exit code of the contract."""
    asked = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        _serve(asked)
    except RempartError as error:
        tell(failure(error))
        return error.exit_code
    except Exception:  # noqa: BLE001  a defect: nothing of it may be written where a key could be read
        tell(failure(Unavailable("door-failed")))
        return RempartError.exit_code
    return 0


def _serve(asked: argparse.Namespace) -> None:
    passphrase = ""
    if asked.passphrase_fd is not None:
        with os.fdopen(asked.passphrase_fd, encoding="utf-8") as given:
            passphrase = given.readline().rstrip("\n")
    door, keys = open_witness(
        asked.state, name=asked.name, key_file=asked.key, mldsa=asked.mldsa, logs=asked.log, passphrase=passphrase
    )
    until_stopped(door.server(address_of(asked.listen)), {"keys": list(keys)})


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rempart.witness", allow_abbrev=False)
    parser.add_argument("--state", type=Path, required=True, help="folder of its memory, one file a log")
    parser.add_argument("--name", required=True, help="name of its key in signature lines")
    parser.add_argument("--key", type=Path, required=True, help="an Ed25519 key file, as a person's")
    parser.add_argument("--mldsa", type=Path, default=None, help="a second key file, ML-DSA-44")
    parser.add_argument("--log", action="append", required=True, help="public key line of a log: ORIGIN+ID+KEY")
    parser.add_argument("--listen", default="127.0.0.1:8420", help="ADDRESS:PORT")
    parser.add_argument(
        "--passphrase-fd", type=int, default=None, help="descriptor with the passphrase of both key files"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
