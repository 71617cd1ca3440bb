# SPDX-License-Identifier: Apache-2.0
"""What a job may take of the machine, and what is left of it afterwards: nothing."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rempart.adapters.sandbox_bubblewrap import Bubblewrap
from rempart.adapters.sandbox_folders import JobFolders
from rempart.errors import Refused, Unavailable
from rempart.ports.sandbox import DONE, ERROR, MEMORY, OUTPUT, STOPPED, TIME
from tests.faults.sandbox.house import ACCOUNTS, MIB, NAME, PROGRAMS, ROOT, box, job, ran
from tests.law.tree import ROOT as TREE

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bubblewrap on this machine")
needs_root = pytest.mark.skipif(not ROOT, reason="control groups and accounts are root's to make")


def left(sandbox: Bubblewrap) -> list[str]:
    """Folders, mounts, groups and processes of jobs that remain."""
    mounts = [
        line for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if str(sandbox.root) in line
    ]
    folders = [path.name for path in sandbox.root.iterdir() if path.is_dir()]
    return [*mounts, *folders, *(name for name in sandbox.groups.left() if name.startswith(NAME)), *of_accounts()]


def of_accounts() -> list[str]:
    """Living processes of throw-away accounts."""
    found = []
    for entry in os.scandir("/proc"):
        try:
            state = (
                Path(entry.path, "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
                if entry.name.isdecimal()
                else "Z"
            )
            if ACCOUNTS[0] <= entry.stat().st_uid <= ACCOUNTS[1] and state != "Z":
                found.append(entry.name)
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
            continue
    return found


def test_memory_is_held() -> None:
    with box() as sandbox:
        outcome = ran(sandbox, "x = bytearray(1 << 30)", memory=192 * MIB)
        assert outcome.reason == (MEMORY if ROOT else ERROR)
        assert outcome.memory <= 192 * MIB
        assert ROOT or outcome.error == ("MemoryError", 1)


@needs_root
def test_what_is_written_to_memory_file_systems_counts_as_memory() -> None:
    for place in ("/dev/shm", "/dev", "/tmp"):
        with box() as sandbox:
            code = f"f = open('{place}/x', 'wb')\nfor _ in range(600): f.write(bytes(1 << 20)); f.flush()"
            outcome = ran(sandbox, code, memory=128 * MIB, output=1024 * MIB)
            assert outcome.reason in {MEMORY, ERROR}, place
            assert outcome.memory <= 128 * MIB


@needs_root
def test_processes_are_held() -> None:
    code = """
import os, time
made = 0
try:
    while made < 200:
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        made += 1
except OSError:
    pass
open("n.csv", "w").write(str(made))
"""
    with box() as sandbox:
        outcome = ran(sandbox, code, "n.csv", processes=16)
        assert outcome.reason == DONE
        assert 1 <= int(outcome.outputs["n.csv"]) <= 20
        assert left(sandbox) == []


def test_the_clock_is_held() -> None:
    with box() as sandbox:
        outcome = ran(sandbox, "while True: pass", seconds=1)
        assert outcome.reason == TIME
        assert outcome.seconds < 10


def test_one_file_is_held() -> None:
    with box() as sandbox:
        outcome = ran(sandbox, "open('x.csv', 'wb').write(bytes(20 << 20))", "x.csv", output=16 * MIB)
        assert (outcome.reason, outcome.outputs) in [(ERROR, {}), (OUTPUT, {})]


def test_all_files_together_are_held() -> None:
    code = "for n in range(64): open(f'{n}.csv', 'wb').write(bytes(1 << 20))\nimport time\ntime.sleep(1)"
    with box() as sandbox:
        outcome = ran(sandbox, code, "1.csv", output=8 * MIB)
        assert outcome.reason == (ERROR if ROOT else OUTPUT)
        assert outcome.outputs == {}


@needs_root
def test_the_number_of_files_is_held() -> None:
    with box() as sandbox:
        outcome = ran(sandbox, "for n in range(5000): open(f'{n}.csv', 'w').close()")
        assert outcome.reason == ERROR
        assert outcome.discarded <= 1000


def test_nothing_is_left_of_a_job_that_ends_fails_or_is_stopped() -> None:
    with box() as sandbox:
        for code, reason in (("pass", DONE), ("1/0", ERROR), ("import time\ntime.sleep(60)", STOPPED)):
            began = time.monotonic()
            outcome = sandbox.run(
                job(code), stop=lambda began=began, reason=reason: reason == STOPPED and time.monotonic() - began > 1
            )
            assert outcome.reason == reason
            assert left(sandbox) == []


@needs_root
def test_a_child_that_lets_go_of_its_parent_dies_with_the_job() -> None:
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)"
    )
    with box() as sandbox:
        assert ran(sandbox, code).reason == DONE
        assert left(sandbox) == []


def test_a_file_closed_to_all_and_a_folder_closed_to_all_are_removed_too() -> None:
    with box() as sandbox:
        ran(sandbox, "import os\nos.mkdir('d'); open('d/f', 'w').close(); os.chmod('d/f', 0); os.chmod('d', 0)")
        assert left(sandbox) == []


@needs_root
def test_two_jobs_at_once_have_two_accounts_and_see_nothing_of_one_another() -> None:
    code = """
