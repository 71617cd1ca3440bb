# SPDX-License-Identifier: Apache-2.0
"""The words that begin a job: limits, another account, bubblewrap, the interpreter. Starts nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from rempart.ports.sandbox import SandboxLimits

INNER = 1000  # account and group inside
_SCRATCH = "/tmp"  # noqa: S108  inside, of the job alone
_SCRATCH_BYTES = 64 << 20
_FILES_OPEN = 256
_JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 126; shift; done; shift; unset PWD OLDPWD; exec "$@"'
_SYSTEM = ("/usr", "/etc/alternatives", "/etc/R")  # programs, and the two folders that libraries of /usr link into


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Where the programs lie that every job begins with."""

    bwrap: str
    prlimit: str
    setpriv: str
    shell: str = "/bin/sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """``words``: what runs a file, its path inside; ``shown``: folders outside (→ inside) that it needs beside the system's."""

    words: tuple[str, ...]
    shown: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Folders outside of a job's data, code and output; ``groups``: files that a process joins its control groups by; ``filter`` and
    ``status``: numbers of open descriptors, for bubblewrap alone."""

    data: str
    code: str
    output: str
    groups: tuple[str, ...]
    filter: int
    status: int


def command(
    tools: Tools, places: Places, interpreter: Interpreter, limits: SandboxLimits, *, account: int | None
) -> list[str]:
    """The whole line. ``account``: the throw-away account to become first, None where the supervisor has no right to become another."""
    joined = [tools.shell, "-c", _JOIN, "job", *places.groups, "--"]
    return [*joined, *_bounded(tools, places, limits), *_demoted(tools, account), *_walled(tools, places, interpreter)]


def _bounded(tools: Tools, places: Places, limits: SandboxLimits) -> list[str]:
    """No core file, few open files, no large one; without a control group, memory by process."""
    words = [tools.prlimit, "--core=0", f"--nofile={_FILES_OPEN}", f"--fsize={limits.output}"]
    return words if places.groups else [*words, f"--as={limits.memory}"]


def _demoted(tools: Tools, account: int | None) -> list[str]:
    """Another account before bubblewrap, no group beside, no capability to be had again."""
    if account is None:
        return [tools.setpriv, "--no-new-privs"]
    own = ["--reuid", str(account), "--regid", str(account), "--clear-groups"]
    return [tools.setpriv, *own, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


def _walled(tools: Tools, places: Places, interpreter: Interpreter) -> list[str]:
    inner = str(INNER)
    return [
        tools.bwrap,
        *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", inner, "--gid", inner, "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session", "--hostname", "job", "--clearenv"),
        *_variables([("PATH", "/usr/bin"), ("HOME", _SCRATCH), ("LANG", "C.UTF-8"), *interpreter.variables]),
        *(word for folder in _SYSTEM for word in ("--ro-bind-try", folder, folder)),
        *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(_SCRATCH_BYTES), "--tmpfs", _SCRATCH),
        *(word for outside, inside in interpreter.shown for word in ("--ro-bind", outside, inside)),
        *("--ro-bind", places.data, "/in", "--ro-bind", places.code, "/code", "--bind", places.output, "/out"),
        *(
            "--remount-ro",
            "/",
            "--chdir",
            "/out",
            "--seccomp",
            str(places.filter),
            "--json-status-fd",
            str(places.status),
            "--",
        ),
        *interpreter.words,
    ]


def _variables(named: Sequence[tuple[str, str]]) -> list[str]:
    return [word for name, value in named for word in ("--setenv", name, value)]
