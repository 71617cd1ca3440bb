# SPDX-License-Identifier: Apache-2.0
"""A query engine: rooms write SQL text, this port runs it; nothing spills to disk."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa


class Query(Protocol):
    """One in-memory session."""

    def table(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> pa.Table:
        """The result of a SELECT as an Arrow table."""

    def execute(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> None:
        """A statement without result (CREATE TABLE, CREATE VIEW, DROP)."""

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable as ``name``."""

    def unregister(self, name: str) -> None:
        """Forget ``name``."""

    def attach_parquet(self, name: str, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        """Make the rows of several in-memory Parquet files readable as one view ``name`` (memory files, never disk)."""

    def close(self) -> None:
        """End the session, empty its memory files."""
