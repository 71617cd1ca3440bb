# SPDX-License-Identifier: Apache-2.0
"""An operator's own thresholds, before they are used: each names a kind, a table and a column that there are. Reads no file."""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.errors import BadInput
from rempart.records.omop import TableLayout

_KEYS = ("kind", "table", "field", "percent", "source", "date")
DELIVERED = ("claims", "stay", "death")
"""What checks of the delivery name instead of a research table."""


def own_thresholds(
    file: str, written: Mapping[str, Any], shipped: Mapping[str, Any], layouts: Mapping[str, TableLayout]
) -> Sequence[Mapping[str, Any]]:
    """The rows of a thresholds file; ``shipped``: parsed ``quality.toml``. Raises BadInput ``unknown-key`` at what would have no effect."""
    for key in written:
        _known(file, "", key, ["thresholds", "source", "date"])
    rows = written.get("thresholds", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput("unknown-key", file=file, key="thresholds", expected="[[thresholds]]")
    for row in rows:
        _row(file, row, shipped, layouts)
    return rows


def _row(file: str, row: Mapping[str, Any], shipped: Mapping[str, Any], layouts: Mapping[str, TableLayout]) -> None:
    for key in row:
        _known(file, "", key, _KEYS)
    _known(file, "kind = ", row.get("kind", ""), sorted(shipped["kinds"]))
    table, field = row.get("table", ""), row.get("field", "")
    if table:
        _known(file, "table = ", table, sorted({*layouts, *DELIVERED}))
    if field:
        systems = list(shipped["systems"])
        chapter = row["kind"] == "year-break" and str(field).partition(" ")[0] in systems
        tables = [layouts[table]] if table in layouts else list(layouts.values())
        columns = sorted({column for layout in tables for held in layout.siblings.values() for column in held})
        _known(file, "field = ", field, [field] if chapter else [*columns, "pseudonym", "code", *systems])
    percent = row.get("percent")
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise BadInput("unknown-key", file=file, key=f"percent = {percent}", expected="0…100")


def _known(file: str, what: str, given: object, expected: Sequence[str]) -> None:
    if given not in expected:
        raise BadInput("unknown-key", file=file, key=f"{what}{given}", expected=", ".join(expected))
