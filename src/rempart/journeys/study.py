# SPDX-License-Identifier: Apache-2.0
"""Run a study: signed file → permit → plan → evidence shard by shard → exact sum → fit → sealed result.

Nothing of a person leaves a worker; a killed run takes up again at the next shard.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from rempart.cohort.parts import study_parts
from rempart.cohort.required import required_columns
from rempart.cohort.rule_cohorts import check_runnable
from rempart.journeys.chain import snapshot_of
from rempart.journeys.living import STUDY, living
from rempart.journeys.permits import events, find_permit
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.run_cost import RunCost
from rempart.journeys.space import Vault
from rempart.journeys.stopping import stoppable
from rempart.journeys.study_work import StudyWork
from rempart.permits.check_study import check_study
from rempart.ports.documents import Documents
from rempart.ports.engine import Engine
from rempart.ports.evidence_cache import EvidenceCache
from rempart.ports.scratch import Scratch
from rempart.ports.surroundings import Progress
from rempart.records.document import SignedDocument
from rempart.records.matching import matched_names
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.records.trust import TrustFile
from rempart.study.results import results


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRun:
    """A finished run: its id, its raw rows (to be checked before anyone but the author's process sees them), the result document.

    ``resumed``: shards that an earlier try had left.
    """

    run: str
    rows: tuple[ResultRow, ...]
    result: str
    resumed: int
    cost: RunCost = field(default_factory=RunCost)


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
    cache: EvidenceCache | None = None,
    made_by: str = "",
) -> StudyRun:
    """Run the study that ``signed`` holds, under the permit it names.

    ``cache``: where evidence of unchanged parts lies from run to run, None to compute everything anew; ``made_by``: version of what
    computes: another one's evidence is not used.
    Raises Refused (``permit-…``, ``study-…``, ``window-before-lookback``, ``role-missing``), NotTrusted, BadInput, Missing; Cancelled.
    """
    study = study_from_dict(signed.body)
    check_runnable(study)
    permit = _permitted(study, signed, vault, documents, trust, recorder)
    check_study(study, permit, layouts, required=required_columns(study, layouts))
    commit = snapshot_of(vault.ledger, permit.space, None).origin
    document = documents.put(signed.data)
    run = run_id(document, commit.head)
    objects = [f"run:{run}", f"study:{document}", f"space:{permit.space}", f"head:{commit.head}"]
    with (
        living(scratch, recorder, run),
        recorded(recorder, "study", basis=f"permit:{permit.id}", objects=objects, actor=actor_salted) as act,
        stoppable(scratch, run) as stop,
    ):
        work = StudyWork(
            vault=vault,
            recorder=recorder,
            scratch=scratch,
            engine=engine,
            layouts=layouts,
            progress=progress,
            cache=cache,
            made_by=made_by,
            permit=permit,
            commit=commit,
            document=document,
            run=run,
            parts=study_parts(study, cut=permit.period[1]),
            matched=frozenset(f"cohort_{name}" for name in matched_names(study.matchings)),
            stop=stop,
        )
        merged, reference = work.gather(act)
        rows = results(study, merged, run=run)
        result = documents.put(work.seal(rows, reference))
        work.cost.say(act, run=run, engine=engine, cells=rows)
        act.say("result", result)
        scratch.clear(run)
    return StudyRun(run=run, rows=rows, result=result, resumed=work.cost.resumed, cost=work.cost)


def _permitted(
    study: Study, signed: SignedDocument, vault: Vault, documents: Documents, trust: TrustFile, recorder: Recorder
) -> Permit:
    """The permit that the study names, once its signer may use it today."""
    today = recorder.clock.now().date()
    signer = trust.check(signed.signature, over=signed.over, role="researcher", on=today)
    permit = find_permit(events(vault.ledger), documents, trust, study.permit)
    permit.check_valid_on(today)
    permit.check_names(signer.actor)
    return permit


def run_id(document: str, head: str) -> str:
    """The same signed study on the same snapshot is the same run: that is what lets it resume."""
    return STUDY + hashlib.sha256(f"{document}|{head}".encode()).hexdigest()[:16]
