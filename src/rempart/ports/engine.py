# SPDX-License-Identifier: Apache-2.0
"""An engine: runs shard jobs in worker processes and yields each shard's sealed evidence as it comes."""

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from rempart.records.shard_job import ShardJob


class Engine(Protocol):
    """Worker processes on this machine, or tasks of a cluster: the same jobs, the same evidence."""

    @property
    def name(self) -> str:
        """How the ledger calls it: ``local``, ``spark``."""

    @property
    def own_grants(self) -> bool:
        """Whether each worker asks its node's key agent for a grant of its own: jobs then carry ``by_intent``, never a reference."""

    @property
    def workers(self) -> int:
        """How many shards it computes at once."""

    def run(self, jobs: Sequence[ShardJob], *, stop: Callable[[], bool]) -> Generator[tuple[int, bytes]]:
        """(shard, sealed evidence) in no promised order. To be closed; nothing of it goes on once it is closed or has raised.

        Raises what a worker raised, by family and code; Unavailable ``worker-died`` (shard: the caller may ask for it again, with a
        fresh grant), ``worker-killed`` and ``shard-memory`` (shard, limit); Cancelled ``run-cancelled`` (run) within seconds of
        ``stop`` saying so.
        """
