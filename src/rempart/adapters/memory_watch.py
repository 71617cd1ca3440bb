# SPDX-License-Identifier: Apache-2.0
"""A worker looks after itself: it ends when it takes more memory than it may, or when who started it is gone.

Resident memory is watched, not address space limited (RLIMIT_AS): an engine reserves far more than it ever uses, and a refused
reservation is a crash, not an answer. Memory between two looks is the engine's own limit's to hold.
"""

import os
import threading
import time
from pathlib import Path

OUT_OF_MEMORY = 61
"""Exit code of a worker that took too much."""
_EVERY = 0.05  # seconds between two looks
_MARK = Path("/proc/self/oom_score_adj")
_FIRST = "500"  # when the machine itself runs out, workers go before the key broker and whoever waits for them


def go_first() -> None:
    """Have the system end this process before others when memory runs out; to be called before hardening."""
    try:
        _MARK.write_text(_FIRST, encoding="ascii")
    except OSError:
        return  # another system, or a closed /proc: nothing depends on it


def resident() -> int:
    """Bytes of this process in memory, memory files that it has mapped included; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def watch(limit: int) -> None:
    """End the process at once, with ``OUT_OF_MEMORY`` beyond ``limit`` bytes, and when its parent is no longer the one it had."""
    parent = os.getppid()
    threading.Thread(target=_look, args=(limit, parent), daemon=True, name="memory-watch").start()


def _look(limit: int, parent: int) -> None:
    while True:
        if resident() > limit:
            os._exit(OUT_OF_MEMORY)
        if os.getppid() != parent:
            os._exit(1)
        time.sleep(_EVERY)
