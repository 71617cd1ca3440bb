# SPDX-License-Identifier: Apache-2.0
"""Who sees what of a release: decided here for every door alike.

Until both checkers have voted on the submission that stands, a checker sees their own vote alone, and everybody else that it is in review.
Private comments are for checkers who are not its authors; the author reads public ones once the turn has passed, without names. To
whoever is neither a checker nor named by the permit, the release is not there.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from rempart.errors import Missing
from rempart.journeys.permits import events, find_permit
from rempart.journeys.policy import policy_at
from rempart.journeys.release import ReleaseDesk, current_state, release_acts, release_events, submission_of
from rempart.records.trust import TrustEntry
from rempart.release.documents import DECISION, VOTE, WHOLE_VOTE, comments_of, read_either
from rempart.release.states import ReleaseEvent, ReleaseState, passages
from rempart.release.turns import days_left, last_day

IN_REVIEW = "in-review"
_SAID = frozenset({"approve", "changes", "reject", "decide-approve", "decide-return", "decide-reject"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenVote:
    """A vote or decision as one person may see it. ``checker``: '' for the author's side; ``changes``: files that it sends back;
    ``stands``: whether it is over the submission that stands."""

    checker: str
    verdict: str
    changes: tuple[str, ...]
    public: str
    private: str
    stands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A release as one person may see it. ``to_see``: for a checker, files not yet approved by them as they are now."""

    release: str
    permit: str
    state: str
    turn: str
    yours: bool
    files: tuple[str, ...]
    to_see: tuple[str, ...]
    votes: tuple[SeenVote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One line of the queue. ``since``: when the turn began; ``due``: its last day; ``left``: working days until then, below zero
    when late."""

    release: str
    permit: str
    state: str
    turn: str
    yours: bool
    since: datetime.datetime
    due: datetime.date
    left: int


def seen_by(desk: ReleaseDesk, person: TrustEntry, release: str) -> View:
    """The release as that person may see it; raises Missing ``release-missing``, for a stranger too."""
    now = current_state(desk, release)
    permit = _permit_of(desk, now)
    if not now.submission or not _party(desk, person, permit):
        raise Missing("release-missing", release=release)
    checker = _checks(person, now)
    return View(
        release=release,
        permit=permit,
        state=desk.states.told[now.state],
        turn=desk.states.turn[now.state],
        yours=_yours(desk, person, now),
        files=tuple(name for name, _ in now.files),
        to_see=tuple(name for name, _ in now.to_see(person.actor)) if checker else (),
        votes=tuple(_seen(desk, act, now, checker=checker) for act in _shown(desk, person, now)),
    )


def in_review(desk: ReleaseDesk, release: str) -> bool:
    """Whether a vote is still to come, so that nobody reads the other."""
    return desk.states.told[current_state(desk, release).state] == IN_REVIEW


def queue(
    desk: ReleaseDesk, person: TrustEntry, *, now: datetime.datetime, holidays: frozenset[datetime.date]
) -> list[Waiting]:
    """What waits for somebody, of what the person may see; the first to be late first."""
    log, acts, found = events(desk.vault.ledger), release_acts(desk), []
    days = _turns(desk)
    for release in dict.fromkeys(act.release for _, act in acts):
        stands = current_state(desk, release)
        permit, turn = _permit_of(desk, stands), desk.states.turn[stands.state]
        if turn not in days or not stands.submission or not _party(desk, person, permit):
            continue
        since = datetime.datetime.fromisoformat(log[acts[_since(desk, release, [act for _, act in acts])][0]].time)
        due = last_day(since.date(), days[turn], holidays)
        found.append(
            Waiting(
                release=release,
                permit=permit,
                state=desk.states.told[stands.state],
                turn=turn,
                yours=_yours(desk, person, stands),
                since=since,
                due=due,
                left=days_left(now.date(), due, holidays),
            )
        )
    return sorted(found, key=lambda one: (one.due, one.release))


def _turns(desk: ReleaseDesk) -> dict[str, int]:
    """Turn → working days that it may take: the checkers' as the policy in force says, the others' of the table of states."""
    policy = policy_at(events(desk.vault.ledger), desk.documents, desk.trust, desk.policy_form)
    return {**desk.states.days, "checkers": policy.number("release.turn_days")}


def _since(desk: ReleaseDesk, release: str, acts: Sequence[ReleaseEvent]) -> int:
    """The act by which what is told of it last changed: the first of two votes changes nothing that is told."""
    found, told = 0, ""
    for place, after in passages(release, acts, desk.states):
        if desk.states.told[after.state] != told:
            found, told = place, desk.states.told[after.state]
    return found


def _permit_of(desk: ReleaseDesk, now: ReleaseState) -> str:
    return str(submission_of(desk, now.release).body["permit"]) if now.submission else ""


def _party(desk: ReleaseDesk, person: TrustEntry, permit: str) -> bool:
    """Checkers, and the persons whom the permit names, also after its end."""
    if "checker" in person.roles:
        return True
    found = find_permit(events(desk.vault.ledger), desk.documents, desk.trust, permit)
    return person.actor in found.persons


def _checks(person: TrustEntry, now: ReleaseState) -> bool:
    return "checker" in person.roles and person.actor not in now.authors


def _yours(desk: ReleaseDesk, person: TrustEntry, now: ReleaseState) -> bool:
    """Whether the person can move now: a checker who has voted waits like everybody until the other has."""
    turn, voted = desk.states.turn[now.state], person.actor in {*now.approvals, *now.rejections}
    if turn == "checkers":
        return _checks(person, now) and voted == (now.state == "reviewed")
    return turn in {"author", "system"} and person.actor in now.authors


def _shown(desk: ReleaseDesk, person: TrustEntry, now: ReleaseState) -> list[ReleaseEvent]:
    """Votes and decisions that took effect and that the person may see."""
    acts = release_events(desk)
    said = [acts[place] for place, _ in passages(now.release, acts, desk.states)]
    blind = in_review(desk, now.release)
    return [
        act
        for act in said
        if act.act in _SAID and (act.submission != now.submission or not blind or act.actor == person.actor)
    ]


def _seen(desk: ReleaseDesk, act: ReleaseEvent, now: ReleaseState, *, checker: bool) -> SeenVote:
    document = read_either(desk.documents.get(act.document), VOTE, WHOLE_VOTE, DECISION)
    public, private = comments_of(document)
    return SeenVote(
        checker=act.actor if checker else "",
        verdict=act.act,
        changes=tuple(name for name, _ in act.sent_back),
        public=public,
        private=private if checker else "",
        stands=act.submission == now.submission,
    )
