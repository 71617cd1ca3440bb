# SPDX-License-Identifier: Apache-2.0
"""What a run of a study took, as its ledger leaf tells it: what ``study show`` shows and the estimates of ``study plan`` are made of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.journeys.recorded import Act
from rempart.journeys.study_size import coarse
from rempart.ports.engine import Engine
from rempart.records.event import LedgerEvent
from rempart.records.result import ResultRow

LEAST_CELLS = 100
"""What is told of an output that has fewer."""
_MILLION = 1_000_000
_LATEST = 5


@dataclass(slots=True, kw_only=True)
class RunCost:
    """``resumed``: of ``shards``, those that an earlier try had left; ``reused``: of ``parts``, those whose evidence was kept from another
    run; ``unkept``: those computed now whose evidence could not be kept for a later one; ``seconds`` of computing the ``rows`` of the
    shards that were opened now, as coarse as a plan tells them: the ledger holds the pace, and a plan reckons with it; ``persons`` of the
    project, which is told nobody."""

    shards: int = 0
    resumed: int = 0
    parts: int = 0
    reused: int = 0
    unkept: int = 0
    seconds: float = 0
    rows: int = 0
    persons: int = 0

    def say(self, act: Act, *, run: str, engine: Engine, cells: Sequence[ResultRow]) -> None:
        """Facts of the leaf that closes the act: of persons nothing; of outputs their names and, coarse, how many cells they have at most.

        Cells are not checked yet, and there are as many as values were met: the exact number may tell a value of one person.
        """
        told: dict[str, str | int] = {"run": run, "engine": engine.name, "workers": engine.workers}
        told |= {"shards": self.shards, "resumed": self.resumed, "parts": self.parts, "reused": self.reused}
        for name, value in {**told, "seconds": round(self.seconds)}.items():
            act.say(name, value)
        if self.rows:
            act.say("pace", round(1000 * self.seconds * engine.workers * _MILLION / self.rows))
        for output, count in Counter(row.output for row in cells).items():
            act.say("output", f"{output}={coarse(count, least=LEAST_CELLS)}")


def pace(log: Sequence[LedgerEvent], permit: str, *, engine: str) -> float | None:
    """Seconds of one worker for a million rows: the median of the last runs under the permit, else of any, on that kind of engine;
    None where none was measured."""
    done = [e for e in log if e.kind == "study" and e.phase == "effect" and e.fact("engine") == engine]
    told = [
        (e.basis == f"permit:{permit}", int(e.fact("pace") or 0)) for e in done if (e.fact("pace") or "").isdecimal()
    ]
    own = [value for mine, value in told if mine] or [value for _, value in told]
    latest = sorted(own[-_LATEST:])
    return latest[len(latest) // 2] / 1000 if latest else None
