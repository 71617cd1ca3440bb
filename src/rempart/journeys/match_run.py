# SPDX-License-Identifier: Apache-2.0
"""The two steps of matching within a study's run: rows out of the shards, pairs back into them. Knows no key and opens nothing.

What was kept of either step stays when a run is killed: it takes up at the next shard or bucket.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from rempart.errors import Unavailable
from rempart.journeys.match_exchange import keep, missing
from rempart.ports.engine import Engine
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.shard_job import EXCHANGE, MATCH, ShardJob

_LEAST, _MOST = 4, 32  # buckets: enough for the workers, and few enough that pieces stay large
_AT_ONCE = 2  # shards or buckets a job


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRun:
    """What both steps need. ``template``: the run's job, of no shard and no grant; ``references``: so many one-use grants."""

    template: ShardJob
    shards: int
    engine: Engine
    scratch: Scratch
    references: Callable[[int], Sequence[str]]
    stop: Callable[[], bool]
    progress: Progress

    @property
    def buckets(self) -> int:
        """How many buckets strata are matched in."""
        return bucket_count(self.shards)

    def run(self) -> None:
        """Both steps; raises as ``Engine.run``, NotTrusted ``exchange-piece``, Refused ``match-too-large``, Missing ``draw-missing``."""
        self._step(EXCHANGE, sources=self.shards, targets=self.buckets)
        self._step(MATCH, sources=self.buckets, targets=self.shards)

    def _step(self, step: str, *, sources: int, targets: int) -> None:
        """Every source that is not there yet; one at which a worker crashed is asked for once more."""
        crashed: set[object] = set()
        name = self.template.run
        while left := missing(self.scratch, name, step, sources=sources, targets=targets):
            self.progress.step(f"study-{step}", sources - len(left), sources)
            try:
                self._pass(step, left, sources=sources, targets=targets)
            except Unavailable as error:
                if error.code != "worker-died" or error.facts["shard"] in crashed:
                    raise
                crashed.add(error.facts["shard"])
        self.progress.step(f"study-{step}", sources, sources)

    def _pass(self, step: str, left: Sequence[int], *, sources: int, targets: int) -> None:
        groups = [tuple(left[at : at + _AT_ONCE]) for at in range(0, len(left), _AT_ONCE)]
        given = self.references(len(groups))
        jobs = [
            replace(self.template, step=step, shards=group, grant=grant, buckets=self.buckets, sources=self.shards)
            for group, grant in zip(groups, given, strict=True)
        ]
        done = sources - len(left)
        with closing(self.engine.run(jobs, stop=self.stop)) as answers:
            for source, answer in answers:
                keep(self.scratch, self.template.run, step, source, answer, targets=targets)
                done += 1
                self.progress.step(f"study-{step}", done, sources)


def bucket_count(shards: int) -> int:
    """How many buckets a space of so many shards has; the same whenever a run takes up again. No result depends on it."""
    return min(_MOST, max(_LEAST, shards))
