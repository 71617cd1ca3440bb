# SPDX-License-Identifier: Apache-2.0
"""Implements ports.background.Background on a few threads of this process; keeps no answer that nobody asked for."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Answer = TypeVar("Answer")


class BackgroundThreads:
    """``threads`` at work; ``start`` waits while twice as many pieces are begun and not done."""

    def __init__(self, threads: int = 2) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self._room = threading.BoundedSemaphore(2 * threads)

    def start(self, work: Callable[[], Answer]) -> Callable[[], Answer]:
        """See the port."""
        self._room.acquire()
        begun: Future[Answer] = self._pool.submit(work)
        begun.add_done_callback(lambda _: self._room.release())
        return begun.result

    def close(self) -> None:
        """Wait for what is under way and begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def background(threads: int = 2) -> Iterator[BackgroundThreads]:
    """Threads for a block."""
    pool = BackgroundThreads(threads)
    try:
        yield pool
    finally:
        pool.close()
