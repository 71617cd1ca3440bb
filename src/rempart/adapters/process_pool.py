# SPDX-License-Identifier: Apache-2.0
"""The local engine: worker processes that take ShardJobs as JSON lines and answer with sealed evidence.

Nothing is pickled; a worker's answer is ciphertext that only a holder of the run's evidence key can open.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import rempart
from rempart.adapters.machine import megabytes, memory_each
from rempart.adapters.memory_watch import OUT_OF_MEMORY
from rempart.errors import BadInput, Cancelled, Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.records.shard_job import ShardJob

_FAMILIES = {family.family: family for family in (Refused, NotTrusted, Missing, BadInput, Unavailable)}
_Answer = tuple[int, bytes] | RempartError | None
_Process = subprocess.Popen[bytes]
_INSTALLED = ("site-packages", "dist-packages")  # found by every process of this Python
_LOOK = 0.2  # seconds between two looks whether the run is to stop


class ProcessPool:
    """Implements ports.engine.Engine with ``workers`` processes of ``python -m rempart.worker``, each of at most ``memory`` bytes.

    In a ``with`` block its processes stay from run to run, so that a study of several steps starts them once.
    """

    name = "local"
    own_grants = False

    def __init__(self, directory: Path, *, workers: int, memory: int | None = None, made_by: str = "") -> None:
        """``made_by``: what every worker must be of (``engine_version``), '' = not asked: a process that starts after an upgrade is not."""
        self._made_by = made_by
        self._directory, self._workers = directory, max(1, workers)  # none at all would leave every shard unanswered
        self.memory = memory or memory_each(self._workers)
        self._idle: list[_Process] = []
        self._stays = False

    def __enter__(self) -> "ProcessPool":
        self._stays = True
        return self

    def __exit__(self, *_: object) -> None:
        self._stays = False
        _end(self._idle, at_once=True)  # they wait for work that will not come
        self._idle.clear()

    def begin(self, shards: int) -> None:
        """Start the processes that so many shards will keep busy: they load their engine while the run is being prepared."""
        while self._stays and len(self._idle) < min(self._workers, shards):
            self._idle.append(self._start())

    @property
    def workers(self) -> int:
        """How many processes at most."""
        return self._workers

    def run(
        self, jobs: Sequence[ShardJob], *, stop: Callable[[], bool] = lambda: False
    ) -> Generator[tuple[int, bytes]]:
        """See the port; on the first error the other workers are ended and it is raised."""
        waiting: queue.SimpleQueue[ShardJob] = queue.SimpleQueue()
        for job in jobs:
            waiting.put(job)
        answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        processes = [self._take() for _ in range(min(self._workers, len(jobs)))]
        for process in processes:
            threading.Thread(target=self._serve, args=(process, waiting, answers), daemon=True).start()
        left = len(processes)
        try:
            while left:
                answer = _next(answers, stop, jobs[0].run)
                if answer is None:
                    left -= 1
                else:
                    yield answer
        finally:
            if left or not self._stays:
                _end(processes, at_once=left > 0)
            else:
                self._idle += processes

    def _take(self) -> _Process:
        """A process that waits, else a new one."""
        while self._idle:
            process = self._idle.pop()
            if process.poll() is None:
                return process
        return self._start()

    def _start(self) -> _Process:
        command = [sys.executable, "-m", "rempart.worker", "--dir", str(self._directory), "--memory", str(self.memory)]
        command += ["--made-by", self._made_by] if self._made_by else []
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())

    def _serve(
        self, process: _Process, waiting: "queue.SimpleQueue[ShardJob]", answers: "queue.SimpleQueue[_Answer]"
    ) -> None:
        """Feed one worker until no job is left; how it died is told by the shard it was at."""
        try:
            while True:
                try:
                    job = waiting.get_nowait()
                except queue.Empty:
                    break
                self._exchange(process, job, answers)
        except RempartError as error:
            answers.put(error)
        answers.put(None)

    def _exchange(self, process: _Process, job: ShardJob, answers: "queue.SimpleQueue[_Answer]") -> None:
        answered = 0
        try:
            if process.stdin is None or process.stdout is None:
                raise EOFError
            process.stdin.write(json.dumps(job.as_dict()).encode() + b"\n")
            process.stdin.flush()
            for _ in job.shards:
                answers.put(_read_answer(process.stdout))
                answered += 1
        except (OSError, EOFError, ValueError) as error:
            raise self._death(process, job.shards[answered]) from error

    def _death(self, process: _Process, shard: int) -> Unavailable:
        """What is to be said of a worker that gave no answer for ``shard``."""
        _end([process], at_once=False)
        limit = megabytes(self.memory)
        if process.returncode == OUT_OF_MEMORY:
            return Unavailable("shard-memory", shard=shard, limit=limit)
        if process.returncode == -signal.SIGKILL:
            return Unavailable("worker-killed", shard=shard, limit=limit)
        return Unavailable("worker-died", shard=shard)


def _environment() -> dict[str, str]:
    """This process's own, in which a worker finds the same package: also where only this process was told of its place."""
    given = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # a worker is one core's: idle threads would turn on another's
    source = Path(rempart.__file__).resolve().parent.parent
    if source.name in _INSTALLED:
        return given
    known = [str(source), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**given, "PYTHONPATH": os.pathsep.join(filter(None, known))}


def _next(answers: "queue.SimpleQueue[_Answer]", stop: Callable[[], bool], run: str) -> tuple[int, bytes] | None:
    """The next answer, None when a worker has no more; raises what a worker raised, and Cancelled."""
    while True:
        if stop():
            raise Cancelled("run-cancelled", run=run)
        try:
            answer = answers.get(timeout=_LOOK)
        except queue.Empty:
            continue
        if isinstance(answer, RempartError):
            raise answer
        return answer


def _read_answer(stream: IO[bytes]) -> tuple[int, bytes]:
    """One answer: a JSON line {"shard", "length"} and that many bytes, or {"family", "code", "facts"}."""
    line = stream.readline()
    if not line:
        raise EOFError
    head = json.loads(line)
    if "code" in head:
        raise _FAMILIES.get(head["family"], Unavailable)(head["code"], **head["facts"])
    data = stream.read(head["length"])
    if len(data) != head["length"]:
        raise EOFError
    return int(head["shard"]), data


def _end(processes: Sequence[_Process], *, at_once: bool) -> None:
    """Workers end when their input does; ``at_once``: whatever they are at, they write nothing but evidence, which is not wanted."""
    for process in processes:
        if at_once:
            process.kill()
        elif process.stdin is not None:
            with suppress(OSError):  # what it was not told before it died
                process.stdin.close()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
