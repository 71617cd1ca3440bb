# SPDX-License-Identifier: Apache-2.0
"""The worker process: ShardJobs as JSON lines in, sealed evidence out. It holds plaintext in memory only, and says nothing else.

Protocol, per job: for each shard a line ``{"shard", "length"}`` and that many bytes; or one line ``{"family", "code", "facts"}``, with
which the worker ends. One that cannot load what it computes with, or is of another version than it was told, answers its first job so.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from rempart.adapters import without_pandas
from rempart.adapters.crash_file import write_crash
from rempart.adapters.memory_watch import go_first, watch
from rempart.errors import RempartError, Unavailable

_DEFECT = 70
_MEMORY = 4 * 10**9  # bytes, where nobody says


def main() -> int:
    """Serve jobs until standard input ends."""
    parser = argparse.ArgumentParser(prog="rempart.worker")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--memory", type=int, default=_MEMORY)
    parser.add_argument("--agent", type=Path, default=None)
    parser.add_argument("--made-by", default="")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    go_first()
    without_pandas.leave_out()
    watch(given.memory)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print cannot break the protocol
    try:
        from rempart.wiring.worker import Worker, check_version
    except Exception as error:  # noqa: BLE001  an installation that lacks something, or is of two versions; no data was opened
        write_crash(error)
        sys.stdin.buffer.readline()  # who asks is heard first
        what = getattr(error, "name", None) or "-"
        return _told(answers, Unavailable("worker-start", kind=type(error).__name__, what=what))
    try:
        worker = Worker(given.dir, memory=given.memory, agent=given.agent)
        for line in sys.stdin.buffer:
            check_version(given.made_by)
            for shard, sealed in worker.serve(line):
                answers.write(json.dumps({"shard": shard, "length": len(sealed)}).encode() + b"\n" + sealed)
                answers.flush()
    except RempartError as error:
        return _told(answers, error)
    except Exception as error:  # noqa: BLE001  a defect: its message could hold a patient's data, so only kind and places are kept
        write_crash(error)
        return _DEFECT
    return 0


def _told(answers: BinaryIO, error: RempartError) -> int:
    """Answer with an error; the worker's exit code."""
    told = {"family": error.family, "code": error.code, "facts": error.facts}
    answers.write(json.dumps(told).encode() + b"\n")
    answers.flush()
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
