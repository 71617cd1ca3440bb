# SPDX-License-Identifier: Apache-2.0
"""What the walls around a code job cost: its start, and the whole cycle with folders and collection, against bare Python."""

import atexit
import contextlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.registry import Work, bench
from rempart.adapters import package_data
from rempart.adapters.sandbox_bubblewrap import Bubblewrap
from rempart.adapters.sandbox_cgroup import ControlGroups
from rempart.adapters.sandbox_command import Interpreter, Places, Tools, command
from rempart.adapters.sandbox_folders import JobFolders
from rempart.adapters.sandbox_seccomp import filter_bytes
from rempart.ports.sandbox import SandboxJob, SandboxLimits

PYTHON = "/usr/bin/python3"
NOTHING = (PYTHON, "-I", "-B", "-c", "pass")
ROOT = os.geteuid() == 0
ACCOUNTS = (230_000, 230_009) if ROOT else None
LIMITS = SandboxLimits(seconds=60, memory=256 << 20, processes=16 if ROOT else 1, output=16 << 20)


def bare() -> None:
    """The interpreter alone."""
    subprocess.run(NOTHING, env={}, stdin=subprocess.DEVNULL, check=True)


def place(stack: contextlib.ExitStack) -> Path:
    """A folder for jobs, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-bench-", dir="/run" if ROOT else "/dev/shm"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


@bench(
    "sandbox-start",
    peer="bare Python: python3 -I -B -c pass",
    bound=3.0,
    runs=41,
    note="another account, bubblewrap, filter, control groups, then the same interpreter; from launch to end",
    needs="bwrap",
)
def start() -> tuple[Work, Work]:
    """Ours: the line that begins a job, in a folder that is there."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    folders, groups = JobFolders(root=place(stack), accounts=ACCOUNTS), ControlGroups()
    folder = stack.enter_context(folders.folder("J-bench", room=1 << 20, output=LIMITS.output, files=100))
    group = groups.make("J-bench-start", LIMITS, 2)
    stack.callback(group.end)
    programme = os.memfd_create("filter")
    os.write(programme, filter_bytes(platform.machine(), package_data.toml("adapters/sandbox_calls.toml")))
    silent = os.open(os.devnull, os.O_WRONLY)
    places = Places(
        data=str(folder.data),
        code=str(folder.code),
        output=str(folder.output),
        groups=group.joins,
        filter=programme,
        status=silent,
    )
    tools = Tools(**{name: str(shutil.which(name)) for name in ("bwrap", "prlimit", "setpriv")})
    words = command(tools, places, Interpreter(words=NOTHING), LIMITS, account=folder.account)

    def ours() -> None:
        os.lseek(programme, 0, os.SEEK_SET)
        subprocess.run(words, env={}, stdin=subprocess.DEVNULL, pass_fds=(programme, silent), check=True)

    return ours, bare


@bench(
    "sandbox-whole-cycle",
    peer="bare Python: python3 -I -B -c pass",
    bound=8.0,
    runs=41,
    note="a job of one line: folders in memory, control groups, start, our first lines, collection, removal",
    needs="bwrap",
)
def cycle() -> tuple[Work, Work]:
    """Ours: all of it."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    box = Bubblewrap(root=place(stack), accounts=ACCOUNTS, programs={"python": PYTHON}, cores=2)
    job = SandboxJob(
        id="J-bench", language="python", main="main.py", code={"main.py": b"pass"}, inputs={}, outputs=(), limits=LIMITS
    )
    return lambda: box.run(job, stop=lambda: False), bare
