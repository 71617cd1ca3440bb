# SPDX-License-Identifier: Apache-2.0
"""The attack script, as root and as a plain user: every probe is held, and each wall taken away lets one through."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.attacks.sandbox import WALLS, attacked, without
from tests.faults.sandbox.house import ROOT, box
from tests.law.tree import ROOT as TREE

PLAIN = 65500
pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bubblewrap on this machine")
FOUND_BY = {
    "env": {"env-first-process", "env-secret-anywhere"},
    "fds": {"fds-inherited", "fds-number"},
    "uid": {"began"},
    "seccomp": {
        "net-netlink",
        "net-vsock",
        "call-unshare",
        "call-keyctl",
        "call-clone3",
        "call-clone-space",
        "call-second-table",
    },
    "net": {"net-loopback", "net-abstract", "net-devices"},
    "nofollow": {"out-link.csv", "out-folder/hostname", "out-two.csv", "out-names.csv"},
}


def test_every_probe_is_held() -> None:
    with box() as sandbox:
        found = attacked(sandbox)
    assert [name for name, held in found.items() if not held] == []
    assert len(found) > 100


@pytest.mark.parametrize("wall", WALLS)
def test_the_attack_notices_when_a_wall_is_gone(wall: str) -> None:
    if wall == "uid" and not ROOT:
        pytest.skip("only root has another account to become")
    with box() as sandbox, without(wall):
        through = {name for name, held in attacked(sandbox).items() if not held}
    assert through >= FOUND_BY[wall]


@pytest.fixture
def open_copy() -> Iterator[Path]:
    """The program and the attack where any account may read them."""
    folder = Path(tempfile.mkdtemp(prefix="rempart-plain-"))
    shutil.copytree(TREE / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for inner in ("attacks", "campaign", "sandbox"):
        where = f"tests/faults/{inner}"
        shutil.copytree(TREE / where, folder / where, ignore=shutil.ignore_patterns("__pycache__"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_every_probe_is_held_when_a_plain_user_runs_the_jobs(open_copy: Path) -> None:
    """By the system's own Python, which any account may run: what runs jobs needs no library beside it."""
    told = subprocess.run(
        [
            *(["setpriv", f"--reuid={PLAIN}", f"--regid={PLAIN}", "--clear-groups"] if ROOT else []),
            *("/usr/bin/python3", "-B", "-m", "tests.faults.attacks.sandbox"),
        ],
        cwd=open_copy,
        env={"PYTHONPATH": f"{open_copy}/src:{open_copy}", "PATH": os.environ["PATH"], "LANG": "C"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "got through 0" in told.stdout.splitlines()[-1]
