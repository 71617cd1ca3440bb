# SPDX-License-Identifier: Apache-2.0
"""The local engine when workers die: of memory, by the system's hand, of a defect; and when a run is stopped. Workers are played."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rempart
from rempart.adapters import machine
from rempart.adapters.memory_watch import OUT_OF_MEMORY
from rempart.adapters.process_pool import ProcessPool
from rempart.errors import BadInput, Cancelled, RempartError, Unavailable
from rempart.records.shard_job import ShardJob

ANSWER = 'out.write(b\'{"shard": %d, "length": 2}\\nok\' % shard); out.flush()'
PLAYED = """
import json, os, signal, sys, time
out = sys.stdout.buffer
for line in sys.stdin.buffer:
    for shard in json.loads(line)["shards"]:
        if shard == {at}:
            {end}
        {answer}
"""
ENDS = {
    "memory": f"os._exit({OUT_OF_MEMORY})",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "crash": "os.abort()",
    "defect": "sys.exit(70)",
    "half": 'out.write(b\'{"shard": 3, "length": 900}\\nhalf\'); out.flush(); os._exit(0)',
    "rubbish": "out.write(b'no answer\\n'); out.flush(); time.sleep(60)",
    "silent": "time.sleep(600)",
    "never": "pass",
}


def job(*shards: int) -> ShardJob:
    """A job of these shards."""
    return ShardJob(
        run="S-1", space="project:x", head="sha256:0", study="sha256:1", permit="P", shards=shards, grant="g"
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Every process that a pool started; none of them outlives its run."""
    found: list[subprocess.Popen[bytes]] = []
    yield found
    assert [process.pid for process in found if process.poll() is None] == []


def pool(
    started: list["subprocess.Popen[bytes]"],
    monkeypatch: pytest.MonkeyPatch,
    end: str,
    *,
    at: int = 3,
    workers: int = 2,
) -> ProcessPool:
    """A pool whose workers end so when they come to shard ``at``."""
    program = PLAYED.format(at=at, end=ENDS[end], answer=ANSWER)

    def start(_: ProcessPool) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-S", "-c", program]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL))
        return started[-1]

    monkeypatch.setattr(ProcessPool, "_start", start)
    return ProcessPool(Path("/nowhere"), workers=workers, memory=2_000_000_000)


def told(made: ProcessPool, *jobs: ShardJob) -> tuple[set[int], RempartError | None]:
    """Shards that were answered, and the error that ended it."""
    shards = set()
    try:
        for shard, evidence in made.run(jobs):
            assert evidence == b"ok"
            shards.add(shard)
    except RempartError as error:
        return shards, error
    return shards, None


