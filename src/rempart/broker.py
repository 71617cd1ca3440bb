# SPDX-License-Identifier: Apache-2.0
"""The door of the key broker's process: ``python -m rempart.broker``, started by ``rempart keys unlock``.

What opens its key store comes by a file descriptor, as JSON; it says on another whether it serves. It writes no log and leaves
no traceback.
"""

import argparse
import signal
import sys
from pathlib import Path

from rempart.adapters.hardening import harden
from rempart.adapters.passphrase import read_secret
from rempart.errors import RempartError, Unavailable
from rempart.keys.store_secret import secret_from_bytes
from rempart.wiring.broker import open_server, report_failure, report_status
from rempart.wiring.key_store import keys_folder


def main(arguments: list[str] | None = None) -> int:
    """Serve until expiry, lock or SIGTERM; the exit code of the contract."""
    asked = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        _serve(asked)
    except RempartError as error:
        report_failure(asked.ready_fd, error)
        return error.exit_code
    except Exception:  # noqa: BLE001  a defect: nothing of it may be written where a key could be read
        report_failure(asked.ready_fd, Unavailable("broker-start"))
        return RempartError.exit_code
    return 0


def _serve(asked: argparse.Namespace) -> None:
    harden(swap_allowed=asked.allow_unencrypted_swap)
    server = open_server(
        asked.dir,
        secret=secret_from_bytes(read_secret(asked.secret_fd)),
        minutes=asked.minutes,
        quick_allowed=asked.allow_quick_key_file,
    )
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: server.stop())
    server.serve(keys_folder(asked.dir), ready=lambda: report_status(asked.ready_fd, server.status()))


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rempart.broker", allow_abbrev=False)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--secret-fd", type=int, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    parser.add_argument("--allow-unencrypted-swap", action="store_true")
    parser.add_argument("--allow-quick-key-file", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
