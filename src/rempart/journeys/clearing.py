# SPDX-License-Identifier: Apache-2.0
"""What may leave without votes, by the policy of the house, and the checker's look at some of it afterwards."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import Refused
from rempart.journeys.cleared_by import CLEARANCE, LOOK, clearing_policy, looks
from rempart.journeys.permits import events
from rempart.journeys.policy import policy_at
from rempart.journeys.recorded import recorded
from rempart.journeys.release import ReleaseDesk, check_attested, current_state, submission_of
from rempart.records.clearing import TYPES, sampled
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.policy import Policy
from rempart.release.documents import read_look
from rempart.release.states import ReleaseEvent, step


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A release that left by itself and was drawn for a second look. ``since``: when it was cleared; ``verdict``: '' before the look."""

    release: str
    permit: str
    state: str
    since: datetime.datetime
    verdict: str


def policy_of(desk: ReleaseDesk) -> Policy:
    """The policy in force now."""
    return policy_at(events(desk.vault.ledger), desk.documents, desk.trust, desk.policy_form)


def clear(desk: ReleaseDesk, *, release: str, actor: str, complete: bool, types: Mapping[str, str]) -> tuple[str, ...]:
    """Log that a submission leaves without votes; why it does not, in words of ``say`` (none: it does). ``complete``: every earlier
    release could be opened and none is too close; ``types``: output → type of its checked tables. Raises Refused ``release-state``."""
    if not complete:
        return ("clear-evidence",)
    if dict(submission_of(desk, release).body.get(TYPES) or {}) != dict(types):
        return ("clear-types",)
    log, now = events(desk.vault.ledger), current_state(desk, release)
    try:
        policy = clearing_policy(log, desk.documents, desk.trust, desk.policy_form, submission=now.submission)
    except Refused as error:
        return tuple(str(error.facts["reasons"]).split(", "))
    version = str(policy.version)
    act = ReleaseEvent(act="clear", release=release, actor="", document=version, submission=now.submission)
    step(now, act, desk.states)
    permit = str(submission_of(desk, release).body["permit"])
    told = [f"release:{release}", f"document:{now.submission}", f"version:{version}"]
    with recorded(desk.recorder, CLEARANCE, basis=f"permit:{permit}", objects=told, actor=actor):
        pass
    return ()


def drawn(desk: ReleaseDesk) -> list[Drawn]:
    """What left by itself and was drawn, in ledger order."""
    log, ledger = events(desk.vault.ledger), desk.vault.ledger
    said = _looked(desk, log)
    found = []
    for index, event in enumerate(log):
        release = log[event.of or 0].fact("release") or ""
        if (event.kind, event.phase) != (CLEARANCE, "effect") or not current_state(desk, release).cleared:
            continue
        share = policy_at(log, desk.documents, desk.trust, desk.policy_form, before=event.of).share("release.sample")
        if sampled(ledger.leaves(index, index + 1)[0], share):
            found.append(
                Drawn(
                    release=release,
                    permit=event.basis.partition(":")[2],
                    state=desk.states.told[current_state(desk, release).state],
                    since=datetime.datetime.fromisoformat(event.time),
                    verdict=said.get(release, ""),
                )
            )
    return found


def look(desk: ReleaseDesk, *, signed: SignedDocument, actor: str) -> str:
    """Log a checker's second look at what left by itself, drawn or not; the verdict.

    Raises Refused ``release-author-votes``, ``release-other-submission``, ``release-not-alone`` (it had votes), ``release-looked-already``,
    ``not-attested``.
    """
    document, person = read_look(signed.data, trust=desk.trust, on=desk.recorder.clock.now())
    check_attested(desk, person)
    release = str(document.body["release"])
    now = current_state(desk, release)
    if not now.cleared:
        raise Refused("release-not-alone", release=release)
    if person in now.authors:
        raise Refused("release-author-votes", release=release, actor=person)
    if document.body["submission"] != now.submission:
        raise Refused("release-other-submission", release=release)
    if release in _looked(desk, events(desk.vault.ledger)):
        raise Refused("release-looked-already", release=release)
    kept = desk.documents.put(signed.data)
    permit = str(submission_of(desk, release).body["permit"])
    told = [f"release:{release}", f"document:{kept}"]
    with recorded(desk.recorder, LOOK, basis=f"permit:{permit}", objects=told, actor=actor):
        pass
    return str(document.body["verdict"])


def _looked(desk: ReleaseDesk, log: Sequence[LedgerEvent]) -> dict[str, str]:
    """Release → what its second look says."""
    return {
        log[log[index].of or 0].fact("release") or "": verdict
        for index, verdict in looks(log, desk.documents, desk.trust)
    }
