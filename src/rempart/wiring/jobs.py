# SPDX-License-Identifier: Apache-2.0
"""Researchers' own code on the command line: run a job file, list the runs of one's projects."""

import os
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.sandbox_bubblewrap import Bubblewrap
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput
from rempart.journeys.code_job import JobRun, JobRunner, run_job
from rempart.journeys.permits import events
from rempart.ports.query import Query
from rempart.records.event import LedgerEvent
from rempart.records.job import KIND, code_named, job_of_file
from rempart.wiring.acts import forget_ended
from rempart.wiring.policy import policy_now
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse

_AS_ROOT, _OTHERWISE = "/run/rempart-jobs", "/dev/shm/rempart-jobs-{}"  # noqa: S108  closed to others, checked before use
_LARGEST = 1 << 20


def sandbox_of(warehouse: Warehouse) -> Bubblewrap:
    """The sandbox as ``rempart.toml`` sets it."""
    told = warehouse.configuration.sandbox
    usual = _AS_ROOT if os.geteuid() == 0 else _OTHERWISE.format(os.geteuid())
    return Bubblewrap(
        root=Path(told.folder or usual),
        accounts=told.uids,
        programs={"python": told.python, "r": told.r},
        cores=told.cores,
    )


def run_job_file(warehouse: Warehouse, *, file: Path, key_file: Path, ask: Ask) -> JobRun:
    """Sign the job of a file as its author and run it; BadInput ``job-code-file`` for code that cannot be read. Raises as ``run_job``."""
    value, form = read_toml(file), package_data.toml("records/job.toml")
    code = {name: _code(file, name) for name in code_named(value, file=file.name)}
    job = job_of_file(value, code, form, file=file.name)
    author = signer(warehouse.trust, key_file, ask)
    forget_ended(warehouse)
    with warehouse.queries() as new_query:

        def query() -> Query:
            return new_query()

        by = JobRunner(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            documents=warehouse.documents,
            scratch=warehouse.scratch,
            trust=warehouse.trust,
            layouts=warehouse.study_layouts,
            new_query=query,
            sandbox=sandbox_of(warehouse),
            policy=policy_now(warehouse),
            form=form,
        )
        signed = author.document(job.as_dict())
        return run_job(by, signed=signed, code=code, actor=author.salted)


def _code(file: Path, name: str) -> bytes:
    """A file of code beside the job's; never one that lies elsewhere."""
    path = file.parent / name
    inside = path.resolve().is_relative_to(file.parent.resolve())
    if not inside or not path.is_file() or path.stat().st_size > _LARGEST:
        raise BadInput("job-code-file", file=file.name, name=name)
    return path.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldJob:
    """One run as its project may see it. ``state``: running, done, failed; ``ended``: family and code of a failure."""

    run: str
    permit: str
    time: str
    state: str
    ended: str
    kept: int
    left: int
    minutes: int


def job_list(warehouse: Warehouse) -> list[ToldJob]:
    """Every run of a code job, in ledger order."""
    log = events(warehouse.ledger)
    ends = {event.of: event for event in log if event.kind == KIND and event.of is not None}
    return [
        _told(event, ends.get(index))
        for index, event in enumerate(log)
        if (event.kind, event.phase) == (KIND, "intent")
    ]


def _told(begun: LedgerEvent, end: LedgerEvent | None) -> ToldJob:
    kept, left, minutes = (int((end and end.fact(name)) or 0) for name in ("kept", "left", "minutes"))
    state = "running" if end is None else {"effect": "done"}.get(end.phase, "failed")
    return ToldJob(
        run=begun.fact("run") or "",
        permit=begun.basis.partition(":")[2],
        time=begun.time,
        state=state,
        ended=(end and end.fact("error")) or "",
        kept=kept,
        left=left,
        minutes=minutes,
    )
