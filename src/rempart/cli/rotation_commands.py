# SPDX-License-Identifier: Apache-2.0
"""``rempart keys rotate`` and ``rempart keys destroy``."""

from pathlib import Path

from rempart.cli.session import Session
from rempart.errors import BadInput


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
