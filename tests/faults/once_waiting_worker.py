# SPDX-License-Identifier: Apache-2.0
"""A worker that once, at its first evidence of a shard after the second, tells its process and computes for ever; else the real one."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rempart import worker
from rempart.journeys.shard_evidence import shard_evidence
from rempart.records.shard_job import ShardJob
from rempart.wiring import worker as wiring

MODULE = "tests.faults.once_waiting_worker"
MARK = "waits-once"
AFTER = 1


def once(job: ShardJob, **named: object) -> Iterator[tuple[int, bytes]]:
    """The evidence; it is computed, so the keys were used, when the process comes to no end for the first time."""
    for shard, sealed in shard_evidence(job, **named):  # type: ignore[arg-type]
        mark: Path = named["scratch"]._root.parent / MARK  # type: ignore[attr-defined]
        if not job.step and shard > AFTER and not mark.exists():
            mark.with_suffix(".new").write_text(str(os.getpid()), encoding="ascii")
            mark.with_suffix(".new").rename(mark)
            time.sleep(600)
        yield shard, sealed


def waits(controller: Path, *, seconds: float = 240) -> int:
    """The process that waits, once one does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (controller / MARK).exists():
            return int((controller / MARK).read_text(encoding="ascii"))
        time.sleep(0.05)
    raise AssertionError("no worker came so far")


def kept(controller: Path, count: int, *, seconds: float = 240) -> list[Path]:
    """The sealed evidence of so many shards, once it is kept."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = sorted((controller / "scratch").glob("S-*/shard-*.sealed"))
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError("the evidence of no other shard came")


def gone(pid: int, *, seconds: float = 30) -> bool:
    """Whether that process ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


if __name__ == "__main__":
    wiring.shard_evidence = once  # type: ignore[assignment]
    sys.exit(worker.main())
