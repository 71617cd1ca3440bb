# SPDX-License-Identifier: Apache-2.0
"""What this machine gives to a run: cores and memory, as far as its control group lets us have them. Sets no limit itself."""

import os
import re
from pathlib import Path

from rempart.errors import BadInput

LEAST = 256 << 20
"""Bytes below which a worker cannot even load its engine."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]i?|)[Bo]?", re.ASCII)
_SHARE = 0.75  # of the free memory: the rest is the parent's, the broker's and the system's
_UNKNOWN = 4 * 10**9


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def memory_each(workers: int, *, root: Path = Path("/")) -> int:
    """Bytes that each of so many workers may take by default: three quarters of what is free, shared equally; ``LEAST`` at least."""
    free = [count for count in (_available(root), _left_in_group(root)) if count is not None]
    whole = min(free) if free else _UNKNOWN * workers
    return max(LEAST, int(whole * _SHARE) // max(1, workers))


def size_of(text: str) -> int:
    """Bytes of ``2GB``, ``512MiB``, ``1.5 Go``; raises BadInput ``memory-size`` also for less than a worker needs to begin."""
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    if size < LEAST:
        raise BadInput("memory-size", given=text, least=LEAST >> 20)
    return size


def megabytes(size: int) -> int:
    """Whole megabytes (10^6), as errors tell a limit."""
    return round(size / 10**6)


def _available(root: Path) -> int | None:
    """MemAvailable of the whole machine."""
    for line in _lines(root / "proc/meminfo"):
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return None


def _left_in_group(root: Path) -> int | None:
    """What the control group of this process leaves, where it has a limit."""
    group = root / "sys/fs/cgroup"
    limit, used = (_lines(group / name)[:1] for name in ("memory.max", "memory.current"))
    if not limit or not limit[0].isdecimal() or not used or not used[0].isdecimal():
        return None
    return max(0, int(limit[0]) - int(used[0]))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
