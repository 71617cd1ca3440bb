# SPDX-License-Identifier: Apache-2.0
"""A move without a warehouse around it: a signed log, sealed snapshots, two folders as hosts, and the mover run on them.

The mover is the real process unless a test needs its hosts to misbehave. Asserts nothing.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import rempart
from rempart.adapters.directory_host import DirectoryHost
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.move_folder import LOG, ORDER, MoveFolder, encode_log
from rempart.journeys.migration import log_evidence
from rempart.migration.order import MoveOrder, Place
from rempart.ports.host import Host
from rempart.records.event import LedgerEvent
from rempart.records.sealed import PartEntry, SealedStream, SpaceBody, SpaceCommit
from rempart.records.signature import sign_text
from rempart.vault.seal import seal_keyring, seal_manifest
from rempart.wiring.mover import move
from tests.vectors.material import SPACE, VAULT, VAULT_PUBLIC, WAREHOUSE, Snapshot, signed_by, snapshot

ORIGIN = f"rempart/{WAREHOUSE}"
LEDGER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"the ledger of the tests").digest())
LEDGER_PUBLIC = LEDGER.public_key().public_bytes_raw()
MOVE = "M-" + "0" * 16
TIME = "2026-11-21T10:00:00+00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a mover ended: exit code and every line it said."""

    code: int
    lines: Sequence[dict[str, Any]]

    @property
    def report(self) -> dict[str, Any]:
        """Its report; empty when it never came to one."""
        return next((line["report"] for line in self.lines if line["event"] == "end"), {})

    @property
    def error(self) -> str:
        """Code of the error before any object, '' for none."""
        return next((str(line["code"]) for line in self.lines if line["event"] == "error"), "")

    @property
    def failed(self) -> dict[str, str]:
        """Object → code."""
        return {name: code for name, _, code in self.report.get("failed", ())}


