# SPDX-License-Identifier: Apache-2.0
"""How long a move takes: rates measured on probe objects, and the arithmetic of a copy that is read again. Measures nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

PROBE_BYTES = 4 << 20
PROBE_OBJECTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Bytes a second that one host took in and gave out, and seconds that one tiny object took."""

    write: float
    read: float
    latency: float

    def as_dict(self) -> Mapping[str, int]:
        """Whole bytes a second and microseconds: what JSON and people can hold."""
        return {"write": round(self.write), "read": round(self.read), "latency_us": round(self.latency * 1e6)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds, from objects and bytes at measured rates."""

    objects: int
    bytes: int
    seconds: int


def estimate(*, objects: int, size: int, source: Rates, target: Rates, threads: int) -> Estimate:
    """Reading the source and writing the target overlap, so the slower counts; then everything is read again from the target."""
    through = size / min(source.read, target.write) + size / target.read
    waiting = objects * (source.latency + 2 * target.latency) / max(1, threads)
    return Estimate(objects=objects, bytes=size, seconds=round(max(through, waiting) + 0.5))


def time_left(*, done: int, of: int, seconds: float) -> int:
    """Seconds still to go at the speed so far; 0 before anything is known."""
    return round((of - done) * seconds / done) if done > 0 else 0
