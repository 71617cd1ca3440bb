# SPDX-License-Identifier: Apache-2.0
"""Commands about the life of a project: apply, act, show, what is due."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rempart.cli.session import Session
from rempart.cli.voice import Voice

if TYPE_CHECKING:
    from rempart.permits.clocks import Running
    from rempart.records.permit import Permit
    from rempart.wiring.projects import ProjectFile


def apply(session: Session, file: Path, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """File an application for a permit."""
    from rempart.wiring.projects import apply_file
    from rempart.wiring.warehouse import Warehouse

    found = apply_file(Warehouse(session.directory), file=file, key_file=key, ask=session.asker(passphrase_fd))
    _told(session.voice, found)
    _lacks(session.voice, found)
    session.voice.result("permit-apply", _data(found))
    return 0


def step(
    session: Session,
    permit: str,
    act: str,
    /,
    *,
    by: list[Path] | None = None,
    reason: str | None = None,
    reference: str | None = None,
    conditions: str | None = None,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Sign an act on a project."""
    facts = {"reason": reason, "reference": reference, "conditions": conditions}
    return _act(session, permit, act, facts, by or [], passphrase_fd)


def suspend(
    session: Session,
    permit: str,
    /,
    *,
    by: list[Path] | None = None,
    reason: str | None = None,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Stop a project, or all of them at once."""
    return _act(session, permit, "suspend", {"reason": reason}, by or [], passphrase_fd)


def resume(
    session: Session,
    permit: str,
    /,
    *,
    by: list[Path] | None = None,
    reason: str | None = None,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Open a project again, or all that a freeze stopped."""
    return _act(session, permit, "resume", {"reason": reason}, by or [], passphrase_fd)


def _act(
    session: Session, permit: str, act: str, facts: Mapping[str, str | None], by: list[Path], fds: list[int] | None
) -> int:
    from rempart.wiring.projects import step_project
    from rempart.wiring.warehouse import Warehouse

    said = {name: text for name, text in facts.items() if text is not None}
    place = Warehouse(session.directory)
    found = step_project(place, permit=permit, name=act, facts=said, by=by, ask=session.askers(fds))
    if found is None:
        session.voice.say(f"everything-{act}")
        session.voice.result(f"permit-{act}", {"permit": permit})
        return 0
    _told(session.voice, found)
    session.voice.result("permit-step" if act not in {"suspend", "resume"} else f"permit-{act}", _data(found))
    return 0


def show(session: Session, permit: str, /) -> int:
    """A project: its application, its acts, its clocks."""
    from rempart.wiring.projects import project_file
    from rempart.wiring.warehouse import Warehouse

    found = project_file(Warehouse(session.directory), permit)
    voice = session.voice
    _told(voice, found)
    _gives(voice, found.permit)
    if found.application is not None:
        asked, known = found.columns
        voice.say("application-stands", application=found.application.content_id, regime=found.application.regime)
        voice.say("application-columns", asked=asked, known=known)
        _lacks(voice, found)
    voice.table(["column-act", "column-state", "column-time", "column-signers", "column-told"], _acts(voice, found))
    started = [(*_clock_row(voice, one), one.started.isoformat()) for one in found.clocks]
    voice.table([*_CLOCK_COLUMNS, "column-started"], started)
    voice.result("permit-show", _data(found))
    return 0


def due(session: Session) -> int:
    """The clocks of every project."""
    from rempart.wiring.project_papers import decisions_ending
    from rempart.wiring.projection import due_list
    from rempart.wiring.projects import frozen_since
    from rempart.wiring.warehouse import Warehouse

    voice, place = session.voice, Warehouse(session.directory)
    found, frozen = due_list(place), frozen_since(place)
    if frozen.since is not None:
        voice.say("everything-frozen", time=voice.when(frozen.since.isoformat()), reason=frozen.reason)
    for what, days in decisions_ending(place):
        voice.say("decision-ends" if days > 0 else "decision-over", what=what, days=days)
    rows = [(one.permit, voice.word(f"turn-{one.turn}"), *_clock_row(voice, one.running)) for one in found]
    if rows:
        voice.table(["column-permit", "column-turn", *_CLOCK_COLUMNS], rows)
    else:
        voice.say("nothing-due")
    told = [{"permit": one.permit, "state": one.state, "turn": one.turn, **_clock(one.running)} for one in found]
    voice.result("permit-due", {"clocks": told, "frozen": frozen.since.isoformat() if frozen.since else ""})
    return 0


_CLOCK_COLUMNS = ["column-clock", "column-due", "column-clock-left", "column-clock-stands"]


def _told(voice: Voice, found: "ProjectFile") -> None:
    """Where a project stands, and what can come next."""
    now = found.state
    voice.say("project-stands", permit=now.permit, state=now.state, turn=voice.word(f"turn-{found.turn}"))
    if found.moves:
        voice.say("project-moves", moves=", ".join(found.moves))


def _gives(voice: Voice, permit: "Permit | None") -> None:
    """Which days the version in force gives."""
    if permit is None:
        return
    begins, ends = (day.isoformat() for day in permit.period)
    voice.say("permit-days", begins=begins, ends=ends, lookback=permit.first_day.isoformat())
    if permit.depth:
        voice.say("permit-depth", depth=permit.depth)


def _lacks(voice: Voice, found: "ProjectFile") -> None:
    if found.lacks:
        voice.say("application-lacks", count=len(found.lacks))
        voice.table(["column-field", "column-letter"], [(lack.field, lack.letter or "-") for lack in found.lacks])


def _acts(voice: Voice, found: "ProjectFile") -> list[Sequence[str]]:
    states = [state for _, state, _ in found.state.passages]
    return [
        (
            one.act,
            state,
            voice.when(one.time.isoformat()),
            ", ".join(signer.actor for signer in one.signers),
            "; ".join(text for name, text in one.facts.items() if name != "application"),
        )
        for one, state in zip(found.state.acts, states, strict=True)
    ]


def _clock_row(voice: Voice, one: "Running") -> tuple[str, str, int, str]:
    name, status = voice.word(f"clock-{one.clock.name}"), voice.word(f"clock-{one.status}")
    return name, one.due.isoformat(), one.left, status


def _clock(one: "Running") -> dict[str, Any]:
    days = {"started": one.started.isoformat(), "due": one.due.isoformat()}
    return {"clock": one.clock.name, **days, "left": one.left, "status": one.status, "extended": one.extended}


def _data(found: "ProjectFile") -> dict[str, Any]:
    now = found.state
    acts = [
        {"act": one.act, "time": one.time.isoformat(), "document": one.document, "facts": dict(one.facts)}
        for one in now.acts
    ]
    return {
        "permit": now.permit,
        "state": now.state,
        "turn": found.turn,
        "moves": list(found.moves),
        "application": found.application.content_id if found.application else "",
        "lacks": [{"field": lack.field, "letter": lack.letter} for lack in found.lacks],
        "acts": acts,
        "clocks": [_clock(one) for one in found.clocks],
        "granted": found.permit.as_dict() if found.permit else {},
    }
