# SPDX-License-Identifier: Apache-2.0
"""What is shipped: a wheel that holds every data file of the package, and is the same bytes when built twice."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.law.tree import ROOT, SOURCE, committed_files


def build(folder: Path) -> Path:
    """Build the wheel into ``folder``."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    shipped = set(zipfile.ZipFile(build(tmp_path)).namelist())
    wanted = {path.relative_to(SOURCE).as_posix() for path in committed_files() if path.is_relative_to(SOURCE)}
    assert "rempart/locale/fr.toml" in wanted
    assert wanted <= shipped, sorted(wanted - shipped)


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = build(tmp_path / "1"), build(tmp_path / "2")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
