# SPDX-License-Identifier: Apache-2.0
"""The mover's threads: each takes an object, brings it over, proves it, tries again after a fault; and what is told meanwhile.

Decides nothing about objects: that is ``migration``'s. Memory is bounded by threads times a few chunks.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from rempart.errors import NotTrusted, RempartError, Unavailable
from rempart.migration.inventory import Entry
from rempart.migration.pace import time_left

Say = Callable[[dict[str, Any]], None]
Work = Callable[[Entry, Callable[[int], None]], str]

_Done = tuple[str, str | RempartError]

TRIES = 5
_AHEAD = 4  # objects named to the pool for each thread
_FIRST_WAIT, _TELL_EVERY = 0.2, 0.2


@dataclass(slots=True)
class Tally:
    """What happened: how many objects by how, and which failed."""

    how: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, RempartError]] = field(default_factory=list)

    def add(self, done: Iterable[Future[_Done]]) -> None:
        """Count finished objects; what was no RempartError is raised again."""
        for name, how in (future.result() for future in done):
            if isinstance(how, RempartError):
                self.failed.append((name, how))
            else:
                self.how[how] += 1


class Teller:
    """Counts bytes and objects and says so, some times a second at most. Half of an object's bytes go by on each host."""

    def __init__(self, step: str, *, objects: int, size: int, passes: int, say: Say) -> None:
        self._step, self._objects, self._size, self._passes, self._say = step, objects, size, passes, say
        self._done_objects, self._done_bytes, self._flowing = 0, 0, 0
        self._begun = time.monotonic()
        self._told, self._guard = 0.0, threading.Lock()

    def flow(self, count: int) -> None:
        """So many bytes of an unfinished object went by; negative to take back."""
        with self._guard:
            self._flowing += count
            self._tell(force=False)

    def done(self, size: int, *, flowed: int) -> None:
        """An object is finished."""
        with self._guard:
            self._done_objects += 1
            self._done_bytes += size
            self._flowing -= flowed
            self._tell(force=self._done_objects == self._objects)

    def _tell(self, *, force: bool) -> None:
        now = time.monotonic()
        if not force and now - self._told < _TELL_EVERY:
            return
        self._told = now
        spent = max(now - self._begun, 1e-3)
        gone = min(self._size, self._done_bytes + self._flowing // self._passes)
        self._say(
            {
                "event": "progress",
                "step": self._step,
                "bytes": gone,
                "of_bytes": self._size,
                "objects": self._done_objects,
                "of_objects": self._objects,
                "speed": round(gone / spent),
                "left": time_left(done=gone, of=self._size, seconds=spent),
            }
        )


def through(entries: Iterable[Entry], work: Work, *, threads: int, teller: Teller) -> Tally:
    """Do ``work`` on every entry with so many threads; a failed object never stops the others."""
    tally, waiting = Tally(), set[Future[_Done]]()
    with ThreadPoolExecutor(threads) as pool:
        for entry in entries:
            if len(waiting) >= _AHEAD * threads:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                tally.add(done)
            waiting.add(pool.submit(_one, entry, work, teller))
        tally.add(wait(waiting).done)
    return tally


def _one(entry: Entry, work: Work, teller: Teller) -> _Done:
    flowed = [0]
    try:
        how: str | RempartError = _tried(entry, work, teller, flowed)
    except RempartError as error:
        how = error
    teller.done(entry.size, flowed=flowed[0])
    return entry.name, how


def _tried(entry: Entry, work: Work, teller: Teller, flowed: list[int]) -> str:
    """The work, again with back-off while a host is away or gave wrong bytes: the last error is the one that is told."""

    def told(count: int) -> None:
        flowed[0] += count
        teller.flow(count)

    for attempt in range(TRIES - 1):
        try:
            return work(entry, told)
        except (Unavailable, NotTrusted) as error:
            if isinstance(error, NotTrusted) and attempt:
                raise  # wrong twice is wrong
        time.sleep(_FIRST_WAIT * 2**attempt)
        teller.flow(-flowed[0])
        flowed[0] = 0
    return work(entry, told)
