# SPDX-License-Identifier: Apache-2.0
"""A worker that crashes once in a warehouse, after it was given its keys and before it answers. It is the real one otherwise."""

import os
import sys
from collections.abc import Iterator

from rempart import worker
from rempart.journeys.shard_evidence import shard_evidence
from rempart.wiring import worker as wiring

MODULE = "tests.faults.once_dying_worker"
MARK = "died-once"


def once(*given: object, **named: object) -> Iterator[tuple[int, bytes]]:
    """The evidence; it is computed, so the keys were used, when the process ends for the first time."""
    for answer in shard_evidence(*given, **named):  # type: ignore[arg-type]
        mark = named["scratch"]._root.parent / MARK  # type: ignore[attr-defined]
        if not mark.exists():
            mark.touch()
            os._exit(70)
        yield answer


if __name__ == "__main__":
    wiring.shard_evidence = once  # type: ignore[assignment]
    sys.exit(worker.main())
