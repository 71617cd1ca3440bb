# SPDX-License-Identifier: Apache-2.0
"""What must stand before data are opened: trainings, the charter, decisions until a day, entries in the register."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from rempart.errors import BadInput, RempartError
from rempart.journeys.permits import events
from rempart.journeys.policy import policy_at
from rempart.journeys.projects import ProjectDesk
from rempart.journeys.recorded import recorded
from rempart.records import attestation, register, system_approval
from rempart.records.attestation import Attestation
from rempart.records.document import SignedDocument
from rempart.records.policy import Policy
from rempart.records.project_log import done
from rempart.records.system_approval import SystemApproval

WARNING_DAYS = 90
Paper = TypeVar("Paper")


def policy_now(desk: ProjectDesk) -> Policy:
    """The policy in force."""
    return policy_at(events(desk.ledger), desk.documents, desk.trust, desk.policy_form)


def attest(desk: ProjectDesk, *, signed: SignedDocument, actor: str) -> Attestation:
    """Log that a person was trained, or has signed the charter; raises as ``records.attestation.read_attestation``, NotTrusted
    ``actor-unknown``; BadInput ``attestation-on`` for a day to come."""
    now = desk.recorder.clock.now()
    told = attestation.read_attestation(signed.data, trust=desk.trust, on=now)
    desk.trust.entry(told.actor, on=now)
    if told.on > now.date():
        raise BadInput("attestation-on", date=told.on.isoformat())
    _log(desk, attestation.KIND, f"operation:{attestation.KIND}", signed, actor, what=told.what)
    return told


def approve(desk: ProjectDesk, *, signed: SignedDocument, actor: str) -> SystemApproval:
    """Log a decision on the warehouse that two officers enter; raises as ``records.system_approval.read_approval``."""
    told = system_approval.read_approval(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    _log(desk, system_approval.KIND, f"operation:{system_approval.KIND}", signed, actor, what=told.what)
    return told


def enter(desk: ProjectDesk, *, signed: SignedDocument, actor: str) -> Mapping[str, Any]:
    """Log a project's entry in the public register; raises as ``records.register.read_entry``."""
    told = register.read_entry(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    _log(desk, register.KIND, f"permit:{told['permit']}", signed, actor)
    return told


def _log(desk: ProjectDesk, kind: str, basis: str, signed: SignedDocument, actor: str, **facts: str) -> None:
    objects = [*(f"{name}:{text}" for name, text in facts.items()), f"document:{desk.documents.put(signed.data)}"]
    with recorded(desk.recorder, kind, basis=basis, objects=objects, actor=actor):
        pass


def approvals(desk: ProjectDesk) -> list[SystemApproval]:
    """Every decision entered, in order."""
    return [one for _, one in _papers(desk, system_approval.KIND, system_approval.read_approval)]


def entries(desk: ProjectDesk) -> dict[str, tuple[datetime.datetime, Mapping[str, Any]]]:
    """Permit → when it was entered and the entry that stands: the last one."""
    return {str(one["permit"]): (when, one) for when, one in _papers(desk, register.KIND, register.read_entry)}


def _papers(desk: ProjectDesk, kind: str, read: Callable[..., Paper]) -> Iterator[tuple[datetime.datetime, Paper]]:
    """When it took effect, and the document; what proves nothing is left out (the audit names it)."""
    for _, intent, _, _ in done(events(desk.ledger)):
        if intent.kind == kind:
            on = datetime.datetime.fromisoformat(intent.time)
            try:
                yield on, read(desk.documents.get(intent.fact("document") or ""), trust=desk.trust, on=on)
            except RempartError:
                continue


def ending(desk: ProjectDesk, day: datetime.date) -> list[tuple[str, int]]:
    """Decisions asked for by the policy, or entered, whose last day is near or over: what, days left (negative: over; none stands: 0)."""
    last: dict[str, datetime.date] = {}
    for one in approvals(desk):
        last[one.what] = max(one.days[1], last.get(one.what, one.days[1]))
    asked = {what: 0 for what in policy_now(desk).names("permits.approvals") if what not in last}
    left = {what: (until - day).days for what, until in last.items()}
    return sorted((what, days) for what, days in {**asked, **left}.items() if days <= WARNING_DAYS)
