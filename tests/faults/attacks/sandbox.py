# SPDX-License-Identifier: Apache-2.0
"""The attack on the sandbox: every probe inside, told what it must not reach; and each wall taken away, to see that the attack notices.

``python -m tests.faults.attacks.sandbox`` prints what was held, by kind, and ends with 1 where a probe got through.
"""

import argparse
import contextlib
import json
import os
import platform
import secrets
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rempart.adapters import package_data, sandbox_bubblewrap, sandbox_collect, sandbox_command
from rempart.adapters.sandbox_bubblewrap import Bubblewrap
from rempart.errors import Refused
from rempart.ports.sandbox import DONE, SandboxJob, SandboxOutcome
from tests.faults.attacks.attack import Attack, Outcome
from tests.faults.sandbox.house import NAME, box, limits

PROBES = Path(__file__).with_name("sandbox_probes.py")
WALLS = ("env", "fds", "uid", "seccomp", "net", "nofollow")


@contextmanager
def bait() -> Iterator[dict[str, object]]:
    """What a supervisor has: a secret in its environment, an open file that any child inherits, a port, a socket without a path."""
    secret, abstract = secrets.token_hex(16), f"rempart-{secrets.token_hex(8)}"
    number = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(number, True)
    port, named = socket.socket(socket.AF_INET), socket.socket(socket.AF_UNIX)
    with port, named, patch.dict(os.environ, {"REMPART_BAIT": secret}):
        port.bind(("127.0.0.1", 0))
        named.bind("\0" + abstract)
        for listening in (port, named):
            listening.listen()
        calls = package_data.toml("adapters/sandbox_calls.toml")
        machine = calls["machines"][platform.machine()]
        yield {
            "secret": secret,
            "descriptor": number,
            "pid": os.getpid(),
            "port": port.getsockname()[1],
            "abstract": abstract,
            "calls": machine["numbers"],
            "refused": calls["refused"],
            "beyond": machine["beyond"],
            "output": limits().output,
        }
    os.close(number)


def attacked(sandbox: Bubblewrap) -> dict[str, bool]:
    """Probe → whether it was held."""
    with bait() as told:
        told["folder"] = str(sandbox.root)
        attack = SandboxJob(
            id=f"{NAME}-attack",
            language="python",
            main="main.py",
            code={"main.py": PROBES.read_bytes()},
            inputs={"probes.json": json.dumps(told).encode()},
            outputs=("probes.json",),
            limits=limits(),
        )
        try:
            outcome = sandbox.run(attack, stop=lambda: False)
        except Refused:
            return {"began": False}
    if outcome.reason != DONE:
        raise AssertionError(f"{outcome.reason}: {outcome.said.decode()}")
    return {"began": True, **json.loads(outcome.outputs["probes.json"]), **left_behind(sandbox)}


PLANTED = """
import os, socket
os.symlink("/etc/hostname", "link.csv")
os.symlink("/etc", "folder")
open("two.csv", "w").write("x"); os.link("two.csv", "names.csv")
os.mkfifo("pipe.csv")
socket.socket(socket.AF_UNIX).bind("/out/socket.csv")
os.mkdir("deep")
where = os.getcwd()
for _ in range(80):
    os.mkdir("d"); os.chdir("d")
os.chdir(where)
open("large.csv", "wb").write(b"x" * 100)
open("other.csv", "w").write("x")
open("good.csv", "w").write("a,b")
"""
DECLARED = ("link.csv", "folder/hostname", "two.csv", "names.csv", "pipe.csv", "socket.csv", "good.csv")


def left_behind(sandbox: Bubblewrap) -> dict[str, bool]:
    """What a job plants for the collector."""
    planting = SandboxJob(
        id=f"{NAME}-planting",
        language="python",
        main="main.py",
        code={"main.py": PLANTED.encode()},
        inputs={},
        outputs=DECLARED,
        limits=limits(),
    )
    outcome: SandboxOutcome = sandbox.run(planting, stop=lambda: False)
    planted = {f"out-{path}": path not in outcome.outputs for path in DECLARED if path != "good.csv"}
    return {
        **planted,
        "out-good.csv-alone": outcome.outputs == {"good.csv": b"a,b"},
        "out-counted": outcome.refused >= 6,
    }


