# SPDX-License-Identifier: Apache-2.0
"""A query engine: rooms write SQL text, this port runs it; nothing spills to disk."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

Bound = int | str | datetime.date
Within = Mapping[str, tuple[Bound | None, Bound | None]]


class Part(Protocol):
    """A Parquet file that opens in ranges: plaintext, given out only once it proved itself. For several threads."""

    @property
    def name(self) -> str:
        """Equal names mean equal bytes, for ever; '' where that is not known."""

    @property
    def length(self) -> int:
        """Bytes of the file."""

    def covering(self, start: int, end: int) -> tuple[int, int]:
        """The range, at least [start, end), that ``read_into`` would fill."""

    def read_into(self, start: int, end: int, out: memoryview) -> None:
        """Fill ``covering(start, end)`` of ``out``, a view of the whole file. Raises NotTrusted, Unavailable: ``out`` is then void."""

    def read(self, start: int, end: int) -> bytes:
        """The bytes [start, end), cut at the file's end; raises as ``read_into``."""


class Query(Protocol):
    """One in-memory session, used by one thread at a time."""

    def table(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> pa.Table:
        """The result of a SELECT as an Arrow table."""

    def execute(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> None:
        """A statement without result (CREATE TABLE, CREATE VIEW, DROP)."""

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable as ``name``."""

    def unregister(self, name: str) -> None:
        """Forget ``name``, registered or attached."""

    def attach(
        self, name: str, parts: Sequence[Part], *, columns: Collection[str] | None = None, within: Within | None = None
    ) -> None:
        """Make the rows of ``parts`` (equal columns) readable as the view ``name``: ``columns`` (all when None) of the rows whose
        values lie ``within`` the closed bounds. What the view does not show is not opened. Memory files, never disk.

        Does not wait: the parts are opened in the background, and the next call that needs them raises what a part raised (NotTrusted,
        Unavailable) or ValueError for a column that there is not. Raises ValueError at once for no parts or no column.
        """

    def close(self) -> None:
        """End the session; the parts' bytes are given up."""
