# SPDX-License-Identifier: Apache-2.0
"""The door of the Spark driver's process: jobs as JSON lines in, sealed evidence out. It holds no key: none is ever sent to it.

    in   {"jobs": [ShardJob…], "group", "module", "dir", "agent", "memory", "made_by"}   {"cancel": group}
    out  {"ready": cores}   {"shard", "length"} + bytes   {"family", "code", "facts"}   {"done": true}

It ends with its input. What Spark logs goes to standard error.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from rempart.adapters.spark_master import ATTEMPTS
from rempart.errors import RempartError, Unavailable

if TYPE_CHECKING:
    from rempart.adapters.spark_session import Session

_AGENT = "/run/rempart"


class _Asked:
    """What comes in, read by a thread: runs wait in turn, a cancellation and the end are heard at once."""

    def __init__(self) -> None:
        self.runs: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._ended = threading.Event()

    def read(self) -> None:
        """Until the input ends."""
        for line in iter(sys.stdin.readline, ""):
            told = json.loads(line)
            if "cancel" in told:
                self._cancelled.add(told["cancel"])
            else:
                self.runs.put(told)
        self._ended.set()
        self.runs.put(None)

    def stopped(self, group: str) -> bool:
        """Whether the run is not wanted any more."""
        return self._ended.is_set() or group in self._cancelled


def main() -> int:
    """Serve runs until standard input ends; the exit code of the contract."""
    parser = argparse.ArgumentParser(prog="rempart.spark_driver", allow_abbrev=False)
    parser.add_argument("--master", required=True)
    master = parser.parse_args().master
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what Spark prints cannot break the protocol
    try:
        session = _session(master)
    except RempartError as error:
        _tell(answers, _failure(error))
        return error.exit_code
    asked = _Asked()
    threading.Thread(target=asked.read, daemon=True).start()
    _tell(answers, {"ready": session.cores})
    try:
        while (run := asked.runs.get()) is not None:
            _serve(session, run, asked, answers)
    finally:
        session.stop()
    return 0


def _session(master: str) -> "Session":
    try:
        from rempart.adapters.spark_session import Session
    except ImportError as error:
        raise Unavailable("spark-library") from error
    return Session(master)


def _serve(session: "Session", run: Mapping[str, Any], asked: _Asked, answers: IO[bytes]) -> None:
    """One run: its answers, an error where there is one, and at last that it is done."""
    try:
        for table in session.run(_tasks(session, run), group=run["group"], stop=lambda: asked.stopped(run["group"])):
            for row in table.to_pylist():
                if row["error"] is not None:
                    _tell(answers, json.loads(row["error"]))
                    return
                _tell(answers, {"shard": row["shard"], "length": len(row["sealed"])}, row["sealed"])
    except RempartError as error:
        _tell(answers, _failure(error))
    finally:
        _tell(answers, {"done": True})


def _tasks(session: "Session", run: Mapping[str, Any]) -> list[str]:
    """Each job as the text of a task. Folders are named as the nodes see them."""
    from rempart.adapters.spark_session import AGENT, DIRECTORY

    directory = session.told(DIRECTORY, run["dir"])
    agent = run["agent"] or session.told(AGENT, _AGENT)
    common = {"module": run["module"], "memory": run["memory"], "attempts": ATTEMPTS}
    common["arguments"] = ["--dir", directory, "--agent", agent, "--made-by", run["made_by"]]
    return [json.dumps({**common, "job": job}) for job in run["jobs"]]


def _tell(answers: IO[bytes], told: Mapping[str, object], data: bytes = b"") -> None:
    answers.write(json.dumps(told).encode() + b"\n" + data)
    answers.flush()


def _failure(error: RempartError) -> dict[str, object]:
    return {"family": error.family, "code": error.code, "facts": error.facts}


if __name__ == "__main__":
    sys.exit(main())
