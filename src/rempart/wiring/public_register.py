# SPDX-License-Identifier: Apache-2.0
"""``rempart audit publish`` and ``audit incident``: what the house tells everybody, and what happened to it."""

from pathlib import Path
from typing import Any

from rempart.adapters.register_files import write_heads, write_posture, write_register
from rempart.adapters.toml_input import read_toml
from rempart.audit.checkpoint import parse_and_verify
from rempart.hosts.posture import transparency
from rempart.journeys.freezing import freeze, frozen
from rempart.journeys.incidents import IncidentClock, clocks, incidents, record
from rempart.journeys.register import public_projects
from rempart.records.freeze import freeze_body
from rempart.records.incident import Incident, incident_body
from rempart.wiring.host_register import declared, rules
from rempart.wiring.projects import desk
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


def publish_house(warehouse: Warehouse, *, to: Path | None = None) -> list[Path]:
    """Write the register, the heads of the log and the posture of hosts; ``to``: default ``DIR/public``. Needs no key."""
    settings, place, public = warehouse.configuration, desk(warehouse), to or warehouse.directory / "public"
    projects = public_projects(place, place.recorder.clock.now())
    table = rules()
    hosts = {one.name: dict(transparency(one.declaration, table)) for one in declared(warehouse) if one.kind == "host"}
    note = warehouse.ledger.checkpoint()
    return [
        *write_register(public, projects, controller=settings.controller),
        *write_heads(public, checkpoint=note, told=_head(warehouse, note)),
        write_posture(public, hosts),
    ]


def _head(warehouse: Warehouse, note: str) -> dict[str, Any]:
    settings = warehouse.configuration
    head = parse_and_verify(note, settings.ledger_origin, settings.ledger_public)
    return {"origin": head.origin, "size": head.size, "root": head.root.hex()}


def write_down(warehouse: Warehouse, *, file: Path, key_file: Path, ask: Ask, stop: bool = False) -> Incident:
    """Sign an incident, or its next version, as an officer, and log it; ``stop``: everything is frozen first, unless it stands still."""
    officer = signer(warehouse.trust, key_file, ask)
    body = incident_body(read_toml(file), file=file.name)
    place = desk(warehouse)
    before = frozen(place)
    if stop and before.since is None:
        order = freeze_body(lifts=False, reason=f"incident {body['id']}", previous=before.document)
        freeze(place, signed=officer.document(order), actor=officer.salted)
    return record(place, signed=officer.document(body), actor=officer.salted)


def incident_list(warehouse: Warehouse) -> tuple[dict[str, Incident], list[IncidentClock]]:
    """Every incident as it stands, and its clocks as of now."""
    place = desk(warehouse)
    return incidents(place), clocks(place, place.recorder.clock.now())
