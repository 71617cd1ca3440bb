# SPDX-License-Identifier: Apache-2.0
"""Direct identifiers in free text: how many were planted, how many were kept out."""

from rempart.ingest.report import IngestReport
from truth.house import Planted
from truth.scores import Score, told

AREA = "leaks"
_PREFIX = "leaks_"


def score_leaks(planted: Planted, report: IngestReport) -> list[Score]:
    """Recall over all kinds, and what was kept out by kind as the report names it."""
    wanted = sum(count for name, count in planted.truth["defects"].items() if name.startswith(_PREFIX))
    found = 0
    kinds: dict[str, int] = {}
    for code, _, detail in report.notes:
        if code == "quarantine":
            _, kind, count = detail.rsplit(" ", 2)
            if kind == "lines":
                continue
            kinds[kind] = kinds.get(kind, 0) + int(count)
            found += int(count)
    recall = min(found, wanted) / wanted if wanted else 1.0
    return [
        Score(area=AREA, name="values kept out", expected=wanted, found=found),
        told(AREA, "recall", recall),
        *(told(AREA, f"kept out: {kind}", count) for kind, count in sorted(kinds.items())),
    ]
