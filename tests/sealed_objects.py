# SPDX-License-Identifier: Apache-2.0
"""A host in memory that writes down what was asked of it, for tests of who reads how much."""

from rempart.errors import Missing
from rempart.records.sealed import Sealed


class MemoryHost:
    """The part of ports.host.Host that readers use. ``asked``: (name, start, end) of each range."""

    label = "memory"

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.asked: list[tuple[str, int, int]] = []

    def get_range(self, name: str, start: int, end: int) -> Sealed:
        """The bytes, cut where the object ends."""
        self.asked.append((name, start, end))
        if name not in self.objects:
            raise Missing("object-missing", object=name)
        return Sealed(self.objects[name][start:end])

    @property
    def bytes_asked(self) -> int:
        """How many bytes were asked for."""
        return sum(end - start for _, start, end in self.asked)
