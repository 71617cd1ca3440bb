# SPDX-License-Identifier: Apache-2.0
"""A checked table as the bytes that are signed and published: one CSV, the same for the same table. Rounds nothing."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from rempart.errors import Refused
from rempart.records.canonical import sha256_id
from rempart.records.result import SUPPRESSED, CheckedTable, ResultRow

# A spreadsheet would run a cell that begins with one of these; an apostrophe makes it text (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WHOLE = ("kept", "altered")


def table_csv(table: CheckedTable) -> bytes:
    """UTF-8 CSV: dimensions, statistic, value, unit. A suppressed value is the word ``suppressed``, one that could not be
    estimated is empty. Raises Refused ``release-unchecked`` when something else than a checked table is given."""
    if not _is_checked(table):
        raise Refused("release-unchecked")
    across, down = _names(row.row_key for row in table.rows), _names(row.column_key for row in table.rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*across, *down, "statistic", "value", "unit"])
    for row in table.rows:
        labels = [row.row_key.get(name, "") for name in across] + [row.column_key.get(name, "") for name in down]
        writer.writerow([*map(_harmless, labels), row.statistic, value_text(row), _harmless(row.unit)])
    return text.getvalue().encode()


def table_ids(tables: Sequence[CheckedTable]) -> dict[str, str]:
    """output → ``sha256:…`` of its CSV: what a submission names and the published folder shows."""
    return {table.output: sha256_id(table_csv(table)) for table in tables}


def value_text(row: ResultRow) -> str:
    """A value as published: whole numbers without a point, the marker, or nothing."""
    if row.status == SUPPRESSED:
        return SUPPRESSED
    if row.value is None:
        return ""
    return (
        str(int(row.value)) if row.value == int(row.value) and row.status in _WHOLE else repr(row.value + 0.0)
    )  # no -0.0


def _is_checked(table: object) -> bool:
    return isinstance(table, CheckedTable) and not any(row.status == "raw" for row in table.rows)


def _names(keys: Iterable[Mapping[str, str]]) -> list[str]:
    found: dict[str, None] = {}
    for key in keys:
        found.update(dict.fromkeys(key))
    return list(found)


def _harmless(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text
