# SPDX-License-Identifier: Apache-2.0
"""Commands about versions of permits, trainings and charters, decisions on the warehouse, and entries in the public register."""

import datetime
from pathlib import Path

from rempart.cli.session import Session
from rempart.errors import BadInput


def amend(session: Session, file: Path, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """Sign a permit's next version: narrower, or with other persons."""
    return _version(session, file, key, passphrase_fd, renews=False)


def renew(session: Session, file: Path, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """Sign a permit's next version with a later last day."""
    return _version(session, file, key, passphrase_fd, renews=True)


def _version(session: Session, file: Path, key: Path, passphrase_fd: int | None, *, renews: bool) -> int:
    from rempart.wiring.project_papers import amend_permit
    from rempart.wiring.warehouse import Warehouse

    ask = session.asker(passphrase_fd)
    permit = amend_permit(Warehouse(session.directory), file=file, key_file=key, ask=ask, renews=renews)
    last = permit.valid[1].isoformat()
    session.voice.say("permit-version", permit=permit.id, version=permit.version, date=last, id=permit.content_id)
    told = {"permit": permit.id, "version": permit.version, "id": permit.content_id, "until": last}
    session.voice.result("permit-renew" if renews else "permit-amend", told)
    return 0


def attest(
    session: Session,
    person: str,
    /,
    *,
    what: str,
    by: Path,
    text: str = "",
    on: str | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Sign that a person was trained, or one's own charter."""
    from rempart.wiring.project_papers import attest_person
    from rempart.wiring.warehouse import Warehouse

    try:
        day = datetime.date.fromisoformat(on) if on else None
    except ValueError as error:
        raise BadInput("attestation-on", date=on or "-") from error
    ask, place = session.asker(passphrase_fd), Warehouse(session.directory)
    told = attest_person(place, person=person, what=what, text=text, on=day, key_file=by, ask=ask)
    session.voice.say("attested", actor=told.actor, what=told.what, date=told.on.isoformat())
    session.voice.result("permit-attest", {"actor": told.actor, "what": told.what, "on": told.on.isoformat()})
    return 0


def approve(
    session: Session, file: Path, /, *, by: list[Path] | None = None, passphrase_fd: list[int] | None = None
) -> int:
    """Enter a decision on the warehouse itself, until a day."""
    from rempart.wiring.project_papers import approve_system
    from rempart.wiring.warehouse import Warehouse

    ask = session.askers(passphrase_fd)
    told = approve_system(Warehouse(session.directory), file=file, by=by or [], ask=ask)
    days = [day.isoformat() for day in told.days]
    session.voice.say("approved-system", what=told.what, reference=told.reference, date=days[1])
    session.voice.result("permit-approve", {"what": told.what, "reference": told.reference, "days": days})
    return 0


def register(session: Session, permit: str, /, *, by: Path, passphrase_fd: int | None = None) -> int:
    """Enter a project in the public register."""
    from rempart.wiring.project_papers import enter_register
    from rempart.wiring.warehouse import Warehouse

    ask = session.asker(passphrase_fd)
    entry = enter_register(Warehouse(session.directory), permit=permit, key_file=by, ask=ask)
    session.voice.say("entered", permit=permit)
    session.voice.result("permit-register", entry)
    return 0