def test_every_shard_is_answered_once(
    started: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pool(started, monkeypatch, "never")
    assert told(made, job(0, 1), job(2, 3), job(4)) == ({0, 1, 2, 3, 4}, None)
    assert len(started) == 2


@pytest.mark.parametrize(
    ("end", "code", "facts"),
    [
        ("memory", "shard-memory", {"shard": 3, "limit": 2000}),
        ("killed", "worker-killed", {"shard": 3, "limit": 2000}),
        ("crash", "worker-died", {"shard": 3}),
        ("defect", "worker-died", {"shard": 3}),
        ("half", "worker-died", {"shard": 3}),
    ],
)
def test_a_worker_that_ends_is_told_with_its_shard_and_what_it_could_take(
    end: str,
    code: str,
    facts: dict[str, int],
    started: list["subprocess.Popen[bytes]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shards, error = told(pool(started, monkeypatch, end, workers=1), job(2, 3))
    assert shards == {2}, "what was answered before is not lost"
    assert error is not None
    assert isinstance(error, Unavailable)
    assert (error.code, error.facts) == (code, facts)


def test_a_run_that_is_stopped_ends_within_seconds_whatever_its_workers_do(
    started: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = pool(started, monkeypatch, "silent"), threading.Event()
    answers = made.run([job(3), job(5)], stop=asked.is_set)
    assert next(answers) == (5, b"ok")
    began = time.monotonic()
    asked.set()
    with pytest.raises(Cancelled, match="run-cancelled"):
        next(answers)
    assert time.monotonic() - began < 5
    assert -signal.SIGKILL in {process.poll() for process in started}


def test_whoever_leaves_a_run_leaves_no_worker(
    started: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = pool(started, monkeypatch, "silent").run([job(3), job(5)])
    assert next(answers) == (5, b"ok")
    answers.close()
    assert all(process.poll() is not None for process in started)


WATCHED = """
import os, sys, time
from rempart.adapters.memory_watch import watch
watch({limit})
print(os.getpid(), flush=True)
held = bytearray({take})
held[::4096] = bytes(len(range(0, len(held), 4096)))
time.sleep(1)
"""


def watched(*, limit: int, take: int) -> int:
    """Exit code of a process with that limit which takes so many bytes and then waits a second."""
    environment = {**os.environ, "PYTHONPATH": str(Path(rempart.__file__).resolve().parent.parent)}
    command = [sys.executable, "-c", WATCHED.format(limit=limit, take=take)]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=30).returncode


def test_a_worker_beyond_its_memory_ends_itself_and_one_within_it_does_not() -> None:
    assert watched(limit=150 << 20, take=200 << 20) == OUT_OF_MEMORY
    assert watched(limit=150 << 20, take=20 << 20) == 0


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {program!r}], stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip(), flush=True)
"""


def test_a_worker_whose_run_is_gone_ends() -> None:
    program = WATCHED.format(limit=1 << 30, take=1 << 20).replace("time.sleep(1)", "time.sleep(60)")
    environment = {**os.environ, "PYTHONPATH": str(Path(rempart.__file__).resolve().parent.parent)}
    command = [sys.executable, "-c", PARENT.format(program=program)]
    child = int(subprocess.run(command, env=environment, capture_output=True, check=True, timeout=30).stdout)
    until = time.monotonic() + 10
    while time.monotonic() < until and running(child):
        time.sleep(0.05)
    assert not running(child)


def running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * 10**9),
        ("512MiB", 512 << 20),
        ("1.5 Go", 1_500_000_000),
        ("1Gi", 1 << 30),
        ("300000000", 300_000_000),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert machine.size_of(text) == size


@pytest.mark.parametrize("text", ["", "much", "-2GB", "2 G B", "12", "100MB", "1e9", "∞"])
def test_what_is_no_size_or_too_small_for_a_worker_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="memory-size"):
        machine.size_of(text)


def test_workers_share_what_the_machine_or_the_control_group_leaves(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   16000000 kB\n", encoding="ascii")
    assert machine.memory_each(4, root=tmp_path) == 16_000_000 * 1024 * 3 // 16
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n", encoding="ascii")
    (group / "memory.current").write_text("1000000000\n", encoding="ascii")
    assert machine.memory_each(4, root=tmp_path) == 16_000_000 * 1024 * 3 // 16
    (group / "memory.max").write_text("9000000000\n", encoding="ascii")
    assert machine.memory_each(4, root=tmp_path) == 1_500_000_000
    assert machine.memory_each(400, root=tmp_path) == machine.LEAST
    assert machine.memory_each(2, root=tmp_path / "nothing") == 3_000_000_000


def test_processes_stay_from_run_to_run_and_end_with_the_block(
    started: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pool(started, monkeypatch, "crash") as made:
        made.begin(5)
        assert len(started) == 2, "no more than there may be"
        assert told(made, job(0), job(1), job(2)) == ({0, 1, 2}, None)
        assert told(made, job(4), job(5)) == ({4, 5}, None)
        assert len(started) == 2
        assert told(made, job(3))[1] is not None
        assert told(made, job(6), job(7)) == ({6, 7}, None), "who crashed is replaced"
        assert len(started) == 3
    assert all(process.poll() is not None for process in started)


def test_a_process_that_died_while_it_waited_is_replaced(
    started: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pool(started, monkeypatch, "never", workers=1) as made:
        made.begin(1)
        started[0].kill()
        started[0].wait()
        assert told(made, job(0)) == ({0}, None)
    assert len(started) == 2


def test_a_worker_that_cannot_load_its_engine_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duckdb.py").write_text("raise ImportError('no engine', name='duckdb')\n", encoding="ascii")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    shards, error = told(ProcessPool(tmp_path, workers=1, memory=2_000_000_000), job(3))
    assert error is not None
    assert (shards, error.code, error.facts) == (set(), "worker-start", {"kind": "ImportError", "what": "duckdb"})
    (crash,) = tmp_path.glob("rempart-crash-*.txt")
    assert "worker.py" in crash.read_text(encoding="utf-8")


def test_a_worker_finds_the_package_of_who_starts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only this process was told of its place; the warehouse that is not there is what it says."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    _, error = told(ProcessPool(tmp_path, workers=1, memory=2_000_000_000), job(3))
    assert error is not None
    assert error.code == "warehouse-missing"


def test_the_package_is_the_command(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(rempart.__file__).resolve().parent.parent)}
    command = [sys.executable, "-m", "rempart"]
    done = subprocess.run([*command, "--version"], env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().strip() == rempart.__version__
    wrong = subprocess.run([*command, "study", "list"], env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert wrong.returncode == 30
