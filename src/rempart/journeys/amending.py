# SPDX-License-Identifier: Apache-2.0
"""Amend or renew a permit: the committee signs its next version, which narrows it, changes its persons or moves its last day."""

from rempart.errors import Refused
from rempart.journeys.permits import events, find_permit, read_permit
from rempart.journeys.projects import ProjectDesk, read_application, state_of
from rempart.journeys.recorded import recorded
from rempart.permits.within import check_within
from rempart.records.amendment import KIND, check_amends, check_renews
from rempart.records.document import SignedDocument
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.project import ProjectAct, step


def amend(desk: ProjectDesk, *, signed: SignedDocument, actor: str, renews: bool) -> Permit:
    """Log a signed version; the permit in force afterwards. The rules speak before anything is written.

    Raises Missing ``permit-missing``; Refused ``amend-chain``, ``amend-widens``, ``renew-changes``, ``permit-own``, ``permit-beyond``,
    ``project-state``, ``role-missing``; NotTrusted.
    """
    after, moment = permit_from_dict(signed.body), desk.recorder.clock.now()
    read_permit(signed.data, desk.trust, day=moment.isoformat())
    (check_renews if renews else check_amends)(_now(desk, after.id), after)
    for signature in signed.signatures:
        after.check_not_own(signature.actor)
    _check_project(desk, after)
    told = [f"permit:{desk.documents.put(signed.data)}", f"amends:{after.amends}", f"version:{after.version}"]
    with recorded(desk.recorder, KIND, basis=f"permit:{after.id}", objects=told, actor=actor):
        check_amends(_now(desk, after.id), after)  # what came between is seen
    if _now(desk, after.id) != after:
        raise Refused("amend-chain", permit=after.id, version=after.version, amends=after.amends)
    return after


def _now(desk: ProjectDesk, permit: str) -> Permit:
    return find_permit(events(desk.ledger), desk.documents, desk.trust, permit)


def _check_project(desk: ProjectDesk, permit: Permit) -> None:
    """The project takes an amendment now, and where an application stands it asked for this much; months are the committee's."""
    now = state_of(desk, permit.id)
    act = ProjectAct(act=desk.table.by_kind[KIND], permit=permit.id, time=desk.recorder.clock.now(), facts={})
    step(now, act, desk.table)
    if now.parties is not None and now.parties.application:
        check_within(permit, read_application(desk, now.parties.application), days=False, persons=False)
