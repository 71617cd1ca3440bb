# SPDX-License-Identifier: Apache-2.0
"""Work beside the caller's own thread: sealing and storing overlap with the query engine. Order is the caller's."""

from collections.abc import Callable
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")


class Background(Protocol):
    """A few threads. What they hold is bounded: ``start`` waits while too much is under way."""

    def start(self, work: Callable[[], Answer]) -> Callable[[], Answer]:
        """Begin ``work``; the function given back waits for its answer, or raises what it raised."""
