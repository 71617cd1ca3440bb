# SPDX-License-Identifier: Apache-2.0
"""Asking a key store again when it did not answer: a bounded number of times, waiting longer each time. Never after a refusal:
a wrong PIN asked twice brings a token nearer to locking itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rempart.errors import Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """``tries`` in all; the first wait in seconds, doubled each time up to ``longest``; ``sleep`` waits (a test's own does not)."""

    tries: int = 6
    first: float = 0.2
    longest: float = 5.0
    sleep: Callable[[float], None] = time.sleep

    def ask(self, act: Callable[[], T]) -> T:
        """What ``act`` returns; Unavailable is tried again and the last one raised, any other error is raised at once."""
        for turn in range(self.tries - 1):
            try:
                return act()
            except Unavailable:
                self.sleep(min(self.longest, self.first * 2**turn))
        return act()