import os, time
open("mine.csv", "w").write("x")
open("/tmp/mine", "w").close()
time.sleep(1.5)
seen = [p for p in os.listdir("/proc") if p.isdecimal()]
open("seen.csv", "w").write(f"{len(seen)},{len(os.listdir('/tmp'))},{len(os.listdir('/out'))}")
"""
    with box() as sandbox:
        found: dict[str, bytes] = {}

        def one(name: str) -> None:
            found[name] = sandbox.run(job(code, "seen.csv", name=name), stop=lambda: False).outputs["seen.csv"]

        threads = [threading.Thread(target=one, args=(f"{NAME}-{n}",)) for n in (1, 2)]
        for thread in threads:
            thread.start()
        until, accounts = time.monotonic() + 20, set()
        while len(accounts) < 2 and time.monotonic() < until:
            accounts |= {os.stat(f"/proc/{pid}").st_uid for pid in of_accounts() if os.path.exists(f"/proc/{pid}")}
        for thread in threads:
            thread.join()
        assert len(accounts) == 2
        assert set(found.values()) == {b"2,1,3"}, "the first process and itself; its own file; its two, and ours"


@needs_root
def test_every_process_of_a_job_has_the_throw_away_account_seen_from_outside() -> None:
    with box() as sandbox:
        thread = threading.Thread(target=ran, args=(sandbox, "import time\ntime.sleep(2)"))
        thread.start()
        until, seen = time.monotonic() + 20, set[str]()
        folders = sandbox.groups.group(NAME).folders
        while time.monotonic() < until and thread.is_alive():
            for number in (
                folders[0].joinpath("cgroup.procs").read_text(encoding="utf-8").split() if folders[0].exists() else ()
            ):
                try:
                    lines = Path(f"/proc/{number}/status").read_text(encoding="utf-8").splitlines()
                    words = Path(f"/proc/{number}/cmdline").read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if b"bwrap" in words.split(b"\0")[0]:
                    seen |= {line.partition(":")[2].strip() for line in lines if line.startswith("Uid:")}
            time.sleep(0.01)
        thread.join()
    assert seen, "no bubblewrap was seen"
    accounts = {int(number) for four in seen for number in four.split()}
    assert all(ACCOUNTS[0] <= number <= ACCOUNTS[1] for number in accounts)


KILLED = """
import sys
from tests.faults.sandbox.house import *
from pathlib import Path
b = Bubblewrap(root=Path(sys.argv[1]), accounts=(int(sys.argv[2]), int(sys.argv[2])) if ROOT else None, programs=PROGRAMS)
b.run(job("import time\\nopen('x', 'w').write('plain')\\ntime.sleep(60)", name=sys.argv[3], inputs={"a.csv": b"plain"}), stop=lambda: False)
"""


def test_when_the_supervisor_is_killed_the_job_dies_and_the_next_start_removes_what_lay_there() -> None:
    with box() as sandbox:
        environment = {**os.environ, "PYTHONPATH": f"{TREE}/src:{TREE}"}
        killed = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(sandbox.root), str(ACCOUNTS[0]), NAME], env=environment
        )
        output, until = sandbox.root / NAME / "out/x", time.monotonic() + 60
        while not output.exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert output.exists()
        with pytest.raises(Unavailable, match="sandbox-busy"):
            ran(sandbox, "pass")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        until = time.monotonic() + 20
        while of_accounts() and time.monotonic() < until:
            time.sleep(0.05)
        assert of_accounts() == [], "bubblewrap ends with who began it"
        assert (sandbox.root / NAME / "in/data/a.csv").exists()
        assert sandbox.sweep() == 1
        assert left(sandbox) == []
        assert ran(sandbox, "pass").reason == DONE


@needs_root
def test_an_account_at_work_is_not_given_twice() -> None:
    with box() as sandbox:
        places = JobFolders(root=sandbox.root, accounts=(ACCOUNTS[0], ACCOUNTS[0] + 1))
        one = places.folder(f"{NAME}-1", room=1, output=MIB, files=9)
        two = places.folder(f"{NAME}-2", room=1, output=MIB, files=9)
        with one as first, two as second:
            assert {first.account, second.account} == {ACCOUNTS[0], ACCOUNTS[0] + 1}
            with (
                pytest.raises(Unavailable, match="sandbox-accounts"),
                places.folder(f"{NAME}-3", room=1, output=MIB, files=9),
            ):
                pass


def test_without_bubblewrap_nothing_runs(tmp_path: Path) -> None:
    with box() as sandbox:
        bare = Bubblewrap(root=sandbox.root, accounts=sandbox.accounts, programs=PROGRAMS, path=str(tmp_path))
        for attempt in (lambda: bare.check("python", 1), lambda: ran(bare, "pass")):
            with pytest.raises(Refused, match="sandbox-missing"):
                attempt()


def test_with_a_filter_that_the_kernel_does_not_take_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rempart.adapters.sandbox_bubblewrap.filter_bytes", lambda *_, **__: b"\x00" * 7)
    with box() as sandbox, pytest.raises(Refused, match="sandbox-start"):
        ran(sandbox, "pass")


def test_root_without_throw_away_accounts_and_others_with_them_are_refused() -> None:
    with box() as sandbox:
        odd = Bubblewrap(root=sandbox.root, accounts=None if ROOT else ACCOUNTS, programs=PROGRAMS)
        with pytest.raises(Refused, match="sandbox-accounts"):
            odd.check("python", 1)


def test_where_nothing_holds_many_processes_one_is_all_there_is(tmp_path: Path) -> None:
    with box() as sandbox:
        groups = type(sandbox.groups)(root=tmp_path)
        bare = Bubblewrap(root=sandbox.root, accounts=sandbox.accounts, programs=PROGRAMS, groups=groups)
        with pytest.raises(Refused, match="sandbox-one-process"):
            bare.check("python", 2)
        code = "import os\ntry:\n    os.fork()\nexcept OSError as e:\n    open('n.csv', 'w').write(str(e.errno))"
        outcome = bare.run(job(code, "n.csv", processes=1), stop=lambda: False)
        assert outcome.outputs == {"n.csv": b"1"}


def test_an_interpreter_that_is_not_there_and_a_language_that_is_not_ours_are_refused() -> None:
    with box() as sandbox:
        bare = Bubblewrap(root=sandbox.root, accounts=sandbox.accounts, programs={"python": "/nowhere/python3"})
        with pytest.raises(Refused, match="sandbox-interpreter"):
            bare.check("python", 1)
        with pytest.raises(Refused, match="sandbox-language"):
            sandbox.check("julia", 1)


def test_an_errors_own_words_and_names_are_never_told() -> None:
    code = "\nclass Marie1931(Exception): pass\nraise Marie1931('Dupont')"
    with box() as sandbox:
        assert ran(sandbox, code).error == ("error", 3)
        assert ran(sandbox, "int('Dupont')").error == ("ValueError", 1)
        forged = """import json, os
