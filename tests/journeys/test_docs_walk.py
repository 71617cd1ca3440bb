# SPDX-License-Identifier: Apache-2.0
"""The README's walk runs as it stands: its blocks, in order, in a folder that looks like a clone, on fewer persons."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.cli.commands import TREE

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PERSONS = ("--persons 2000", "--persons 300")
NOT_WALKED = {"demo", "cohort run", "study cancel"}  # told in a sentence; each has a test of its own
NOT_WALKED |= {"release decide", "release withdraw", "release sample"}  # of votes that differ, and of what had none
NOT_WALKED |= {"audit publish", "audit incident"}
NOT_WALKED |= {f"permit {act}" for act in ("amend", "renew", "attest", "approve", "end")}  # after the walk's story
NOT_WALKED |= {"audit pack", "audit report", "audit catalogue"}  # walked by test_evidence_pack
NOT_WALKED |= {
    "audit cosign",
    "audit receipts",
    "audit recover",
    "study job",
    "study jobs",
}  # told on pages of their own


def blocks(page: Path) -> list[str]:
    """The blocks of a page that are meant to be run."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def clone(folder: Path) -> dict[str, str]:
    """Make ``folder`` look like a clone after ``make``; the environment to run in."""
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / "src").symlink_to(ROOT / "src")
    program = folder / ".venv/bin/rempart"
    start = "import sys; from rempart.cli.app import main; sys.exit(main())"
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(start)} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    (folder / ".venv/bin/activate").write_text('PATH="$PWD/.venv/bin:$PATH"; export PATH\n', encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "LANG": "C.UTF-8", "REMPART_UNENCRYPTED_SWAP": "allowed"}


@pytest.fixture
def cloned(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A clone in a path with a space; whatever the walk leaves running is ended."""
    folder = tmp_path / "a clone"
    environment = clone(folder)
    yield folder, environment
    warehouse = str(folder / "walk" / "warehouse")
    subprocess.run(
        [folder / ".venv/bin/rempart", "--dir", warehouse, "keys", "lock"],
        env=environment,
        capture_output=True,
        check=False,
    )


def test_the_walk_types_every_command_that_can_be_walked() -> None:
    text = "\n".join(blocks(README))
    untyped = {command for command in TREE if not re.search(rf"^rempart {command}\b", text, re.MULTILINE)}
    assert untyped == NOT_WALKED


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.timeout(1800)  # every command of the README, one after the other
def test_the_walk_runs_as_it_stands(cloned: tuple[Path, dict[str, str]]) -> None:
    folder, environment = cloned
    text = "\n".join(blocks(README))
    assert text.count(PERSONS[0]) == 1
    done = subprocess.run(
        ["sh", "-eu", "-c", text.replace(*PERSONS)],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "every rule kept" in done.stdout
    assert "0 of 3 canaries found" in done.stdout
    (released,) = (folder / "walk/warehouse/public/releases").iterdir()
    assert {"release.json", "proof", "tables"} <= {path.name for path in released.iterdir()}
    assert (folder / "walk/checkpoint").is_file()
    told = subprocess.run(
        [folder / ".venv/bin/rempart", "--dir", folder / "walk/warehouse", "keys", "status"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert told.returncode == 60
