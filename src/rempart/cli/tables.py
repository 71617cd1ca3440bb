# SPDX-License-Identifier: Apache-2.0
"""Checked tables on the terminal; nothing else can be shown here. Labels and statistics are those of the CSV files."""

from collections.abc import Sequence

from rempart.cli.voice import Voice
from rempart.records.result import SUPPRESSED, CheckedTable, ResultRow


def show_tables(voice: Voice, tables: Sequence[CheckedTable]) -> None:
    """Each table: its row, column, statistic, unit and value or the one marker."""
    for table in tables:
        voice.plain(f"\n{table.output}", style="bold")
        rows = [
            (
                " · ".join(row.row_key.values()),
                " · ".join(row.column_key.values()),
                row.statistic,
                _value(voice, row),
                row.unit,
            )
            for row in table.rows
        ]
        voice.table(["column-row", "column-column", "column-statistic", "column-value", "column-unit"], rows)


def _value(voice: Voice, row: ResultRow) -> str:
    """As the table has it: whole numbers in threes, nothing where nothing could be estimated."""
    if row.status == SUPPRESSED:
        return voice.word("cell-suppressed")
    if row.value is None:
        return ""
    whole = row.value == int(row.value)
    return f"{int(row.value):,}".replace(",", " ") if whole else voice.number(f"{row.value:.12g}")
