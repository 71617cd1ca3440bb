# SPDX-License-Identifier: Apache-2.0
"""An engine: runs shard jobs in worker processes and yields each shard's sealed evidence as it comes."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from rempart.records.shard_job import ShardJob


class Engine(Protocol):
    """A local process pool today; the same jobs may run inside a cluster task."""

    def run(self, jobs: Sequence[ShardJob]) -> Iterator[tuple[int, bytes]]:
        """(shard, sealed evidence) in no promised order; raises what the worker raised, by family and code."""
