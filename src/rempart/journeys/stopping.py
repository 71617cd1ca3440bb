# SPDX-License-Identifier: Apache-2.0
"""A study that can be stopped from another terminal: a piece in its scratch says so, and the run looks for it. Stops nothing itself.

What was kept stays: the same study on the same snapshot takes up at the next shard.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rempart.errors import Cancelled, Missing
from rempart.journeys.living import JOB, STUDY
from rempart.ports.scratch import Scratch

CANCEL = "cancel"
"""The piece that says so."""


@contextmanager
def stoppable(scratch: Scratch, run: str) -> Iterator[Callable[[], bool]]:
    """Whether somebody asked ``run`` to stop since the block began; an interrupt of the process itself is told alike.

    The caller owns the run. Raises Cancelled ``run-cancelled``.
    """
    scratch.drop(run, CANCEL)  # asked of an earlier try
    try:
        yield lambda: scratch.get(run, CANCEL) is not None
    except KeyboardInterrupt:
        raise Cancelled("run-cancelled", run=run) from None
    finally:
        scratch.drop(run, CANCEL)


def ask_to_stop(scratch: Scratch, run: str) -> None:
    """Say that ``run`` shall stop; raises Missing ``run-not-live`` when no process works on a study of that id."""
    if not run.startswith((STUDY, JOB)) or not scratch.held(run):
        raise Missing("run-not-live", run=run)
    scratch.put(run, CANCEL, b"")


def forget_asking(scratch: Scratch, run: str) -> None:
    """Take the word back where the run ended of itself meanwhile, so that it leaves nothing behind."""
    with scratch.hold(run):
        scratch.drop(run, CANCEL)
