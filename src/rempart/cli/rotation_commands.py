# SPDX-License-Identifier: Apache-2.0
"""``rempart keys rotate`` and ``rempart keys destroy``."""

from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.session import Session
from rempart.errors import BadInput

if TYPE_CHECKING:
    from rempart.journeys.erasure import Erasure
    from rempart.wiring.erasure import Destroyed


def rotate(
    session: Session,
    *,
    space: list[str] | None = None,
    all_: bool = False,
    root: bool = False,
    plan: bool = False,
    by: Path | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Write new keyrings under the next key epoch; nothing is sealed anew."""
    from rempart.wiring.rotation import rotate_keys, rotate_root
    from rempart.wiring.warehouse import Warehouse

    voice, warehouse = session.voice, Warehouse(session.directory)
    if sum((bool(space), all_, root)) != 1:
        raise BadInput("rotate-what")
    if plan:
        return _plan(session, space or [], root=root)
    if by is None:
        raise BadInput("by-missing", count=1)
    if root:
        keys = rotate_root(warehouse, by=by, ask=session.asker(passphrase_fd))
        voice.say("root-rotated", keys=keys)
        voice.result("keys-rotate", {"root": True, "keys": keys})
        return 0
    with voice.bars() as bars:
        done = rotate_keys(warehouse, spaces=space or [], by=by, ask=session.asker(passphrase_fd), progress=bars)
    rows = [(d.step.space, d.step.before, d.step.after, d.snapshots, d.keys) for d in done]
    voice.table(["column-space", "column-epoch-before", "column-epoch-after", "column-snapshots", "column-keys"], rows)
    voice.say("rotated" if done else "rotation-completed")
    voice.result("keys-rotate", {"root": False, "spaces": [_told(row) for row in rows]})
    return 0


def _plan(session: Session, spaces: list[str], *, root: bool) -> int:
    from rempart.wiring.rotation import plan_rotation
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    planned = [] if root else plan_rotation(Warehouse(session.directory), spaces)
    rows = [(p.step.space, p.step.before, p.step.after, p.snapshots, p.keys) for p in planned]
    voice.table(["column-space", "column-epoch-before", "column-epoch-after", "column-snapshots", "column-keys"], rows)
    voice.say("plan-only")
    told = [_told(row) | {"bytes": p.size} for row, p in zip(rows, planned, strict=True)]
    voice.result("keys-rotate-plan", {"root": root, "spaces": told})
    return 0


def _told(row: tuple[str, int, int, int, int]) -> dict[str, str | int]:
    return dict(zip(("space", "from", "to", "snapshots", "keys"), row, strict=True))


def destroy(
    session: Session,
    project: str | None = None,
    /,
    *,
    space: str | None = None,
    epoch: list[int] | None = None,
    old_epochs: bool = False,
    by: list[Path] | None = None,
    backup: list[Path] | None = None,
    declare_destroyed: list[str] | None = None,
    plan: bool = False,
    yes: bool = False,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Destroy keys, in the store and in the registered backups."""
    from rempart.wiring.erasure import destroy_keys, planned
    from rempart.wiring.warehouse import Warehouse

    if (project is None) == (space is None) or (epoch and old_epochs):
        raise BadInput("destroy-what")
    name = space or f"project:{project}"
    epochs = epoch or ([] if old_epochs else None)
    warehouse = Warehouse(session.directory)
    erasure = planned(warehouse, space=name, epochs=epochs)
    _show_erasure(session, erasure)
    if plan:
        session.voice.say("plan-only")
        session.voice.result("keys-destroy-plan", _erasure_told(erasure))
        return 0
    session.confirm(name, yes=yes)
    done = destroy_keys(
        warehouse,
        space=name,
        epochs=epochs,
        by=by or [],
        ask=session.askers(passphrase_fd),
        backups=backup or [],
        declared=declare_destroyed or [],
    )
    return _told_destroyed(session, done)


def _told_destroyed(session: Session, done: "Destroyed") -> int:
    body = done.certificate.body
    session.voice.say("keys-destroyed", keys=len(body["keys"]), space=body["space"], folder=str(done.folder))
    session.voice.say("keys-destroyed-next")
    session.voice.result("keys-destroy", {"certificate": dict(body), "folder": str(done.folder)})
    return 0


def _show_erasure(session: Session, erasure: "Erasure") -> None:
    voice = session.voice
    voice.say("erasure-plan", keys=len(erasure.keys), space=erasure.space, epochs=", ".join(map(str, erasure.epochs)))
    voice.say(f"erasure-{erasure.reach}", snapshots=len(erasure.heads))
    if not erasure.keys:
        voice.say("erasure-done-before")
    rows = [(backup.id, voice.when(backup.taken)) for backup in erasure.standing]
    if rows:
        voice.say("erasure-backups")
        voice.table(["column-backup", "column-taken"], rows)


def _erasure_told(erasure: "Erasure") -> dict[str, object]:
    return {
        "space": erasure.space,
        "reach": erasure.reach,
        "epochs": list(erasure.epochs),
        "keys": list(erasure.keys),
        "snapshots": len(erasure.heads),
        "backups": [{"id": backup.id, "taken": backup.taken} for backup in erasure.standing],
    }
