# SPDX-License-Identifier: Apache-2.0
"""Which small cells a derogation lets be shown: counts of those with its outcome, in rates, ratios and risks, down to its least number.

Their complements, differences from earlier releases, places of care and every other small count stay what the rules say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.disclosure.cells import Cells
from rempart.disclosure.policy import Policy
from rempart.records.result import ResultRow

_TYPES = frozenset({"rate", "hazard_ratio", "risk", "sensitivity"})
_EVENTS = "events"


def spared(
    rows: Sequence[ResultRow], cells: Cells, derogations: Sequence[Mapping[str, Any]], policy: Policy
) -> set[str]:
    """Cells to be shown although they are small. A derogation: ``outcome``, ``least``, and ``analyses``: ids of the
    analyses of that outcome, for tables whose rows do not name it. ``rows``: those of ``cells``."""
    found: set[str] = set()
    for row, needed in zip(rows, cells.needs, strict=True):
        if row.output_type not in _TYPES or row.statistic != _EVENTS:
            continue
        for one in derogations:
            if _of(row, one):
                found |= {
                    cell
                    for cell in needed
                    if one["least"] <= cells.values[cell] < policy.persons
                    and not cell.startswith(("barred:", "hidden"))
                }
    return found


def _of(row: ResultRow, derogation: Mapping[str, Any]) -> bool:
    told = row.row_key.get("outcome")
    if told is not None:
        return bool(told == derogation["outcome"])
    return row.row_key.get("analysis", "") in derogation["analyses"]
