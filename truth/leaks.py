# SPDX-License-Identifier: Apache-2.0
"""Direct identifiers in free text: how many were planted, how many were kept out."""

from rempart.ingest.report import IngestReport
from truth.house import Planted
from truth.scores import Score, told

AREA = "leaks"
_PREFIX, _RULE = "leaks_", "L1"


def score_leaks(planted: Planted, report: IngestReport) -> list[Score]:
    """Lines left out for a leak, over all tables: the share of those planted, and none that was clean."""
    wanted = sum(count for name, count in planted.truth["defects"].items() if name.startswith(_PREFIX))
    found = sum(count for sheet in report.reconciliation for rule, count in sheet.dropped if rule == _RULE)
    recall = min(found, wanted) / wanted if wanted else 1.0
    return [
        Score(area=AREA, name="lines left out", expected=wanted, found=found),
        told(AREA, "recall", recall),
    ]
