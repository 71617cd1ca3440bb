# SPDX-License-Identifier: Apache-2.0
"""A warehouse run by real processes, watched: their environments, command lines, temporary files, and whatever they leave.

Canaries are planted in its delivery. Asserts only that each command worked.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rempart.adapters.host_connection import Connection
from rempart.adapters.private_file import replace_private
from rempart.wiring import acts
from rempart.wiring.synthetic import write_synthetic
from tests.faults.campaign.kills import ROOT
from tests.faults.warehouse.place import Outcome, Silence
from tests.moving_place import HOST

PASSPHRASE = "The-Passphrase-Of-The-Canary-Scan"
_MAIN = "import sys; from rempart.cli.app import main; sys.exit(main())"


class Watch:
    """Keeps what /proc tells of every process that works below a folder, for as long as the block lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stop = str(folder).encode(), threading.Event()
        self.seen: dict[str, bytes] = {}
        self.closed = 0

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            for entry in Path("/proc").iterdir():
                if entry.name.isdecimal() and entry.name != str(os.getpid()):
                    with contextlib.suppress(OSError):
                        self._keep(entry)

    def _keep(self, entry: Path) -> None:
        words = (entry / "cmdline").read_bytes()
        if self._folder not in words:
            return
        self.seen[f"{entry.name} cmdline"] = words
        try:
            self.seen[f"{entry.name} environ"] = (entry / "environ").read_bytes()
        except PermissionError:  # another account could not read it either
            self.closed += 1


@dataclass
class WorkerHouse:
    """``root``: everything that the processes may write to lies in it: the warehouse ``w``, ``tmp``, ``cwd``."""

    root: Path
    delivery: Path
    canaries: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """``DIR``."""
        return self.root / "w"

    def run(self, *words: str, secret: str = "") -> dict[str, Any]:
        """One command that must go well: its answer. Raises RuntimeError."""
        told = self.attempt(*words, secret=secret)
        if told.code:
            raise RuntimeError(f"{words[:2]}: {told.told[-900:]}")
        return told.answer

    def attempt(self, *words: str, secret: str = "") -> Outcome:
        """One command in a process of its own; a secret goes by descriptor."""
        out, into = os.pipe()
        os.write(into, secret.encode() + b"\n")
        os.close(into)
        given = ["--passphrase-fd", str(out)] if secret else []
        done = subprocess.run(
            [sys.executable, "-c", _MAIN, "--json", "--dir", str(self.directory), *words, *given],
            env=self.environment,
            cwd=self.root / "cwd",
            pass_fds=(out,),
            capture_output=True,
            check=False,
            timeout=300,
            preexec_fn=_cores_allowed,
        )
        os.close(out)
        (self.root / "told").open("ab").write(done.stdout + done.stderr)
        lines = [line for line in done.stdout.splitlines() if line.startswith(b"{")]
        told = (done.stdout + done.stderr).decode(errors="replace")
        return Outcome(code=done.returncode, answer=json.loads(lines[-1]) if lines else {}, told=told)

    def begin(
        self,
        host: Connection | None,
        credentials: Mapping[str, str],
        *,
        options: Sequence[str] = (),
        secret: str = PASSPHRASE,
    ) -> None:
        """``rempart init`` with a real broker; ``options``: of the key store, which ``secret`` opens."""
        words = ["init", str(self.directory), "--controller", "tests", "--officer-key", str(self.root / "officer.key")]
        if host is not None:
            lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in host.as_dict().items())
            (self.root / "host.toml").write_text(HOST.format(name=host.kind, connection=lines), encoding="utf-8")
            given = "\n".join(f"{name} = {json.dumps(value)}" for name, value in credentials.items())
            replace_private(self.root / "given.toml", given.encode())
            words += ["--host", str(self.root / "host.toml"), "--host-credentials", str(self.root / "given.toml")]
        self.run(*words, *options, "--shards", "2", secret=secret)

    def people(self) -> None:
        """A researcher and a committee, a permit and a study."""
        for name, role in (("alice", "researcher"), ("claire", "committee")):
            key = str(self.root / f"{name}.key")
            self.run("person", "add", name, "--role", role, "--by", str(self.root / "officer.key"), "--key", key)
        acts.example("glitazones", self.root)

    def work(self, *, whole: bool) -> None:
        """A delivery comes in and is hashed; ``whole``: a project is granted, studied, and the keys are rotated."""
        self.run("ingest", str(self.delivery))
        self.run("vault", "hash")
        if not whole:
            return
        self.people()
        self.run("permit", "grant", str(self.root / "permit.toml"), "--key", str(self.root / "claire.key"))
        self.run("study", "run", str(self.root / "study.toml"), "--key", str(self.root / "alice.key"))
        self.run("keys", "rotate", "--all", "--by", str(self.root / "officer.key"))


@contextlib.contextmanager
def worker_house(root: Path, *, mark: str) -> Iterator[WorkerHouse]:
    """An empty place with a marked delivery beside it; its broker is locked at the end."""
    for name in ("tmp", "cwd"):
        (root / name).mkdir(parents=True)
    outside = root.with_name(f"{root.name}-delivery")
    made = write_synthetic(
        outside, persons=90, first_year=2012, last_year=2013, seed=5, effect=2.0, mark=mark, progress=Silence()
    )
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {
        **kept,
        "PYTHONPATH": paths,
        "TMPDIR": str(root / "tmp"),
        "REMPART_UNENCRYPTED_SWAP": "allowed",
        "REMPART_LANG": "en",
    }
    house = WorkerHouse(root, made.delivery, (mark, *made.canaries), environment)
    try:
        yield house
    finally:
        with contextlib.suppress(RuntimeError):
            house.run("keys", "lock")


def _cores_allowed() -> None:
    """As careless as a machine can be: whoever dumps core may."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
