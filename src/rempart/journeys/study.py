# SPDX-License-Identifier: Apache-2.0
"""Run a study: signed file → permit → plan → evidence shard by shard → exact sum → fit → sealed result.

Nothing of a person leaves a worker; a killed run takes up again at the next shard.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from rempart.cohort.required import required_columns
from rempart.errors import Unavailable
from rempart.journeys.chain import snapshot_of
from rempart.journeys.evidence import KEY_PIECE, evidence_context, open_evidence, result_context, seal_result
from rempart.journeys.living import STUDY, living
from rempart.journeys.permits import events, find_permit
from rempart.journeys.recorded import Act, Recorder, recorded
from rempart.journeys.shard_evidence import read_of
from rempart.journeys.space import OpenSpace, Vault, open_space
from rempart.journeys.stopping import stoppable
from rempart.journeys.study_size import Stored, read_size
from rempart.permits.check_study import check_study
from rempart.permits.compile import compile_permit
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.engine import Engine
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.document import SignedDocument
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit
from rempart.records.result import ResultRow
from rempart.records.sealed import SpaceCommit
from rempart.records.shard_job import ShardJob
from rempart.records.study import study_from_dict
from rempart.records.trust import TrustFile
from rempart.study.evidence import Evidence, decode, merge
from rempart.study.results import results

_SHARDS_A_JOB = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """A finished run: its id, its raw rows (to be checked before anyone but the author's process sees them), the result document.

    ``resumed``: shards of ``shards`` that an earlier try had left; ``seconds``: of this one.
    """

    run: str
    rows: tuple[ResultRow, ...]
    result: str
    resumed: int
    shards: int = 0
    seconds: int = 0


def run_study(
    *,
    vault: Vault,
    recorder: Recorder,
    documents: Documents,
    scratch: Scratch,
    engine: Engine,
    trust: TrustFile,
    signed: SignedDocument,
    actor_salted: str,
    layouts: Mapping[str, TableLayout],
    progress: Progress,
) -> StudyRun:
    """Run the study that ``signed`` holds, under the permit it names.

    Raises Refused (``permit-…``, ``study-…``, ``window-before-lookback``, ``role-missing``), NotTrusted, BadInput, Missing.
    """
    study = study_from_dict(signed.body)
    today = recorder.clock.now().date()
    signer = trust.check(signed.signature, over=signed.over, role="researcher", on=today)
    permit = find_permit(events(vault.ledger), documents, trust, study.permit)
    permit.check_valid_on(today)
    permit.check_names(signer.actor)
    required = required_columns(study, layouts)
    check_study(study, permit, layouts, required=required)
    stored = read_of(compile_permit(permit, layouts), required, layouts)
    commit = snapshot_of(vault.ledger, permit.space, None).origin
    document = documents.put(signed.data)
    run = run_id(document, commit.head)
    objects = [f"run:{run}", f"study:{document}", f"space:{permit.space}", f"head:{commit.head}"]
    basis = f"permit:{permit.id}"
    with (
        living(scratch, recorder, run),
        recorded(recorder, "study", basis=basis, objects=objects, actor=actor_salted) as act,
        stoppable(scratch, run) as stop,
    ):
        work = _Run(vault, recorder, scratch, engine, permit, commit, document, run, stored, layouts, progress, stop)
        merged, reference = work.gather(act)
        rows = results(study, merged, run=run)
        result = documents.put(work.seal(rows, reference))
        work.tell(act, rows)
        act.say("result", result)
        scratch.clear(run)
    took = work.took
    return StudyRun(
        run=run, rows=rows, result=result, resumed=took.resumed, shards=took.shards, seconds=round(took.seconds)
    )


def run_id(document: str, head: str) -> str:
    """The same signed study on the same snapshot is the same run: that is what lets it resume."""
    return STUDY + hashlib.sha256(f"{document}|{head}".encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Took:
    """What a run cost: ``seconds`` of computing, rows of the shards that were computed now."""

    shards: int = 0
    resumed: int = 0
    seconds: float = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    """One run's work; the fields are what every step needs."""

    vault: Vault
    recorder: Recorder
    scratch: Scratch
    engine: Engine
    permit: Permit
    commit: SpaceCommit  # as the snapshot was made: its epoch names the run's own keys, whatever is rotated meanwhile
    document: str
    run: str
    stored: Stored
    layouts: Mapping[str, TableLayout]
    progress: Progress
    stop: Callable[[], bool]
    took: _Took = field(default_factory=_Took)

    def gather(self, act: Act) -> tuple[Evidence, str]:
        """The summed evidence of every shard, and a reference for sealing the result."""
        first, *_ = references = self.vault.broker.grant(self._request(act), uses=2)
        opened = open_space(self.vault, space=self.permit.space, reference=first, head=self.commit.head)
        context = evidence_context(self.vault.warehouse, self.permit.space, self.run, self.commit.epoch)
        key = self._evidence_key(references)
        self.took.shards, self.took.resumed = opened.body.shards, opened.body.shards - len(self._missing(opened))
        self._compute(act, opened)
        pieces = [self.scratch.get(self.run, _piece(shard)) or b"" for shard in range(opened.body.shards)]
        opened_pieces = (open_evidence(piece, key=key, context=context, shard=n) for n, piece in enumerate(pieces))
        return merge([decode(piece) for piece in opened_pieces]), first

    def tell(self, act: Act, rows: Sequence[ResultRow]) -> None:
        """What the ledger keeps of a run beside its result: what ``study show`` and the estimates of ``study plan`` are made of."""
        took = self.took
        told: dict[str, str | int] = {"run": self.run, "engine": self.engine.name, "workers": self.engine.workers}
        told |= {"shards": took.shards, "resumed": took.resumed, "seconds": round(took.seconds)}
        for name, value in told.items():
            act.say(name, value)
        if took.rows:
            act.say("pace", round(1000 * took.seconds * self.engine.workers / (took.rows / 1e6)))
        for output, cells in Counter(row.output for row in rows).items():
            act.say("output", f"{output}={cells}")

    def _missing(self, opened: OpenSpace) -> list[int]:
        there = {int(name[6:10]) for name in self.scratch.names(self.run) if name.startswith("shard-")}
        return [shard for shard in range(opened.body.shards) if shard not in there]

    def _request(self, act: Act) -> GrantRequest:
        space = self.permit.space
        stored = compile_permit(self.permit, self.layouts)
        read = [(space, table, sibling, "read") for table, siblings in stored.items() for sibling in siblings]
        own = [(space, table, "main", mode) for table in ("evidence", "result") for mode in ("read", "write")]
        return GrantRequest(intent=act.index, tables=(*read, (space, "manifest", "main", "read"), *own))

    def _evidence_key(self, references: Sequence[str]) -> bytes:
        """The run's evidence key: made once, kept wrapped beside the sealed evidence so that a killed run resumes."""
        context = evidence_context(self.vault.warehouse, self.permit.space, self.run, self.commit.epoch)
        kept = self.scratch.get(self.run, KEY_PIECE)
        if kept is not None:
            return self.vault.broker.unwrap(references[1], [(context, kept)])[0]
        key = self.recorder.randomness.bytes(32)
        (wrapped,) = self.vault.broker.wrap(references[1], [(context, key)])
        self.scratch.put(self.run, KEY_PIECE, wrapped)
        return key

    def _compute(self, act: Act, opened: OpenSpace) -> None:
        """Every shard that is not there yet; one at which a worker crashed is asked for once more, with a fresh grant."""
        crashed: set[object] = set()
        began = self.recorder.clock.now()
        self.took.rows = read_size(opened, self.stored, shards=self._missing(opened)).all_rows
        self._told(opened)
        while missing := self._missing(opened):
            try:
                self._pass(act, opened, missing)
            except Unavailable as error:
                if error.code != "worker-died" or error.facts["shard"] in crashed:
                    raise
                crashed.add(error.facts["shard"])
        self.took.seconds = (self.recorder.clock.now() - began).total_seconds()

    def _pass(self, act: Act, opened: OpenSpace, missing: Sequence[int]) -> None:
        """Each job carries its own one-use reference; evidence is kept as it comes."""
        groups = [tuple(missing[at : at + _SHARDS_A_JOB]) for at in range(0, len(missing), _SHARDS_A_JOB)]
        references = self.vault.broker.grant(self._request(act), uses=len(groups))
        jobs = [self._job(group, reference) for group, reference in zip(groups, references, strict=True)]
        with closing(self.engine.run(jobs, stop=self.stop)) as answers:
            for shard, sealed in answers:
                self.scratch.put(self.run, _piece(shard), sealed)
                self._told(opened)

    def _told(self, opened: OpenSpace) -> None:
        shards = opened.body.shards
        self.progress.step("study-shards", shards - len(self._missing(opened)), shards)

    def _job(self, shards: tuple[int, ...], reference: str) -> ShardJob:
        return ShardJob(
            run=self.run,
            space=self.permit.space,
            head=self.commit.head,
            study=self.document,
            permit=self.permit.id,
            shards=shards,
            grant=reference,
        )

    def seal(self, rows: tuple[ResultRow, ...], reference: str) -> bytes:
        """The result as a sealed document."""
        random = self.recorder.randomness.bytes
        context = result_context(self.vault.warehouse, self.permit.space, self.run, self.commit.epoch)
        return seal_result(
            rows,
            broker=self.vault.broker,
            reference=reference,
            context=context,
            key=random(32),
            salt=random(32),
            prefix=random(7),
        )


def _piece(shard: int) -> str:
    return f"shard-{shard:04d}.sealed"
