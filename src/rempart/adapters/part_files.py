# SPDX-License-Identifier: Apache-2.0
"""Opens parts into memory files: only the ranges that a query needs, by several threads. Runs no query and keeps no key."""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from pyarrow import parquet

from rempart.adapters.memory_files import MemoryFile, MemoryFiles
from rempart.ports.query import Part, Within
from rempart.vault.footer import Range, merged, needed_ranges, read_footer

_TASK = 4 << 20


class PartFiles:
    """A pool of memory files with the parts that they hold, and the footers seen: both for one grant, then emptied."""

    def __init__(self, *, threads: int = 2) -> None:
        self.memory = MemoryFiles()
        self._footers: dict[str, parquet.FileMetaData] = {}
        self._threads = threads

    def hold(self, parts: Sequence[Part], *, columns: Collection[str] | None, within: Within) -> list[MemoryFile]:
        """A memory file for each part that may hold rows ``within``, at least one; to be given back. Raises as a part does."""
        with ExitStack() as undo, ThreadPoolExecutor(self._threads) as pool:  # the threads end before their files go
            needs = list(pool.map(lambda part: self._needed(part, columns, within), parts))
            kept = [(part, ranges) for part, ranges in zip(parts, needs, strict=True) if ranges is not None]
            if not kept:  # one file must say which columns there are
                kept = [(parts[0], self._needed(parts[0], columns, {}) or [])]
            files = [self.memory.take(name=part.name, size=part.length) for part, _ in kept]
            undo.callback(self._give_up, files)
            tasks = [
                task for (part, ranges), file in zip(kept, files, strict=True) for task in _tasks(part, ranges, file)
            ]
            for _ in pool.map(_fill, tasks):
                pass
            for (part, ranges), file in zip(kept, files, strict=True):
                file.holds(part.name, ranges)
            undo.pop_all()
        return files

    def give_back(self, file: MemoryFile) -> None:
        """Let it be written anew."""
        self.memory.give_back(file)

    def forget(self) -> None:
        """Keep the memory, but open every part anew."""
        self._footers.clear()
        self.memory.forget()

    def close(self) -> None:
        """Empty everything; it can be used again."""
        self._footers.clear()
        self.memory.close()

    def _needed(self, part: Part, columns: Collection[str] | None, within: Within) -> list[Range] | None:
        footer = self._footers.get(part.name)
        if footer is None:
            footer = read_footer(part)
            if part.name:
                self._footers[part.name] = footer
        ranges = needed_ranges(footer, length=part.length, columns=columns, within=within)
        return None if ranges is None else merged(part.covering(start, end) for start, end in ranges)

    def _give_up(self, files: Sequence[MemoryFile]) -> None:
        for file in files:
            file.void()
            self.memory.give_back(file)


def _tasks(part: Part, ranges: Sequence[Range], file: MemoryFile) -> Iterator[tuple[Part, Range, MemoryFile]]:
    """Pieces of about a request each, cut where a segment ends."""
    for start, end in file.begin(part.name, part.length, ranges):
        while start < end:
            stop = min(end, part.covering(start, min(start + _TASK, end))[1])
            yield part, (start, stop), file
            start = stop


def _fill(task: tuple[Part, Range, MemoryFile]) -> None:
    part, (start, end), file = task
    with file.view as view:
        part.read_into(start, end, view)
