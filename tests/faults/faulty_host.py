# SPDX-License-Identifier: Apache-2.0
"""A host that is slow, breaks off, answers twice, or lies, around a directory host; the same faults again for the same seed.

Implements ports.host.Host. ``Patient`` asks again, as an adapter for a far host does underneath.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import Unavailable
from rempart.records.sealed import Sealed, SealedStream

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Shares of calls, 0 to 1: ``errors`` answer 500 before anything happened, ``lost`` after it did or half-way through a stream,
    ``twice`` deliver a put again. ``latency``: seconds at most. ``lag``: calls until a listing shows what changed.
    Lies: ``created`` answers True to every put; ``overwrites`` ignores the condition; ``forked``: a client lists its own puts alone."""

    seed: int = 1
    errors: float = 0.0
    lost: float = 0.0
    twice: float = 0.0
    latency: float = 0.0
    lag: int = 0
    created: bool = False
    overwrites: bool = False
    forked: bool = False


class FaultyHost:
    """One client's view of ``host``; give each client its own."""

    def __init__(self, host: DirectoryHost, faults: Faults) -> None:
        self._host, self._faults = host, faults
        self._random = random.Random(faults.seed)
        self._mine: set[str] = set()
        self._seen: list[list[tuple[str, int]]] = []
        self.label = host.label

    def put(self, name: str, sealed: Sealed) -> bool:
        """As the host, with this client's faults."""
        return self._call(lambda: self._stored(name, sealed))

    def get(self, name: str) -> Sealed:
        """As the host."""
        return self._call(lambda: self._host.get(name))

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """As the host."""
        return self._call(lambda: self._host.get_range(name, start, end))

    def open(self, name: str) -> SealedStream:
        """As the host; the stream may break off half-way."""
        stream = self._call(lambda: self._host.open(name))
        return SealedStream(
            stream.size, self._breaking(stream.chunks) if self._hit(self._faults.lost) else stream.chunks
        )

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """As the host; the upload may break off half-way."""
        if not isinstance(stream, SealedStream):
            raise TypeError("a host takes sealed bytes only")
        broken = self._hit(self._faults.lost)
        chunks = self._breaking(stream.chunks) if broken else stream.chunks
        answer = self._call(lambda: self._host.put_stream(name, SealedStream(stream.size, chunks)))
        self._mine.add(name)
        return answer or self._faults.created

    def names(self) -> Iterator[str]:
        """Names of the listing."""
        return (name for name, _ in self.listing())

    def listing(self) -> Iterator[tuple[str, int]]:
        """What was there ``lag`` calls ago, or this client's branch."""
        self._call(lambda: None)
        shown = self._seen[-1 - self._faults.lag] if len(self._seen) > self._faults.lag else []
        return iter([(name, size) for name, size in shown if name in self._mine or not self._faults.forked])

    def delete(self, name: str) -> None:
        """As the host."""
        self._call(lambda: self._host.delete(name))

    def _stored(self, name: str, sealed: Sealed) -> bool:
        if self._faults.overwrites:
            self._host.delete(name)
        answer = self._host.put(name, sealed)
        if self._hit(self._faults.twice):
            self._host.put(name, sealed)
        self._mine.add(name)
        return answer or self._faults.created

    def _call(self, act: Callable[[], _T]) -> _T:
        time.sleep(self._random.random() * self._faults.latency)
        if self._hit(self._faults.errors):
            raise Unavailable("host-unreachable", host=self.label)
        answer = act()
        self._seen.append(list(self._host.listing()))
        if self._hit(self._faults.lost):
            raise Unavailable("host-unreachable", host=self.label)
        return answer

    def _breaking(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk[: len(chunk) // 2]
            raise Unavailable("host-unreachable", host=self.label)

    def _hit(self, share: float) -> bool:
        return self._random.random() < share


class Patient:
    """Asks a host again, up to ``tries`` times, while it is unreachable; a stream must be asked for anew by its reader."""

    def __init__(self, host: FaultyHost, tries: int = 12) -> None:
        self._host, self._tries = host, tries
        self.label = host.label

    def put(self, name: str, sealed: Sealed) -> bool:
        """A put whose answer was lost is asked again; who finds its own bytes there has created them."""
        answers: list[bool] = []

        def once() -> bool:
            answers.append(False)
            return self._host.put(name, sealed) or (len(answers) > 1 and self._host.get(name) == sealed)

        return self._again(once)

    def get(self, name: str) -> Sealed:
        """As the host."""
        return self._again(lambda: self._host.get(name))

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """As the host."""
        return self._again(lambda: self._host.get_range(name, start, end))

    def open(self, name: str) -> SealedStream:
        """Chunks read whole here, so that a break can be mended."""

        def once() -> SealedStream:
            stream = self._host.open(name)
            chunks = list(stream.chunks)
            return SealedStream(stream.size, iter(chunks))

        return self._again(once)

    def put_stream(self, name: str, stream: SealedStream) -> bool:
        """Once: a stream can be read once."""
        return self._host.put_stream(name, stream)

    def names(self) -> Iterator[str]:
        """As the host."""
        return self._again(self._host.names)

    def listing(self) -> Iterator[tuple[str, int]]:
        """As the host."""
        return self._again(self._host.listing)

    def delete(self, name: str) -> None:
        """As the host."""
        self._again(lambda: self._host.delete(name))

    def _again(self, act: Callable[[], _T]) -> _T:
        for _ in range(self._tries - 1):
            try:
                return act()
            except Unavailable:
                continue
        return act()
