# SPDX-License-Identifier: Apache-2.0
"""The worker's process: ports joined to adapters; opening the vault hardens it."""

import json
from collections.abc import Iterator
from pathlib import Path

from rempart.adapters.part_files import PartFiles
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.journeys.shard_evidence import shard_evidence
from rempart.records.shard_job import ShardJob
from rempart.wiring.warehouse import Warehouse


class Worker:
    """One worker on one warehouse."""

    def __init__(self, directory: Path) -> None:
        self._warehouse = Warehouse(directory)
        self._files = PartFiles(threads=2)

    def serve(self, line: bytes) -> Iterator[tuple[int, bytes]]:
        """(shard, sealed evidence) of one job; its memory files are reused from shard to shard and empty when it ends."""
        warehouse = self._warehouse
        try:
            yield from shard_evidence(
                ShardJob.from_dict(json.loads(line)),
                vault=warehouse.vault,
                documents=warehouse.documents,
                scratch=warehouse.scratch,
                trust=warehouse.trust,
                clock=SystemClock(),
                randomness=SystemRandomness(),
                layouts=warehouse.layouts,
                new_query=lambda: warehouse.new_query(threads=1, memory="4GB", files=self._files),
            )
        finally:
            self._files.close()
