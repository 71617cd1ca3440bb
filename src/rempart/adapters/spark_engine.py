# SPDX-License-Identifier: Apache-2.0
"""The Spark engine: ShardJobs to a driver process of its own, sealed evidence back. pyspark and its JVM never share a process with a key.

Jobs carry no reference: each task's worker asks its own node's key agent (``adapters.agent_client``).
"""

import itertools
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
from typing import IO, Any

import rempart
from rempart.adapters.spark_master import is_here
from rempart.errors import BadInput, Cancelled, Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.records.shard_job import ShardJob

_FAMILIES = {family.family: family for family in (Refused, NotTrusted, Missing, BadInput, Unavailable)}
_KEPT = (
    *("LANG", "LC_ALL", "TZ", "HOME", "USER", "PATH", "PYTHONPATH", "TMPDIR", "REMPART_UNENCRYPTED_SWAP"),
    *(
        "JAVA_HOME",
        "PYSPARK_PYTHON",
        "SPARK_HOME",
        "SPARK_CONF_DIR",
        "SPARK_LOCAL_DIRS",
        "HADOOP_CONF_DIR",
        "YARN_CONF_DIR",
        "KRB5CCNAME",
    ),
)
"""What the driver needs of the environment; nothing else of it goes to Spark, which shows it."""
_LOOK = 0.2
_END_SECONDS = 20.0
_Answer = tuple[int, bytes] | RempartError | None


class SparkEngine:
    """Implements ports.engine.Engine on the cluster ``master``. The session stays up from run to run until ``close``."""

    name = "spark"
    own_grants = True

    def __init__(
        self,
        directory: Path,
        *,
        master: str,
        memory: int,
        log: Path,
        agent: Path | None = None,
        module: str = "rempart.worker",
        made_by: str = "",
    ) -> None:
        """``memory``: bytes of each worker; ``log``: what Spark says goes there, mode 0600; ``agent``: folder of the key agent's
        socket, else what the cluster's settings say; ``made_by``: what every worker must be of (``engine_version``), '' = not asked."""
        self._directory, self._master, self._log = directory.resolve(), master, log
        self._told = {"dir": str(self._directory), "agent": str(agent or ""), "memory": memory, "module": module}
        self._told |= {"made_by": made_by}
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._cores, self._calls = 1, itertools.count()

    @property
    def workers(self) -> int:
        """How many shards are computed at once; starts the session."""
        self.start()
        return self._cores

    def start(self) -> None:
        """Start the driver and its session, once; raises Unavailable ``spark-start``, ``spark-library``, Refused ``spark-open``."""
        if self._process is not None:
            return
        process = self._process = _start(self._master, self._log)
        told = json.loads(_stream(process.stdout).readline() or b"{}")
        if "ready" not in told:
            self.close()
            raise _error(told) if "code" in told else Unavailable("spark-start")
        self._cores, self._answers = int(told["ready"]), queue.SimpleQueue()  # nothing of a driver that was here before
        threading.Thread(target=_read, args=(_stream(process.stdout), self._answers), daemon=True).start()

    def run(
        self, jobs: Sequence[ShardJob], *, stop: Callable[[], bool] = lambda: False
    ) -> Generator[tuple[int, bytes]]:
        """See the port. What is cancelled stops the Spark jobs of the run."""
        if not jobs:
            return
        self.start()
        run, group = jobs[0].run, f"{jobs[0].run}/{next(self._calls)}"  # what was cancelled may be asked for again
        self._send({**self._told, "group": group, "jobs": [job.as_dict() for job in jobs]})
        going = True
        try:
            while (answer := self._next(stop, run)) is not None:
                yield answer
            going = False
        except (RempartError, GeneratorExit):
            self._leave(group)
            going = False
            raise
        finally:
            if going:
                self._leave(group)

    def close(self) -> None:
        """End the driver and its session."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            _stream(process.stdin).close()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def __enter__(self) -> "SparkEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self, stop: Callable[[], bool], run: str) -> tuple[int, bytes] | None:
        """The next answer, None when the run is done; raises what a worker raised, and Cancelled."""
        while True:
            if stop():
                raise Cancelled("run-cancelled", run=run)
            try:
                answer = self._answers.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if isinstance(answer, RempartError):
                raise answer
            return answer

    def _leave(self, group: str) -> None:
        """Have the run's Spark jobs cancelled and wait until nothing of it goes on; a driver that does not answer is ended."""
        try:
            self._send({"cancel": group})
            while True:
                answer = self._answers.get(timeout=_END_SECONDS)
                if answer is None or (isinstance(answer, Unavailable) and answer.code == "spark-ended"):
                    return
        except (queue.Empty, Unavailable):
            self.close()

    def _send(self, told: dict[str, Any]) -> None:
        if self._process is None:
            raise Unavailable("spark-ended")
        try:
            stream = _stream(self._process.stdin)
            stream.write(json.dumps(told).encode() + b"\n")
            stream.flush()
        except OSError as error:
            raise Unavailable("spark-ended") from error


def _start(master: str, log: Path) -> "subprocess.Popen[bytes]":
    """The driver in a session of its own: a key pressed at the terminal does not end it before its jobs."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    source = str(Path(rempart.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [source, kept.get("PYTHONPATH", "")]))
    loopback = {"SPARK_LOCAL_IP": "127.0.0.1"} if is_here(master) else {}
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "rempart.spark_driver", "--master", master],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=descriptor,
            start_new_session=True,
            cwd="/",
            env={"PYSPARK_PYTHON": sys.executable, **kept, "PYTHONPATH": path, **loopback},
        )
    finally:
        os.close(descriptor)


def _read(stream: IO[bytes], answers: "queue.SimpleQueue[_Answer]") -> None:
    """Pass on what the driver says; its end is ``spark-ended``."""
    with suppress(OSError, ValueError):
        while line := stream.readline():
            told = json.loads(line)
            if "done" in told:
                answers.put(None)
            elif "code" in told:
                answers.put(_error(told))
            elif len(data := stream.read(told["length"])) == told["length"]:
                answers.put((int(told["shard"]), data))
    answers.put(Unavailable("spark-ended"))


def _error(told: dict[str, Any]) -> RempartError:
    return _FAMILIES.get(told["family"], Unavailable)(told["code"], **told["facts"])


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise Unavailable("spark-ended")
    return stream
