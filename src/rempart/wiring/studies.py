# SPDX-License-Identifier: Apache-2.0
"""Studies on the command line beside running them: plan one, show a run, stop a run. What a run computed is not opened here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.duckdb_query import engine_version
from rempart.adapters.machine import cores, memory_each
from rempart.errors import Missing, Unavailable
from rempart.journeys.living import STUDY
from rempart.journeys.permits import events
from rempart.journeys.release import current_state
from rempart.journeys.stopping import ask_to_stop, forget_asking
from rempart.journeys.study_plan import Planner, StudyPlan, plan_study
from rempart.records.cohort_future import all_days_before
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.wiring.acts import forget_ended, read_study_file
from rempart.wiring.releases import desk
from rempart.wiring.warehouse import Warehouse

_PATIENCE = 30.0  # seconds that a run is given to end, told in docs/study.md
_CANCELLED = "cancelled/run-cancelled"
_DIED = "unavailable/run-died"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStudy:
    """``study``: its id; ``memory``: bytes that each of ``workers`` may take; ``all_before``: (cohort, part) of what reads all
    days before."""

    study: str
    permit: str
    period: tuple[str, str]
    plan: StudyPlan
    workers: int
    memory: int
    all_before: tuple[tuple[str, str], ...]


def plan_study_file(
    warehouse: Warehouse,
    file: Path,
    *,
    workers: int | None = None,
    memory: int | None = None,
    variant: str | None = None,
) -> PlannedStudy:
    """What the study would read and cost; writes nothing but the trace of a look into the manifest."""
    study, many = read_study_file(file, variant), workers or cores()
    forget_ended(warehouse)
    planner = planner_of(warehouse, workers=many, memory=memory)
    first, last = (day.isoformat() for day in study.protocol.period)
    return PlannedStudy(
        study=study.content_id,
        permit=study.permit,
        period=(first, last),
        plan=plan_study(planner, study),
        workers=many,
        memory=memory or memory_each(many),
        all_before=all_days_before(study.rules),
    )


def planner_of(warehouse: Warehouse, *, workers: int, memory: int | None) -> Planner:
    """What planning needs, for so many workers of this machine."""
    return Planner(
        vault=warehouse.vault,
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        trust=warehouse.trust,
        layouts=warehouse.study_layouts,
        engine=warehouse.engine(workers, memory=memory),
        cache=warehouse.cache,
        made_by=engine_version(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRun:
    """A run as the ledger and its scratch have it. ``state``: running, finished, cancelled, failed, killed; ``done`` of ``shards``;
    ``outputs``: name → number of cells; ``release``, ``release_state``: '' when it was not submitted; ``error``: family and code."""

    run: str
    state: str
    study: str
    title: str
    permit: str
    begun: str
    ended: str
    done: int
    shards: int
    parts: int
    reused: int
    seconds: int
    engine: str
    workers: int
    result: str
    outputs: dict[str, int]
    release: str
    release_state: str
    error: str


def show_run(warehouse: Warehouse, run: str) -> ShownRun:
    """What became of a run, newest try first; raises Missing ``run-missing``."""
    forget_ended(warehouse)
    log = events(warehouse.ledger)
    tries = [n for n, e in enumerate(log) if e.kind == "study" and e.phase == "intent" and e.fact("run") == run]
    if not tries or not run.startswith(STUDY):
        raise Missing("run-missing", run=run)
    intent = log[tries[-1]]
    end = next((e for e in log[tries[-1] :] if e.kind == "study" and e.of == tries[-1]), None)
    done = next((e for e in reversed(log) if e.kind == "study" and e.phase == "effect" and e.of in tries), None)
    study = SignedDocument.from_bytes(warehouse.documents.get(intent.fact("study") or ""), schema="rempart.study/1")
    there = sum(name.startswith("shard-") for name in warehouse.scratch.names(run))
    shards = _number(done, "shards") or warehouse.configuration.shards
    release, state = _released(warehouse, log, run)
    return ShownRun(
        run=run,
        state=_state(end, held=warehouse.scratch.held(run)),
        study=study.over,
        title=str(study.body["protocol"]["title"]),
        permit=intent.basis.partition(":")[2],
        begun=intent.time,
        ended=end.time if end else "",
        done=shards if end is not None and end.phase == "effect" else there,
        shards=shards,
        parts=_number(done, "parts"),
        reused=_number(done, "reused"),
        seconds=_number(done, "seconds"),
        engine=(done.fact("engine") if done else "") or "",
        workers=_number(done, "workers"),
        result=(done.fact("result") if done else "") or "",
        outputs=_outputs(done),
        release=release,
        release_state=state,
        error=(end.fact("error") if end else "") or "",
    )


def _state(end: LedgerEvent | None, *, held: bool) -> str:
    if end is None:
        return "running" if held else "killed"
    if end.phase == "effect":
        return "finished"
    return {_CANCELLED: "cancelled", _DIED: "killed"}.get(end.fact("error") or "", "failed")


def _number(event: LedgerEvent | None, name: str) -> int:
    told = (event.fact(name) if event else "") or ""
    return int(told) if told.isdecimal() else 0


def _outputs(done: LedgerEvent | None) -> dict[str, int]:
    """Names and numbers of cells, as the run's end told them; a run of an earlier version told none."""
    told = (item.rpartition("=") for item in (done.facts("output") if done else ()))
    return {name: int(count) for name, _, count in told if count.isdecimal()}


def _released(warehouse: Warehouse, log: Sequence[LedgerEvent], run: str) -> tuple[str, str]:
    """The last release that the run was submitted as, and its state."""
    named = [
        e.fact("release") or "" for e in log if (e.kind, e.phase) == ("submission", "intent") and e.fact("run") == run
    ]
    place = desk(warehouse)
    return (named[-1], place.states.told[current_state(place, named[-1]).state]) if named else ("", "")


def cancel_run(warehouse: Warehouse, run: str) -> None:
    """Have the process that works on ``run`` stop, and wait until it has; raises Missing ``run-not-live``, Unavailable ``run-stays``."""
    scratch = warehouse.scratch
    ask_to_stop(scratch, run)
    until = time.monotonic() + _PATIENCE
    while scratch.held(run):
        if time.monotonic() > until:
            raise Unavailable("run-stays", run=run)
        time.sleep(0.1)
    try:
        forget_asking(scratch, run)
    except Unavailable as error:
        if error.code != "run-held":  # begun again meanwhile: it forgets by itself
            raise
    forget_ended(warehouse)
