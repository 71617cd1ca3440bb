# SPDX-License-Identifier: Apache-2.0
"""The work of one run: grants, jobs, pieces of evidence as they come, their exact sum, and the sealed result.

Computes no evidence: workers do. What is kept of other runs is taken from ``kept_evidence``, what an earlier try left from scratch.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rempart.cohort.parts import StudyPart, chosen, columns_of
from rempart.errors import Unavailable
from rempart.journeys.evidence import (
    KEY_PIECE,
    evidence_context,
    held_parts,
    kept_context,
    open_evidence,
    result_context,
    seal_kept,
    seal_result,
)
from rempart.journeys.kept_evidence import KeptEvidence
from rempart.journeys.match_run import MatchRun, bucket_count
from rempart.journeys.recorded import Act, Recorder
from rempart.journeys.run_cost import RunCost
from rempart.journeys.shard_evidence import read_of
from rempart.journeys.space import OpenSpace, Vault, open_space
from rempart.journeys.study_size import read_size
from rempart.journeys.study_todo import Todo, left_to_do, of_this_version
from rempart.permits.compile import compile_permit, granted_parts
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.engine import Engine
from rempart.ports.evidence_cache import EvidenceCache
from rempart.ports.learner import Learner
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.omop import DRAW, MAIN, TableLayout
from rempart.records.permit import Permit
from rempart.records.result import ResultRow
from rempart.records.sealed import SpaceCommit
from rempart.records.shard_job import ShardJob, by_intent
from rempart.records.trust import TrustFile
from rempart.study.evidence import Evidence, decode, merge
from rempart.study.evidence_parts import by_part

_SHARDS_A_JOB = 2  # at least: the next one is fetched while one is computed
_JOBS_A_WORKER = 8  # at most: each opens the manifest, which grows with the shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What any run needs. ``cache``: where evidence of unchanged parts lies from run to run, None to compute everything anew; ``made_by``:
    version of what computes, another one's evidence is not used; ``standards``: the parsed standard populations; ``learner``:
    grows trees for predictions."""

    vault: Vault
    recorder: Recorder
    documents: Documents
    scratch: Scratch
    engine: Engine
    trust: TrustFile
    layouts: Mapping[str, TableLayout]
    progress: Progress
    cache: EvidenceCache | None = None
    made_by: str = ""
    standards: Mapping[str, Any] = field(default_factory=dict)
    learner: Learner | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyWork:
    """One run's work; the fields are what every step needs."""

    by: Runner
    permit: Permit
    commit: SpaceCommit  # as the snapshot was made: its epoch names the run's own keys, whatever is rotated meanwhile
    document: str
    run: str
    parts: tuple[StudyPart, ...]
    matched: frozenset[str]  # tables of the session that matching makes
    stop: Callable[[], bool]
    cost: RunCost = field(default_factory=RunCost)

    def gather(self, act: Act) -> tuple[Evidence, str]:
        """The summed evidence of every part in every shard, and a reference for sealing the result."""
        of_this_version(self.by.scratch, self.run, self.by.made_by)
        first, *_ = references = self.by.vault.broker.grant(self._request(act), uses=2)
        opened = open_space(self.by.vault, space=self.permit.space, reference=first, head=self.commit.head)
        key, kept = self._evidence_key(references), self._kept(opened)
        digests = [part.digest for part in self.parts]
        todo = left_to_do(self.by.scratch, self.run, digests, kept=kept, reference=first)
        self._count(opened, todo)
        if todo.nothing:
            return merge(list(todo.found.values())), first
        self._match(act, opened, todo)
        self._compute(act, opened, todo)
        computed = self._collected(opened, todo, key)
        if kept is not None:
            names = {part.name: part.digest for part in chosen(self.parts, todo.parts)}
            apart = by_part(computed, list(names))
            self.cost.unkept = kept.keep({names[name]: part for name, part in apart.items()}, reference=first)
        return merge([computed, *todo.found.values()]), first

    def _matches(self, todo: Todo) -> bool:
        """Whether anything that is to be computed reads matched comparators."""
        asked = chosen(self.parts, todo.parts)
        return bool(self.matched) and any(made.name in self.matched for part in asked for made in part.made)

    def _match(self, act: Act, opened: OpenSpace, todo: Todo) -> None:
        """Comparators first: evidence of a shard reads who was matched in all of them."""
        if self._matches(todo):
            run = MatchRun(
                template=self._job((), "", todo),
                shards=opened.body.shards,
                engine=self.by.engine,
                scratch=self.by.scratch,
                references=partial(self._references, act),
                stop=self.stop,
                progress=self.by.progress,
            )
            run.run()

    def _collected(self, opened: OpenSpace, todo: Todo, key: bytes) -> Evidence:
        """The exact sum of the pieces of every shard."""
        context = evidence_context(self.by.vault.warehouse, self.permit.space, self.run, self.commit.epoch)
        held = held_parts(todo.parts)
        pieces = (self.by.scratch.get(self.run, piece(shard)) or b"" for shard in range(opened.body.shards))
        plain = (open_evidence(sealed, key=key, context=context, shard=n, held=held) for n, sealed in enumerate(pieces))
        return merge([decode(piece) for piece in plain])

    def _kept(self, opened: OpenSpace) -> KeptEvidence | None:
        if self.by.cache is None:
            return None
        return KeptEvidence(
            cache=self.by.cache,
            broker=self.by.vault.broker,
            randomness=self.by.recorder.randomness,
            warehouse=self.by.vault.warehouse,
            space=self.permit.space,
            permit=self.permit.id,
            head=self.commit.head,
            epoch=opened.commit.epoch,
            made_by=self.by.made_by,
        )

    def _count(self, opened: OpenSpace, todo: Todo) -> None:
        """What will be read, and what need not be."""
        missing, shards = self._missing(opened), opened.body.shards
        self.cost.shards, self.cost.parts, self.cost.reused = shards, len(self.parts), len(todo.found)
        mine = [part.rows for part in opened.body.parts if (part.table, part.sibling) == ("person", MAIN)]
        self.cost.persons = sum(mine)
        if not todo.nothing:
            columns = columns_of(chosen(self.parts, todo.parts))
            stored = read_of(compile_permit(self.permit, self.by.layouts), columns, self.by.layouts)
            self.cost.resumed = shards - len(missing)
            self.cost.rows = read_size(opened, stored, shards=missing).told().all_rows

    def _missing(self, opened: OpenSpace) -> list[int]:
        there = {int(name[6:10]) for name in self.by.scratch.names(self.run) if name.startswith("shard-")}
        return [shard for shard in range(opened.body.shards) if shard not in there]

    def _request(self, act: Act) -> GrantRequest:
        space = self.permit.space
        read = [(space, table, sibling, "read") for table, sibling in granted_parts(self.permit, self.by.layouts)]
        read += [(space, "person", DRAW, "read")] if self.matched else []
        own = [(space, table, "main", mode) for table in ("evidence", "result") for mode in ("read", "write")]
        return GrantRequest(intent=act.index, tables=(*read, (space, "manifest", "main", "read"), *own))

    def _evidence_key(self, references: Sequence[str]) -> bytes:
        """The run's evidence key: made once, kept wrapped beside the sealed evidence so that a killed run resumes."""
        context = evidence_context(self.by.vault.warehouse, self.permit.space, self.run, self.commit.epoch)
        kept = self.by.scratch.get(self.run, KEY_PIECE)
        if kept is not None:
            return self.by.vault.broker.unwrap(references[1], [(context, kept)])[0]
        key = self.by.recorder.randomness.bytes(32)
        (wrapped,) = self.by.vault.broker.wrap(references[1], [(context, key)])
        self.by.scratch.put(self.run, KEY_PIECE, wrapped)
        return key

    def _compute(self, act: Act, opened: OpenSpace, todo: Todo) -> None:
        """Every shard that is not there yet; one at which a worker crashed is asked for once more, with a fresh grant."""
        crashed: set[object] = set()
        began = self.by.recorder.clock.now()
        self._told(opened)
        while missing := self._missing(opened):
            try:
                self._pass(act, opened, todo, missing)
            except Unavailable as error:
                if error.code != "worker-died" or error.facts["shard"] in crashed:
                    raise
                crashed.add(error.facts["shard"])
        self.cost.seconds = (self.by.recorder.clock.now() - began).total_seconds()

    def _pass(self, act: Act, opened: OpenSpace, todo: Todo, missing: Sequence[int]) -> None:
        """Each job carries its own one-use reference, or its worker asks for one; evidence is kept as it comes."""
        size = max(_SHARDS_A_JOB, len(missing) // (_JOBS_A_WORKER * self.by.engine.workers))
        groups = [tuple(missing[at : at + size]) for at in range(0, len(missing), size)]
        references = self._references(act, len(groups))
        jobs = [self._job(group, reference, todo) for group, reference in zip(groups, references, strict=True)]
        if self._matches(todo):
            shards = opened.body.shards
            jobs = [replace(job, buckets=bucket_count(shards), sources=shards) for job in jobs]
        with closing(self.by.engine.run(jobs, stop=self.stop)) as answers:
            for shard, sealed in answers:
                self.by.scratch.put(self.run, piece(shard), sealed)
                self._told(opened)

    def _references(self, act: Act, uses: int) -> list[str]:
        """So many one-use references; none of its own where the engine's workers ask their node's agent."""
        if self.by.engine.own_grants:
            return [by_intent(act.index)] * uses
        return self.by.vault.broker.grant(self._request(act), uses=uses)

    def _told(self, opened: OpenSpace) -> None:
        shards = opened.body.shards
        self.by.progress.step("study-shards", shards - len(self._missing(opened)), shards)

    def _job(self, shards: tuple[int, ...], reference: str, todo: Todo) -> ShardJob:
        return ShardJob(
            run=self.run,
            space=self.permit.space,
            head=self.commit.head,
            study=self.document,
            permit=self.permit.id,
            shards=shards,
            grant=reference,
            parts=todo.parts,
        )

    def seal(self, rows: tuple[ResultRow, ...], reference: str) -> bytes:
        """The result as a sealed document."""
        random = self.by.recorder.randomness.bytes
        context = result_context(self.by.vault.warehouse, self.permit.space, self.run, self.commit.epoch)
        return seal_result(
            rows,
            broker=self.by.vault.broker,
            reference=reference,
            context=context,
            key=random(32),
            salt=random(32),
            prefix=random(7),
        )

    def keep(self, name: str, data: bytes, reference: str) -> bytes:
        """What the run keeps in its project under a name, as a sealed document."""
        random = self.by.recorder.randomness.bytes
        context = kept_context(self.by.vault.warehouse, self.permit.space, self.run, name, self.commit.epoch)
        return seal_kept(
            data,
            broker=self.by.vault.broker,
            reference=reference,
            context=context,
            key=random(32),
            salt=random(32),
            prefix=random(7),
        )


def piece(shard: int) -> str:
    """The name of one shard's piece in scratch."""
    return f"shard-{shard:04d}.sealed"
