# SPDX-License-Identifier: Apache-2.0
"""Run a researcher's own code: signed job → permit → tables in memory → sandbox → declared files, sealed. Nothing of it is shown.

Whatever the code writes stays in its project under the project's key; people decide what leaves (``release``).
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import BadInput, Cancelled, NotTrusted, Refused, RempartError
from rempart.journeys.chain import snapshot_of
from rempart.journeys.evidence import kept_context, seal_kept
from rempart.journeys.job_inputs import JobTables, check_inputs
from rempart.journeys.living import JOB, living
from rempart.journeys.permits import events, find_permit, first_version
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.space import Vault, open_space
from rempart.journeys.stopping import stoppable
from rempart.permits.compile import granted_parts
from rempart.permits.left import Left
from rempart.ports.broker import GrantRequest
from rempart.ports.documents import Documents
from rempart.ports.query import Query
from rempart.ports.sandbox import (
    ERROR,
    MEMORY,
    OUTPUT,
    STOPPED,
    TIME,
    Sandbox,
    SandboxJob,
    SandboxLimits,
    SandboxOutcome,
)
from rempart.ports.scratch import Scratch
from rempart.records.canonical import length_prefixed, sha256_id
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.job import KIND, CodeJob, Form, job_from_dict
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit
from rempart.records.policy import Policy
from rempart.records.trust import TrustFile

FILES, LOG = "files", "log"
_MAGIC = "rempart.job-files/2"
_NOT_THE_CODES = frozenset({"error:unavailable/run-died"})
_COUNTED = 10  # of what was not taken out; a larger number would be a message


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunner:
    """What running a code job needs. ``policy``: the one in force; ``form``: parsed ``records/job.toml``."""

    vault: Vault
    recorder: Recorder
    documents: Documents
    scratch: Scratch
    trust: TrustFile
    layouts: Mapping[str, TableLayout]
    new_query: Callable[[], Query]
    sandbox: Sandbox
    policy: Policy
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """A job that ended well. ``files``: its declared files, every one of which is kept; ``left``: how many other things it wrote, ten for
    ten and more; ``document``: of the sealed files."""

    run: str
    permit: str
    files: tuple[str, ...]
    left: int
    minutes: int
    document: str


def run_job(by: JobRunner, *, signed: SignedDocument, code: Mapping[str, bytes], actor: str) -> JobRun:
    """Run the job that ``signed`` holds; ``code``: its files, which must be those it names. ``actor``: salted.

    Raises Refused (``permit-…``, ``job-column``, ``job-days``, ``job-limit``, ``job-quota``, ``job-time``, ``job-memory``, ``job-output``,
    ``job-undeclared``, ``sandbox-…``), BadInput ``job-error``, Cancelled ``run-cancelled``, NotTrusted, Missing.
    """
    job = job_from_dict(signed.body, by.form)
    given = _permitted(by, job, signed)
    permit = given.now
    check_inputs(job, given, by.layouts)
    limits = _limits(job, by.policy)
    _check_code(job, code)
    _check_quota(by, permit)
    by.sandbox.check(job.language, limits.processes)
    by.sandbox.sweep()
    commit = snapshot_of(by.vault.ledger, permit.space, None).origin
    for data in code.values():
        by.documents.put(data)
    run = JOB + by.recorder.randomness.bytes(8).hex()
    objects = [f"run:{run}", f"job:{by.documents.put(signed.data)}", f"space:{permit.space}", f"head:{commit.head}"]
    with (
        living(by.scratch, by.recorder, run),
        recorded(by.recorder, KIND, basis=f"permit:{permit.id}", objects=objects, actor=actor) as act,
        stoppable(by.scratch, run) as stop,
    ):
        reading, sealing = by.vault.broker.grant(_request(by, permit, act.index), uses=2)
        opened = open_space(by.vault, space=permit.space, reference=reading, head=commit.head)
        tables = JobTables(
            vault=by.vault, opened=opened, left=given, layouts=by.layouts, new_query=by.new_query, most=limits.memory
        )
        inputs = tables.files(job, reference=reading)
        outcome = by.sandbox.run(_sandboxed(run, job, code, inputs, limits), stop=stop)
        _check_outcome(outcome, job, run)
        sealed = _Sealing(by=by, permit=permit, run=run, epoch=commit.epoch, reference=sealing)
        document = by.documents.put(sealed.kept(FILES, packed(outcome.outputs, by.recorder.randomness.bytes(32))))
        minutes = -int(-outcome.seconds // 60)
        left = min(outcome.discarded + outcome.refused, _COUNTED)
        said = by.documents.put(sealed.kept(LOG, outcome.said))
        for name, told in (("run", run), (FILES, document), (LOG, said)):
            act.say(name, told)
        for name, count in (("kept", len(outcome.outputs)), ("left", left), ("minutes", minutes)):
            act.say(name, count)
    return JobRun(
        run=run, permit=permit.id, files=tuple(outcome.outputs), left=left, minutes=minutes, document=document
    )


def packed(files: Mapping[str, bytes], salt: bytes) -> bytes:
    """Declared files as one text of bytes, to be sealed. ``salt``: drawn for this run; ids of its files are made with it
    (``release.job_files.file_id``), and nobody reads it who does not read the files."""
    return length_prefixed(_MAGIC, salt, *(part for name in sorted(files) for part in (name, files[name])))


def unpacked(data: bytes) -> tuple[dict[str, bytes], bytes]:
    """The files and their salt; raises NotTrusted ``result-form``."""
    parts, at = [], 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data) or parts[:1] != [_MAGIC.encode()] or len(parts) % 2 != 0:
        raise NotTrusted("result-form")
    return {name.decode(): body for name, body in zip(parts[2::2], parts[3::2], strict=True)}, parts[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealing:
    """Seals what a run keeps under its project's key."""

    by: JobRunner
    permit: Permit
    run: str
    epoch: int
    reference: str

    def kept(self, name: str, data: bytes) -> bytes:
        """As a sealed document."""
        random = self.by.recorder.randomness.bytes
        return seal_kept(
            data,
            broker=self.by.vault.broker,
            reference=self.reference,
            context=kept_context(self.by.vault.warehouse, self.permit.space, self.run, name, self.epoch),
            key=random(32),
            salt=random(32),
            prefix=random(7),
        )


