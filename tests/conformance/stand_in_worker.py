# SPDX-License-Identifier: Apache-2.0
"""A worker that opens nothing: it speaks the worker's protocol and does what ``plan.json`` in its folder says of each shard.

"refused" | "not trusted" | "missing" | "bad input" | "unavailable"    an error of that family
"die" "kill" "memory"    end without an answer: a crash, SIGKILL, the exit code of a worker that took too much
"die-once"               crash at the first attempt
"wait"                   write ``pid-<shard>``, then compute for ever
"wait-once"              the same at the first attempt
"""

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from rempart.adapters.memory_watch import OUT_OF_MEMORY, watch

MODULE = "tests.conformance.stand_in_worker"
FACTS = {"what": "facts arrive", "number": 7}


def evidence(run: str, shard: int) -> bytes:
    """What a shard answers: bytes of every value, of a length of its own."""
    return hashlib.sha256(f"{run}/{shard}".encode()).digest() * (1 + 40 * shard)


def main() -> int:
    """Serve jobs until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--memory", type=int, default=0)
    parser.add_argument("--agent")
    parser.add_argument("--made-by")
    given = parser.parse_args()
    watch(1 << 40)
    for line in sys.stdin.buffer:
        job = json.loads(line)
        plan = json.loads((given.dir / "plan.json").read_text(encoding="utf-8"))
        for shard in job["shards"]:
            if not answer(job["run"], shard, plan.get(str(shard), ""), given.dir):
                return 10
    return 0


def answer(run: str, shard: int, what: str, folder: Path) -> bool:
    """One shard's answer; False when it was an error, with which a worker ends."""
    first = _first(folder / f"seen-{shard}") if what.endswith("-once") else True
    if what.startswith("wait") and first:
        (folder / f"pid-{shard}").write_text(str(os.getpid()), encoding="ascii")
        time.sleep(600)
    elif what in {"die", "die-once"} and first:
        os._exit(70)
    elif what == "memory":
        os._exit(OUT_OF_MEMORY)
    elif what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what and first:
        _write(json.dumps({"family": what, "code": "as-told", "facts": FACTS}).encode() + b"\n")
        return False
    data = evidence(run, shard)
    _write(json.dumps({"shard": shard, "length": len(data)}).encode() + b"\n" + data)
    return True


def _first(mark: Path) -> bool:
    if mark.exists():
        return False
    mark.touch()
    return True


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
