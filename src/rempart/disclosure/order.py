# SPDX-License-Identifier: Apache-2.0
"""The order of an output's lines: made of what is shown and of names, so that no place tells of a hidden line.

Lines sorted by their true counts would put a hidden one between two shown ones, and bound it. Hides nothing itself.
"""

from collections.abc import Sequence

from rempart.disclosure.cells import Key, key_of, without
from rempart.disclosure.policy import TypeRule
from rempart.records.result import ResultRow

RULE = "order-of-lines"
Block = tuple[Key, Key]


def in_order(rows: Sequence[ResultRow], rule: TypeRule) -> tuple[ResultRow, ...]:
    """Checked ``rows`` of one output, for types that ask for it: within a variable and arm the levels with a shown count first, the
    largest first, then the others, all of one count by name. Variables keep their places: a writer's places are those of its form."""
    if RULE not in rule.rules:
        return tuple(rows)
    blocks: dict[Block, dict[str, list[ResultRow]]] = {}
    for row in rows:
        block = without(key_of(row.row_key), "level"), key_of(row.column_key)
        blocks.setdefault(block, {}).setdefault(row.row_key.get("level", ""), []).append(row)
    return tuple(
        row
        for levels in blocks.values()
        for level in sorted(levels, key=lambda name: (*_rank(levels[name], rule), name))
        for row in levels[level]
    )


def _rank(line: Sequence[ResultRow], rule: TypeRule) -> tuple[bool, float]:
    """Hidden lines after all shown ones, and equal among themselves."""
    counts = [row.value for row in line if row.statistic in rule.counts and row.value is not None]
    return not counts, -max(counts, default=0.0)
