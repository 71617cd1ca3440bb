# SPDX-License-Identifier: Apache-2.0
"""The door of the true program with played workers behind it: ``python -m tests.recovery.study_door MODE NOTES WORDS…``."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rempart.adapters.process_pool import ProcessPool
from rempart.cli import app


def play(mode: str, notes: Path) -> None:
    """From now on every pool of this process starts played workers."""
    ProcessPool._start = started(mode, notes)  # type: ignore[method-assign]


def started(mode: str, notes: Path) -> Callable[[ProcessPool], "subprocess.Popen[bytes]"]:
    """What starts a played worker for a pool."""

    def start(pool: ProcessPool) -> "subprocess.Popen[bytes]":
        told = ["--dir", str(pool._directory), "--memory", str(pool.memory)]
        command = [sys.executable, "-m", "tests.recovery.played_worker", mode, str(notes), *told]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    return start


if __name__ == "__main__":
    play(sys.argv[1], Path(sys.argv[2]))
    sys.exit(app.main(sys.argv[3:]))
