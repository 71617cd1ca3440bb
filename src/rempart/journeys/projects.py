# SPDX-License-Identifier: Apache-2.0
"""Projects before and beside their permits: applications, the acts that follow, and what is due by when.

State is folded from the ledger's signed documents each time; no database row and no option decides anything.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import Missing, NotTrusted, Refused, RempartError
from rempart.journeys.permits import events, read_permit
from rempart.journeys.policy import policy_at
from rempart.journeys.recorded import Recorder, recorded
from rempart.permits.clocks import LAPSE, Clock, Moment, Running, moments, running
from rempart.permits.completeness import missing
from rempart.permits.purposes import judge
from rempart.permits.within import check_within
from rempart.ports.documents import Documents
from rempart.ports.ledger import Ledger
from rempart.records.application import Application, application_from_dict
from rempart.records.canonical import parse_canonical
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit
from rempart.records.permit_contents import Absent, absent, listed
from rempart.records.policy import Form
from rempart.records.project import START, ProjectAct, ProjectState, ProjectTable, fold, step
from rempart.records.project_act import APPLY, KIND, read_act
from rempart.records.project_log import LogReader, done
from rempart.records.project_log import project_acts as log_acts
from rempart.records.register import KIND as REGISTER
from rempart.records.trust import TrustFile

_COMPLETE, _EXTEND, _ACTIVATE = "complete", "extend", "activate"
_LAST_SECOND = datetime.time(23, 59, 59, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDesk:
    """What every step of a project needs. ``form``, ``contents``, ``purposes``: parsed data files of the permits room; ``holidays``:
    public ones; ``policy_form``: the fields of the house's policy."""

    ledger: Ledger
    recorder: Recorder
    documents: Documents
    trust: TrustFile
    table: ProjectTable
    form: Mapping[str, Any]
    contents: Mapping[str, Any]
    purposes: Mapping[str, Any]
    clocks: tuple[Clock, ...]
    holidays: frozenset[datetime.date]
    policy_form: Form


def act(desk: ProjectDesk, *, signed: SignedDocument, actor: str) -> ProjectState:
    """Log a signed act; the state after it. The rules speak before anything is written.

    Raises what ``records.project.step`` and ``permits.purposes.judge`` raise; Refused ``application-incomplete``, ``project-lapse``,
    ``project-extension``; NotTrusted.
    """
    moment = desk.recorder.clock.now()
    _, told = read_act(signed.data, trust=desk.trust, on=moment, fetch=desk.documents.get)
    step(state_of(desk, told.permit), told, desk.table)
    _check_matter(desk, told, moment)
    document = desk.documents.put(signed.data)
    objects = [f"act:{told.act}", f"document:{document}"]
    objects += [f"previous:{told.previous}"] if told.previous else []
    with recorded(desk.recorder, KIND, basis=f"permit:{told.permit}", objects=objects, actor=actor) as record:
        record.say("state", step(state_of(desk, told.permit), told, desk.table).state)  # what came between is seen
    now = state_of(desk, told.permit)
    if all(one.document != document for one in now.acts):  # another act was quicker: the ledger's order decides
        raise Refused("project-previous", permit=told.permit, act=told.act)
    return now


def _check_matter(desk: ProjectDesk, told: ProjectAct, moment: datetime.datetime) -> None:
    """What an act asks for beside its place in the table: a whole application, a clock that is over, one that can be made longer."""
    if told.act == APPLY:
        judge(read_application(desk, told.facts["application"]), desk.purposes)
    elif told.act == _COMPLETE:
        lacks = missing(application_of(desk, told.permit), desk.form)
        if lacks:
            fields = ", ".join(lack.field for lack in lacks)
            raise Refused("application-incomplete", permit=told.permit, fields=fields)
    elif told.act == _ACTIVATE:
        _check_entered(desk, told.permit)
    elif told.act == LAPSE:
        over = [one for one in clocks_of(desk, told.permit, moment) if one.clock.then == LAPSE]
        if not any(one.status == "overdue" for one in over):
            due = min((one.due.isoformat() for one in over), default="-")
            raise Refused("project-lapse", permit=told.permit, due=due)
    elif told.act == _EXTEND:
        found = [one for one in clocks_of(desk, told.permit, moment) if one.clock.extension is not None]
        if not any(one.status == "runs" and not one.extended for one in found):
            raise Refused("project-extension", permit=told.permit)


def _check_entered(desk: ProjectDesk, permit: str) -> None:
    """Raises Refused ``grant-no-entry`` where the policy wants a public entry before a project opens."""
    log = events(desk.ledger)
    asked = policy_at(log, desk.documents, desk.trust, desk.policy_form).flag("register.before_opening")
    if asked and not any(
        intent.kind == REGISTER and intent.basis == f"permit:{permit}" for _, intent, _, _ in done(log)
    ):
        raise Refused("grant-no-entry", permit=permit)


def project_acts(desk: ProjectDesk) -> list[ProjectAct]:
    """Acts of every project in ledger order; a document that proves nothing has no effect here (the audit names it)."""
    reader = LogReader(told=lambda _, intent: _told(desk, intent), granted=lambda _, intent: _granted(desk, intent))
    return [one for _, one in log_acts(done(events(desk.ledger)), desk.table, reader)]