@dataclass
class MoveHouse:
    """``root``: an empty folder of the test's own."""

    root: Path
    made: list[Snapshot] = field(default_factory=list)

    @property
    def source(self) -> Path:
        """The host to leave."""
        return self.root / "a"

    @property
    def target(self) -> Path:
        """The host to go to."""
        return self.root / "b"

    @property
    def folder(self) -> Path:
        """The folder of the move."""
        return self.root / MOVE

    @property
    def ledger(self) -> DirectoryLedger:
        """The ledger, writable."""
        return DirectoryLedger(
            self.root / "ledger", origin=ORIGIN, public=LEDGER_PUBLIC, sign=lambda body: sign_text(LEDGER, body)
        )

    def commit(self, seed: str) -> Snapshot:
        """One more snapshot of the space: its objects on the source, its leaf in the log."""
        before = self.made[-1].commit if self.made else None
        made = snapshot(seed, parent=before, sequence=len(self.made) + 1)
        host = DirectoryHost.create(self.source)
        for name, sealed in made.objects.items():
            host.put(name, sealed)
        self.append("commit", "effect", made.commit.objects())
        self.made.append(made)
        return made

    def append(self, kind: str, phase: str, objects: Sequence[str]) -> None:
        """One leaf."""
        event = LedgerEvent(
            kind=kind, event_class="act", phase=phase, of=None if phase == "intent" else 0, actor="salted:x",  # type: ignore[arg-type]
            basis="operation:test", objects=tuple(objects), time=TIME, salt=os.urandom(16).hex(),
        )  # fmt: skip
        ledger = self.ledger
        ledger.append(ledger.size(), [event.leaf()])

    def order(self, *, kept: str = "", **other: Any) -> None:
        """Write order and log; ``kept``: a checkpoint from outside (else today's)."""
        if "target" not in other:
            DirectoryHost.create(self.target)
        ledger = self.ledger
        made = MoveOrder(
            move=MOVE, warehouse=WAREHOUSE, origin=ORIGIN, ledger_public=LEDGER_PUBLIC, vault_public=VAULT_PUBLIC,
            source=Place(name="a", connection=other.pop("source", {"kind": "directory", "path": str(self.source)})),
            target=Place(name="b", connection=other.pop("target", {"kind": "directory", "path": str(self.target)})),
            kept=kept or ledger.checkpoint(),
        )  # fmt: skip
        folder = MoveFolder(self.folder)
        folder.root.mkdir(exist_ok=True, mode=0o700)
        folder.write(ORDER, made.as_dict())
        log = log_evidence(ledger.leaves(), checkpoint=ledger.checkpoint(), kept=made.kept)
        folder.write(LOG, encode_log(checkpoint=log.checkpoint, kept=log.kept, hashes=log.hashes, leaves=log.leaves))

    def commit_heavy(self, host: Host, *, parts: int, size: int) -> None:
        """A snapshot of so many parts of so many random bytes, put on any host: for what weighs, not for what opens."""
        entries = []
        for number in range(parts):
            data, name = os.urandom(size), f"o/{os.urandom(16).hex()}"
            host.put_stream(name, SealedStream(size=size, chunks=iter([data])))
            entries.append(
                PartEntry(
                    space=SPACE, table="person", sibling="main", shard=number, part=os.urandom(16).hex(), object=name,
                    size=size, sha256=hashlib.sha256(data).hexdigest(), length=size, rows=1, segment=1 << 20, lineage=(),
                )
            )  # fmt: skip
        body = SpaceBody(
            tables={"person": {"main": ("person_id",)}}, shards=1 << 20, parts=tuple(entries), lineage=(), facts={}
        )
        manifest, keyring = f"m/{os.urandom(16).hex()}", f"m/{os.urandom(16).hex()}"
        head, sealed = seal_manifest(
            body, warehouse=WAREHOUSE, space=SPACE, sequence=1, parent="", name=manifest, epoch=1, key=b"k" * 32,
            randomness=os.urandom, sign=signed_by(VAULT),
        )  # fmt: skip
        host.put(manifest, sealed)
        sha256, sealed = seal_keyring({manifest: os.urandom(60)}, space_label="0" * 32, epoch=1)
        host.put(keyring, sealed)
        commit = SpaceCommit(
            space=SPACE,
            host="a",
            parent="",
            head=head,
            manifest=manifest,
            keyring=keyring,
            keyring_sha256=sha256,
            epoch=1,
        )
        self.append("commit", "effect", commit.objects())

    def run(self, *, verify: bool = False, threads: int = 2, credentials: Mapping[str, Any] | None = None) -> Ended:
        """The real process; credentials go through a pipe."""
        out, into = os.pipe()
        with os.fdopen(into, "wb") as secret:
            secret.write(json.dumps(credentials or {}).encode())
        done = subprocess.run(
            [*mover_command(self.folder, verify=verify, threads=threads), "--credentials-fd", str(out)],
            env=mover_environment(), capture_output=True, check=False, timeout=600, pass_fds=(out,),
        )  # fmt: skip
        os.close(out)
        return Ended(code=done.returncode, lines=[json.loads(line) for line in done.stdout.splitlines()])

    def run_here(self, *, verify: bool = False, threads: int = 2) -> Ended:
        """The same in this process, for hosts that a test has put a wrapper around."""
        lines: list[dict[str, Any]] = []
        code = move(self.folder, verify=verify, threads=threads, credentials={}, say=lines.append)
        return Ended(code=code, lines=lines)

    def names(self) -> set[str]:
        """Every object that must be on the target."""
        return {name for made in self.made for name in made.objects if not name.startswith("s/")}


def mover_command(folder: Path, *, verify: bool = False, threads: int = 2) -> list[str]:
    """The words that start a mover."""
    return [sys.executable, "-m", "rempart.mover", "--move", str(folder), "--threads", str(threads)] + (
        ["--verify"] * verify
    )


def mover_environment() -> dict[str, str]:
    """The tree's own source, and nothing of this process's environment but the path."""
    return {"PYTHONPATH": str(Path(rempart.__file__).resolve().parent.parent), "PATH": os.environ["PATH"]}


def contents(folder: Path) -> dict[str, bytes]:
    """Name → bytes of a directory host."""
    return {
        f"{path.parent.name}/{path.name}": path.read_bytes() for path in folder.glob("[oms]/*") if path.name[0] != "."
    }
