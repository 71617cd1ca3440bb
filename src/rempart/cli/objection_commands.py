# SPDX-License-Identifier: Apache-2.0
"""``rempart objection``: persons named by a file or typed, never by an argument; said back as counts only."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.session import Session

if TYPE_CHECKING:
    from rempart.adapters.objection_list import Named
    from rempart.journeys.objection_application import Applied
    from rempart.journeys.objections import Change
    from rempart.wiring.objections import Recorded


def add(
    session: Session, file: Path | None = None, /, *, regime: str, key: Path, passphrase_fd: int | None = None
) -> int:
    """Leave persons out of every dataset to come and, where the regime says so, of those that run."""
    from rempart.journeys.objections import Change
    from rempart.wiring.objections import check_regime

    check_regime(regime)
    done = _change(
        session,
        lambda given: Change(verb="add", persons=given.names, regime=regime, kind=given.kind),
        file,
        key,
        passphrase_fd,
    )
    told = {"named": done.changed.named, "known": done.changed.known, "now": done.changed.standing}
    session.voice.say("objections-added", new=done.changed.changed, **told)
    _say_waiting(session, done.changed.waiting)
    if done.changed.known < done.changed.named:
        session.voice.say("objections-unknown")
    _show_applied(session, done.applied)
    session.voice.result("objection-add", _facts(done))
    return 0


def withdraw(
    session: Session,
    file: Path | None = None,
    /,
    *,
    regime: str | None = None,
    key: Path,
    passphrase_fd: int | None = None,
) -> int:
    """Let persons in again, in datasets granted from now on."""
    from rempart.journeys.objections import Change
    from rempart.wiring.objections import check_regime

    if regime is not None:
        check_regime(regime)
    done = _change(
        session,
        lambda given: Change(verb="withdraw", persons=given.names, regime=regime, kind=given.kind),
        file,
        key,
        passphrase_fd,
    )
    session.voice.say("objections-withdrawn", now=done.changed.standing, gone=done.changed.changed)
    _say_waiting(session, done.changed.waiting)
    session.voice.result("objection-withdraw", _facts(done))
    return 0


def apply(session: Session, *, plan: bool = False, key: Path | None = None, passphrase_fd: int | None = None) -> int:
    """Apply what stands to the datasets that run: what an interrupted ``add`` left."""
    from rempart.errors import BadInput
    from rempart.wiring.objections import apply_to_running, running
    from rempart.wiring.signing import signer
    from rempart.wiring.warehouse import Warehouse

    warehouse, voice = Warehouse(session.directory), session.voice
    if plan:
        found = [(permit.project, permit.id, permit.valid[1].isoformat()) for permit in running(warehouse)]
        voice.table(["column-project", "column-permit", "column-to"], found)
        voice.say("plan-only")
        voice.result("objection-plan", {"projects": [list(row) for row in found]})
        return 0
    if key is None:
        raise BadInput("objection-key")
    officer = signer(warehouse.trust, key, session.asker(passphrase_fd))
    with voice.bars() as bars:
        applied = apply_to_running(warehouse, officer=officer, progress=bars)
    _show_applied(session, applied)
    voice.result("objection-apply", {"projects": [asdict(one) for one in applied]})
    return 0


def list_(session: Session) -> int:
    """Objections by regime, as counts."""
    from rempart.wiring.objections import regimes_known, standing
    from rempart.wiring.warehouse import Warehouse

    voice, known = session.voice, regimes_known()
    found = standing(Warehouse(session.directory))
    reach = {
        name: voice.word("objection-reaches" if regime.running else "objection-spares")
        for name, regime in known.items()
    }
    words = {name: regime.words[voice.language] for name, regime in known.items()}
    rows = [
        (f.regime, words.get(f.regime, ""), f.persons, f.waiting, f.first, f.last, reach.get(f.regime, ""))
        for f in found
    ]
    columns = [
        "column-regime",
        "column-what",
        "column-names",
        "column-waiting",
        "column-from",
        "column-to",
        "column-running",
    ]
    voice.table(columns, rows)
    _say_waiting(session, sum(f.waiting for f in found))
    voice.result("objection-list", {"regimes": [asdict(one) for one in found]})
    return 0


def _change(
    session: Session,
    change: "Callable[[Named], Change]",
    file: Path | None,
    key: Path,
    passphrase_fd: int | None,
) -> "Recorded":
    from rempart.adapters.objection_list import read_objections, typed_objections
    from rempart.wiring.objections import change as record
    from rempart.wiring.objections import require_officer
    from rempart.wiring.signing import signer
    from rempart.wiring.warehouse import Warehouse

    warehouse = Warehouse(session.directory)
    officer = signer(warehouse.trust, key, session.asker(passphrase_fd))
    require_officer(officer)
    names = read_objections(file) if file else typed_objections(session.voice.ask_hidden("ask-objecting"))
    with session.voice.bars() as bars:
        return record(warehouse, change(names), officer=officer, progress=bars)


def _say_waiting(session: Session, waiting: int) -> None:
    """That counts are of names, where some are nobody's yet."""
    if waiting:
        session.voice.say("objections-waiting", waiting=waiting)


def _show_applied(session: Session, applied: "tuple[Applied, ...]") -> None:
    if applied:
        rows = [(one.project, one.permit, one.persons, one.shards, one.head[:16]) for one in applied]
        columns = ["column-project", "column-permit", "column-left-out", "column-shards", "column-head"]
        session.voice.table(columns, rows)
        session.voice.say("objections-applied")


def _facts(done: "Recorded") -> dict[str, object]:
    return {
        "objections": done.changed.standing,
        "waiting": done.changed.waiting,
        "changed": done.changed.changed,
        "named": done.changed.named,
        "known": done.changed.known,
        "projects": [asdict(one) for one in done.applied],
    }
