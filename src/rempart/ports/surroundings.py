# SPDX-License-Identifier: Apache-2.0
"""What a journey needs from around it, as arguments: the clock, randomness, and someone to tell of progress."""

import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, always UTC."""

    def now(self) -> datetime.datetime:
        """The current instant, with tzinfo UTC."""


class Randomness(Protocol):
    """Unpredictable bytes."""

    def bytes(self, count: int) -> bytes:
        """``count`` bytes from a cryptographic source."""


class Progress(Protocol):
    """Told how far a long step has come; shows it or not."""

    def step(self, name: str, done: int, total: int) -> None:
        """Step ``name`` (a word key of the locale files) has done ``done`` of ``total`` units."""
