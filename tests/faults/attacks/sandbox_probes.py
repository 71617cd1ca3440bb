# SPDX-License-Identifier: Apache-2.0
"""Runs inside the sandbox and tries to get out: each probe answers whether it was held. Harmless where a wall should be open.

Stands alone: plain Python, told by ``/in/probes.json`` what the supervisor has that must not be reached. Writes ``/out/probes.json``.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
EPERM, ENOSYS = 1, 38
CLONE_NEWUSER, TIOCSTI = 0x10000000, 0x5412
Probe = Callable[[], bool]


def fails(attempt: Callable[[], object]) -> bool:
    """Whether the attempt meets an error of the system."""
    try:
        attempt()
    except OSError:
        return True
    return False


def call(number: int, *arguments: int) -> int:
    """The error number that a raw call answers, 0 for none."""
    ctypes.set_errno(0)
    LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(value) for value in arguments))
    return ctypes.get_errno()


def opened(path: str, flags: int = os.O_RDONLY) -> None:
    """Open and close: nothing is read or written."""
    os.close(os.open(path, flags))


def status(name: str, process: str = "self") -> str:
    """A line of what the kernel says of a process."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def readable(path: str) -> bytes:
    """The bytes of a file of /proc, none where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def everywhere_without(secret: bytes) -> bool:
    """No environment, line of words or mount table that can be read holds the supervisor's secret."""
    pids = [name for name in os.listdir("/proc") if name.isdecimal()]
    files = [f"/proc/{pid}/{name}" for pid in pids for name in ("environ", "cmdline", "mountinfo")]
    return all(secret not in readable(path) for path in files)


def descriptors_are_pipes() -> bool:
    """Neither this process nor the first one can open a descriptor onto anything but the pipes, the null device and itself."""
    fine = ("/dev/null", "pipe:", "/proc/", "socket:", "anon_inode:")
    for pid in ("self", "1"):
        try:
            numbers = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for number in numbers:
            try:
                target = os.readlink(f"/proc/{pid}/fd/{number}")
            except OSError:
                continue
            if not target.startswith(fine) or (pid == "self" and int(number) > 2 and not target.startswith("/proc/")):
                return False
    return True


def killed_by(number: int) -> bool:
    """A child that makes that call is ended by the system."""
    if one_process():
        return True  # the call would end the attack itself; the filter's own tests have it
    child = os.fork()
    if child == 0:
        call(number)
        os._exit(0)
    _, state = os.waitpid(child, 0)
    return os.WIFSIGNALED(state) and os.WTERMSIG(state) == signal.SIGSYS


def one_process() -> bool:
    """Whether no process may be begun here."""
    try:
        child = os.fork()
    except PermissionError:
        return True
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return False


def connected(family: int, address: object) -> None:
    """Reach a socket of the supervisor's machine."""
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.settimeout(2)
        tried.connect(address)


