# SPDX-License-Identifier: Apache-2.0
"""The worker's process: ports joined to adapters; opening the vault hardens it."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from rempart.adapters.agent_client import AgentBroker
from rempart.adapters.duckdb_query import engine_version
from rempart.adapters.machine import megabytes
from rempart.adapters.part_files import PartFiles
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.errors import Refused, Unavailable
from rempart.journeys.shard_evidence import shard_evidence
from rempart.records.shard_job import ShardJob
from rempart.wiring.warehouse import Warehouse

_MEMORY = 4 * 10**9
_ENGINE = 0.75  # of a worker's memory: the rest is Python's, and the memory files'


def check_version(told: str) -> None:
    """Raises Refused ``worker-version`` unless this process is of the version that was told; '' tells none."""
    if told and told != (here := engine_version()):
        raise Refused("worker-version", told=told, here=here)


class Worker:
    """One worker on one warehouse, of at most ``memory`` bytes."""

    def __init__(self, directory: Path, *, memory: int = _MEMORY, agent: Path | None = None) -> None:
        """``agent``: where this node's key agent listens; else keys come from the broker itself."""
        self._agent = AgentBroker(agent) if agent else None
        self._warehouse = Warehouse(directory, agent=self._agent)
        self._files = PartFiles(threads=2)
        self._memory = memory

    def serve(self, line: bytes) -> Iterator[tuple[int, bytes]]:
        """(shard, sealed evidence) of one job; its memory files are reused from shard to shard and empty when it ends.

        Raises as ``shard_evidence``; Unavailable ``shard-memory`` when a shard needs more than this worker may take.
        """
        job = ShardJob.from_dict(json.loads(line))
        with self._agent.job(job) if self._agent else nullcontext():
            yield from self._evidence(job)

    def _evidence(self, job: ShardJob) -> Iterator[tuple[int, bytes]]:
        warehouse, done = self._warehouse, 0
        engine = f"{int(self._memory * _ENGINE) >> 10}KiB"
        try:
            for answer in shard_evidence(
                job,
                vault=warehouse.vault,
                documents=warehouse.documents,
                scratch=warehouse.scratch,
                trust=warehouse.trust,
                clock=SystemClock(),
                randomness=SystemRandomness(),
                layouts=warehouse.study_layouts,
                new_query=lambda: warehouse.new_query(threads=1, memory=engine, files=self._files),
            ):
                yield answer
                done += 1
        except Unavailable as error:
            if error.code != "query-memory":
                raise
            raise Unavailable("shard-memory", shard=job.shards[done], limit=megabytes(self._memory)) from error
        finally:
            self._files.close()
