# SPDX-License-Identifier: Apache-2.0
"""The state of a release, computed from its signed documents in ledger order. Stores nothing, verifies no signature.

Guards beside the table: whoever submitted never votes, a checker votes once on a submission, a vote is over the
submission that stands and tells of each of its files that changed since, one of the two who voted decides where they differ, only an
author withdraws, publication needs two different checkers. What a refusal says of a state is what anybody may know of it (``told``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rempart.errors import BadInput, Refused, RempartError

Act = Literal[
    "submit",
    "approve",
    "changes",
    "reject",
    "decide-approve",
    "decide-return",
    "decide-reject",
    "withdraw",
    "clear",
    "publish",
]
START = "absent"
REFUSED = "refused"
_VOTES = frozenset({"approve", "changes", "reject"})
_DECISIONS = frozenset({"decide-approve", "decide-return", "decide-reject"})
Held = tuple[str, str, str]
"""A checker approved a file of that name with that id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvent:
    """One act on a release. ``document``: id of the signed document (of release.json when published; when cleared, the policy's
    version); ``submission``: for a clearance, vote, decision or withdrawal, the id of the submission it is over; ``actor``: proven by the
    caller, empty for the system; ``derogations``: what a submission asks for, or a vote is for; ``files``: (name, id) of what is submitted,
    or of what a vote approves; None in a vote: the submission as a whole (``rempart.vote/1``); ``sent_back``: those for which it asks for
    changes."""

    act: Act
    release: str
    actor: str
    document: str
    submission: str = ""
    derogations: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] | None = None
    sent_back: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseState:
    """``approvals`` and ``rejections``: checkers on the submission that stands (a rejection: a vote for changes, too); ``authors``: all
    who ever submitted; ``submissions``: all that ever stood; ``derogations``, ``files``: of the one that stands; ``held``: approvals of
    single files whose id still stands, also from earlier submissions; ``void``: (document, code) of acts that had no effect since a
    guard forbids them; ``cleared``: the version of the house's policy by which it may leave without votes."""

    release: str
    state: str = START
    submission: str = ""
    submissions: tuple[str, ...] = ()
    derogations: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    held: tuple[Held, ...] = ()
    authors: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    rejections: tuple[str, ...] = ()
    votes: tuple[str, ...] = ()
    pack: str = ""
    cleared: str = ""
    void: tuple[tuple[str, str], ...] = field(default=())

    def to_see(self, checker: str) -> tuple[tuple[str, str], ...]:
        """Files of the submission that stands which that checker has not approved as they are now."""
        return tuple(one for one in self.files if (checker, *one) not in self.held)

    @property
    def author(self) -> str:
        """Who made the submission that stands; empty before the first."""
        return self.authors[-1] if self.authors else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTable:
    """``next``: state → act → state or ``refused``; ``turn``: state → whose move it is; ``told``: state → what anybody is told of it;
    ``days``: turn → working days that it may take."""

    acts: tuple[str, ...]
    next: Mapping[str, Mapping[str, str]]
    turn: Mapping[str, str]
    told: Mapping[str, str]
    checkers: int
    days: Mapping[str, int]

    def __post_init__(self) -> None:
        known = {*self.next, REFUSED}
        for name, moves in self.next.items():
            if set(moves) != set(self.acts) or not set(moves.values()) <= known:
                raise BadInput("release-table", state=name)


def state_table(data: Mapping[str, Any]) -> StateTable:
    """The table in a parsed ``states.toml``; raises BadInput ``release-table`` unless each state answers each act once."""
    states: Mapping[str, Mapping[str, str]] = data["states"]
    return StateTable(
        acts=tuple(data["acts"]),
        next={
            name: {act: to for act, to in entry.items() if act not in {"turn", "told"}}
            for name, entry in states.items()
        },
        turn={name: entry["turn"] for name, entry in states.items()},
        told={name: entry.get("told", name) for name, entry in states.items()},
        checkers=int(data["checkers"]),
        days={turn: days for turn, days in data["turn_days"].items() if isinstance(days, int)},
    )


def state(release: str, events: Sequence[ReleaseEvent], table: StateTable) -> ReleaseState:
    """The state after ``events`` in ledger order. An act that a guard forbids has no effect and is listed in ``void``."""
    now = ReleaseState(release=release)
    for event in events:
        if event.release != release:
            continue
        try:
            now = step(now, event, table)
        except RempartError as error:
            now = replace(now, void=(*now.void, (event.document, error.code)))
    return now


def passages(release: str, events: Sequence[ReleaseEvent], table: StateTable) -> list[tuple[int, ReleaseState]]:
    """Each act that took effect, by its place in ``events``, and the state after it."""
    now, found = ReleaseState(release=release), []
    for place, event in enumerate(events):
        if event.release != release:
            continue
        try:
            now = step(now, event, table)
        except RempartError:
            continue
        found.append((place, now))
    return found


