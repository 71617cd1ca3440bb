# SPDX-License-Identifier: Apache-2.0
"""The state of a release, computed from its signed documents in ledger order. Stores nothing, verifies no signature.

Guards beside the table: whoever submitted never votes, a checker votes once on a submission, a vote is over the
submission that stands, publication needs two different checkers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rempart.errors import BadInput, Refused, RempartError

Act = Literal["submit", "approve", "reject", "publish"]
START = "absent"
REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvent:
    """One act on a release. ``document``: id of the signed document (of release.json when published); ``submission``:
    for a vote, the id of the submission it is over; ``actor``: proven by the caller, empty for the system; ``derogations``: what a
    submission asks for, or a vote is for."""

    act: Act
    release: str
    actor: str
    document: str
    submission: str = ""
    derogations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseState:
    """``approvals`` and ``rejections``: checkers on the submission that stands; ``authors``: all who ever submitted; ``derogations``: asked
    for by the submission that stands; ``void``: (document, code) of acts that had no effect since a guard forbids them."""

    release: str
    state: str = START
    submission: str = ""
    derogations: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    rejections: tuple[str, ...] = ()
    votes: tuple[str, ...] = ()
    pack: str = ""
    void: tuple[tuple[str, str], ...] = field(default=())

    @property
    def author(self) -> str:
        """Who made the submission that stands; empty before the first."""
        return self.authors[-1] if self.authors else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTable:
    """``next``: state → act → state or ``refused``; ``turn``: state → whose move it is."""

    acts: tuple[str, ...]
    next: Mapping[str, Mapping[str, str]]
    turn: Mapping[str, str]
    checkers: int

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
        next={name: {act: to for act, to in entry.items() if act != "turn"} for name, entry in states.items()},
        turn={name: entry["turn"] for name, entry in states.items()},
        checkers=int(data["checkers"]),
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


def step(now: ReleaseState, event: ReleaseEvent, table: StateTable) -> ReleaseState:
    """The state after one more act.

    Raises Refused ``release-author-votes``, ``release-voted-already``, ``release-other-submission``,
    ``release-needs-two-checkers``, ``release-state``, ``release-derogation-vote`` (an approval that does not name each derogation).
    """
    if event.act in {"approve", "reject"}:
        _check_vote(now, event)
    following = table.next[now.state][event.act]
    if event.act == "publish" and now.submission and not now.rejections and not _enough(now, table):
        raise Refused("release-needs-two-checkers", release=now.release, approvals=len(now.approvals))
    if following == REFUSED:
        raise Refused("release-state", release=now.release, state=now.state, act=event.act)
    return _after(replace(now, state=following), event)


def _check_vote(now: ReleaseState, event: ReleaseEvent) -> None:
    if event.actor in now.authors:
        raise Refused("release-author-votes", release=now.release, actor=event.actor)
    if now.submission and event.submission != now.submission:
        raise Refused("release-other-submission", release=now.release)
    if event.actor in {*now.approvals, *now.rejections}:
        raise Refused("release-voted-already", release=now.release, actor=event.actor)
    if now.submission and event.act == "approve" and event.derogations != now.derogations:
        asked = ", ".join(now.derogations) or "-"
        raise Refused("release-derogation-vote", release=now.release, outcomes=asked)


def _enough(now: ReleaseState, table: StateTable) -> bool:
    return len(set(now.approvals) - set(now.authors)) >= table.checkers


def _after(moved: ReleaseState, event: ReleaseEvent) -> ReleaseState:
    """What the act leaves behind; a new submission starts its votes anew and bars every earlier author still."""
    if event.act == "submit":
        authors = (*(name for name in moved.authors if name != event.actor), event.actor)
        return replace(
            moved,
            submission=event.document,
            derogations=event.derogations,
            authors=authors,
            approvals=(),
            rejections=(),
            votes=(),
        )
    if event.act == "publish":
        return replace(moved, pack=event.document)
    votes = (*moved.votes, event.document)
    if event.act == "approve":
        return replace(moved, approvals=(*moved.approvals, event.actor), votes=votes)
    return replace(moved, rejections=(*moved.rejections, event.actor), votes=votes)


def diagram(table: StateTable) -> str:
    """The table as Markdown: what docs/release.md shows."""
    lines = ["| state | turn | " + " | ".join(table.acts) + " |", "|" + "---|" * (2 + len(table.acts))]
    for name, moves in table.next.items():
        cells = ["·" if moves[act] == REFUSED else "→ " + moves[act] for act in table.acts]
        lines.append(f"| {name} | {table.turn[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
