# SPDX-License-Identifier: Apache-2.0
"""Where code that nobody trusts runs: it reads what it is given, writes into one folder, and reaches nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

DONE, ERROR, TIME, MEMORY, OUTPUT, STOPPED = "done", "error", "time", "memory", "output", "stopped"
REASONS = (DONE, ERROR, TIME, MEMORY, OUTPUT, STOPPED)
"""How code ends: by itself, by an error of its own, at a limit (clock, memory, output), because somebody stopped it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """``seconds`` on the clock; ``memory``: bytes in all, what it writes included; ``processes``: threads count too; ``output``: bytes;
    ``files``: files and folders that may lie in the output."""

    seconds: int
    memory: int
    processes: int
    output: int
    files: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxJob:
    """``main``: path of the file of ``code`` that is run; ``inputs``: name → bytes; ``outputs``: the paths that are taken out, no other."""

    id: str
    language: str
    main: str
    code: Mapping[str, bytes]
    inputs: Mapping[str, bytes]
    outputs: tuple[str, ...]
    limits: SandboxLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOutcome:
    """``reason``: one of ``REASONS``; ``outputs``: declared path → bytes; ``discarded``: files that nobody declared; ``refused``: what is
    no plain file of one name (links, pipes, devices), or too large; ``error``: name and line of the run's own error, if they may be
    told; ``said``: the beginning of what it printed, sealed or forgotten, never shown."""

    reason: str
    seconds: float
    memory: int
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    discarded: int = 0
    refused: int = 0
    error: tuple[str, int] = ("", 0)
    said: bytes = b""


class Sandbox(Protocol):
    """Runs jobs, or refuses: never outside its walls."""

    def check(self, language: str, processes: int) -> None:
        """Raises Refused ``sandbox-…`` where a job of that language and so many processes could not be held."""

    def run(self, job: SandboxJob, *, stop: Callable[[], bool]) -> SandboxOutcome:
        """Run it until it ends, meets a limit, or ``stop`` says so; whatever happens, no byte of it stays. Raises Refused, Unavailable."""

    def sweep(self) -> int:
        """Remove what jobs of processes that died left behind; how many there were."""
