# SPDX-License-Identifier: Apache-2.0
"""Run a study: signed file → permit → plan → evidence shard by shard → exact sum → fit → sealed result.

Nothing of a person leaves a worker; a killed run takes up again at the next shard.
"""

import hashlib
from dataclasses import dataclass, field

from rempart.cohort.parts import study_parts
from rempart.cohort.required import required_columns
from rempart.journeys.chain import snapshot_of
from rempart.journeys.living import STUDY, living
from rempart.journeys.permits import events, find_permit
from rempart.journeys.protocol import Frozen, freeze
from rempart.journeys.recorded import recorded
from rempart.journeys.run_cost import RunCost
from rempart.journeys.stopping import stoppable
from rempart.journeys.study_work import Runner, StudyWork
from rempart.permits.check_study import check_study
from rempart.records.cloned import check_runnable
from rempart.records.design_sequences import SEQUENCES
from rempart.records.document import SignedDocument
from rempart.records.matching import matched_names
from rempart.records.permit import Permit
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.records.trained import MODELS, models_bytes
from rempart.study.denominators import check_denominators
from rempart.study.meds import packed
from rempart.study.results import results
from rempart.study.training import Training, check_learner


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """A finished run: its id, its raw rows (to be checked before anyone but the author's process sees them), the result document.

    ``resumed``: shards that an earlier try had left; ``frozen``: its protocol, frozen by this run where nobody had.
    """

    run: str
    rows: tuple[ResultRow, ...]
    result: str
    resumed: int
    cost: RunCost = field(default_factory=RunCost)
    frozen: Frozen | None = None


def run_study(by: Runner, *, signed: SignedDocument, actor_salted: str) -> StudyRun:
    """Run the study that ``signed`` holds, under the permit it names.

    Raises Refused (``permit-…``, ``study-…``, ``window-before-lookback``, ``role-missing``), NotTrusted, BadInput, Missing; Cancelled.
    """
    study = study_from_dict(signed.body)
    check_runnable(study)
    check_denominators(study, by.standards)
    check_learner(study, by.learner)
    permit = _permitted(by, study, signed)
    check_study(study, permit, by.layouts, required=required_columns(study, by.layouts))
    commit = snapshot_of(by.vault.ledger, permit.space, None).origin
    frozen = freeze(by.vault.ledger, by.recorder, by.documents, signed=signed, permit=permit.id, actor=actor_salted)
    document = by.documents.put(signed.data)
    run = run_id(document, commit.head)
    objects = [f"run:{run}", f"study:{document}", f"space:{permit.space}", f"head:{commit.head}"]
    with (
        living(by.scratch, by.recorder, run),
        recorded(by.recorder, "study", basis=f"permit:{permit.id}", objects=objects, actor=actor_salted) as act,
        stoppable(by.scratch, run) as stop,
    ):
        work = StudyWork(
            by=by,
            permit=permit,
            commit=commit,
            document=document,
            run=run,
            parts=study_parts(study, cut=permit.period[1]),
            matched=frozenset(f"cohort_{name}" for name in matched_names(study.matchings)),
            stop=stop,
        )
        merged, reference = work.gather(act)
        training = Training(learner=by.learner, random=by.recorder.randomness.bytes)
        rows = results(study, merged, run=run, standards=by.standards, training=training)
        result = by.documents.put(work.seal(rows, reference))
        for name, data in _kept(training).items():
            act.say(name, by.documents.put(work.keep(name, data, reference)))
        work.cost.say(act, run=run, engine=by.engine, cells=rows)
        act.say("made-by", by.made_by)
        act.say("result", result)
        by.scratch.clear(run)
    return StudyRun(run=run, rows=rows, result=result, resumed=work.cost.resumed, cost=work.cost, frozen=frozen)


def _kept(training: Training) -> dict[str, bytes]:
    """What the run keeps sealed in its project beside its tables: name → bytes."""
    files = {f"{analysis}/{path}": data for analysis, made in training.sequences.items() for path, data in made.items()}
    models = {MODELS: models_bytes(training.models)} if training.models else {}
    return {**models, **({SEQUENCES: packed(files)} if files else {})}


def _permitted(by: Runner, study: Study, signed: SignedDocument) -> Permit:
    """The permit that the study names, once its signer may use it today."""
    today = by.recorder.clock.now().date()
    signer = by.trust.check(signed.signature, over=signed.over, role="researcher", on=today)
    permit = find_permit(events(by.vault.ledger), by.documents, by.trust, study.permit)
    permit.check_valid_on(today)
    permit.check_names(signer.actor)
    return permit


def run_id(document: str, head: str) -> str:
    """The same signed study on the same snapshot is the same run: that is what lets it resume."""
    return STUDY + hashlib.sha256(f"{document}|{head}".encode()).hexdigest()[:16]
