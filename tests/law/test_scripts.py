# SPDX-License-Identifier: Apache-2.0
"""What make says before it installs: the one command that puts a machine right, and the list of system packages."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.law.tree import ROOT

FAKE_PYTHON = """#!/bin/sh
case "$2" in
    *"%d.%d"*) echo "$FAKE_VERSION" ;;
    *"version_info < (3, 11)"*) exit "$FAKE_OLD" ;;
    *ensurepip*) exit "$FAKE_NO_VENV" ;;
esac
"""


def script(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of scripts/*.sh from the root of the tree."""
    command = ["sh", str(ROOT / "scripts" / f"{name}.sh")]
    return subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | environment, capture_output=True, encoding="utf-8", check=False
    )


def preflight(
    tmp_path: Path, *, version: str = "3.11", old: str = "0", no_venv: str = "0", **more: str
) -> tuple[int, str]:
    """The pre-flight against a pretended Python, which newer ones on this machine must not save."""
    fake = tmp_path / "fakepython"
    fake.write_text(FAKE_PYTHON, encoding="utf-8")
    fake.chmod(0o755)
    told = script("preflight", PYTHON=str(fake), FAKE_VERSION=version, FAKE_OLD=old, FAKE_NO_VENV=no_venv, **more)
    return told.returncode, told.stderr


def test_the_preflight_is_silent_on_a_good_machine(tmp_path: Path) -> None:
    assert preflight(tmp_path, REMPART_NEED_MB="1") == (0, "")


@pytest.mark.parametrize(
    ("facts", "command"),
    [
        ({"version": "3.9", "old": "1"}, "python3.1"),
        ({"no_venv": "1"}, "apt-get install -y python3.11-venv"),
        ({"no_venv": "1", "version": "3.13"}, "apt-get install -y python3.13-venv"),
        ({"REMPART_NEED_MB": "999999999"}, "df -h ."),
    ],
)
def test_the_preflight_prints_the_one_command_that_helps(tmp_path: Path, facts: dict[str, str], command: str) -> None:
    code, told = preflight(tmp_path, **facts)
    assert code == 1
    assert told.startswith("missing: ")
    assert [line for line in told.splitlines() if line.startswith("run: ") and command in line]


def test_the_preflight_names_the_package_when_there_is_no_python() -> None:
    told = script("preflight", PYTHON="no-such-python")
    assert told.returncode == 1
    assert "apt-get install -y python3 python3-venv" in told.stderr


def test_an_empty_list_of_system_packages_is_said(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# nothing\n\n", encoding="utf-8")
    told = script("system-packages", REMPART_SYSTEM_LIST=str(tmp_path / "list"))
    assert (told.returncode, told.stdout) == (0, "system packages: no system package needed\n")


def test_declined_system_packages_are_listed_with_what_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("no-such-package-of-ours  tests of the imaginary\n", encoding="utf-8")
    told = script("system-packages", REMPART_SYSTEM_LIST=str(tmp_path / "list"), APT="0")
    assert told.returncode == 0
    assert "APT=0" in told.stdout
    assert "no-such-package-of-ours: tests of the imaginary" in told.stdout
    assert "installing" not in told.stdout


def test_the_committed_list_gives_each_package_its_reason() -> None:
    lines = (ROOT / "requirements" / "system.txt").read_text(encoding="utf-8").splitlines()
    entries = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    assert all(len(entry) == 2 for entry in entries)


def test_a_package_is_not_asked_for_where_its_command_is_there(tmp_path: Path) -> None:
    lines = "no-such-package-of-ours command:sh tests of the PKCS#11 kind\nno-other-package command:no-such-command-of-ours more tests\n"
    (tmp_path / "list").write_text(lines, encoding="utf-8")
    told = script("system-packages", REMPART_SYSTEM_LIST=str(tmp_path / "list"), APT="0").stdout
    skipped = told.partition("Skipped")[2]
    assert "tests of the PKCS#11 kind" in told
    assert "no-such-package-of-ours" not in skipped
    assert "no-other-package: more tests" in skipped


def node_packages(folder: Path, *, npm: str | None, **environment: str) -> subprocess.CompletedProcess[str]:
    """scripts/node-packages.sh in a folder like ours, with only the commands it may use, and that npm."""
    commands, wanted = folder / "bin", folder / "tests" / "servers" / "node"
    wanted.mkdir(parents=True)
    commands.mkdir()
    for name in ("package.json", "package-lock.json"):
        (wanted / name).write_text("{}", encoding="utf-8")
    for name in ("sh", "cmp", "mkdir", "cp", "true"):
        (commands / name).symlink_to(shutil.which(name) or "")
    if npm is not None:
        (commands / "node").symlink_to(commands / "true")
        (commands / "npm").write_text(npm, encoding="utf-8")
        (commands / "npm").chmod(0o755)
    command = ["sh", str(ROOT / "scripts" / "node-packages.sh")]
    told = {"PATH": str(commands)} | environment
    return subprocess.run(command, cwd=folder, env=told, capture_output=True, encoding="utf-8", check=False)


def test_node_packages_are_installed_once_by_hash_and_no_script_of_theirs_runs(tmp_path: Path) -> None:
    told = node_packages(tmp_path, npm='#!/bin/sh\necho "npm $*"\n')
    assert told.returncode == 0
    assert "npm ci --ignore-scripts" in told.stdout
    again = ["sh", str(ROOT / "scripts" / "node-packages.sh")]
    env = {"PATH": str(tmp_path / "bin")}
    told = subprocess.run(again, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False)
    assert told.stdout == "node packages: all of them are here\n"


def test_without_npm_or_when_declined_it_is_said_what_is_skipped(tmp_path: Path) -> None:
    for name, npm, environment in (("without", None, {}), ("declined", "#!/bin/sh\nexit 9\n", {"APT": "0"})):
        told = node_packages(tmp_path / name, npm=npm, **environment)
        assert told.returncode == 0
        assert "kipped" in told.stdout
        assert "azurite" in told.stdout
        assert not (tmp_path / name / ".node").exists()


def test_an_install_that_fails_is_a_failure_and_is_tried_again(tmp_path: Path) -> None:
    assert node_packages(tmp_path, npm="#!/bin/sh\nexit 9\n").returncode == 1
    assert not (tmp_path / ".node" / "installed.json").exists()