def step(now: ReleaseState, event: ReleaseEvent, table: StateTable) -> ReleaseState:
    """The state after one more act.

    Raises Refused ``release-author-votes``, ``release-voted-already``, ``release-other-submission``,
    ``release-needs-two-checkers``, ``release-state``, ``release-derogation-vote`` (an approval that does not name each derogation),
    ``release-files-unseen`` (a vote that leaves out a file which changed), ``release-decides-voter``, ``release-decides-approval``,
    ``release-withdraw-author``, ``release-submitted-before`` (the very document of an earlier round).
    """
    if event.act in _VOTES:
        _check_vote(now, event)
    following = table.next[now.state][_as_second(now, event)]
    if event.act == "publish" and following == REFUSED and table.turn[now.state] == "checkers":
        raise Refused(
            "release-needs-two-checkers", release=now.release
        )  # the same words whoever has voted, and however
    if event.act == "publish" and now.submission and not (now.rejections or now.cleared) and not _enough(now, table):
        raise Refused("release-needs-two-checkers", release=now.release)
    if following == REFUSED:
        raise Refused("release-state", release=now.release, state=table.told[now.state], act=event.act)
    if event.act in _DECISIONS:
        _check_decision(now, event)
    if event.act == "clear":
        _check_over(now, event)
    if event.act == "submit" and event.document in now.submissions:  # the votes over it could be brought again, too
        raise Refused("release-submitted-before", release=now.release)
    if event.act == "withdraw":
        _check_withdrawal(now, event)
    return _after(replace(now, state=following), event)


def _as_second(now: ReleaseState, event: ReleaseEvent) -> str:
    """The act as the table knows it: a second vote that says other than the first is ``differ``."""
    other = {"approve": now.rejections, "changes": now.approvals}.get(event.act, ())
    return "differ" if other and now.state == "partly-reviewed" else event.act


def _check_vote(now: ReleaseState, event: ReleaseEvent) -> None:
    if event.actor in now.authors:
        raise Refused("release-author-votes", release=now.release, actor=event.actor)
    _check_over(now, event)
    if event.actor in {*now.approvals, *now.rejections}:
        raise Refused("release-voted-already", release=now.release, actor=event.actor)
    if event.act == "approve":
        _check_derogations(now, event)
    if event.act == "approve" and event.files is not None and not {*now.to_see(event.actor)} <= {*event.files}:
        raise Refused("release-files-unseen", release=now.release)


def _check_over(now: ReleaseState, event: ReleaseEvent) -> None:
    if now.submission and event.submission != now.submission:
        raise Refused("release-other-submission", release=now.release)


def _check_derogations(now: ReleaseState, event: ReleaseEvent) -> None:
    if now.submission and event.derogations != now.derogations:
        asked = ", ".join(now.derogations) or "-"
        raise Refused("release-derogation-vote", release=now.release, outcomes=asked)


def _check_decision(now: ReleaseState, event: ReleaseEvent) -> None:
    """One of the two decides; who decides for approval is the one who had asked for changes, so that two approve."""
    _check_over(now, event)
    if event.actor not in {*now.approvals, *now.rejections}:
        raise Refused("release-decides-voter", release=now.release, actor=event.actor)
    if event.act == "decide-approve" and event.actor in now.approvals:
        raise Refused("release-decides-approval", release=now.release, actor=event.actor)
    if event.act == "decide-approve":
        _check_derogations(now, event)


def _check_withdrawal(now: ReleaseState, event: ReleaseEvent) -> None:
    _check_over(now, event)
    if event.actor not in now.authors:
        raise Refused("release-withdraw-author", release=now.release, actor=event.actor)


def _enough(now: ReleaseState, table: StateTable) -> bool:
    return len(set(now.approvals) - set(now.authors)) >= table.checkers


def _after(moved: ReleaseState, event: ReleaseEvent) -> ReleaseState:
    """What the act leaves behind; a new submission starts its votes anew and bars every earlier author still."""
    if event.act == "submit":
        return _submitted(moved, event)
    if event.act == "publish":
        return replace(moved, pack=event.document)
    if event.act == "clear":
        return replace(moved, cleared=event.document)
    votes = (*moved.votes, event.document)
    if event.act == "decide-approve":
        others = tuple(name for name in moved.rejections if name != event.actor)
        return replace(moved, approvals=(*moved.approvals, event.actor), rejections=others, votes=votes)
    if event.act == "withdraw":
        return moved
    if event.act not in _VOTES:
        return replace(moved, votes=votes)
    told = moved.files if event.files is None and event.act == "approve" else event.files or ()
    seen = tuple((event.actor, *one) for one in told if one in moved.files and (event.actor, *one) not in moved.held)
    back = {(event.actor, *one) for one in event.sent_back}
    moved = replace(moved, votes=votes, held=tuple(one for one in (*moved.held, *seen) if one not in back))
    if event.act == "approve":
        return replace(moved, approvals=(*moved.approvals, event.actor))
    return replace(moved, rejections=(*moved.rejections, event.actor))


def _submitted(moved: ReleaseState, event: ReleaseEvent) -> ReleaseState:
    """A file whose id is another loses its votes; the others keep theirs, and each checker signs anew all the same."""
    files = event.files or ()
    return replace(
        moved,
        submission=event.document,
        submissions=(*moved.submissions, event.document),
        derogations=event.derogations,
        files=files,
        held=tuple(one for one in moved.held if one[1:] in files),
        authors=(*(name for name in moved.authors if name != event.actor), event.actor),
        approvals=(),
        rejections=(),
        votes=(),
    )


def diagram(table: StateTable) -> str:
    """The table as Markdown: what docs/release.md shows."""
    lines = ["| state | turn | " + " | ".join(table.acts) + " |", "|" + "---|" * (2 + len(table.acts))]
    for name, moves in table.next.items():
        cells = ["·" if moves[act] == REFUSED else "→ " + moves[act] for act in table.acts]
        lines.append(f"| {name} | {table.turn[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