def surroundings(told: dict[str, object]) -> Iterator[tuple[str, Probe]]:
    """What was inherited."""
    yield "env-own", lambda: set(os.environ) <= {"PATH", "HOME", "LANG", "PWD", "LC_CTYPE"}
    yield "env-first-process", lambda: readable("/proc/1/environ") == b""
    yield "env-secret-anywhere", lambda: everywhere_without(str(told["secret"]).encode())
    yield "fds-inherited", descriptors_are_pipes
    yield "fds-number", lambda: fails(lambda: os.fstat(int(str(told["descriptor"]))))
    yield "uid-own", lambda: os.getuid() == os.geteuid() == 1000 and os.getgid() == 1000
    yield "uid-root", lambda: fails(lambda: os.setuid(0))
    yield "uid-sysctl", lambda: fails(lambda: opened("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    yield "uid-sysrq", lambda: fails(lambda: opened("/proc/sysrq-trigger", os.O_WRONLY))
    yield "capabilities", lambda: {status(name) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {"0" * 16}
    yield "no-new-rights", lambda: status("NoNewPrivs") == "1"
    yield "filter-loaded", lambda: status("Seccomp") == "2"
    yield "processes-others", lambda: max(int(name) for name in os.listdir("/proc") if name.isdecimal()) < 100
    yield "process-supervisor", lambda: fails(lambda: os.kill(int(str(told["pid"])), 0))
    yield "core-file", lambda: resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
    yield "large-file", lambda: resource.getrlimit(resource.RLIMIT_FSIZE)[1] == told["output"]


def files(told: dict[str, object]) -> Iterator[tuple[str, Probe]]:
    """What can be read and written."""
    for path in ("/etc/shadow", "/etc/passwd", "/" + "root", "/home", "/var", "/run", "/sys", str(told["folder"])):
        yield f"file-{path}", lambda path=path: not os.path.lexists(path)
    for path in ("/usr/bin", "/in", "/code", "/etc", "/etc/alternatives", ""):
        yield f"write-{path}", lambda path=path: fails(lambda: opened(f"{path}/new", os.O_WRONLY | os.O_CREAT))
    yield "write-over-input", lambda: fails(lambda: opened("/in/probes.json", os.O_WRONLY))
    yield "chmod-input", lambda: fails(lambda: os.chmod("/in/probes.json", 0o666))
    yield "device-made", lambda: fails(lambda: os.mknod("/out/device", 0o20666, os.makedev(1, 1)))
    yield (
        "device-memory",
        lambda: not any(os.path.exists(f"/dev/{name}") for name in ("mem", "kmsg", "kvm", "fuse", "sda", "vda")),
    )
    yield "device-terminal", lambda: fails(lambda: opened("/dev/tty", os.O_RDWR))
    yield (
        "first-process",
        lambda: (status("Seccomp", "1"), status("CapPrm", "1"), status("NoNewPrivs", "1")) == ("2", "0" * 16, "1"),
    )
    yield "root-of-first", lambda: fails(lambda: os.listdir("/proc/1/root/root"))


def network(told: dict[str, object]) -> Iterator[tuple[str, Probe]]:
    """What can be reached."""
    kinds = {"ipv4": 2, "ipv6": 10, "netlink": 16, "packet": 17, "bluetooth": 31, "crypto": 38, "vsock": 40, "xdp": 44}
    for name, family in kinds.items():
        kind = socket.SOCK_RAW if name in {"netlink", "packet", "xdp"} else socket.SOCK_STREAM
        yield f"net-{name}", lambda family=family, kind=kind: fails(lambda: socket.socket(family, kind).close())
    yield "net-loopback", lambda: fails(lambda: connected(socket.AF_INET, ("127.0.0.1", told["port"])))
    yield "net-abstract", lambda: fails(lambda: connected(socket.AF_UNIX, "\0" + str(told["abstract"])))
    yield "net-interfaces", lambda: fails(socket.if_nameindex)
    yield (
        "net-devices",
        lambda: (
            {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]}
            <= {"lo"}
        ),
    )


def kernel(told: dict[str, object]) -> Iterator[tuple[str, Probe]]:
    """What the kernel answers."""
    numbers = told["calls"]
    assert isinstance(numbers, dict)
    for name in told["refused"]:  # type: ignore[attr-defined]
        if name in numbers:
            yield f"call-{name}", lambda name=name: call(numbers[name], 1) == EPERM
    yield "call-clone3", lambda: call(numbers["clone3"], 0) == ENOSYS
    yield "call-clone-space", lambda: call(numbers["clone"], CLONE_NEWUSER | signal.SIGCHLD) == EPERM
    yield "call-typing", lambda: call(numbers["ioctl"], 0, TIOCSTI) == EPERM
    if told["beyond"]:
        yield "call-second-table", lambda: killed_by(int(str(told["beyond"])) + 39)
    yield "nested-sandbox", lambda: one_process() or nested() != 0


def nested() -> int:
    """What a second bubblewrap inside the first ends with."""
    words = ["/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/", "/", "/usr/bin/true"]
    return subprocess.run(words, capture_output=True, check=False).returncode


def main() -> None:
    """Try everything; a probe that itself breaks counts as not held."""
    told = json.loads(Path("/in/probes.json").read_text(encoding="utf-8"))
    found = {}
    for family in (surroundings, files, network, kernel):
        for name, probe in family(told):
            try:
                found[name] = bool(probe())
            except Exception:  # noqa: BLE001  whatever breaks was not shown to be held
                found[name] = False
    Path("/out/probes.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
