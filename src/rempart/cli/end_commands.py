# SPDX-License-Identifier: Apache-2.0
"""The command about the end of projects."""

from pathlib import Path

from rempart.cli.session import Session


def end(
    session: Session,
    permit: str | None = None,
    /,
    *,
    by: list[Path] | None = None,
    backup: list[Path] | None = None,
    declare_destroyed: list[str] | None = None,
    yes: bool = False,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Say which datasets are to be erased by when, or erase one."""
    from rempart.wiring.project_end import end_project, endings
    from rempart.wiring.warehouse import Warehouse

    place, voice = Warehouse(session.directory), session.voice
    if permit is None:
        found = endings(place)
        rows = [(one.permit, one.space, one.ended.isoformat(), one.until.isoformat()) for one in found]
        voice.table(["column-permit", "column-space", "column-permit-ended", "column-due"], rows)
        if not found:
            voice.say("nothing-ends")
        told = [{"permit": one.permit, "space": one.space, "until": one.until.isoformat()} for one in found]
        voice.result("permit-end-plan", {"endings": told})
        return 0
    session.confirm(permit, yes=yes)
    ask = session.askers(passphrase_fd)
    files, declared = backup or [], declare_destroyed or []
    ended, done = end_project(place, permit=permit, by=by or [], ask=ask, backups=files, declared=declared)
    body = done.certificate.body
    voice.say("permit-ended", permit=ended.id, space=ended.space, keys=len(body["keys"]), folder=str(done.folder))
    voice.result("permit-end", {"permit": ended.id, "certificate": body, "folder": str(done.folder)})
    return 0
