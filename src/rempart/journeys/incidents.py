# SPDX-License-Identifier: Apache-2.0
"""The register of incidents: an officer signs what happened and who was told; the clocks run from the finding."""

import datetime
from dataclasses import dataclass

from rempart.errors import Refused, RempartError
from rempart.journeys.permits import events
from rempart.journeys.projects import ProjectDesk
from rempart.journeys.recorded import recorded
from rempart.journeys.standing import policy_now
from rempart.records.document import SignedDocument
from rempart.records.incident import FOLLOWED, KIND, LIMITS, Incident, read_incident
from rempart.records.project_log import done


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClock:
    """``status``: runs, met, late (met too late) or overdue."""

    incident: str
    clock: str
    due: datetime.datetime
    status: str


def record(desk: ProjectDesk, *, signed: SignedDocument, actor: str) -> Incident:
    """Log an incident or its next version; raises Refused ``incident-version`` unless it follows the one that stands; as
    ``records.incident.read_incident``."""
    told = read_incident(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    before = incidents(desk).get(told.id)
    expected = before.version + 1 if before else 1
    if told.version != expected:
        raise Refused("incident-version", incident=told.id, version=expected)
    kind = FOLLOWED if before else KIND
    objects = [f"incident:{told.id}", f"version:{told.version}", f"document:{desk.documents.put(signed.data)}"]
    with recorded(desk.recorder, kind, basis=f"operation:{kind}", objects=objects, actor=actor):
        pass
    return told


def incidents(desk: ProjectDesk) -> dict[str, Incident]:
    """Id → the version that stands; what proves nothing has no effect (the audit names it)."""
    found: dict[str, Incident] = {}
    for _, intent, _, _ in done(events(desk.ledger)):
        if intent.kind in {KIND, FOLLOWED}:
            try:
                on = datetime.datetime.fromisoformat(intent.time)
                told = read_incident(desk.documents.get(intent.fact("document") or ""), trust=desk.trust, on=on)
            except RempartError:
                continue
            if told.version == (found[told.id].version + 1 if told.id in found else 1):
                found[told.id] = told
    return found


def clocks(desk: ProjectDesk, moment: datetime.datetime) -> list[IncidentClock]:
    """The clocks of every incident, the first due first."""
    policy = policy_now(desk)
    limits = {name: policy.number(f"incidents.{field}") for name, field in LIMITS.items()}
    found = [
        IncidentClock(incident=one.id, clock=clock, due=due, status=_status(due, met, moment))
        for one in incidents(desk).values()
        for clock, due, met in one.clocks(**limits)
    ]
    return sorted(found, key=lambda one: (one.due, one.incident))


def _status(due: datetime.datetime, met: datetime.datetime | None, moment: datetime.datetime) -> str:
    if met is not None:
        return "met" if met <= due else "late"
    return "runs" if moment <= due else "overdue"
