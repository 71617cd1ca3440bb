# SPDX-License-Identifier: Apache-2.0
"""A folder in which both engines run stand-in workers, told by a plan what each shard does. Tests nothing."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rempart.adapters.process_pool import ProcessPool
from rempart.adapters.spark_engine import SparkEngine
from rempart.ports.engine import Engine
from rempart.records.shard_job import ShardJob, by_intent
from tests.conformance.stand_in_worker import MODULE

MEMORY = 512 << 20
_NUMBERS = itertools.count()


class EngineHouse:
    """``plan`` says what shards do; ``jobs`` asks for them; ``left`` are the workers that still compute."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self.directory, self.engine = directory, engine
        self.run = f"S-{next(_NUMBERS)}"
        for old in directory.glob("*-*"):
            old.unlink()
        self.plan({})

    def plan(self, told: dict[int, str]) -> None:
        """What each shard does that does not simply answer."""
        (self.directory / "plan.json").write_text(json.dumps(told), encoding="utf-8")

    def jobs(self, groups: Sequence[Sequence[int]]) -> list[ShardJob]:
        """A job for each group of shards."""
        told = {"run": self.run, "space": "P-1", "head": "sha256:0", "study": "sha256:1", "permit": "P-1"}
        return [ShardJob(**told, shards=tuple(group), grant=by_intent(1)) for group in groups]

    def answers(self, groups: Sequence[Sequence[int]], stop: Callable[[], bool] = lambda: False) -> dict[int, bytes]:
        """Every shard's evidence."""
        found = list(self.engine.run(self.jobs(groups), stop=stop))
        assert len(found) == len(dict(found)), "a shard answered twice"
        return dict(found)

    def waits(self, shard: int, *, seconds: float = 240) -> int:
        """The process id of the worker that computes a shard for ever, once it does."""
        end = time.monotonic() + seconds
        mark = self.directory / f"pid-{shard}"
        while time.monotonic() < end:
            if mark.exists() and (text := mark.read_text(encoding="ascii")):
                return int(text)
            time.sleep(0.05)
        raise AssertionError(f"no worker came to shard {shard}")

    def gone(self, pid: int, *, seconds: float = 30) -> bool:
        """Whether that process ends in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not _lives(pid):
                return True
            time.sleep(0.05)
        return False


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def local_engine(directory: Path, patch: pytest.MonkeyPatch) -> ProcessPool:
    """The pool of processes with stand-in workers."""

    def start(pool: ProcessPool) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", MODULE, "--dir", str(directory), "--memory", str(pool.memory)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    patch.setattr(ProcessPool, "_start", start)
    return ProcessPool(directory, workers=2, memory=MEMORY)


def spark_engine(directory: Path, master: str = "local[2]", *, log: Path | None = None) -> SparkEngine:
    """The Spark engine with stand-in workers, which ask no agent."""
    log = log or directory / "spark.log"
    return SparkEngine(directory, master=master, memory=MEMORY, log=log, agent=Path("/"), module=MODULE)


def java() -> None:
    """Skips where there is no Java (requirements/system.txt)."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("java is not installed (requirements/system.txt)")
