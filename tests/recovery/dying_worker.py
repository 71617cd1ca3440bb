# SPDX-License-Identifier: Apache-2.0
"""A worker that is killed once it has answered for one shard. It is the real one up to there."""

import os
import signal
import sys
from collections.abc import Iterator

from rempart import worker
from rempart.wiring.worker import Worker

_serve = Worker.serve


def one_answer(self: Worker, line: bytes) -> Iterator[tuple[int, bytes]]:
    """The first answer; when the next is asked for, the first has been written."""
    yield next(_serve(self, line))
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Worker.serve = one_answer  # type: ignore[method-assign]
    sys.exit(worker.main())