def _permitted(by: JobRunner, job: CodeJob, signed: SignedDocument) -> Left:
    """The permit that the job names, as granted and in force, once its signer may use it today."""
    today = by.recorder.clock.now().date()
    signer = by.trust.check(signed.signature, over=signed.over, role="researcher", on=today)
    log = events(by.vault.ledger)
    permit = find_permit(log, by.documents, by.trust, job.permit)
    permit.check_valid_on(today)
    permit.check_names(signer.actor)
    return Left(first=first_version(log, by.documents, by.trust, job.permit), now=permit)


def _limits(job: CodeJob, policy: Policy) -> SandboxLimits:
    """What the job asks for, the house's where it asks for nothing; raises Refused ``job-limit`` for more than the house gives."""
    most = {name: policy.number(f"jobs.{name}") for name in ("seconds", "memory_mb", "processes")}
    for name, asked in job.limits.items():
        if asked > most[name]:
            raise Refused("job-limit", name=name, asked=asked, most=most[name])
    given = {**most, **job.limits}
    return SandboxLimits(
        seconds=given["seconds"],
        memory=given["memory_mb"] << 20,
        processes=given["processes"],
        output=policy.number("jobs.output_mb") << 20,
    )


def _check_code(job: CodeJob, code: Mapping[str, bytes]) -> None:
    """Raises NotTrusted ``job-code`` unless these are the files that were signed."""
    if {name: sha256_id(data) for name, data in code.items()} != dict(job.code):
        raise NotTrusted("job-code")


def _check_quota(by: JobRunner, permit: Permit) -> None:
    """Raises Refused ``job-quota``: how a run ended is told to its author, so the number of ends that tell something is bounded."""
    days, most = by.policy.number("jobs.failed_days"), by.policy.number("jobs.failed")
    since = by.recorder.clock.now() - datetime.timedelta(days=days)
    failed = [event for event in failed_runs(events(by.vault.ledger), permit.id) if _time(event) >= since]
    if len(failed) >= most:
        raise Refused("job-quota", permit=permit.id, failed=most, days=days)


def failed_runs(log: Sequence[LedgerEvent], permit: str) -> list[LedgerEvent]:
    """The ends of a permit's runs that failed or were stopped: all but those whose process died."""
    basis = f"permit:{permit}"
    ends = [event for event in log if (event.kind, event.phase, event.basis) == (KIND, "failed", basis)]
    return [event for event in ends if not _NOT_THE_CODES & set(event.objects)]


def _time(event: LedgerEvent) -> datetime.datetime:
    return datetime.datetime.fromisoformat(event.time)


def _request(by: JobRunner, permit: Permit, intent: int) -> GrantRequest:
    space = permit.space
    read = [(space, table, sibling, "read") for table, sibling in granted_parts(permit, by.layouts)]
    return GrantRequest(
        intent=intent, tables=(*read, (space, "manifest", "main", "read"), (space, "result", "main", "write"))
    )


def _sandboxed(
    run: str, job: CodeJob, code: Mapping[str, bytes], inputs: Mapping[str, bytes], limits: SandboxLimits
) -> SandboxJob:
    return SandboxJob(
        id=run,
        language=job.language,
        main=job.main,
        code=code,
        inputs=inputs,
        outputs=tuple(item.path for item in job.outputs),
        limits=limits,
    )


def _check_outcome(outcome: SandboxOutcome, job: CodeJob, run: str) -> None:
    """A run that ended by itself and wrote every file that it declared; else the one thing that its author may know."""
    if outcome.reason == STOPPED:
        raise Cancelled("run-cancelled", run=run)
    if outcome.reason == ERROR:
        raise _told_error(outcome, job)
    if outcome.reason == TIME:
        raise Refused("job-time", run=run)
    if outcome.reason == MEMORY:
        raise Refused("job-memory", run=run)
    if outcome.reason == OUTPUT:
        raise Refused("job-output", run=run)
    if set(outcome.outputs) != {item.path for item in job.outputs}:
        raise Refused("job-undeclared", run=run, declared=len(job.outputs))


def _told_error(outcome: SandboxOutcome, job: CodeJob) -> RempartError:
    name, line = outcome.error
    return BadInput("job-error", file=job.main, line=line, error=name)
