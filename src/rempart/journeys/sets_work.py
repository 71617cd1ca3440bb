# SPDX-License-Identifier: Apache-2.0
"""The sets of persons of a finished run, computed again on the snapshot that it read: a step of workers, as its evidence was.

Nothing is kept but what the caller keeps; evidence of earlier runs tells no persons, so none is reused.
"""

from dataclasses import dataclass, replace

from rempart.journeys.evidence import evidence_context, held_parts, open_evidence
from rempart.journeys.recorded import Act
from rempart.journeys.sets_step import ShardSets, decoded
from rempart.journeys.shard_sessions import INDEX
from rempart.journeys.space import open_space
from rempart.journeys.study_todo import Todo, of_this_version
from rempart.journeys.study_work import StudyWork, piece
from rempart.permits.compile import granted_parts
from rempart.ports.broker import GrantRequest
from rempart.records.omop import DRAW
from rempart.records.shard_job import SETS, ShardJob


@dataclass(frozen=True, slots=True, kw_only=True)
class SetsWork(StudyWork):
    """One fingerprint's work; fields as ``StudyWork``, ``run`` is its own."""

    def sets(self, act: Act) -> list[ShardSets]:
        """What every shard holds, comparators matched first where the study matches; raises as ``StudyWork.gather``."""
        of_this_version(self.by.scratch, self.run, self.by.made_by)
        references = self.by.vault.broker.grant(self._request(act), uses=2)
        opened = open_space(self.by.vault, space=self.permit.space, reference=references[0], head=self.commit.head)
        key = self._evidence_key(references)
        todo = Todo(parts=tuple(part.digest for part in self.parts), found={})
        self._match(act, opened, todo)
        self._compute(act, opened, todo)
        context = evidence_context(self.by.vault.warehouse, self.permit.space, self.run, self.commit.epoch)
        held = held_parts(todo.parts)
        pieces = (self.by.scratch.get(self.run, piece(shard)) or b"" for shard in range(opened.body.shards))
        return [
            decoded(open_evidence(sealed, key=key, context=context, shard=n, held=held))
            for n, sealed in enumerate(pieces)
        ]

    def _request(self, act: Act) -> GrantRequest:
        space = self.permit.space
        siblings = [INDEX, *([DRAW] if self.matched else [])]
        read = [(space, table, sibling, "read") for table, sibling in granted_parts(self.permit, self.by.layouts)]
        read += [(space, "person", sibling, "read") for sibling in siblings]
        own = [(space, "evidence", "main", mode) for mode in ("read", "write")]
        return GrantRequest(intent=act.index, tables=(*read, (space, "manifest", "main", "read"), *own))

    def _job(self, shards: tuple[int, ...], reference: str, todo: Todo) -> ShardJob:
        return replace(StudyWork._job(self, shards, reference, todo), step=SETS)