OPEN_FILTER = b"\x06\x00\x00\x00\x00\x00\xff\x7f"  # one step: everything is allowed
_BEGIN = subprocess.Popen


def leaky(what: str) -> Callable[..., object]:
    """What begins a process and lets it inherit the environment (``env``), or the descriptors (``fds``)."""

    def begin(*given: Any, **named: Any) -> object:
        changed = {"env": dict(os.environ)} if what == "env" else {"close_fds": False, "pass_fds": ()}
        for number in named.get("pass_fds", ()):
            os.set_inheritable(number, True)
        return _BEGIN(*given, **{**named, **changed})

    return begin


@contextmanager
def without(wall: str) -> Iterator[None]:
    """The sandbox with one wall taken away."""
    whole, walk = sandbox_command._walled, sandbox_collect._walk
    shared = "--unshare-user --unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup".split()

    def with_network(*given: Any) -> list[str]:
        return [word for each in whole(*given) for word in (shared if each == "--unshare-all" else [each])]

    open_filter = patch.object(sandbox_bubblewrap, "filter_bytes", lambda *_, **__: OPEN_FILTER)
    patches = {
        "env": [patch.object(sandbox_bubblewrap.subprocess, "Popen", leaky("env"))],
        "fds": [patch.object(sandbox_bubblewrap.subprocess, "Popen", leaky("fds"))],
        "uid": [patch.object(sandbox_command, "_demoted", lambda *_: [])],
        "seccomp": [open_filter],
        "net": [open_filter, patch.object(sandbox_command, "_walled", with_network)],
        "nofollow": [
            patch.object(sandbox_collect, "_FILE", os.O_RDONLY | os.O_NONBLOCK),
            patch.object(sandbox_collect, "_FOLDER", os.O_RDONLY),
            patch.object(sandbox_collect, "_walk", lambda *given: _careless(walk, given)),
            patch.object(sandbox_collect, "_one_name", lambda _: True),
        ],
    }
    with contextlib.ExitStack() as stack:
        for one in patches[wall]:
            stack.enter_context(one)
        yield


def _careless(walk: Any, given: tuple[Any, ...]) -> Iterator[tuple[str, bool]]:
    """Everything that lies there, and what lies behind a link, called plain."""
    yield from ((path, True) for path, _ in walk(*given) if path not in {"pipe.csv", "socket.csv"})
    yield from [("folder/hostname", True)] * (given[1] == "")


KINDS = {
    "env": "environment",
    "fds": "descriptors",
    "net": "sockets",
    "call": "the kernel's calls",
    "nested": "the kernel's calls",
    "out": "left for the collector",
    "file": "files of the machine",
    "write": "files of the machine",
    "chmod": "files of the machine",
    "device": "devices",
    "began": "the walls stand",
}
OTHER = "account and rights"


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """Every probe, ``count`` times over: they are the same whatever the seed."""
    for turn in range(count):
        with box() as sandbox:
            found = attacked(sandbox)
        for name, held in found.items():
            answer = Outcome(stopped=held, by="a wall" if held else "no wall")
            kind = KINDS.get(name.partition("-")[0], OTHER)
            yield Attack(kind=kind, name=f"{name} ({seed}, {turn})", run=lambda answer=answer: answer)


def main() -> int:
    """Print probes by kind; 1 where one got through."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", choices=WALLS)
    given = parser.parse_args()
    with box() as sandbox:
        if given.without:
            with without(given.without):
                found = attacked(sandbox)
        else:
            found = attacked(sandbox)
    tried = Counter(name.partition("-")[0] for name in found)
    through = [name for name, held in found.items() if not held]
    for kind, count in sorted(tried.items()):
        print(f"{kind:14} tried {count:3}  got through {sum(name.partition('-')[0] == kind for name in through)}")
    print(f"{'all':14} tried {len(found):3}  got through {len(through)}  {' '.join(through)}")
    return 1 if through else 0


if __name__ == "__main__":
    sys.exit(main())
