# SPDX-License-Identifier: Apache-2.0
"""What a checker reads about each checked table: how much is suppressed and which rules were applied.

Never a suppressed value, never which cell was too small and which went with it.
"""

from collections.abc import Sequence

from rempart.records.result import SUPPRESSED, CheckedTable

Finding = dict[str, str | int | list[str]]


def findings(tables: Sequence[CheckedTable]) -> list[Finding]:
    """Per output: number of cells, of suppressed ones, the rule file's id and the names of its rules."""
    return [
        {
            "output": table.output,
            "type": table.output_type,
            "cells": len(table.rows),
            "suppressed": sum(row.status == SUPPRESSED for row in table.rows),
            "rules": table.rules,
            "applied": [str(entry["rule"]) for entry in table.record],
        }
        for table in tables
    ]