def _told(desk: ProjectDesk, intent: LedgerEvent) -> ProjectAct:
    """A signed act, which must be the one that its leaf speaks of."""
    data = desk.documents.get(intent.fact("document") or "")
    _, told = read_act(data, trust=desk.trust, on=_instant(intent), fetch=desk.documents.get)
    if intent.basis != f"permit:{told.permit}":
        raise NotTrusted("document-form", expected="rempart.project-act/1")
    return told


def _granted(desk: ProjectDesk, intent: LedgerEvent) -> Permit:
    """The permit of a grant, once the committee's signature is proven."""
    return read_permit(desk.documents.get(intent.fact("permit") or ""), desk.trust, day=intent.time)


def state_of(desk: ProjectDesk, permit: str) -> ProjectState:
    """The state of a project after every act that the ledger holds and whose document proves itself."""
    return fold(permit, project_acts(desk), desk.table)


def states(desk: ProjectDesk) -> list[ProjectState]:
    """Every project that the ledger knows, in the order of their first acts."""
    acts = project_acts(desk)
    return [fold(permit, acts, desk.table) for permit in dict.fromkeys(one.permit for one in acts)]


def read_application(desk: ProjectDesk, document: str) -> Application:
    """An application by its id; raises BadInput, Missing or NotTrusted."""
    value = parse_canonical(desk.documents.get(document), what="application")
    return application_from_dict(value, desk.form)


def application_of(desk: ProjectDesk, permit: str) -> Application:
    """The application that stands; raises Missing ``application-missing``."""
    now = state_of(desk, permit)
    if now.parties is None or not now.parties.application:
        raise Missing("application-missing", permit=permit)
    return read_application(desk, now.parties.application)


def require_agreed(desk: ProjectDesk, permit: Permit) -> None:
    """Where an application stands for a permit's id, the grant waits for the agreement and keeps to what was asked for.

    Raises Refused ``project-state``, ``permit-application``, ``permit-beyond`` or, under the full circuit, ``permit-incomplete``.
    Without an application the committee's grant stands for every step before it.
    """
    if permit.version > 1:
        raise Refused("amend-chain", permit=permit.id, version=1, amends="-")
    if not any(
        e.kind == KIND and e.phase == "effect" and e.basis == f"permit:{permit.id}" for e in events(desk.ledger)
    ):
        return
    now, act = state_of(desk, permit.id), desk.table.by_kind["permit"]
    if now.parties is None:  # acts without an application that can be read do not make the way short
        raise Refused("project-state", permit=permit.id, state=now.state, act=act, moves=APPLY)
    step(now, ProjectAct(act=act, permit=permit.id, time=desk.recorder.clock.now(), facts={}), desk.table)
    if permit.application not in {"", now.parties.application}:
        raise Refused("permit-application", permit=permit.id, application=now.parties.application)
    check_within(permit, read_application(desk, now.parties.application))
    lacks = incomplete(desk, permit)
    if lacks:
        raise Refused("permit-incomplete", permit=permit.id, contents=listed(lacks))


def incomplete(desk: ProjectDesk, permit: Permit) -> tuple[Absent, ...]:
    """What neither a permit nor the application filed for it tells, where the policy in force asks for the full circuit; else nothing."""
    log = events(desk.ledger)
    if policy_at(log, desk.documents, desk.trust, desk.policy_form).text("circuit") != "full":
        return ()
    parties = state_of(desk, permit.id).parties
    return absent(permit, read_application(desk, parties.application) if parties else None, desk.contents)


def clocks_of(desk: ProjectDesk, permit: str, moment: datetime.datetime) -> tuple[Running, ...]:
    """The clocks of one project at an instant."""
    now = state_of(desk, permit)
    return running(timeline(desk, now), desk.clocks, moment, regime=regime_of(now), holidays=desk.holidays)


def timeline(desk: ProjectDesk, now: ProjectState) -> list[Moment]:
    """What the clocks see of a project, the last day of its permit too where that is still to come."""
    return moments(now, _of_the_permit(desk, now.permit))


def regime_of(now: ProjectState) -> str:
    """By which clocks a project runs; '' where a permit was granted without an application."""
    return now.parties.regime if now.parties else ""


def _of_the_permit(desk: ProjectDesk, permit: str) -> list[Moment]:
    """What happens to a project beside its states: it is granted, its permit's last day goes by, a first release is public."""
    log: Sequence[LedgerEvent] = events(desk.ledger)
    found: list[Moment] = []
    for event in log:
        if event.basis != f"permit:{permit}" or event.phase != "effect":
            continue
        if event.kind == "permit":
            try:
                permit_given = _granted(desk, log[event.of or 0])
            except RempartError:
                continue
            last = datetime.datetime.combine(permit_given.valid[1], _LAST_SECOND)
            found += [("granted", _instant(event)), ("expired", last)]
        elif event.kind == "release":
            found.append(("published", _instant(event)))
    return found


def _instant(event: LedgerEvent) -> datetime.datetime:
    return datetime.datetime.fromisoformat(event.time)


def known(desk: ProjectDesk, permit: str) -> ProjectState:
    """The state of a project that the ledger knows; raises Missing ``project-missing``."""
    now = state_of(desk, permit)
    if now.state == START:
        raise Missing("project-missing", permit=permit)
    return now
