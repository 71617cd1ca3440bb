# SPDX-License-Identifier: Apache-2.0
"""One run of the study of a bench's project, in a process of its own: ``python -m bench.engine_run FOLDER WORKERS`` tells what it took.

Registers no bench. Its workers' peak is the kernel's: the largest that any process which this one has waited for ever held.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """``seconds`` of the run, start of workers included; ``peak``: bytes of the largest worker; ``own``: of the process that adds up;
    ``arms``: persons at risk by arm."""

    seconds: float
    peak: int
    arms: dict[str, int]
    own: int = 0


def apart(folder: Path, *, workers: int = 2) -> Told:
    """A run in a fresh process."""
    command = [sys.executable, "-m", "bench.engine_run", str(folder), str(workers)]
    ended = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return Told(**json.loads(ended.stdout))


def here(folder: Path, *, workers: int = 2) -> tuple[float, dict[str, int]]:
    """A run in this process: seconds, and persons at risk by arm."""
    from rempart.wiring.acts import run_study_file
    from rempart.wiring.warehouse import Warehouse

    began = time.perf_counter()
    done = run_study_file(
        Warehouse(folder / "w"),
        file=folder / "study.toml",
        key_file=folder / "alice.key",
        ask=lambda _: "",
        workers=workers,
        progress=_Silence(),
        fresh=True,
    )
    seconds = time.perf_counter() - began
    steps = [row for row in done.rows if "step" in row.row_key]
    last = max(str(row.row_key["step"]) for row in steps)
    arms = {str(row.column_key["arm"]): int(row.value or 0) for row in steps if row.row_key["step"] == last}
    return seconds, arms


class _Silence:
    """A bar that nobody sees."""

    def step(self, name: str, done: int, total: int) -> None:
        """Say nothing."""


if __name__ == "__main__":
    took, by_arm = here(Path(sys.argv[1]), workers=int(sys.argv[2]))
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    status = Path("/proc/self/status").read_text(encoding="ascii")
    own = int(status.partition("VmHWM:")[2].split()[0]) * 1024  # not what a parent held before: getrusage tells that
    sys.stdout.write(json.dumps({"seconds": took, "peak": held, "arms": by_arm, "own": own}) + "\n")
