# SPDX-License-Identifier: Apache-2.0
"""Control groups of both versions, on trees of plain files that look like them; and the words that begin a job."""

from pathlib import Path

import pytest

from rempart.adapters.sandbox_cgroup import ControlGroups
from rempart.adapters.sandbox_command import Interpreter, Places, Tools, command
from rempart.ports.sandbox import SandboxLimits

LIMITS = SandboxLimits(seconds=9, memory=1 << 28, processes=32, output=1 << 24)
TOOLS = Tools(bwrap="/usr/bin/bwrap", prlimit="/usr/bin/prlimit", setpriv="/usr/bin/setpriv")
PYTHON = Interpreter(words=("/usr/bin/python3", "-I", "/code/.python"))


def places(*groups: str) -> Places:
    return Places(data="/run/j/in/data", code="/run/j/in/code", output="/run/j/out", groups=groups, filter=7, status=9)


def first_version(root: Path, kinds: str) -> ControlGroups:
    for kind in kinds.split():
        (root / kind).mkdir()
        (root / kind / "cgroup.procs").touch()
    return ControlGroups(root=root)


def given(folder: Path, names: str) -> None:
    """A kernel shows a group's files as soon as it is made; a plain folder is given them beforehand."""
    folder.mkdir(parents=True)
    for name in names.split():
        (folder / name).touch()


def test_the_first_version_has_a_folder_for_each_controller(tmp_path: Path) -> None:
    groups = first_version(tmp_path, "memory pids cpu cpuset")
    assert groups.there
    made = groups.make("J-1", LIMITS, 2)
    assert [path.relative_to(tmp_path).as_posix() for path in made.folders] == [
        "memory/rempart-jobs/J-1",
        "pids/rempart-jobs/J-1",
        "cpu/rempart-jobs/J-1",
    ]
    assert groups.left() == ["J-1"]
    assert made.end()
    assert groups.left() == []


def test_limits_are_written_where_the_kernel_shows_a_file_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = first_version(tmp_path, "memory pids cpu")
    files = {"memory": "memory.limit_in_bytes memory.memsw.limit_in_bytes memory.swappiness", "pids": "pids.max"}
    files["cpu"] = "cpu.cfs_quota_us cpu.cfs_period_us"
    plain = Path.mkdir

    def as_a_kernel(folder: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        plain(folder, mode, parents, exist_ok)
        if folder.name == "J-1":
            for name in files[folder.parent.parent.name].split():
                (folder / name).touch()

    monkeypatch.setattr(Path, "mkdir", as_a_kernel)
    made = groups.make("J-1", LIMITS, 2)
    told = {path.name: path.read_text(encoding="utf-8") for folder in made.folders for path in folder.iterdir()}
    assert told == {
        "memory.limit_in_bytes": "268435456",
        "memory.memsw.limit_in_bytes": "268435456",
        "memory.swappiness": "0",
        "pids.max": "36",
        "cpu.cfs_quota_us": "200000",
        "cpu.cfs_period_us": "100000",
    }


def test_the_second_version_is_one_tree_whose_controllers_are_handed_down(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n", encoding="utf-8")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n", encoding="utf-8")
    given(tmp_path / "rempart-jobs", "cgroup.subtree_control")
    groups = ControlGroups(root=tmp_path)
    assert groups.there
    assert (tmp_path / "cgroup.subtree_control").read_text(encoding="utf-8") == "cpu memory pids\n", (
        "handed down already: not asked for"
    )
    assert (tmp_path / "rempart-jobs/cgroup.subtree_control").read_text(encoding="utf-8").startswith("+"), (
        "asked for, one by one"
    )
    made = groups.make("J-1", LIMITS, 1)
    assert made.joins == (str(tmp_path / "rempart-jobs/J-1/cgroup.procs"),)
    for name, text in {"memory.peak": "123\n", "memory.events": "low 0\noom 3\noom_kill 2\n"}.items():
        (made.folders[0] / name).write_text(text, encoding="utf-8")
    assert (made.peak(), made.burst()) == (123, True)


@pytest.mark.parametrize("kinds", ["", "memory", "pids cpu"])
def test_without_memory_and_processes_both_there_is_no_control_group(tmp_path: Path, kinds: str) -> None:
    groups = first_version(tmp_path, kinds)
    assert not groups.there
    assert groups.make("J-1", LIMITS, 1).joins == ()


def test_the_line_that_begins_a_job_is_this_one() -> None:
    words = command(TOOLS, places("/cg/memory/j/cgroup.procs"), PYTHON, LIMITS, account=200001)
    shell = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 126; shift; done; shift; unset PWD OLDPWD; exec "$@"'
    told = (
        "/usr/bin/prlimit --core=0 --nofile=256 --fsize=16777216 "
        "/usr/bin/setpriv --reuid 200001 --regid 200001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "
        "/usr/bin/bwrap --unshare-all --unshare-user --disable-userns --uid 1000 --gid 1000 --cap-drop ALL "
        "--die-with-parent --new-session --hostname job --clearenv "
        "--setenv PATH /usr/bin --setenv HOME /tmp --setenv LANG C.UTF-8 "
        "--ro-bind-try /usr /usr --ro-bind-try /etc/alternatives /etc/alternatives --ro-bind-try /etc/R /etc/R "
        "--symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 "
        "--proc /proc --dev /dev --size 67108864 --tmpfs /tmp "
        "--ro-bind /run/j/in/data /in --ro-bind /run/j/in/code /code --bind /run/j/out /out "
        "--remount-ro / --chdir /out --seccomp 7 --json-status-fd 9 -- /usr/bin/python3 -I /code/.python"
    )
    assert words[:6] == ["/bin/sh", "-c", shell, "job", "/cg/memory/j/cgroup.procs", "--"]
    assert words[6:] == told.split()


def test_without_control_groups_memory_is_held_process_by_process_and_no_account_is_changed() -> None:
    words = command(TOOLS, places(), PYTHON, LIMITS, account=None)
    assert "--as=268435456" in words
    assert words[words.index("/usr/bin/setpriv") + 1] == "--no-new-privs"
    assert "--reuid" not in words
