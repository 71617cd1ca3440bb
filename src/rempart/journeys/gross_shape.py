# SPDX-License-Identifier: Apache-2.0
"""The shape of a gross table (``ingest/gross.toml``) and the SQL that follows from it alone. Reads nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

UNIT_COLUMNS: Mapping[str, str] = {"unit": "INTEGER", "flow": "INTEGER", "hits": "BIGINT"}


class GrossShape(Protocol):
    """What is needed to know of a gross table: see ``ingest/gross.toml``."""

    @property
    def place(self) -> str:
        """The column that places a row; '' for a table in shard 0."""

    @property
    def names(self) -> Mapping[str, str]:
        """Name column → kind of name."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Other columns → SQL type."""


def sealed_columns(shape: GrossShape) -> dict[str, str]:
    """Column → SQL type of a sealed gross part, in order: names as numbers, then the others, then the unit's."""
    return {**dict.fromkeys(shape.names, "INTEGER"), **shape.columns, **UNIT_COLUMNS}


def placing(shape: GrossShape, column: Callable[[str], str]) -> str:
    """SQL of what places a row: the placing column, where it is empty the first name that is not; NULL for shard 0."""
    ordered = [*([shape.place] if shape.place else []), *(name for name in shape.names if name != shape.place)]
    return (
        f"coalesce({', '.join(map(column, ordered))})" if shape.place and len(ordered) > 1 else _single(ordered, column)
    )


def _single(ordered: Sequence[str], column: Callable[[str], str]) -> str:
    return column(ordered[0]) if ordered else "NULL"


def no_rows(shape: GrossShape) -> str:
    """SQL of a gross table without rows, in its types."""
    empty = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in sealed_columns(shape).items())
    return f"SELECT {empty} WHERE false"
