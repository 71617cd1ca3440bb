# SPDX-License-Identifier: Apache-2.0
"""Labels of a result: dimensions and names may carry data out as well as values can. Never repeats what it refuses."""

import re
from collections.abc import Sequence

from rempart.errors import Refused
from rempart.records.result import ResultRow

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LONGEST = 120
# Thirteen digits are a national number, 32 hexadecimal digits a pseudonym; ten digits are no label either.
_IDENTIFIER = re.compile(r"\d{10,}|[0-9a-fA-F]{32,}")


def check_labels(rows: Sequence[ResultRow]) -> None:
    """Raises Refused ``disclosure-label`` naming the output only."""
    for row in rows:
        labels = [*row.row_key.values(), *row.column_key.values(), row.unit]
        names = [row.output, row.statistic, *row.row_key, *row.column_key]
        if not all(_NAME.fullmatch(name) for name in names) or not all(_is_label(label) for label in labels):
            raise Refused("disclosure-label", output=row.output if _NAME.fullmatch(row.output) else "?")


def _is_label(text: str) -> bool:
    return len(text) <= _LONGEST and text.isprintable() and not _IDENTIFIER.search(text)
