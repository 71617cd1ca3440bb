# SPDX-License-Identifier: Apache-2.0
"""A warehouse from an Azure Blob server to an S3 server, as a person types it; what was said, for a test and for docs/repatriate.md.

``PYTHONPATH=src python -m tests.journeys.repatriation`` writes the printed run and its certificate to docs/evidence/.
"""

import base64
import contextlib
import io
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rempart.adapters.host_connection import Connection
from rempart.cli import app
from tests.faults.warehouse.place import Place, build, copied, workers_find_the_package
from tests.moving_place import add_host, plan, second_officer
from tests.servers.azurite import AzureServer, azurite
from tests.servers.hosts import azure_connection, azure_credentials, s3_connection, s3_credentials
from tests.servers.seaweedfs import S3Server, seaweedfs

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = ROOT / "docs" / "evidence" / "repatriation"


@dataclass
class Typed:
    """Commands as typed in ``place`` and what each said. ``lines``: the transcript."""

    place: Place
    lines: list[str] = field(default_factory=list)

    def type(self, *words: str) -> str:
        """One command that must succeed; what it said on standard output."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = app.main(["--lang", "en", "--dir", str(self.place.directory), *words])
        assert code == 0, out.getvalue() + err.getvalue()
        shown = " ".join(word.replace(str(self.place.root) + "/", "") for word in words)
        told = out.getvalue().replace(str(self.place.root) + "/", "")
        self.lines += [f"$ rempart {shown}", *(line.rstrip() for line in told.rstrip().splitlines()), ""]
        return out.getvalue()


def toml(connection: Connection | dict[str, str]) -> str:
    """A table's lines."""
    told = connection.as_dict() if isinstance(connection, Connection) else connection
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in told.items())


def on_azure(place: Place, far: AzureServer, near: S3Server) -> None:
    """The warehouse first goes to Azure Blob: both hosts declared, one whole move."""
    second_officer(place)
    add_host(place, "azure-blob", toml(azure_connection(far)), credentials=toml(azure_credentials(far)))
    add_host(place, "hospital", toml(s3_connection(near)), credentials=toml(s3_credentials(near)))
    there = plan(place, "directory", "azure-blob")
    for told in (there.migrate("run"), there.cutover()):
        assert told.code == 0, told.told


def repatriate(place: Place) -> Typed:
    """The recorded part: from Azure Blob to the hospital's own S3, to the certificate."""
    typed = Typed(place)
    officers = ["--by", place.key("officer"), "--by", place.key("second")]
    kept = place.root / "kept.checkpoint"
    typed.type("audit", "export", str(kept))
    planned = typed.type("migrate", "plan", "azure-blob", "hospital", "--checkpoint", str(kept))
    found = re.search(r"M-[0-9a-f]{16}", planned)
    assert found
    move = found.group()
    typed.type("migrate", "run", move)
    typed.type("permit", "grant", str(place.root / "second.toml"), "--key", place.key("claire"))
    typed.type("migrate", "run", move)
    typed.type("migrate", "verify", move)
    typed.type("migrate", "cutover", move, *officers, "--yes")
    typed.type("migrate", "certificate", move, "--to", str(place.root / "certificate"))
    typed.type("migrate", "certificate", "--verify", str(place.root / "certificate" / "certificate.json"))
    typed.type("vault", "hash")
    typed.type("audit", "verify", "--deep")
    return typed


def record(place: Place, typed: Typed) -> None:
    """Keep what was printed, the certificate with its pages and inventory, and the ledger's public key."""
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    (EVIDENCE / "run.txt").write_text("\n".join(typed.lines), encoding="utf-8")
    for file in (place.root / "certificate").iterdir():
        shutil.copyfile(file, EVIDENCE / file.name)
    settings = place.warehouse().configuration
    key = base64.b64encode(settings.ledger_public).decode()
    (EVIDENCE / "ledger-key.txt").write_text(f"{settings.ledger_origin} {key}\n", encoding="utf-8")


def main() -> int:
    """Record a run."""
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers_find_the_package(stack.enter_context(pytest.MonkeyPatch.context()))
        (root / "whole").mkdir()
        far, near = stack.enter_context(azurite(root / "azurite")), stack.enter_context(seaweedfs(root / "weed"))
        place = stack.enter_context(copied(build(root / "whole"), root / "copy"))
        on_azure(place, far, near)
        record(place, repatriate(place))
    return 0


if __name__ == "__main__":
    sys.exit(main())
