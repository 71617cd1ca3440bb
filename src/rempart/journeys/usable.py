# SPDX-License-Identifier: Apache-2.0
"""Until when each delivered source can be used, on its way from the warehouse to a project's workers: as a fact of the sealed manifest.

It tells of calendars and of no person, so no permit names it; a project that was granted before has none.
"""

import datetime
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rempart.records.canonical import canonical_bytes

USABLE = "usable_interval"
_COLUMNS = ("source", "scheme", "first_day", "last_day")
_NOT_MEASURED = "too-few-lines"  # ingest/observation.py
_SCHEMA = pa.schema(
    [("source", pa.string()), ("scheme", pa.string()), ("first_day", pa.date32()), ("last_day", pa.date32())]
)


def usable_fact(table: pa.Table) -> dict[str, str]:
    """The fact of a warehouse's table of intervals; nothing where there is none. An interval that was not measured, for want of lines,
    ends nobody's follow-up and is left out."""
    if not table.num_rows:
        return {}
    measured = table.filter(pc.not_equal(table["reason"], _NOT_MEASURED))
    rows: list[Any] = measured.select(_COLUMNS).sort_by([(name, "ascending") for name in _COLUMNS]).to_pylist()
    told = [[str(row[name] or "") for name in _COLUMNS] for row in rows]
    return {USABLE: canonical_bytes(told).decode()}


def usable_table(facts: Mapping[str, str]) -> pa.Table:
    """The intervals that a manifest tells, as the table ``usable_interval`` of a session."""
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in json.loads(facts.get(USABLE, "[]"))]
    columns = {name: pa.array([row[name] or None for row in rows], pa.string()) for name in _COLUMNS}
    columns["scheme"] = columns["scheme"].fill_null("")
    return pa.table(columns).cast(_SCHEMA)


def last_days(facts: Mapping[str, str]) -> dict[str, datetime.date]:
    """Source → the last day on which it can be used, all schemes together: a day of the calendar, which tells of no person."""
    rows = usable_table(facts).to_pylist()
    return {row["source"]: row["last_day"] for row in rows if not row["scheme"] and row["last_day"] is not None}
