# SPDX-License-Identifier: Apache-2.0
"""What stands behind a node's key agent: for each attempt at a shard job a fresh one-use grant, which never leaves the agent.

An executor of a cluster tells its job and is given that job's data keys. The agent believes the ledger: a job is served when it is what an
open study's intent says, and the broker decides again. It opens no data and knows no socket.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rempart.errors import Refused
from rempart.journeys.permits import events, find_permit
from rempart.permits.compile import granted_parts
from rempart.ports.broker import Broker, GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.ports.surroundings import Clock
from rempart.records.omop import DRAW, TableLayout
from rempart.records.sealed import KeyContext
from rempart.records.shard_job import EXCHANGE, ShardJob
from rempart.records.trust import TrustFile

MOST_ATTEMPTS = 8
"""At one job, on one node: a cluster gives up earlier; whoever asks more often is not retrying."""
LIFETIME = datetime.timedelta(minutes=10)
"""A worker asks for its keys as it begins."""
_FACTS = ("run", "study", "space", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSurroundings:
    """What the agent is given: its node's broker client, ports, layouts. ``trust``: the newest trust file, its chain proven.
    ``turn``: a lock, since a node's executors ask at one time."""

    broker: Broker
    ledger: Ledger
    documents: Documents
    trust: Callable[[], TrustFile]
    clock: Clock
    layouts: Mapping[str, TableLayout]
    turn: AbstractContextManager[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKeys:
    """One attempt's keys: of one job, for ten minutes, each of them once; gone with whoever asked."""

    job: ShardJob
    reference: str
    until: datetime.datetime
    around: AgentSurroundings

    def unwrap(self, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """The data keys; raises Refused ``agent-expired``, ``agent-job`` for what is not this job's, and as the broker."""
        if self.around.clock.now() > self.until:
            raise Refused("agent-expired")
        if not all(_of_job(context, self.job) for context, _ in items):
            raise Refused("agent-job", run=self.job.run)
        return self.around.broker.unwrap(self.reference, items)


class NodeAgent:
    """Admits jobs; keeps no key, no reference, only how often a job was tried."""

    def __init__(self, around: AgentSurroundings) -> None:
        self._around = around
        self._asked: dict[tuple[str, ...], GrantRequest] = {}
        self._tried: Counter[tuple[tuple[str, ...], tuple[int, ...]]] = Counter()

    def admit(self, job: ShardJob) -> JobKeys:
        """A fresh one-use grant for this attempt. What an attempt before it was given is neither needed nor in the way.

        Raises Refused ``agent-job`` when the job is not what the ledger says, ``agent-attempts``, and as ``Broker.grant``.
        """
        with self._around.turn:
            told = tuple(str(value) for name, value in sorted(job.as_dict().items()) if name != "shards")
            request = self._asked.get(told) or job_request(job, self._around)
            if self._tried[told, job.shards] >= MOST_ATTEMPTS:
                raise Refused("agent-attempts", run=job.run, most=MOST_ATTEMPTS)
            self._tried[told, job.shards] += 1
            self._asked = {told: request}
        (reference,) = self._around.broker.grant(request)
        until = self._around.clock.now() + LIFETIME
        return JobKeys(job=job, reference=reference, until=until, around=self._around)


def job_request(job: ShardJob, around: AgentSurroundings) -> GrantRequest:
    """What the broker is asked for one job: reading, and nothing that the study's own process alone needs.

    Raises Refused ``agent-job``, Missing ``permit-missing``.
    """
    log, index = events(around.ledger), job.intent
    if index is None or not 0 <= index < len(log):
        raise Refused("agent-job", run=job.run)
    intent = log[index]
    facts = tuple(intent.fact(name) for name in _FACTS)
    begun = intent.kind == "study" and intent.phase == "intent" and intent.basis == f"permit:{job.permit}"
    if not begun or facts != (job.run, job.study, job.space, job.head):
        raise Refused("agent-job", run=job.run)
    permit = find_permit(log, around.documents, around.trust(), job.permit)
    if permit.space != job.space:
        raise Refused("agent-job", run=job.run)
    read = granted_parts(permit, around.layouts)
    draws = [("person", DRAW)] if job.step == EXCHANGE else []
    named = [*read, *draws, ("manifest", "main"), ("evidence", "main")]
    return GrantRequest(intent=index, tables=tuple((job.space, *place, "read") for place in named))


def _of_job(context: KeyContext, job: ShardJob) -> bool:
    """A key of the job's space; of evidence keys, its own run's."""
    return context.space == job.space and (context.table != "evidence" or context.part == job.run)
