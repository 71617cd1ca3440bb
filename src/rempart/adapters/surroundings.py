# SPDX-License-Identifier: Apache-2.0
"""The machine's clock and random source, as the ports want them."""

import datetime
import os


class SystemClock:
    """Implements ports.surroundings.Clock."""

    def now(self) -> datetime.datetime:
        """The current instant in UTC."""
        return datetime.datetime.now(datetime.UTC)


class SystemRandomness:
    """Implements ports.surroundings.Randomness."""

    def bytes(self, count: int) -> bytes:
        """``count`` bytes from the operating system."""
        return os.urandom(count)
