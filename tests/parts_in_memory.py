# SPDX-License-Identifier: Apache-2.0
"""Clear bytes as a part, for tests of the query port that need no vault."""


class ClearPart:
    """Implements ports.query.Part over bytes. ``name``: '' for "not known to be the same as any other"."""

    def __init__(self, data: bytes, name: str = "") -> None:
        self._data, self.name, self.length = data, name, len(data)

    def covering(self, start: int, end: int) -> tuple[int, int]:
        """Exactly what is asked."""
        return start, end

    def read_into(self, start: int, end: int, out: memoryview) -> None:
        """A copy."""
        out[start:end] = self._data[start:end]

    def read(self, start: int, end: int) -> bytes:
        """A slice."""
        return self._data[start:end]
