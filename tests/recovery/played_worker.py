# SPDX-License-Identifier: Apache-2.0
"""A worker that notes each job and then does as it is told: ``python -m tests.recovery.played_worker MODE NOTES --dir …``.

``honest``: nothing else; ``slow``: it never comes to a second shard; ``crash-once``: it dies at its first shard if the notes say that no
worker did before; ``crash``: always. It is the real one up to there.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rempart import worker
from rempart.wiring.worker import Worker

MODE, NOTES = sys.argv[1], Path(sys.argv[2])
CRASHED = b"crashed\n"
_serve = Worker.serve


def note(line: bytes) -> None:
    """Append to the notes; one write, so that two workers do not mix."""
    descriptor = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line)
    os.close(descriptor)


def played(self: Worker, line: bytes) -> Iterator[tuple[int, bytes]]:
    """The real answers, as far as this worker gets."""
    if MODE == "crash" or (MODE == "crash-once" and CRASHED not in (NOTES.read_bytes() if NOTES.exists() else b"")):
        note(CRASHED)
        os.abort()
    note(line.rstrip() + b"\n")
    for count, answer in enumerate(_serve(self, line)):
        if MODE == "slow" and count:
            time.sleep(600)
        yield answer


if __name__ == "__main__":
    Worker.serve = played  # type: ignore[method-assign]
    sys.argv[1:3] = []
    sys.exit(worker.main())
