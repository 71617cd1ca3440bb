# SPDX-License-Identifier: Apache-2.0
"""What an activity report needs of each project: from its signed acts, its application and its permit, never from a database."""

from collections.abc import Sequence

from rempart.audit.activity import ProjectTold
from rempart.errors import RempartError
from rempart.journeys.permits import events, find_permit
from rempart.journeys.projects import ProjectDesk, read_application, states
from rempart.records.application import Application
from rempart.records.event import LedgerEvent
from rempart.records.permit import Permit
from rempart.records.project import ProjectState
from rempart.records.project_act import APPLY


def projects_told(desk: ProjectDesk) -> list[ProjectTold]:
    """Every project that the ledger knows. A document that proves nothing tells nothing (the audit names it)."""
    log = events(desk.ledger)
    return [_told(desk, log, now) for now in states(desk)]


def _told(desk: ProjectDesk, log: Sequence[LedgerEvent], now: ProjectState) -> ProjectTold:
    asked, permit = _application(desk, now), _permit(desk, log, now.permit)
    applied = [act.time.date() for act in now.acts if act.act == APPLY]
    codes = asked.value("purpose.codes") if asked else None
    return ProjectTold(
        id=now.permit,
        project=permit.project if permit else now.parties.project if now.parties else "",
        passages=tuple((state, at.date()) for _, state, at in now.passages),
        applied=min(applied, default=None),
        codes=tuple(str(code) for code in codes or ()),
        body=str(asked.value("applicant.body") or "") if asked else "",
        permit=permit,
        persons=_persons(log, now.permit),
    )


def _application(desk: ProjectDesk, now: ProjectState) -> Application | None:
    if now.parties is None or not now.parties.application:
        return None
    try:
        return read_application(desk, now.parties.application)
    except RempartError:
        return None


def _permit(desk: ProjectDesk, log: Sequence[LedgerEvent], permit: str) -> Permit | None:
    try:
        return find_permit(log, desk.documents, desk.trust, permit)
    except RempartError:
        return None


def _persons(log: Sequence[LedgerEvent], permit: str) -> int:
    """Persons of the newest dataset made under the permit."""
    told = [
        e.fact("persons") or "0" for e in log if (e.kind, e.phase, e.basis) == ("permit", "effect", f"permit:{permit}")
    ]
    return int(told[-1]) if told and told[-1].isdigit() else 0
