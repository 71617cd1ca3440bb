# SPDX-License-Identifier: Apache-2.0
"""The way out: submit, two votes, a decision where they differ, publish; or withdraw. Only checked tables pass (``checked.py``).

Everything rests on signed documents: state is read from the ledger each time; no database row and no option decides anything.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput, Missing, NotTrusted, Refused, RempartError
from rempart.journeys.attested import require_attested
from rempart.journeys.cleared_by import CLEARANCE, clearing_policy
from rempart.journeys.permits import events, find_permit
from rempart.journeys.policy import policy_at
from rempart.journeys.quota import check_compared, check_snapshot
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.space import Vault
from rempart.ports.documents import Documents
from rempart.records.derogation import check_definitions, permitted
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.moved import head_of, option_of
from rempart.records.permit import Permit
from rempart.records.policy import Form
from rempart.records.trust import TrustEntry, TrustFile
from rempart.release.documents import (
    DECISION,
    FILES_SUBMISSION,
    SUBMISSION,
    VOTE,
    WHOLE_VOTE,
    read_decision,
    read_either,
    read_submission,
    read_vote,
    read_withdrawal,
)
from rempart.release.states import ReleaseEvent, ReleaseState, StateTable, state, step

INVENTED = "persons:invented"
"""In the first leaf of a warehouse whose persons are nobody (a dry run)."""
_FREE = frozenset({"returned", "rejected", "withdrawn"})
"""States in which a run is on no way out."""
_RUNS = {"study": ("study", "result"), "code-job": ("job", "files")}
"""Kinds of runs: the fact that names what was signed, and the one that names what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDesk:
    """What every step of the way out needs. ``invented``: its persons are, so that nothing is drawn by a key."""

    vault: Vault
    recorder: Recorder
    documents: Documents
    trust: TrustFile
    rules: Mapping[str, Any]
    states: StateTable
    policy_form: Form
    file_rules: Mapping[str, Any]
    invented: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A study run, or a run of a researcher's own code, that took effect, as the ledger holds it. ``study``: the document of the study or
    of the job; ``result``: of its sealed result or files."""

    run: str
    permit: str
    study: str
    result: str


def finished_run(log: Sequence[LedgerEvent], run: str) -> FinishedRun:
    """The newest run of that id that ended well; raises Missing ``run-missing``."""
    for event in reversed(log):
        if event.kind in _RUNS and event.phase == "effect" and event.fact("run") == run:
            asked, made = _RUNS[event.kind]
            return FinishedRun(
                run=run,
                permit=event.basis.partition(":")[2],
                study=log[event.of or 0].fact(asked) or "",
                result=event.fact(made) or "",
            )
    raise Missing("run-missing", run=run)


def valid_permit(desk: ReleaseDesk, permit: str) -> Permit:
    """The permit, from the ledger, valid today."""
    found = find_permit(events(desk.vault.ledger), desk.documents, desk.trust, permit)
    found.check_valid_on(desk.recorder.clock.now().date())
    return found


def check_party(desk: ReleaseDesk, person: TrustEntry, *, release: str) -> None:
    """Checkers and the persons whom the permit names see what is submitted, move it and publish it; raises Missing ``release-missing``: to
    anybody else it is not there; and Refused ``not-attested``."""
    now = current_state(desk, release)
    if now.submission and "checker" not in person.roles:
        permit = valid_permit(desk, str(submission_of(desk, release).body["permit"]))
        if person.actor not in permit.persons:
            raise Missing("release-missing", release=release)
    check_attested(desk, person.actor)


def submit(desk: ReleaseDesk, *, signed: SignedDocument, actor: str, register: str = "") -> ReleaseState:
    """Log a submission signed by its author, a researcher whom the permit names; raises Refused ``release-invented`` after a dry run.

    ``register``: the entry that tells what it shows; raises Refused ``release-not-compared`` where the ledger holds none of this result.
    Files of a researcher's own have none: nothing tells whom they count."""
    _of_persons(desk)
    _, event = read_submission(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    permit = valid_permit(desk, str(signed.body["permit"]))
    permit.check_names(event.actor)
    asked = permitted(event.derogations, permit.derogations, permit=permit.id)
    finished = finished_run(events(desk.vault.ledger), str(signed.body["run"]))
    if asked:
        study = SignedDocument.from_bytes(desk.documents.get(finished.study), schema="rempart.study/1")
        check_definitions(asked, study.body, permit=permit.id)
    if (finished.result, finished.permit) != (signed.body["result"], permit.id):
        raise NotTrusted("release-tables", release=event.release)
    _not_pending(desk, finished.run, event.release)
    _same_permit(desk, event.release, permit.id)
    objects = [f"run:{finished.run}", f"result:{finished.result}"]
    if signed.body["schema"] == SUBMISSION:
        _compared(desk, finished, register, option_of(signed.body))
        objects.append(f"register:{register}")
    return _log(desk, "submission", event, signed=signed, permit=permit.id, actor=actor, objects=objects)


def _compared(desk: ReleaseDesk, finished: FinishedRun, register: str, option: str) -> None:
    """Raises Refused ``release-not-compared``, ``release-snapshot-moved``."""
    log, permit = events(desk.vault.ledger), finished.permit
    check_compared(log, run=finished.run, result=finished.result, permit=permit, register=register)
    policy = policy_at(log, desk.documents, desk.trust, desk.policy_form)
    check_snapshot(log, permit, head_of(log, finished.result), policy=policy, option=option)


def _of_persons(desk: ReleaseDesk) -> None:
    """Raises Refused ``release-invented`` where the warehouse says from its first leaf that its persons are invented."""
    if any(event.kind == "init" and INVENTED in event.objects for event in events(desk.vault.ledger)):
        raise Refused("release-invented")


def _not_pending(desk: ReleaseDesk, run: str, release: str) -> None:
    """Raises Refused ``release-run-submitted`` when the run already goes, or went, its way out under another id."""
    for event in events(desk.vault.ledger):
        other = event.fact("release") or ""
        if event.kind == "submission" and event.phase == "intent" and event.fact("run") == run and other != release:
            now = current_state(desk, other)
            if now.submission and now.state not in _FREE:
                raise Refused("release-run-submitted", run=run, release=other, state=desk.states.told[now.state])


def _same_permit(desk: ReleaseDesk, release: str, permit: str) -> None:
    """A release stays its permit's; raises Missing ``release-missing``: whoever is of another one learns nothing of it."""
    now = current_state(desk, release)
    if now.submission and submission_of(desk, release).body["permit"] != permit:
        raise Missing("release-missing", release=release)


def review(desk: ReleaseDesk, *, signed: SignedDocument, actor: str) -> ReleaseState:
    """Log one checker's vote; raises Refused ``release-author-votes``, ``release-voted-already``, ``release-other-submission``,
    ``release-files-unseen``; BadInput ``release-field`` for a rejection of ``rempart.vote/1``, which would tell the author of the first
    vote before the second."""
    _, event = read_vote(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    if event.act == "reject":
        raise BadInput("release-field", field="verdict")
    submission = submission_of(desk, event.release)
    return _log(desk, "vote", event, signed=signed, permit=str(submission.body["permit"]), actor=actor)


def decide(desk: ReleaseDesk, *, signed: SignedDocument, actor: str) -> ReleaseState:
    """Log what one of two checkers decides whose votes differ; raises Refused ``release-decides-voter``, ``release-decides-approval``."""
    _, event = read_decision(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    submission = submission_of(desk, event.release)
    return _log(desk, "decision", event, signed=signed, permit=str(submission.body["permit"]), actor=actor)


def withdraw(desk: ReleaseDesk, *, signed: SignedDocument, actor: str) -> ReleaseState:
    """Log that an author gives a returned release up; raises Missing ``release-missing`` for whom its permit does not name, Refused
    ``release-withdraw-author``, ``release-state``."""
    _, event = read_withdrawal(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    permit = valid_permit(desk, str(submission_of(desk, event.release).body["permit"]))
    if event.actor not in permit.persons:
        raise Missing("release-missing", release=event.release)
    return _log(desk, "withdrawal", event, signed=signed, permit=permit.id, actor=actor)


def _log(
    desk: ReleaseDesk,
    kind: str,
    event: ReleaseEvent,
    *,
    signed: SignedDocument,
    permit: str,
    actor: str,
    objects: Sequence[str] = (),
) -> ReleaseState:
    check_attested(desk, event.actor)
    now = current_state(desk, event.release)
    after = step(now, event, desk.states)  # the rules speak before anything is written
    valid_permit(desk, permit)
    document = desk.documents.put(signed.data)
    told = [f"release:{event.release}", f"document:{document}", *objects]
    with recorded(desk.recorder, kind, basis=f"permit:{permit}", objects=told, actor=actor):
        pass
    return after


def check_attested(desk: ReleaseDesk, actor: str) -> None:
    """Raises Refused ``not-attested``: what the policy asks of whoever works is asked at this desk too."""
    day, log = desk.recorder.clock.now().date(), events(desk.vault.ledger)
    require_attested(log, desk.documents, desk.trust, desk.policy_form, actor=actor, day=day)


def current_state(desk: ReleaseDesk, release: str) -> ReleaseState:
    """The state of a release after every act that the ledger holds and whose document proves itself."""
    return state(release, release_events(desk), desk.states)


def release_events(desk: ReleaseDesk) -> list[ReleaseEvent]:
    """Acts of the way out in ledger order; a document that proves nothing has no effect here (the audit names it)."""
    return [act for _, act in release_acts(desk)]


def release_acts(desk: ReleaseDesk) -> list[tuple[int, ReleaseEvent]]:
    """As ``release_events``, each with the index of the leaf of its effect."""
    log = events(desk.vault.ledger)
    found = []
    for index, event in enumerate(log):
        if event.phase == "effect" and event.kind in _READERS:
            intent = log[event.of or 0]
            try:
                found.append((index, _READERS[event.kind](desk, intent, event)))
            except RempartError:
                continue
    return found


_Reader = Callable[[ReleaseDesk, LedgerEvent, LedgerEvent], ReleaseEvent]


def _signed(read: Callable[..., tuple[SignedDocument, ReleaseEvent]]) -> _Reader:
    """The act of a leaf that names a signed document, proven at that instant."""

    def told(desk: ReleaseDesk, intent: LedgerEvent, _: LedgerEvent) -> ReleaseEvent:
        on = datetime.datetime.fromisoformat(intent.time)
        return read(desk.documents.get(intent.fact("document") or ""), trust=desk.trust, on=on)[1]

    return told


def _read_publication(_: ReleaseDesk, intent: LedgerEvent, effect: LedgerEvent) -> ReleaseEvent:
    return ReleaseEvent(
        act="publish", release=intent.fact("release") or "", actor=intent.actor, document=effect.fact("pack") or ""
    )


def _read_clearance(desk: ReleaseDesk, intent: LedgerEvent, effect: LedgerEvent) -> ReleaseEvent:
    """A clearance counts where the policy before it clears that very submission, and a leaf alone never."""
    log, over = events(desk.vault.ledger)[: effect.of], intent.fact("document") or ""
    policy = clearing_policy(log, desk.documents, desk.trust, desk.policy_form, submission=over)
    release, version = intent.fact("release") or "", str(policy.version)
    return ReleaseEvent(act="clear", release=release, actor="", document=version, submission=over)


_READERS: Mapping[str, _Reader] = {
    "submission": _signed(read_submission),
    "vote": _signed(read_vote),
    "decision": _signed(read_decision),
    "withdrawal": _signed(read_withdrawal),
    CLEARANCE: _read_clearance,
    "release": _read_publication,
}


def submission_of(desk: ReleaseDesk, release: str) -> SignedDocument:
    """The submission that stands; raises Missing ``release-missing``."""
    now = current_state(desk, release)
    if not now.submission:
        raise Missing("release-missing", release=release)
    return read_either(desk.documents.get(now.submission), SUBMISSION, FILES_SUBMISSION)


def votes_of(desk: ReleaseDesk, now: ReleaseState) -> list[SignedDocument]:
    """The votes that count and the decision after them, in ledger order."""
    return [read_either(desk.documents.get(name), VOTE, WHOLE_VOTE, DECISION) for name in now.votes]


def next_release(desk: ReleaseDesk) -> str:
    """The next free id of this year, R-YYYY-NNNN."""
    year = desk.recorder.clock.now().year
    taken = {event.fact("release") for event in events(desk.vault.ledger) if event.kind == "submission"}
    number = 1 + max(
        [int(name.rpartition("-")[2]) for name in taken if name and name.startswith(f"R-{year}-")], default=0
    )
    return f"R-{year}-{number:04d}"
