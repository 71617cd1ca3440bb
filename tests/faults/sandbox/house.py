# SPDX-License-Identifier: Apache-2.0
"""A sandbox for tests, as root or as a plain user, and jobs of one file of Python."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rempart.adapters.sandbox_bubblewrap import Bubblewrap
from rempart.ports.sandbox import SandboxJob, SandboxLimits, SandboxOutcome

ROOT = os.geteuid() == 0
FIRST = 210_000 + os.getpid() % 1000 * 20
ACCOUNTS = (FIRST, FIRST + 19)  # of this process: other tests may run beside it
NAME = f"J-{os.getpid()}"
PROGRAMS = {"python": "/usr/bin/python3", "r": "/usr/bin/Rscript"}
MIB = 1 << 20


@contextmanager
def box() -> Iterator[Bubblewrap]:
    """A sandbox in a folder of its own, which must be empty of jobs at the end."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-jobs-", dir="/run" if ROOT else "/dev/shm"))
    try:
        yield Bubblewrap(root=folder, accounts=ACCOUNTS if ROOT else None, programs=PROGRAMS)
        assert [path.name for path in folder.iterdir() if path.is_dir()] == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def limits(**changed: int) -> SandboxLimits:
    """Room enough for a small job; one process where nothing can hold more."""
    usual = {"seconds": 60, "memory": 256 * MIB, "processes": 32 if ROOT else 1, "output": 16 * MIB}
    return SandboxLimits(**{**usual, **changed})


def job(
    code: str, *outputs: str, name: str = NAME, inputs: Mapping[str, bytes] | None = None, **changed: int
) -> SandboxJob:
    """One file of Python and its declared outputs."""
    return SandboxJob(
        id=name,
        language="python",
        main="main.py",
        code={"main.py": code.encode()},
        inputs=inputs or {},
        outputs=outputs,
        limits=limits(**changed),
    )


def ran(sandbox: Bubblewrap, code: str, *outputs: str, **changed: int) -> SandboxOutcome:
    """What became of it."""
    return sandbox.run(job(code, *outputs, **changed), stop=lambda: False)
