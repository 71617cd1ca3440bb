# SPDX-License-Identifier: Apache-2.0
"""Parts as files of a file system that the engine asks through Python: for systems without memory files. Slower, and as safe.

The engine's threads share one handle and call seek and read apart, so the position is kept by thread: with one for all, parallel
scans fail (tests/conformance/test_query_fallback.py).
"""

import datetime
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fsspec import AbstractFileSystem  # type: ignore[import-not-found, import-untyped, unused-ignore]

from rempart.errors import RempartError
from rempart.ports.query import Part, Within
from rempart.vault.footer import needed_ranges, read_footer


class PartFile:
    """One part, read only; every read opens the segments that cover it."""

    closed = False

    def __init__(self, part: Part, failed: Callable[[RempartError], None]) -> None:
        self._part, self.size, self._failed = part, part.length, failed
        self._place = threading.local()

    def tell(self) -> int:
        """This thread's position."""
        return getattr(self._place, "at", 0)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move this thread's position."""
        self._place.at = (0, self.tell(), self.size)[whence] + offset
        return self.tell()

    def read(self, count: int = -1) -> bytes:
        """Up to ``count`` bytes from this thread's position; raises as a part does."""
        start = min(self.tell(), self.size)
        end = self.size if count < 0 else min(start + count, self.size)
        try:
            data = self._part.read(start, end) if start < end else b""
        except RempartError as error:
            self._failed(error)
            raise
        self._place.at = start + len(data)
        return data

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do: the part is the session's."""


@dataclass(frozen=True, slots=True)
class PartPath:
    """Where the engine finds a part."""

    path: str


class PartFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """``sealed://<number>`` for each part added. A failure inside the engine is kept in ``failure``, since the engine hides its kind."""

    protocol = "sealed"
    cachable: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._parts: dict[str, Part] = {}
        self._added = 0
        self.failure: RempartError | None = None

    def hold(self, parts: Sequence[Part], *, columns: Collection[str] | None, within: Within) -> list[PartPath]:
        """A path for each part, never used for another one. Raises ValueError for a column that there is not, and as a part does."""
        for part in parts[:1]:
            needed_ranges(read_footer(part), length=part.length, columns=columns, within=within)
        return [self._add(part) for part in parts]

    def give_back(self, held: PartPath) -> None:
        """Forget the part."""
        self._parts.pop(held.path.removeprefix("sealed://"), None)

    def _add(self, part: Part) -> PartPath:
        self._added += 1
        self._parts[str(self._added)] = part
        return PartPath(f"sealed://{self._added}")

    def _fail(self, error: RempartError) -> None:
        self.failure = error

    def open(self, path: str, mode: str = "rb", **_: Any) -> PartFile:
        """A handle of its own."""
        if mode != "rb":
            raise PermissionError(path)
        return PartFile(self._part(path), self._fail)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size and kind."""
        return {"name": path, "size": self._part(path).length, "type": "file"}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The one file at ``path``."""
        return [self.info(path)] if detail else [path]

    def exists(self, path: str, **_: Any) -> bool:
        """Whether a part was added there."""
        return self._strip_protocol(path).strip("/") in self._parts

    def modified(self, path: str) -> datetime.datetime:
        """Never."""
        self._part(path)
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

    def _part(self, path: str) -> Part:
        try:
            return self._parts[self._strip_protocol(path).strip("/")]
        except KeyError as error:
            raise FileNotFoundError(path) from error