json.dump({"name": "Dupont", "line": 19310000}, open("/out/.error", "w"))
os._exit(3)"""
        assert ran(sandbox, forged).error == ("error", 0)


@needs_root
def test_a_job_in_r_runs_and_tells_its_error() -> None:
    with box() as sandbox:
        good = {
            "main.R": b"x <- read.csv('/in/a.csv')\nwrite.csv(data.frame(n = sum(x$n)), 'n.csv', row.names = FALSE)\n"
        }
        bad = {"main.R": b"x <- 1\nstop('Dupont')\n"}
        r = job("", "n.csv", inputs={"a.csv": b"n\n1\n2\n"})
        fields = {name: getattr(r, name) for name in r.__slots__}
        told = type(r)(**{**fields, "language": "r", "main": "main.R", "code": good})
        assert sandbox.run(told, stop=lambda: False).outputs == {"n.csv": b'"n"\n3\n'}
        told = type(r)(**{**fields, "language": "r", "main": "main.R", "code": bad})
        assert sandbox.run(told, stop=lambda: False).error == ("simpleError", 2)


def test_an_interpreter_elsewhere_is_shown_at_a_neutral_path_with_its_libraries() -> None:
    with box() as sandbox:
        venv = sandbox.root.parent / f"{sandbox.root.name}-venv"
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", venv], check=True, env={})
        try:
            (site,) = venv.glob("lib/python*/site-packages")
            (site / "brought.py").write_text("here = __file__", encoding="utf-8")
            own = Bubblewrap(
                root=sandbox.root, accounts=sandbox.accounts, programs={"python": str(venv / "bin/python")}
            )
            code = "import brought, sys\nopen('n.csv', 'w').write(f'{brought.here} {sys.prefix} {sys.argv[0]}')"
            told = ran(own, code, "n.csv").outputs["n.csv"].decode().split()
            assert all(path.startswith(("/opt/python/", "/code/")) for path in told), told
            assert str(venv) not in str(told)
            if ROOT:
                venv.chmod(0o700)
                with pytest.raises(Refused, match="sandbox-interpreter"):
                    ran(own, "pass")
        finally:
            shutil.rmtree(venv)
