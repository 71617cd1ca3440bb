# SPDX-License-Identifier: Apache-2.0
"""A warehouse folder with its people's key files, and the two ways to call the command line on it.

``call`` runs a command in this process (quick); ``spawn`` starts the true program. Passphrases go by file descriptor in both.
Decides nothing and checks nothing: that is the tests' work.
"""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart.cli.app import main
from rempart.wiring.broker import connect

SOURCE = Path(__file__).resolve().parents[2] / "src"
EXAMPLES = SOURCE / "rempart" / "examples"
PASSPHRASE = "a passphrase that only tests use"
PROGRAM = "import sys; from rempart.cli.app import main; sys.exit(main())"
PEOPLE = {
    "alice": ("researcher",),
    "frank": ("researcher", "checker"),
    "dora": ("researcher",),
    "bob": ("checker",),
    "carol": ("checker",),
    "claire": ("committee",),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gave back."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object of ``--json``."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self
        value: dict[str, Any] = json.loads(lines[0])
        return value

    @property
    def data(self) -> dict[str, Any]:
        """What a command that went well says."""
        assert self.code == 0, self
        value: dict[str, Any] = self.json["data"]
        return value

    @property
    def error(self) -> dict[str, Any]:
        """What a command that went wrong says."""
        value: dict[str, Any] = self.json["error"]
        return value


def call(*words: str | Path, secret: str | None = None, option: str = "--passphrase-fd", lang: str = "en") -> Answer:
    """Run a command in this process; ``secret`` is given on a pipe whose number ``option`` names."""
    said = [str(word) for word in words]
    out, err = io.StringIO(), io.StringIO()
    with given(secret, option) as passed, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*said, *passed, "--lang", lang])
    return Answer(tuple(said), code, out.getvalue(), err.getvalue())


def spawn(
    *words: str | Path,
    secret: str | None = None,
    option: str = "--passphrase-fd",
    lang: str = "en",
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    before: tuple[str, ...] = (),
    seconds: float = 300,
) -> Answer:
    """Run the true program; ``before``: a command that runs it (setpriv…); ``environment`` is added to a bare one."""
    said = [str(word) for word in words]
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "HOME": "/nonexistent"}
    with given(secret, option) as passed:
        command = [*before, sys.executable, "-c", PROGRAM, *said, *passed, *(["--lang", lang] if lang else [])]
        ended = subprocess.run(
            command,
            pass_fds=[int(passed[1])] if passed else [],
            env={**bare, **(environment or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            check=False,
        )
    return Answer(tuple(said), ended.returncode, ended.stdout, ended.stderr)


@contextlib.contextmanager
def given(secret: str | None, option: str) -> Iterator[list[str]]:
    """The words that name a pipe with ``secret`` on it; none without a secret."""
    if secret is None:
        yield []
        return
    reading, writing = os.pipe()
    os.write(writing, secret.encode() + b"\n")
    os.close(writing)
    try:
        yield [option, str(reading)]
    finally:
        os.close(reading)


@dataclass(frozen=True, slots=True)
class House:
    """``folder/w`` is the warehouse; key files, permit and study lie beside it."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        """The warehouse folder."""
        return self.folder / "w"

    def key(self, person: str) -> Path:
        """A person's key file."""
        return self.folder / f"{person}.key"

    def call(self, *words: str | Path, secret: str | None = None, lang: str = "en") -> Answer:
        """A command on this warehouse, in this process."""
        return call("--dir", self.warehouse, *words, secret=secret, lang=lang)

    def told(self, *words: str | Path, secret: str | None = None) -> dict[str, Any]:
        """The data of a command that must go well."""
        return self.call("--json", *words, secret=secret).data

    def spawn(self, *words: str | Path, secret: str | None = None, lang: str = "en") -> Answer:
        """The true program on this warehouse."""
        return spawn("--dir", self.warehouse, *words, secret=secret, lang=lang)

    def init(self, *, shards: int) -> None:
        """Make the warehouse and enrol everybody."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = ("--controller", "Essai", "--officer-key", self.key("officer"), "--shards", str(shards))
        assert call("init", self.warehouse, *words, secret=PASSPHRASE).code == 0
        for person, roles in PEOPLE.items():
            self.enrol(person, *roles)

    def enrol(self, person: str, *roles: str) -> None:
        """Add a person with a fresh key file."""
        said = [word for role in roles for word in ("--role", role)]
        self.told("person", "add", person, *said, "--by", self.key("officer"), "--key", self.key(person))

    def write(self, name: str, text: str) -> Path:
        """A file beside the warehouse."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def example(self, name: str, *changes: tuple[str, str]) -> Path:
        """``permit`` or ``study`` of the glitazones example, with texts replaced."""
        return self.write(
            f"{name}.toml", edited((EXAMPLES / "glitazones" / f"{name}.toml").read_text(encoding="utf-8"), *changes)
        )

    def run_study(self, author: str = "alice", *, study: Path | None = None, workers: int = 2) -> dict[str, Any]:
        """Run the study that lies beside the warehouse."""
        file = study or self.folder / "study.toml"
        return self.told("study", "run", file, "--key", self.key(author), "--workers", str(workers))

    def unlock(self) -> None:
        """Start the broker."""
        assert self.call("keys", "unlock", secret=PASSPHRASE).code == 0

    def lock(self) -> None:
        """End the broker; by its number when it does not obey."""
        try:
            pid = int(connect(self.warehouse).status()["pid"])
        except Exception:  # noqa: BLE001  nobody answers: nothing to end
            return
        self.call("keys", "lock")
        if not _ended(pid, seconds=10):
            os.kill(pid, signal.SIGKILL)
            assert _ended(pid, seconds=10)


def _ended(pid: int, *, seconds: float) -> bool:
    """Whether the process is gone (or is a zombie of ours) within that time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            if state != "Z":
                time.sleep(0.05)
                continue
        return True
    return False


def edited(text: str, *changes: tuple[str, str]) -> str:
    """``text`` with each old piece, which must stand there, replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def copy_house(template: Path, to: Path) -> House:
    """A copy of a locked warehouse with its modes."""
    shutil.copytree(template, to, symlinks=True, dirs_exist_ok=True)
    return House(to)
