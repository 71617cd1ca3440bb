# SPDX-License-Identifier: Apache-2.0
"""The local engine: worker processes that take ShardJobs as JSON lines and answer with sealed evidence.

Nothing is pickled; a worker's answer is ciphertext that only a holder of the run's evidence key can open.
"""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from rempart.errors import BadInput, Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.records.shard_job import ShardJob

_FAMILIES = {family.family: family for family in (Refused, NotTrusted, Missing, BadInput, Unavailable)}
_Answer = tuple[int, bytes] | RempartError | None


class ProcessPool:
    """Implements ports.engine.Engine with ``workers`` processes of ``python -m rempart.worker``."""

    def __init__(self, directory: Path, *, workers: int) -> None:
        self._directory, self._workers = directory, max(1, workers)  # none at all would leave every shard unanswered

    def run(self, jobs: Sequence[ShardJob]) -> Iterator[tuple[int, bytes]]:
        """Yield (shard, sealed evidence); on the first error the other workers are ended and it is raised."""
        waiting: queue.SimpleQueue[ShardJob] = queue.SimpleQueue()
        for job in jobs:
            waiting.put(job)
        answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        processes = [self._start() for _ in range(min(self._workers, len(jobs)))]
        for process in processes:
            threading.Thread(target=_serve, args=(process, waiting, answers), daemon=True).start()
        try:
            yield from _collect(answers, len(processes))
        finally:
            for process in processes:
                _end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "rempart.worker", "--dir", str(self._directory)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _collect(answers: "queue.SimpleQueue[_Answer]", running: int) -> Iterator[tuple[int, bytes]]:
    while running:
        answer = answers.get()
        if answer is None:
            running -= 1
        elif isinstance(answer, RempartError):
            raise answer
        else:
            yield answer


def _serve(
    process: "subprocess.Popen[bytes]", waiting: "queue.SimpleQueue[ShardJob]", answers: "queue.SimpleQueue[_Answer]"
) -> None:
    """Feed one worker until no job is left; a worker that dies is told as ``worker-died``."""
    try:
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                break
            _exchange(process, job, answers)
    except (OSError, EOFError, ValueError):
        answers.put(Unavailable("worker-died"))
    except RempartError as error:
        answers.put(error)
    answers.put(None)


def _exchange(process: "subprocess.Popen[bytes]", job: ShardJob, answers: "queue.SimpleQueue[_Answer]") -> None:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(json.dumps(job.as_dict()).encode() + b"\n")
    process.stdin.flush()
    for _ in job.shards:
        answers.put(_read_answer(process.stdout))


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


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
