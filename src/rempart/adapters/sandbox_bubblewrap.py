# SPDX-License-Identifier: Apache-2.0
"""Runs a job's code inside bubblewrap, begun by a throw-away account with nothing inherited. Without bubblewrap nothing runs.

It protects the controller from the code. It does not protect what the code reads from who owns this machine.
"""

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.sandbox_cgroup import ControlGroups, Group
from rempart.adapters.sandbox_collect import collect
from rempart.adapters.sandbox_command import Interpreter, Places, Tools, command
from rempart.adapters.sandbox_errors import BEGUN_FILE, ERROR_FILE, told_error
from rempart.adapters.sandbox_folders import JobFolder, JobFolders, size_of
from rempart.adapters.sandbox_interpreters import interpreters
from rempart.adapters.sandbox_seccomp import filter_bytes
from rempart.adapters.sandbox_status import Pipes, Status
from rempart.errors import Refused, Unavailable
from rempart.ports.sandbox import DONE, ERROR, MEMORY, OUTPUT, STOPPED, TIME, SandboxJob, SandboxLimits, SandboxOutcome

_TURN = 0.02  # seconds between two looks at a job
_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_PAGE = 4096
_SAID = 1 << 20  # bytes kept of what a job prints


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubblewrap:
    """Implements ports.sandbox.Sandbox. ``root``: where job folders lie; ``accounts``: first and last throw-away account, None: not root;
    ``programs``: language → path of its interpreter; ``cores`` that a job may have; ``path``: where programs are looked for."""

    root: Path
    accounts: tuple[int, int] | None
    programs: Mapping[str, str]
    cores: int = 1
    groups: ControlGroups = field(default_factory=ControlGroups)
    path: str = _PATH
    calls: str = "adapters/sandbox_calls.toml"

    def check(self, language: str, processes: int) -> None:
        """See the port. Raises Refused ``sandbox-missing``, ``sandbox-accounts-none``, ``sandbox-accounts-range``, ``sandbox-language``,
        ``sandbox-interpreter``, ``sandbox-machine``, ``sandbox-one-process``."""
        self._tools()
        self._check_accounts()
        self._filter(processes)
        self._interpreter(language)
        if processes > 1 and not self.groups.there:
            raise Refused("sandbox-one-process", processes=processes)

    def run(self, job: SandboxJob, *, stop: Callable[[], bool]) -> SandboxOutcome:
        """See the port; raises also Refused ``sandbox-start`` where bubblewrap could not begin the job."""
        self.check(job.language, job.limits.processes)
        interpreter = self._interpreter(job.language)
        wrapped = {**job.code, f".{job.language}": _wrapper(job)}
        room = sum(_rounded(data) for data in (*job.inputs.values(), *wrapped.values())) + _PAGE * 64
        places = JobFolders(root=self.root, accounts=self.accounts)
        with places.folder(job.id, room=room, output=job.limits.output, files=job.limits.files) as folder:
            folder.fill(folder.data, job.inputs)
            folder.fill(folder.code, wrapped)
            self._check_reach(interpreter, folder)
            group = self.groups.group(job.id)
            try:
                group = self.groups.make(job.id, job.limits, self.cores)
                return self._held(job, interpreter, folder, group, stop)
            finally:
                group.end()

    def sweep(self) -> int:
        """See the port."""
        places = JobFolders(root=self.root, accounts=self.accounts)
        stale = places.stale()
        for job in stale:
            self.groups.group(job).end()
            places.remove(job)
        return len(stale)

    def _held(
        self, job: SandboxJob, interpreter: Interpreter, folder: JobFolder, group: Group, stop: Callable[[], bool]
    ) -> SandboxOutcome:
        began = time.monotonic()
        with _in_memory(self._filter(job.limits.processes)) as programme, Pipes(_SAID) as pipes:
            process = self._begun(job.limits, interpreter, folder, group, programme, pipes)
            try:
                reason = self._waited(process, job.limits, folder, pipes, stop)
            finally:
                process.kill()
                process.wait()
                used = Used(peak=group.peak(), burst=group.burst(), seconds=time.monotonic() - began)
                gone = group.end()
                pipes.finish()
        if not gone:
            raise Unavailable("sandbox-stays", job=job.id)
        return _outcome(job, folder, used, reason or _reason(pipes.status, used), pipes.said)

    def _begun(
        self,
        limits: SandboxLimits,
        interpreter: Interpreter,
        folder: JobFolder,
        group: Group,
        programme: int,
        pipes: Pipes,
    ) -> subprocess.Popen[bytes]:
        """The process: no environment, no descriptor but the two that bubblewrap closes itself, never bubblewrap as root."""
        if os.geteuid() == 0 and not folder.account:
            raise Refused("sandbox-accounts-none")
        places = Places(
            data=str(folder.data),
            code=str(folder.code),
            output=str(folder.output),
            groups=group.joins,
            filter=programme,
            status=pipes.status_end,
        )
        return subprocess.Popen(
            command(self._tools(), places, interpreter, limits, account=folder.account),
            env={},
            close_fds=True,
            pass_fds=(programme, pipes.status_end),
            stdin=subprocess.DEVNULL,
            stdout=pipes.said_end,
            stderr=pipes.said_end,
            start_new_session=True,
            cwd="/",
        )

    def _waited(
        self,
        process: subprocess.Popen[bytes],
        limits: SandboxLimits,
        folder: JobFolder,
        pipes: Pipes,
        stop: Callable[[], bool],
    ) -> str:
        """Wait for the end; the limit that it met, '' where it ended by itself."""
        until = time.monotonic() + limits.seconds
        pipes.started()
        while not pipes.ended(process, _TURN):
            if time.monotonic() > until:
                return TIME
            if stop():
                return STOPPED
            if folder.account is None and _over(folder, limits):
                return OUTPUT
        return OUTPUT if folder.account is None and _over(folder, limits) else ""

    def _tools(self) -> Tools:
        found = {name: shutil.which(name, path=self.path) for name in ("bwrap", "prlimit", "setpriv")}
        missing = [name for name, where in found.items() if where is None]
        if missing:
            raise Refused("sandbox-missing", program=missing[0])
        return Tools(**{name: str(where) for name, where in found.items()})

    def _check_accounts(self) -> None:
        if os.geteuid() == 0 and self.accounts is None:
            raise Refused("sandbox-accounts-none")
        if self.accounts is not None and (os.geteuid() != 0 or not 1000 <= self.accounts[0] <= self.accounts[1]):
            raise Refused("sandbox-accounts-range", first=self.accounts[0], last=self.accounts[1])

    def _filter(self, processes: int) -> bytes:
        one = processes == 1 and not self.groups.there
        return filter_bytes(platform.machine(), package_data.toml(self.calls), one_process=one)

    def _interpreter(self, language: str) -> Interpreter:
        return interpreters(self.programs, language)

    def _check_reach(self, interpreter: Interpreter, folder: JobFolder) -> None:
        """Each shown folder can be entered by the job's account; raises Refused ``sandbox-interpreter``."""
        for outside, _ in interpreter.shown:
            for place in (Path(outside), *Path(outside).parents):
                if folder.account is not None and not place.stat().st_mode & 0o001:
                    raise Refused("sandbox-interpreter", program=interpreter.words[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a job used: ``peak`` bytes of memory; ``burst``: it met its limit of memory."""

    peak: int
    burst: bool
    seconds: float


def _outcome(job: SandboxJob, folder: JobFolder, used: Used, reason: str, said: bytes) -> SandboxOutcome:
    """What is taken out now that nobody writes any more; raises Refused ``sandbox-start`` where the first line of ours was not reached."""
    number = os.open(folder.output, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = collect(number, job.outputs, largest=job.limits.output, quiet=(ERROR_FILE, BEGUN_FILE))
    finally:
        os.close(number)
    if reason in (DONE, ERROR) and found.files.pop(BEGUN_FILE, None) is None:
        raise Refused("sandbox-start")
    own = found.files.pop(ERROR_FILE, b"")
    return SandboxOutcome(
        reason=reason,
        seconds=used.seconds,
        memory=used.peak,
        outputs=found.files if reason == DONE else {},
        discarded=found.discarded,
        refused=found.refused,
        error=told_error(own, job) if reason == ERROR else ("", 0),
        said=said,
    )


def _reason(status: Status, used: Used) -> str:
    if used.burst:
        return MEMORY
    return DONE if status.exit == 0 else ERROR


@contextmanager
def _in_memory(data: bytes) -> Iterator[int]:
    """A descriptor from which ``data`` can be read once."""
    number = os.memfd_create("filter", os.MFD_CLOEXEC)
    try:
        os.write(number, data)
        os.lseek(number, 0, os.SEEK_SET)
        yield number
    finally:
        os.close(number)


def _over(folder: JobFolder, limits: SandboxLimits) -> bool:
    size, count = size_of(folder.output)
    return size > limits.output or count > limits.files


def _rounded(data: bytes) -> int:
    return (len(data) // _PAGE + 2) * _PAGE


def _wrapper(job: SandboxJob) -> bytes:
    """What runs the job's main file and tells where it failed."""
    return package_data.text(f"adapters/sandbox_{job.language}.txt").replace("@main@", job.main).encode()
