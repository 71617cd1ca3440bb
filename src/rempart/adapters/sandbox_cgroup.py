# SPDX-License-Identifier: Apache-2.0
"""A control group for each job: memory without swap, processes, cores; of either version of Linux's control groups, or none.

Without one a process's own limit bounds its memory, and a job may have one process (``sandbox_bubblewrap``).
"""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from rempart.ports.sandbox import SandboxLimits

_ROOT = Path("/sys/fs/cgroup")
_OURS = "rempart-jobs"
_PERIOD = 100_000  # microseconds
_SPARE = 4  # bubblewrap's own two processes, and what begins them
_KINDS = ("memory", "pids", "cpu")
_PATIENCE = 5.0  # seconds that a killed group is given to empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One job's folders, one for each controller (version 1) or one for all (version 2); none where there is no control group."""

    folders: tuple[Path, ...]

    @property
    def joins(self) -> tuple[str, ...]:
        """Files that a process writes its number into to be held."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    def peak(self) -> int:
        """Bytes at most at once, 0 where nothing tells."""
        names = ("memory.peak", "memory.max_usage_in_bytes")
        return max((_number(folder / name) for folder in self.folders for name in names), default=0)

    def burst(self) -> bool:
        """Whether the system ended a process because the group's memory was full."""
        lines = [line for folder in self.folders for line in _lines(folder)]
        return any(name == "oom_kill" and count != "0" for name, _, count in (line.partition(" ") for line in lines))

    def end(self) -> bool:
        """Kill what is left and remove the folders; whether all are gone."""
        until = time.monotonic() + _PATIENCE
        while any(folder.exists() for folder in self.folders) and time.monotonic() < until:
            for folder in self.folders:
                _kill(folder)
                _remove(folder)
            if any(folder.exists() for folder in self.folders):
                time.sleep(0.01)
        return not any(folder.exists() for folder in self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroups:
    """The control groups of a system under ``root``."""

    root: Path = _ROOT

    @property
    def there(self) -> bool:
        """Whether we may make groups that hold memory and processes."""
        return bool(self._parents())

    def group(self, job: str) -> Group:
        """That job's group, made or not; empty where there is none."""
        return Group(folders=tuple(parent / job for parent in self._parents()))

    def make(self, job: str, limits: SandboxLimits, cores: int) -> Group:
        """A new group with its limits."""
        group = self.group(job)
        for folder in group.folders:
            folder.mkdir(mode=0o755)
            for name, value in _values(limits, cores):
                if (folder / name).exists():
                    _write(folder / name, value)
        return group

    def left(self) -> list[str]:
        """Names of the jobs that have a group."""
        found = {path.name for parent in self._parents() for path in parent.glob("*") if path.is_dir()}
        return sorted(found)

    def _parents(self) -> list[Path]:
        """Our own folder of each controller; empty unless memory and processes are both held."""
        if (self.root / "cgroup.controllers").is_file():
            return self._second()
        parents = [self.root / kind / _OURS for kind in _KINDS if (self.root / kind / "cgroup.procs").is_file()]
        if {parent.parent.name for parent in parents} >= {"memory", "pids"} and all(
            _made(parent) for parent in parents
        ):
            return parents
        return []

    def _second(self) -> list[Path]:
        """Version 2: one tree, whose controllers are handed down level by level."""
        offered = [kind for kind in _KINDS if kind in _words(self.root / "cgroup.controllers")]
        if not {"memory", "pids"} <= set(offered) or not _made(self.root / _OURS):
            return []
        for folder in (self.root, self.root / _OURS):
            for kind in offered:
                if kind not in _words(folder / "cgroup.subtree_control") and not _write(
                    folder / "cgroup.subtree_control", f"+{kind}"
                ):
                    return []
        return [self.root / _OURS]


def _values(limits: SandboxLimits, cores: int) -> list[tuple[str, str]]:
    """Files of both versions; the first limit before the one of memory and swap together, which may not be smaller."""
    memory = str(limits.memory)
    quota = cores * _PERIOD
    return [
        ("memory.limit_in_bytes", memory),
        ("memory.memsw.limit_in_bytes", memory),
        ("memory.swappiness", "0"),
        ("memory.max", memory),
        ("memory.swap.max", "0"),
        ("memory.oom.group", "1"),
        ("pids.max", str(limits.processes + _SPARE)),
        ("cpu.cfs_period_us", str(_PERIOD)),
        ("cpu.cfs_quota_us", str(quota)),
        ("cpu.max", f"{quota} {_PERIOD}"),
    ]


def _made(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _write(path: Path, value: str) -> bool:
    try:
        path.write_text(value, encoding="ascii")
    except OSError:
        return False
    return True


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []


def _number(path: Path) -> int:
    found = _words(path)
    return int(found[0]) if found and found[0].isdecimal() else 0


def _lines(folder: Path) -> list[str]:
    text = ""
    for name in ("memory.events", "memory.oom_control"):
        try:
            text += (folder / name).read_text(encoding="ascii")
        except OSError:
            continue
    return text.splitlines()


def _kill(folder: Path) -> None:
    for number in _words(folder / "cgroup.procs"):
        try:
            os.kill(int(number), signal.SIGKILL)
        except ProcessLookupError:
            continue


def _remove(folder: Path) -> None:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
            raise
