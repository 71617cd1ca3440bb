# SPDX-License-Identifier: Apache-2.0
"""Commands about what the house tells everybody, and about what happened to it."""

from pathlib import Path

from rempart.cli.session import Session
from rempart.errors import BadInput


def publish(session: Session, *, to: Path | None = None) -> int:
    """Write the public register, the heads of the log and the posture of hosts."""
    from rempart.wiring.public_register import publish_house
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    written, heads = publish_house(Warehouse(session.directory), to=to)
    for path in written:
        voice.say("published-file", file=str(path))
    voice.say("published-head", leaves=heads["size"])
    cosigned = heads.get("cosigned", {"witnesses": []})
    for one in cosigned["witnesses"]:
        voice.say("published-witness", leaves=cosigned["size"], name=one["name"], when=voice.when(one["time"]))
    if not cosigned["witnesses"]:
        voice.say("published-unwitnessed")
    told = heads.get("period_verified")
    voice.say("published-verified", **told) if told else voice.say("published-unverified")
    voice.result("audit-publish", {"files": [str(path) for path in written], "heads": heads})
    return 0


def incident(
    session: Session,
    file: Path | None = None,
    /,
    *,
    by: Path | None = None,
    freeze: bool = False,
    passphrase_fd: int | None = None,
) -> int:
    """Write an incident down, or show all with their clocks."""
    from rempart.wiring.public_register import incident_list, write_down
    from rempart.wiring.warehouse import Warehouse

    place, voice = Warehouse(session.directory), session.voice
    if file is not None:
        if by is None:
            raise BadInput("incident-field", file=file.name, field="--by")
        told = write_down(place, file=file, key_file=by, ask=session.asker(passphrase_fd), stop=freeze)
        voice.say("incident-stands", incident=told.id, version=told.version)
        if freeze:
            voice.say("everything-suspend")
    known, clocks = incident_list(place)
    rows = [
        (one.incident, known[one.incident].what, voice.word(f"incident-{one.clock}"), voice.when(one.due.isoformat()),
         voice.word(f"incident-clock-{one.status}"))
        for one in clocks
    ]  # fmt: skip
    voice.table(["column-incident", "column-what", "column-clock", "column-due", "column-clock-stands"], rows)
    if not known:
        voice.say("no-incident")
    told_clocks = [
        {"incident": one.incident, "clock": one.clock, "due": one.due.isoformat(), "status": one.status}
        for one in clocks
    ]
    listed = [{"id": one.id, "version": one.version, "closed": one.closed is not None} for one in known.values()]
    voice.result("audit-incident", {"schema": "rempart.incidents/1", "incidents": listed, "clocks": told_clocks})
    return 0
