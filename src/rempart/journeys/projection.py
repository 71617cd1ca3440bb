# SPDX-License-Identifier: Apache-2.0
"""What the ledger and its documents say, as rows for lists and pages: all of it, or what the leaves from one on change.

Rows are a copy for reading. They carry no cell of a result, and of a release in review nothing that its author may not know.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rempart.errors import RempartError
from rempart.journeys.desk_view import IN_REVIEW
from rempart.journeys.permits import read_permit
from rempart.journeys.project_clocks import clock_rows
from rempart.journeys.projects import ProjectDesk, project_acts
from rempart.journeys.release import ReleaseDesk, release_acts
from rempart.records.event import LedgerEvent
from rempart.records.project import ProjectAct, ProjectState, fold
from rempart.release.documents import FILES_SUBMISSION, SUBMISSION, read_either
from rempart.release.states import ReleaseEvent, ReleaseState, state

Row = Mapping[str, str | int]
_ANEW = frozenset({"person", "policy", "retention", "recovery"})
"""Kinds after which leaves that were read before may read otherwise: everything is projected anew."""
_VOTES = frozenset({"approve", "changes", "reject"})
_JOB: Mapping[str, str] = {"intent": "open", "effect": "done", "failed": "failed"}
_BASIS = "permit:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """What reading needs; both look at the same leaves."""

    releases: ReleaseDesk
    projects: ProjectDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``rows``: table → rows to add; ``replaced``: ``permit`` and ``release`` → names of which no older row stays."""

    rows: Mapping[str, Sequence[Row]]
    replaced: Mapping[str, frozenset[str]]


def anew(log: Sequence[LedgerEvent], since: int) -> bool:
    """Whether leaves from ``since`` on change how earlier ones are read."""
    return any(event.kind in _ANEW for event in log[since:])


def change(desks: Desks, log: Sequence[LedgerEvent], *, since: int = 0) -> Change:
    """What the leaves from ``since`` on do to the projection; with 0, all of it."""
    permits = frozenset(_permits_of(log, since))
    acts = release_acts(desks.releases) if any(_way_out(event) for event in log[since:]) else []
    touched = {event.fact("release") or "" for event in log[since:] if _submits(event)}
    releases = frozenset({*touched, *(act.release for index, act in acts if index >= since)})
    said = [act for _, act in acts]
    stands = {name: state(name, said, desks.releases.states) for name in sorted(releases)}
    standing = _standing(desks.projects, permits)
    rows: dict[str, Sequence[Row]] = {
        "events": _events(log, since),
        "permits": _permits(desks.releases, log, permits),
        "projects": _projects(desks.projects, standing),
        "clocks": clock_rows(desks.projects, standing),
        "code_jobs": _jobs(log, permits),
        "releases": _releases(desks.releases, stands, _submitted(log)),
        "votes": _votes(desks.releases, said, stands),
    }
    return Change(rows=rows, replaced={"permit": permits, "release": releases})


def _permits_of(log: Sequence[LedgerEvent], since: int) -> Iterator[str]:
    """Permits on which a new leaf stands, or whose space a new leaf speaks of."""
    spaces = {e.fact("space"): e.basis for e in log if e.kind == "permit" and e.phase == "intent"}
    for event in log[since:]:
        intent = event if event.of is None else log[event.of]
        for basis in (event.basis, spaces.get(intent.fact("space"), "")):
            if basis.startswith(_BASIS):
                yield basis.removeprefix(_BASIS)


def _way_out(event: LedgerEvent) -> bool:
    return event.kind in {"submission", "vote", "decision", "withdrawal", "release"}


def _submits(event: LedgerEvent) -> bool:
    return event.kind == "submission" and event.phase == "intent"


def _submitted(log: Sequence[LedgerEvent]) -> frozenset[str]:
    return frozenset(event.fact("release") or "" for event in log if _submits(event))


def _events(log: Sequence[LedgerEvent], since: int) -> list[Row]:
    return [
        {"position": since + n, "kind": e.kind, "phase": e.phase, "basis": e.basis, "time": e.time}
        for n, e in enumerate(log[since:])
    ]


def _permits(desk: ReleaseDesk, log: Sequence[LedgerEvent], names: frozenset[str]) -> list[Row]:
    """Granted permits, the first grant of an id; a document that proves nothing has no row (the audit names it)."""
    found: dict[str, Row] = {}
    for event in log:
        if event.kind != "permit" or event.phase != "effect" or event.basis.removeprefix(_BASIS) not in names:
            continue
        intent = log[event.of or 0]
        try:
            permit = read_permit(desk.documents.get(intent.fact("permit") or ""), desk.trust, day=intent.time)
        except RempartError:
            continue
        days = {"valid_from": permit.valid[0].isoformat(), "valid_to": permit.valid[1].isoformat()}
        told = {"permit": permit.id, "project": permit.project, "granted": event.time, **days}
        if permit.id == event.basis.removeprefix(_BASIS):
            found.setdefault(permit.id, told)
    return list(found.values())


def _standing(desk: ProjectDesk, names: frozenset[str]) -> list[ProjectState]:
    """The projects among these permits, as they stand."""
    acts: list[ProjectAct] = project_acts(desk) if names else []
    return [fold(name, acts, desk.table) for name in sorted(names & {act.permit for act in acts})]


def _projects(desk: ProjectDesk, standing: Sequence[ProjectState]) -> list[Row]:
    found: list[Row] = []
    for now in standing:
        since = now.since.isoformat() if now.since else ""
        told = {"project": now.parties.project, "regime": now.parties.regime} if now.parties else {}
        found.append(
            {"permit": now.permit, "project": "", "regime": "", **told}
            | {"state": now.state, "turn": desk.table.turn[now.state], "since": since}
        )
    return found


def _jobs(log: Sequence[LedgerEvent], names: frozenset[str]) -> list[Row]:
    """Jobs of researchers' own code: when each was asked for, and whether it runs, is done or failed."""
    ends = {event.of: event.phase for event in log if event.kind == "code-job" and event.of is not None}
    return [
        {
            "position": index,
            "permit": event.basis.removeprefix(_BASIS),
            "run": event.fact("run") or "",
            "state": _JOB[ends.get(index, "intent")],
            "time": event.time,
        }
        for index, event in enumerate(log)
        if event.kind == "code-job" and event.phase == "intent" and event.basis.removeprefix(_BASIS) in names
    ]


def _releases(desk: ReleaseDesk, stands: Mapping[str, ReleaseState], submitted: frozenset[str]) -> list[Row]:
    return [
        {
            "release": name,
            "permit": _permit_of(desk, now),
            "state": desk.states.told[now.state],
            "turn": desk.states.turn[now.state],
        }
        for name, now in stands.items()
        if name in submitted
    ]


def _permit_of(desk: ReleaseDesk, now: ReleaseState) -> str:
    if not now.submission:
        return ""
    document = read_either(desk.documents.get(now.submission), SUBMISSION, FILES_SUBMISSION)
    return str(document.body["permit"])


def _votes(desk: ReleaseDesk, said: Sequence[ReleaseEvent], stands: Mapping[str, ReleaseState]) -> list[Row]:
    """Votes of releases that are no longer in review: before that, nobody reads another's vote here either."""
    open_to_see = {name for name, now in stands.items() if desk.states.told[now.state] != IN_REVIEW}
    found: dict[str, Row] = {}
    for act in said:
        if act.act in _VOTES and act.release in open_to_see:
            told = {"document": act.document, "release": act.release, "checker": act.actor, "verdict": act.act}
            found.setdefault(act.document, told)
    return list(found.values())
