# SPDX-License-Identifier: Apache-2.0
"""Checked tables on the terminal; nothing else can be shown here."""

from collections.abc import Sequence

from rempart.cli.voice import Voice
from rempart.records.result import SUPPRESSED, CheckedTable


def show_tables(voice: Voice, tables: Sequence[CheckedTable]) -> None:
    """Each table: its row, column, statistic and value or the one marker."""
    for table in tables:
        voice.plain(f"\n{table.output}", style="bold")
        rows = [
            (
                " · ".join(row.row_key.values()),
                " · ".join(row.column_key.values()),
                row.statistic,
                SUPPRESSED if row.value is None else f"{row.value:g}",
            )
            for row in table.rows
        ]
        voice.table(["column-row", "column-column", "column-statistic", "column-value"], rows)
