# SPDX-License-Identifier: Apache-2.0
"""What a study would read, and what it would cost: from the study, the permit, the manifest and the runs before. Opens no part.

Writes nothing but the ledger's trace that a manifest was looked into.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from rempart.cohort.parts import columns_of, study_parts
from rempart.cohort.required import required_columns
from rempart.cohort.study_times import Times, times_of
from rempart.errors import Missing, Refused, RempartError
from rempart.journeys.chain import snapshot_of
from rempart.journeys.kept_evidence import KeptEvidence
from rempart.journeys.permits import events, find_permit
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.run_cost import pace
from rempart.journeys.shard_evidence import read_of
from rempart.journeys.space import OpenSpace, Vault, open_space
from rempart.journeys.study_size import ToldSize, read_size
from rempart.journeys.usable import last_days
from rempart.permits.compare import Compared, compare, earliest_day
from rempart.permits.compile import compile_permit
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.engine import Engine
from rempart.ports.evidence_cache import EvidenceCache
from rempart.records.cloned import check_runnable
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit
from rempart.records.study import Study
from rempart.records.trust import TrustFile

KIND = "study-plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """``required``: table → columns; ``permit``, ``compared``: None where the permit is not granted here; ``size``: of what must be
    read now, coarse, None where ``why`` says what stands against looking; ``kept``: of ``parts``, those whose evidence is there already;
    ``seconds``: with so many workers as the engine has, of the coarse size, None without an earlier run to judge by; ``not_yet``: what a
    run would say of a design that this version only checks; ``times``: when each question begins and what ends its follow-up; ``ends``:
    source → the last day on which it can be used, as the project's snapshot tells it."""

    required: Mapping[str, frozenset[str]]
    earliest: datetime.date
    permit: Permit | None
    compared: Compared | None
    size: ToldSize | None
    why: RempartError | None
    parts: int
    kept: int
    seconds: float | None
    times: tuple[Times, ...]
    not_yet: Refused | None = None
    ends: Mapping[str, datetime.date] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether a run would be refused, as far as the permit is known."""
        return self.not_yet is not None or (self.compared is not None and not self.compared.fits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """What planning needs. ``made_by``: version of what would compute."""

    vault: Vault
    recorder: Recorder
    documents: Documents
    trust: TrustFile
    layouts: Mapping[str, TableLayout]
    engine: Engine
    cache: EvidenceCache
    made_by: str


@dataclass(slots=True)
class Planned:
    """What the plans of other studies, which will run before, have found: manifests by permit, and the parts that will be there then."""

    opened: dict[str, OpenSpace] = field(default_factory=dict)
    parts: set[str] = field(default_factory=set)


def plan_study(planner: Planner, study: Study, before: Planned | None = None) -> StudyPlan:
    """The plan, after ``before``, which takes in what this one adds; raises BadInput ``study-layout`` for a column that no dataset
    could have."""
    before = before or Planned()
    required = required_columns(study, planner.layouts)
    log = events(planner.vault.ledger)
    try:
        permit = find_permit(log, planner.documents, planner.trust, study.permit)
    except Missing as error:
        return _told(study, required, None, None, why=error)
    compared = compare(study, permit, planner.layouts, required=required)
    if not compared.fits:
        return _told(study, required, permit, compared)
    try:
        permit.check_valid_on(planner.recorder.clock.now().date())
        opened = before.opened.get(permit.id) or _look(planner, permit)
        before.opened[permit.id] = opened
    except RempartError as error:  # expired, erased, or the broker is locked: the rest of the plan stands
        return _told(study, required, permit, compared, why=error)
    parts = study_parts(study, cut=permit.period[1])
    there = before.parts | set(_kept(planner, permit, opened).there([part.digest for part in parts]))
    left = [part for part in parts if part.digest not in there]
    before.parts |= {part.digest for part in left}
    stored = read_of(compile_permit(permit, planner.layouts), columns_of(left), planner.layouts)
    size = read_size(opened, stored).told()
    rate = pace(log, permit.id, engine=planner.engine.name)
    return StudyPlan(
        required=required,
        earliest=earliest_day(study),
        permit=permit,
        compared=compared,
        size=size,
        why=None,
        parts=len(parts),
        kept=len(parts) - len(left),
        seconds=None if rate is None else rate * size.all_rows / 1e6 / planner.engine.workers,
        times=times_of(study),
        not_yet=_not_yet(study),
        ends=last_days(opened.body.facts),
    )


def _not_yet(study: Study) -> Refused | None:
    try:
        check_runnable(study)
    except Refused as error:
        return error
    return None


def _told(
    study: Study,
    required: Mapping[str, frozenset[str]],
    permit: Permit | None,
    compared: Compared | None,
    *,
    why: RempartError | None = None,
) -> StudyPlan:
    """A plan without a look into the manifest."""
    return StudyPlan(
        required=required,
        earliest=earliest_day(study),
        permit=permit,
        compared=compared,
        size=None,
        why=why,
        parts=0,
        kept=0,
        seconds=None,
        times=times_of(study),
        not_yet=_not_yet(study),
    )


def _look(planner: Planner, permit: Permit) -> OpenSpace:
    """The manifest of the project's newest snapshot."""
    objects, basis = [f"space:{permit.space}"], f"permit:{permit.id}"
    with recorded(planner.recorder, KIND, basis=basis, objects=objects, event_class="trace") as act:
        use = (permit.space, "manifest", "main", "read")
        (reference,) = planner.vault.broker.grant(GrantRequest(intent=act.index, tables=(use,)))
        return open_space(planner.vault, space=permit.space, reference=reference)


def _kept(planner: Planner, permit: Permit, opened: OpenSpace) -> KeptEvidence:
    return KeptEvidence(
        cache=planner.cache,
        broker=planner.vault.broker,
        randomness=planner.recorder.randomness,
        warehouse=planner.vault.warehouse,
        space=permit.space,
        permit=permit.id,
        head=snapshot_of(planner.vault.ledger, permit.space, None).origin.head,
        epoch=opened.commit.epoch,
        made_by=planner.made_by,
    )
