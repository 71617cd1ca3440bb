# SPDX-License-Identifier: Apache-2.0
"""Which small cells a derogation lets be shown: counts of those with its outcome, in rates, ratios and risks, down to its least number.

Their complements, differences from earlier releases, places of care and every other small count stay what the rules say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.disclosure.cells import Cells
from rempart.disclosure.lines import Lines
from rempart.disclosure.policy import Policy
from rempart.records.result import ResultRow

_TYPES = frozenset({"rate", "hazard_ratio", "risk", "sensitivity"})
_EVENTS = "events"
_OTHER = ("barred:", "hidden before:")
_CURVE = "curve:"


def counts_of(rows: Sequence[ResultRow], cells: Cells, derogations: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Cells that count those with an outcome of the derogations → its least number. A derogation: ``outcome``, ``least``, and ``analyses``:
    ids of the analyses of that outcome, for tables whose rows do not name it. ``rows``: those of ``cells``."""
    found: dict[str, int] = {}
    for row, needed in zip(rows, cells.needs, strict=True):
        for one in derogations:
            if row.output_type in _TYPES and row.statistic == _EVENTS and _of(row, one):
                mine = (cell for cell in needed if not cell.startswith(_OTHER))
                found.update(dict.fromkeys(mine, int(one["least"])))
    return found


def spared(counts: Mapping[str, int], cells: Cells, policy: Policy) -> set[str]:
    """Of ``counts`` those to be shown although they are small."""
    return {cell for cell, least in counts.items() if least <= cells.values[cell] < policy.persons}


def tell_rests(counts: Mapping[str, int], lines: Lines) -> None:
    """What is left of such a count less another is such a count too (the other arm, those after a curve's end): from the least number on it
    is no secret, and is taken as known."""
    for line in sorted(lines.lines):
        real = [cell for cell, _ in line if cell not in lines.virtual]
        own = [cell for cell in real if cell in counts]
        if own and all(cell in counts or cell.startswith(_CURVE) for cell in real):
            least = max(counts[cell] for cell in own)
            lines.virtual -= {cell for cell, _ in line if cell in lines.virtual and lines.values[cell] >= least}


def _of(row: ResultRow, derogation: Mapping[str, Any]) -> bool:
    told = row.row_key.get("outcome")
    if told is not None:
        return bool(told == derogation["outcome"])
    return row.row_key.get("analysis", "") in derogation["analyses"]
