# SPDX-License-Identifier: Apache-2.0
"""The door of the mover's process: ``python -m rempart.mover --move FOLDER``, started by ``rempart migrate run`` or by hand elsewhere.

Says its progress as JSON lines on standard output. Credentials of the hosts come by a descriptor as JSON, or from 0600 files
that the order names. It needs no key, and an account that can read none is the right one for it.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from rempart.errors import RempartError
from rempart.wiring.mover import THREADS, move, read_credentials


def main(arguments: list[str] | None = None) -> int:
    """Copy or verify; the exit code of the contract."""
    asked = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        given = read_credentials(asked.credentials_fd)
        return move(asked.move, verify=asked.verify, threads=asked.threads, credentials=given, say=_say)
    except RempartError as error:
        told = {"event": "error", "family": error.family, "code": error.code, "facts": error.facts}
        _say(told)
        return error.exit_code


def _say(line: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except (
        BrokenPipeError
    ):  # who started us is gone: no object is ever half there, so that now is a good moment to stop
        os._exit(RempartError.exit_code)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rempart.mover", allow_abbrev=False)
    parser.add_argument("--move", type=Path, required=True)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--credentials-fd", type=int)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
