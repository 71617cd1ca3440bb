# SPDX-License-Identifier: Apache-2.0
"""One worker process inside a cluster task: jobs in, sealed evidence out. It holds the plaintext; the task's own process never does.

It is kept from task to task, and ends when the process that started it is gone.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import rempart
from rempart.adapters.machine import megabytes
from rempart.adapters.memory_watch import OUT_OF_MEMORY
from rempart.errors import Unavailable

_KEPT = ("LANG", "TZ", "HOME", "PATH", "PYTHONPATH", "REMPART_UNENCRYPTED_SWAP")


class WorkerChild:
    """``python -m MODULE ARGUMENTS``, which speaks the worker's protocol."""

    def __init__(self, module: str, arguments: Sequence[str], *, memory: int) -> None:
        self._memory = memory
        source = str(Path(rempart.__file__).resolve().parent.parent)
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        known = [source, *environment.get("PYTHONPATH", "").split(os.pathsep)]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments, "--memory", str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # an executor's log is no place for what a worker says
            env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, known))},
        )

    @property
    def lives(self) -> bool:
        """Whether it can take another job."""
        return self._process.poll() is None

    def ask(self, job: Mapping[str, Any]) -> Iterator[tuple[int, bytes] | dict[str, Any]]:
        """(shard, sealed evidence) for each of the job's shards, or at last an error as the worker told it.

        Raises Unavailable ``worker-died``, ``worker-killed``, ``shard-memory`` (shard) when it ends without an answer.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Unavailable("worker-died", shard=job["shards"][0])
        for shard in job["shards"]:
            try:
                if shard == job["shards"][0]:
                    stdin.write(json.dumps(job).encode() + b"\n")
                    stdin.flush()
                head = json.loads(stdout.readline())
                if "code" in head:
                    self.end()
                    yield head
                    return
                data = stdout.read(head["length"])
                if len(data) != head["length"]:
                    raise EOFError
            except (OSError, EOFError, ValueError) as error:
                raise self._death(shard) from error
            yield int(head["shard"]), data

    def end(self) -> None:
        """At once; what it was at is not wanted."""
        self._process.kill()
        self._process.wait()

    def _death(self, shard: int) -> Unavailable:
        code, limit = self._process.wait(), megabytes(self._memory)
        if code == OUT_OF_MEMORY:
            return Unavailable("shard-memory", shard=shard, limit=limit)
        if code == -signal.SIGKILL:
            return Unavailable("worker-killed", shard=shard, limit=limit)
        return Unavailable("worker-died", shard=shard)
